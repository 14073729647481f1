"""Evidence as Markdown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from markdown_it import MarkdownIt

from tests.examples import examples
from tests.fakes.evidence import make_facts, make_hostile_facts, make_report, render_as
from tests.fakes.hostile_texts import HOSTILE_TEXTS, hostile_texts

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def list_structure(markdown: str) -> list[str]:
    """Every block and every inline piece that is more than text."""
    found: list[str] = []
    for token in PARSER.parse(markdown):
        if token.type == "inline":
            found += [piece.type for piece in token.children or () if piece.type not in {"text", "text_special"}]
        else:
            found.append(token.type)
    return found


PLAIN = list_structure(render_as("markdown", make_report(make_hostile_facts("plain"))))


def test_every_section_has_its_heading() -> None:
    headings = [line for line in render_as("markdown", make_report()).splitlines() if line.startswith("#")]
    assert headings == [
        "# Root access of organization o-exampleorgid",
        "## Verdicts",
        "## Changes within the period",
        "### Days without a complete audit",
        "## Gaps",
        "## Root logins that are kept",
        "## Accounts",
        "## Recovery windows",
        "## Exceptions from deletion",
        "## Deletions",
        "## Set-up and drift",
        "## Ledger",
    ]


def test_a_sandbox_is_named_before_anything_else() -> None:
    assert "SANDBOX 127.0.0.1:4599: this is play" in render_as("markdown", make_report()).splitlines()[2]


def test_unapproved_and_unknown_are_said() -> None:
    text = render_as("markdown", make_report())
    assert "| unapproved |" in text
    assert "| unknown | unknown | unknown | unknown | Unknown |" in text


def test_nothing_read_is_shown_as_none() -> None:
    text = render_as("markdown", make_report(replace(make_facts(), statuses={}, setup=None, accepted=None, windows=())))
    assert "| none |" not in text
    assert "| Pass |" not in text
    assert "No set-up was accepted" in text


def test_no_drift_names_who_accepted_what_it_was_compared_with() -> None:
    facts = make_facts()
    assert facts.accepted is not None
    report = make_report(replace(facts, setup=replace(facts.accepted.state)))
    assert "No drift from what mary@desk accepted" in render_as("markdown", report)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_text_is_text(text: str) -> None:
    assert list_structure(render_as("markdown", make_report(make_hostile_facts(text)))) == PLAIN


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=examples(40), deadline=None)
@given(hostile_texts)
def test_any_text_is_text(text: str) -> None:
    assert list_structure(render_as("markdown", make_report(make_hostile_facts(text)))) == PLAIN
