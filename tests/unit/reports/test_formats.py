"""The table of formats: one renderer and one row each, and everything else takes its choices from it."""

from __future__ import annotations

from pkgutil import resolve_name

import pytest

from rootkeeper.errors import InputError
from rootkeeper.reports.formats import (
    FINDING_FORMATS,
    FORMATS,
    Carries,
    Format,
    get_format,
    get_format_of_file,
    list_names,
)
from tests.fakes.evidence import make_report
from tests.fakes.findings import make_findings


def test_each_format_has_a_name_a_suffix_and_a_renderer_of_its_own() -> None:
    for values in zip(*((one.name, one.suffix, one.renderer) for one in FORMATS), strict=True):
        assert len(set(values)) == len(FORMATS)
    assert all(one.suffix.startswith(".") and one.suffix == one.suffix.lower() for one in FORMATS)
    assert all(one.purpose.endswith(".") and one.title for one in FORMATS)


@pytest.mark.parametrize("chosen", FORMATS, ids=lambda one: one.name)
def test_the_renderer_of_each_format_renders(chosen: Format) -> None:
    assert callable(resolve_name(chosen.renderer))
    assert b"".join(chosen.render(make_report())) != b""


@pytest.mark.parametrize("name", ["", "xlsx", "HTML", "markdown ", "carries"])
def test_an_unknown_name_is_an_error_that_names_the_choices(name: str) -> None:
    with pytest.raises(InputError) as refusal:
        get_format(name)
    assert repr(name) in refusal.value.message
    assert all(one.name in (refusal.value.hint or "") for one in FORMATS)


def test_a_format_of_evidence_is_none_of_findings() -> None:
    with pytest.raises(InputError):
        get_format("html", Carries.FINDINGS)
    with pytest.raises(TypeError):
        get_format("html").render(make_findings())
    assert list_names(Carries.FINDINGS) == tuple(one.name for one in FINDING_FORMATS)


@pytest.mark.parametrize("chosen", FORMATS, ids=lambda one: one.name)
def test_the_name_of_a_file_says_its_format(chosen: Format) -> None:
    assert get_format_of_file(f"2026-Q4{chosen.suffix}") is chosen
    assert get_format_of_file(f"2026-Q4{chosen.suffix.upper()}") is chosen


def test_a_file_without_a_known_end_is_an_error_and_never_a_default() -> None:
    for name in ("evidence", "evidence.txt", "html", "evidence.html.bak"):
        with pytest.raises(InputError, match="no known report format"):
            get_format_of_file(name)
