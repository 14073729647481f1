"""Terraform's language is written so that its own kind of parser reads what was meant."""

from __future__ import annotations

import hcl2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootkeeper.reports.hcl import Attribute, Block, Comment, Encoded, Expression, attributes, render_hcl


def test_blocks_are_set_off_and_values_aligned() -> None:
    text = render_hcl(
        [
            Comment("About it.\nMore."),
            Block(
                "resource",
                ("aws_iam_role", "audit"),
                [
                    *attributes(name="audit", max_session_duration=3600, tags={"a": True, "b:c": None}),
                    Block("lifecycle", (), attributes(prevent_destroy=True)),
                ],
            ),
            Block("output", ("arn",), attributes(value=Expression("aws_iam_role.audit.arn"))),
        ]
    )
    assert text == (
        "# About it.\n"
        "# More.\n"
        'resource "aws_iam_role" "audit" {\n'
        '  name                 = "audit"\n'
        "  max_session_duration = 3600\n"
        "  tags = {\n"
        "    a     = true\n"
        '    "b:c" = null\n'
        "  }\n"
        "\n"
        "  lifecycle {\n"
        "    prevent_destroy = true\n"
        "  }\n"
        "}\n"
        "\n"
        'output "arn" {\n'
        "  value = aws_iam_role.audit.arn\n"
        "}\n"
    )


def test_lists_of_several_values_take_a_line_each() -> None:
    assert render_hcl([Attribute("a", ["x", "y"])]) == 'a = [\n  "x",\n  "y",\n]\n'
    assert render_hcl([Attribute("a", ["x"]), Attribute("b", [])]) == 'a = ["x"]\nb = []\n'


def test_a_document_is_encoded() -> None:
    text = render_hcl([Attribute("policy", Encoded({"Version": "2012-10-17", "Statement": []}))])
    assert text == 'policy = jsonencode({\n  Version   = "2012-10-17"\n  Statement = []\n})\n'


def test_an_empty_object_is_one_word() -> None:
    assert render_hcl([Attribute("a", {})]) == "a = {}\n"


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
    assert render_hcl([Attribute("a", text)]) == f"a = {written}\n"


def test_a_comment_never_ends_early() -> None:
    text = render_hcl([Comment('Note: x\n\nresource "evil" {}'), Attribute("a", 1)])
    assert text == '# Note: x\n#\n# resource "evil" {}\na = 1\n'


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
    parsed = hcl2.loads(render_hcl([Block("thing", ("x",), attributes(**values))]))
    (found,) = parsed["thing"]
    assert {name: strip(found['"x"'][name]) for name in values} == values


def strip(value: object) -> object:
    """The parser keeps a string's quotes."""
    if isinstance(value, str):
        return value.removeprefix('"').removesuffix('"')
    if isinstance(value, list):
        return [strip(item) for item in value]
    if isinstance(value, dict):
        return {str(strip(name)): strip(item) for name, item in value.items() if not str(name).startswith("__")}
    return value
