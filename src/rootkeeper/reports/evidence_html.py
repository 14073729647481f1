"""Evidence as one HTML file that needs nothing else: style and picture are inside, no script, no request.

Everything from outside is escaped by Jinja's autoescape, and made printable before that. The file forbids itself any
request by its Content-Security-Policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from rootkeeper.domain.evidence.accounts import AccountEvidence, KindEvidence, count_verdicts
from rootkeeper.domain.evidence.methods import list_methods
from rootkeeper.domain.evidence.periods import EvidenceVerdict
from rootkeeper.domain.evidence.reports import EvidenceReport
from rootkeeper.domain.evidence.verdicts import CENTRALIZED_CONTROL
from rootkeeper.domain.windows import FINAL_STATES
from rootkeeper.reports.evidence_json import SCHEMA_VERSION
from rootkeeper.reports.evidence_words import (
    KIND_NAMES,
    VERDICTS,
    render_kind,
    render_length,
    render_presence,
    render_setup,
    render_status,
    render_timestamp,
)
from rootkeeper.reports.untrusted_text import printable

if TYPE_CHECKING:
    from jinja2 import Template

_SYMBOLS = {"fail": "✗", "kept": "◆", "not_applicable": "·", "pass": "✓", "unknown": "?"}
_BAR_WIDTH = 1000
_BAR_WORDS = {
    EvidenceVerdict.PASS: "without root user credentials",
    EvidenceVerdict.FAIL: "with root user credentials",
    EvidenceVerdict.UNKNOWN: "unknown",
    EvidenceVerdict.KEPT: "kept as a failsafe, guarded",
    EvidenceVerdict.NOT_APPLICABLE: "not applicable",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of the bar that shows how many accounts there are of each verdict."""

    tone: str
    word: str
    count: int
    start: float
    width: float


def render_html(report: EvidenceReport) -> str:
    """The same report gives the same bytes."""
    methods = list_methods(report)

    def list_letters(account: AccountEvidence) -> list[str]:
        return sorted({methods[kind.method] for kind in account.kinds if kind.method is not None})

    return _load_template().render(
        report=report,
        bars=list_bars(report.accounts),
        contents=_list_contents(report),
        control=CENTRALIZED_CONTROL,
        final_states=FINAL_STATES,
        kind_names=list(KIND_NAMES.values()),
        letters=list_letters,
        methods=methods,
        setup_parts=render_setup(report.setup),
    )


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
    """How a kind's cell looks: what is kept on purpose isn't alarming."""
    if account.verdict in {EvidenceVerdict.KEPT, EvidenceVerdict.NOT_APPLICABLE}:
        return "none"
    return {None: "unknown", True: "yes", False: "none"}[kind.is_present]


def _list_contents(report: EvidenceReport) -> list[tuple[str, str, int | None]]:
    history = report.history
    return [
        ("verdicts", "Verdicts", None),
        ("gaps", "Gaps", len(report.gaps)),
        ("kept", "Root logins that are kept", None),
        ("accounts", "Accounts", len(report.accounts)),
        ("windows", "Recovery windows", len(report.windows)),
        ("exceptions", "Exceptions", len(report.exceptions) + len(history.ended_exceptions)),
        ("deletions", "Deletions", len(history.deletions)),
        ("setup", "Set-up and drift", len(report.setup.drift.differences)),
        ("ledger", "Ledger", None),
    ]


@cache
def _load_template() -> Template:
    from jinja2 import Environment, StrictUndefined  # here, since most commands render no HTML
    from markupsafe import Markup

    folder = resources.files(__package__) / "templates"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_make_printable, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {
        "day": lambda moment: moment.strftime("%Y-%m-%d"),
        "kind_name": render_kind,
        "length": render_length,
        "presence": render_presence,
        "schema_version": SCHEMA_VERSION,
        "status": render_status,
        "style": Markup((folder / "evidence.css").read_text("utf-8")),  # noqa: S704 - our own file
        "symbols": _SYMBOLS,
        "time": render_timestamp,
        "tone": choose_tone,
        "words": VERDICTS,
    }
    return environment.from_string((folder / "evidence.html.jinja").read_text("utf-8"))


def _make_printable(value: Any) -> Any:
    """What a template is about to write; markup was escaped before and stays."""
    return printable(value) if type(value) is str else value
