"""Values are written so that a parser of the language reads what was meant, and no text becomes code."""

from __future__ import annotations

from typing import Any

import hcl2
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rootkeeper.shipped_policies.infrastructure_code import code_environment, render_hcl, render_yaml


def write(template: str, **values: Any) -> str:
    return code_environment().from_string(template).render(**values)


def test_values_of_one_line_are_aligned() -> None:
    tags = {"a": True, "b:c": None, "inner": {"name": "audit", "max_session_duration": 3600}}
    assert write("tags = {{ tags | hcl }}\n", tags=tags) == (
        "tags = {\n"
        "  a     = true\n"
        '  "b:c" = null\n'
        "  inner = {\n"
        '    name                 = "audit"\n'
        "    max_session_duration = 3600\n"
        "  }\n"
        "}\n"
    )


def test_lists_of_several_values_take_a_line_each() -> None:
    assert render_hcl(["x", "y"]) == '[\n  "x",\n  "y",\n]'
    assert render_hcl({"a": ["x"], "b": []}) == '{\n  a = ["x"]\n  b = []\n}'


def test_a_value_is_indented_like_what_it_belongs_to() -> None:
    text = write("  policy = jsonencode({{ policy | hcl(2) }})", policy={"Version": "2012-10-17", "Statement": []})
    assert text == '  policy = jsonencode({\n    Version   = "2012-10-17"\n    Statement = []\n  })'
    text = write("  {{ {'Content': policy} | yaml(2) }}", policy={"Version": "2012-10-17", "Action": ["*"]})
    assert text == "  Content:\n    Version: '2012-10-17'\n    Action:\n      - '*'"


def test_an_empty_object_is_one_word() -> None:
    assert render_hcl({}) == "{}"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("${aws:username}", '"$${aws:username}"'),
        ("%{ if true }", '"%%{ if true }"'),
        ('say "x"\n', '"say \\"x\\"\\n"'),
        ("$.a = 1", '"$.a = 1"'),
        ("\\${x}", '"\\\\$${x}"'),
    ],
)
def test_nothing_in_a_text_is_evaluated(text: str, written: str) -> None:
    assert render_hcl(text) == written


def test_a_comment_never_ends_early() -> None:
    text = write("# Note: {{ remark | comment }}\na = 1\n", remark='x\n\nresource "evil" {}')
    assert text == '# Note: x resource "evil" {}\na = 1\n'


@pytest.mark.parametrize("text", ["${aws:username}", 'x"', "x\ny", "a: b", "x #", "*", "{}", "é"])
def test_a_template_that_writes_a_text_without_quoting_it_fails(text: str) -> None:
    with pytest.raises(ValueError, match="isn't quoted"):
        write('name = "{{ name }}"', name=text)
    assert write("name = {{ name | hcl }}", name=text).startswith('name = "')


NAMES = st.from_regex(r"_?[a-z][a-z0-9_]{0,7}", fullmatch=True)
"""The parser keeps names that begin with two underscores for itself."""
TEXTS = st.text(st.characters(codec="ascii", exclude_characters='"\\$%{}', exclude_categories=["Cc"]), max_size=20)
VALUES = st.recursive(
    TEXTS | st.booleans() | st.integers(0, 9999),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))
def test_every_value_is_read_as_it_was_meant(values: dict[str, object]) -> None:
    parsed = hcl2.loads(f"thing = {render_hcl(values)}\n")
    assert strip(parsed["thing"]) == values


def strip(value: object) -> object:
    """The parser keeps a string's quotes."""
    if isinstance(value, str):
        return value.removeprefix('"').removesuffix('"')
    if isinstance(value, list):
        return [strip(item) for item in value]
    if isinstance(value, dict):
        return {str(strip(name)): strip(item) for name, item in value.items() if not str(name).startswith("__")}
    return value


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=9), st.recursive(st.text() | st.none() | st.booleans(), st.lists), max_size=3))
def test_yaml_is_read_as_it_was_meant_at_any_indent(values: dict[str, object]) -> None:
    assert yaml.safe_load(f"outer:\n    {render_yaml({'inner': values}, 4)}\n") == {"outer": {"inner": values}}
