"""The evidence report as a page, with style and picture inside and without scripts.

Its Content-Security-Policy forbids any request. Jinja's autoescape escapes every text from outside, after it was made
printable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from rootkeeper.controls.assessment import list_assessments
from rootkeeper.controls.records import CHECK_NAMES, list_open_accounts, render_check, render_control_verdict
from rootkeeper.evidence.records import (
    CHANGE_TITLES,
    CHANGES_REMARK,
    GAP_TITLES,
    KIND_NAMES,
    NO_GAPS,
    VERDICTS,
    render_change,
    render_closing,
    render_gap,
    render_presence,
    render_setup,
    render_status,
    render_timestamp,
    render_verdict,
)
from rootkeeper.evidence.rules import CENTRALIZED_CONTROL, AccountEvidence, KindEvidence, count_verdicts
from rootkeeper.evidence.service import EvidenceReport, list_method_letters, list_methods
from rootkeeper.findings.rules import Verdict
from rootkeeper.shapes import SCHEMA_VERSION
from rootkeeper.untrusted_text import printable
from rootkeeper.values import render_duration
from rootkeeper.windows.rules import FINAL_STATES

if TYPE_CHECKING:
    from jinja2 import Template


_SYMBOLS = {"fail": "✗", "kept": "◆", "manual": "!", "not_applicable": "·", "pass": "✓", "unknown": "?"}
_BAR_WIDTH = 1000

_BAR_WORDS = {
    Verdict.PASS: "without root user credentials",
    Verdict.FAIL: "with root user credentials",
    Verdict.UNKNOWN: "unknown",
    Verdict.KEPT: "kept as a confirmed failsafe, guarded",
    Verdict.NOT_APPLICABLE: "not applicable",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of the bar that shows how many accounts there are of each verdict."""

    tone: str
    word: str
    count: int
    start: float
    width: float


def render(report: EvidenceReport) -> Iterator[bytes]:
    methods, history = list_methods(report), report.history
    assessments, changes = list_assessments(report), report.changes
    text = _load_template().render(
        report=report,
        bars=list_bars(report.accounts),
        contents=[
            ("verdicts", "Verdicts", None),
            *([("controls", "Controls", len(assessments))] if assessments else []),
            ("changes", "Changes within the period", len(changes)),
            ("gaps", "Gaps", len(report.gaps)),
            ("kept", "Root logins that are kept", None),
            ("accounts", "Accounts", len(report.accounts)),
            ("windows", "Recovery windows", len(report.windows)),
            ("exceptions", "Exceptions", len(report.exceptions) + len(history.ended_exceptions)),
            ("deletions", "Deletions", len(history.deletions)),
            ("setup", "Set-up and drift", len(report.setup.drift.differences)),
            ("ledger", "Ledger", None),
        ],
        assessments=assessments,
        changes=changes,
        control_accounts=list(list_open_accounts(report)),
        letters=lambda account: list_method_letters(account, methods),
        methods=methods,
        setup_parts=render_setup(report.setup),
    )
    yield text.encode()


def list_bars(accounts: Sequence[AccountEvidence]) -> list[Bar]:
    """Pieces that fill the whole width; verdicts without an account have none."""
    bars: list[Bar] = []
    start = 0.0
    for verdict, count in count_verdicts(accounts).items():
        if count:
            width = round(_BAR_WIDTH * count / len(accounts), 2)
            bars.append(Bar(verdict.value, _BAR_WORDS[verdict], count, round(start, 2), width))
            start += width
    return bars


def choose_tone(account: AccountEvidence, kind: KindEvidence) -> str:
    """How a kind's cell looks: credentials that are kept on purpose aren't alarming."""
    if kind.not_applicable is not None or account.verdict in {Verdict.KEPT, Verdict.NOT_APPLICABLE}:
        return "none"
    return {None: "unknown", True: "yes", False: "none"}[kind.is_present]


@cache
def _load_template() -> Template:
    from jinja2 import Environment, StrictUndefined  # here, since most commands render no HTML
    from markupsafe import Markup

    folder = resources.files(__package__) / "templates"
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        # The value that a template is about to write; markup was escaped before and stays.
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "change_cells": render_change,
        "change_titles": list(CHANGE_TITLES),
        "changes_remark": CHANGES_REMARK,
        "check_names": CHECK_NAMES,
        "check_sentence": render_check,
        "closing": render_closing,
        "control": CENTRALIZED_CONTROL,
        "control_word": render_control_verdict,
        "day": lambda moment: moment.strftime("%Y-%m-%d"),
        "final_states": FINAL_STATES,
        "gap_cells": render_gap,
        "gap_titles": list(GAP_TITLES),
        "kind_names": KIND_NAMES,
        "length": render_duration,
        "no_gaps": NO_GAPS,
        "presence": render_presence,
        "schema_version": SCHEMA_VERSION,
        "status": render_status,
        "style": Markup((folder / "evidence.css").read_text("utf-8")),  # noqa: S704 - our own file
        "symbols": _SYMBOLS,
        "time": render_timestamp,
        "tone": choose_tone,
        "verdict_word": render_verdict,
        "verdict_words": VERDICTS,
    }
    return environment.from_string((folder / "evidence.html.jinja").read_text("utf-8"))
