"""Renders the evidence report as JSON, CSV, Markdown and HTML.

CSV has one fact in each row. Each row names organization, endpoint and period, so that a copied row keeps its context.
HTML is one file with style and picture inside, without scripts; its Content-Security-Policy forbids any request.
Jinja's autoescape escapes every text from outside, after it was made printable. Markdown uses GitHub's tables.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from rootkeeper.evidence.records import (
    KIND_NAMES,
    Record,
    describe_report,
    render_json,
    render_presence,
    render_setup,
    render_status,
    render_timestamp,
    render_verdict,
)
from rootkeeper.evidence.rules import (
    CENTRALIZED_CONTROL,
    AccountEvidence,
    ControlVerdict,
    KindEvidence,
    ReportFormat,
    count_verdicts,
)
from rootkeeper.evidence.service import EvidenceReport, list_methods
from rootkeeper.shapes import SCHEMA_VERSION
from rootkeeper.untrusted_text import csv_cell, markdown_table, markdown_text, printable
from rootkeeper.values import render_duration
from rootkeeper.windows.rules import FINAL_STATES

if TYPE_CHECKING:
    from jinja2 import Template


COLUMNS = (
    "organization_id",
    "endpoint",
    "from",
    "to",
    "section",
    "account_id",
    "name",
    "item",
    "value",
    "at",
    "method",
    "detail",
)


def render_csv(report: EvidenceReport) -> str:
    """UTF-8 text with line feeds; every cell that a spreadsheet could take for a formula is escaped."""
    document = describe_report(report)
    place = (document["organization_id"], document["endpoint"], document["period"]["from"], document["period"]["to"])
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(COLUMNS)
    for row in _list_rows(document):
        writer.writerow([csv_cell(value) for value in (*place, *(row.get(name) for name in COLUMNS[4:]))])
    return target.getvalue()


def _row(section: str, account_id: object, item: str, value: object, **more: object) -> dict[str, Any]:
    return {"section": section, "account_id": account_id, "item": item, "value": value, **more}


def _list_rows(document: Record) -> Iterator[Mapping[str, Any]]:
    yield _row("report", None, "sandbox", document["sandbox"])
    yield _row("report", None, "stale_after", document["period"]["stale_after"])
    yield _row("report", None, "accounts_listed_at", document["accounts_listed_at"])
    yield from (_row("report", None, "caller_arn", arn) for arn in document["caller_arns"])
    for name, assessment in document["verdicts"].items():
        detail = " ".join([*([f"{assessment['control']}."] if assessment["control"] else []), *assessment["reasons"]])
        yield _row("verdict", None, name, assessment["verdict"], detail=detail)
    left = document["root_logins_left_to_secure"]
    yield _row("summary", None, "root_logins_left_to_secure", left["known"], detail=left["headline"])
    yield from (_row("summary", None, name, count) for name, count in document["summary"].items())
    yield from (
        _row("gap", gap["account_id"], gap["subject"], "unknown", detail=gap["what"]) for gap in document["gaps"]
    )
    if document["management_account"] is not None:
        yield from _list_account("management_account", document["management_account"])
    for account in document["accounts"]:
        yield from _list_account("account", account)
    for kept in document["kept_logins"]:
        whose = {"name": kept["name"], "at": kept["read_at"]}
        for check in kept["checks"]:
            found = (check["check"], check["verdict"])
            yield _row("kept_login", kept["account_id"], *found, detail=check["evidence"], **whose)
    for window in document["windows"]:
        approvers = ", ".join(window["approved_by"]) or "unapproved"
        why = f"{window['reason']} ({window['ticket']})" if window["ticket"] else window["reason"]
        yield _row(
            "window",
            window["account_id"],
            window["window_id"],
            window["state"],
            at=window["closed_at"] or window["opened_at"] or window["requested_at"],
            detail=f"Requested by {window['requested_by']}. Approved by: {approvers}. Reason: {why}.",
        )
    for one in document["exceptions"]:
        value = "in force" if one["in_force_at_end"] else "ended"
        detail = f"Owner: {one['owner']}. Reason: {one['reason']}. Added by {one['added_by']}."
        yield _row("exception", one["account_id"], "until", value, at=one["until"], detail=detail)
    for one in document["ended_exceptions"]:
        detail = f"Owner: {one['owner']}. Reason: {one['reason']}. Ended by {one['ended_by']}."
        yield _row("exception", one["account_id"], "ended early", "ended", at=one["ended_at"], detail=detail)
    for one in document["deletions"]:
        item = f"{one['kind']} {one['target']}" if one["target"] else one["kind"]
        cause = f" for {one['cause']}" if one["cause"] else ""
        detail = f"Ledger entry {one['sequence']}, by {one['actor']} ({one['caller_arn']}){cause}."
        yield _row("deletion", one["account_id"], item, one["result"], at=one["at"], detail=detail)
    yield from _list_setup(document)
    yield from (_row("ledger", None, name, value) for name, value in document["ledger"].items())


def _list_account(section: str, account: Record) -> Iterator[Mapping[str, Any]]:
    account_id, whose, verdict = account["account_id"], {"name": account["name"]}, account["no_root_credentials"]
    read = {"at": account["read_at"], "detail": account["detail"]}
    yield _row(section, account_id, "no_root_credentials", verdict, **read, **whose)
    for name in ("status", "reason", "role", "state", "ou_path", "session_access_key_id"):
        if account[name] is not None:
            yield _row(section, account_id, name, account[name], **whose)
    for kind, found in account["credentials"].items():
        word = {None: "unknown", True: "present", False: "absent"}[found["present"]]
        count = None if found["count"] is None else f"count {found['count']}"
        yield _row(section, account_id, kind, word, at=found["read_at"], method=found["method"], detail=count, **whose)


def _list_setup(document: Record) -> Iterator[Mapping[str, Any]]:
    setup, drift = document["setup"], document["drift"]
    for name in ("trusted_access", "features", "delegated_administrators"):
        value = "unknown" if setup[name] is None else setup[name]
        yield _row("setup", None, name, value, at=setup["read_at"], detail=setup["detail"])
    yield _row("drift", None, "accepted", drift["accepted_by"] or "never", at=drift["accepted_at"])
    for one in drift["differences"]:
        detail = " ".join([one["what"], *one["could_be"]])
        yield _row("drift", None, f"{one['part']} {one['subject']}", one["found"], detail=detail)
    yield from (_row("drift", None, "not compared", "unknown", detail=sentence) for sentence in drift["unknown"])


_SYMBOLS = {"fail": "✗", "kept": "◆", "manual": "!", "not_applicable": "·", "pass": "✓", "unknown": "?"}
_BAR_WIDTH = 1000

_BAR_WORDS = {
    ControlVerdict.PASS: "without root user credentials",
    ControlVerdict.FAIL: "with root user credentials",
    ControlVerdict.UNKNOWN: "unknown",
    ControlVerdict.KEPT: "kept as a confirmed failsafe, guarded",
    ControlVerdict.NOT_APPLICABLE: "not applicable",
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
    methods, history = list_methods(report), report.history
    return _load_template().render(
        report=report,
        bars=list_bars(report.accounts),
        contents=[
            ("verdicts", "Verdicts", None),
            ("gaps", "Gaps", len(report.gaps)),
            ("kept", "Root logins that are kept", None),
            ("accounts", "Accounts", len(report.accounts)),
            ("windows", "Recovery windows", len(report.windows)),
            ("exceptions", "Exceptions", len(report.exceptions) + len(history.ended_exceptions)),
            ("deletions", "Deletions", len(history.deletions)),
            ("setup", "Set-up and drift", len(report.setup.drift.differences)),
            ("ledger", "Ledger", None),
        ],
        letters=lambda account: _list_letters(account, methods),
        methods=methods,
        setup_parts=render_setup(report.setup),
    )


def _list_letters(account: AccountEvidence, methods: Mapping[str, str]) -> list[str]:
    return sorted({methods[kind.method] for kind in account.kinds if kind.method is not None})


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
    if kind.not_applicable is not None or account.verdict in {ControlVerdict.KEPT, ControlVerdict.NOT_APPLICABLE}:
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
        # What a template is about to write; markup was escaped before and stays.
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "control": CENTRALIZED_CONTROL,
        "day": lambda moment: moment.strftime("%Y-%m-%d"),
        "final_states": FINAL_STATES,
        "kind_names": KIND_NAMES,
        "length": render_duration,
        "presence": render_presence,
        "schema_version": SCHEMA_VERSION,
        "status": render_status,
        "style": Markup((folder / "evidence.css").read_text("utf-8")),  # noqa: S704 - our own file
        "symbols": _SYMBOLS,
        "time": render_timestamp,
        "tone": choose_tone,
        "verdict_word": render_verdict,
    }
    return environment.from_string((folder / "evidence.html.jinja").read_text("utf-8"))


def render_markdown(report: EvidenceReport) -> str:
    """The same report gives the same bytes."""
    period = report.period
    lines = [f"# Root access of organization {markdown_text(report.organization_id)}", ""]
    if report.is_sandbox:
        lines += [f"**{markdown_text(report.endpoint)}: this is play, not evidence of an AWS organization.**", ""]
    facts = [
        ("Period", f"{render_timestamp(period.start)} to {render_timestamp(period.end)}"),
        ("Stale after", render_duration(period.stale_after)),
        ("Endpoint", ", ".join(report.endpoints) or "unknown"),
        ("Callers", ", ".join(report.history.caller_arns) or "unknown"),
        ("Management account", report.management_account_id),
        ("Accounts listed", render_timestamp(report.listed_at)),
    ]
    lines += markdown_table(("", ""), facts)
    gaps = [(gap.subject.replace("_", " "), gap.account_id or "", gap.reason, gap.what) for gap in report.gaps]
    for title, section in (
        ("Verdicts", _render_verdicts(report)),
        ("Gaps", markdown_table(("Of", "Account", "Reason", "What isn't known"), gaps)),
        ("Root logins that are kept", _render_kept(report)),
        ("Accounts", _render_accounts(report)),
        ("Recovery windows", _render_windows(report)),
        ("Exceptions from deletion", _render_exceptions(report)),
        ("Deletions", _render_deletions(report)),
        ("Set-up and drift", _render_setup(report)),
        ("Ledger", _render_ledger(report)),
    ):
        lines += ["", f"## {title}", "", *section]
    return "\n".join(lines) + "\n"


def _render_verdicts(report: EvidenceReport) -> Iterator[str]:
    verdicts = {
        f"Centralized ({CENTRALIZED_CONTROL})": report.centralized,
        "No root credentials": report.no_root_credentials,
    }
    yield from (f"**{report.root_logins_left.headline}**", "")
    rows = [(name, render_verdict(found), " ".join(found.reasons)) for name, found in verdicts.items()]
    yield from markdown_table(("Verdict", "", "Why"), rows)
    yield from ("", "The first is a setting, and removes nothing by itself; the second is what it is for.")


def _render_kept(report: EvidenceReport) -> Iterator[str]:
    rows = [
        (
            kept.evidence.account.account_id,
            kept.evidence.account.name,
            kept.evidence.role.value,
            check.name.replace("_", " "),
            check.verdict.value,
            check.evidence,
            render_timestamp(kept.evidence.read_at),
        )
        for kept in report.kept_logins
        for check in kept.checks
    ]
    return markdown_table(("Account", "Name", "Role", "Check", "", "Evidence", "Read at"), rows)


def _render_accounts(report: EvidenceReport) -> Iterator[str]:
    methods = list_methods(report)
    titles = ("Account", "Name", "Place", *KIND_NAMES.values(), "Status", "Read at", "Method", "Remark")
    rows = [
        (
            account.account.account_id,
            account.account.name,
            account.account.ou_path,
            *(render_presence(kind) for kind in account.kinds),
            render_status(account),
            render_timestamp(account.read_at),
            ", ".join(_list_letters(account, methods)),
            account.detail or "",
        )
        for account in report.accounts
    ]
    yield from markdown_table(titles, rows)
    if methods:
        yield ""
        yield from (f"- Method {letter}: `{method}`" for method, letter in methods.items())


def _render_windows(report: EvidenceReport) -> Iterator[str]:
    rows = [
        (
            window.window_id,
            window.account_id,
            window.state.value,
            f"{window.requested_by}, {render_timestamp(window.requested_at)}",
            ", ".join(window.approved_by) or "unapproved",
            render_timestamp(window.opened_at),
            render_timestamp(window.closed_at),
            f"{window.reason} ({window.ticket})" if window.ticket else window.reason,
        )
        for window in report.windows
    ]
    titles = ("Window", "Account", "State", "Requested", "Approved by", "Opened", "Closed", "Reason")
    return markdown_table(titles, rows)


def _render_exceptions(report: EvidenceReport) -> Iterator[str]:
    time = render_timestamp
    rows = [
        (one.account_id, one.owner, one.reason, one.added_by, time(one.added_at), time(one.until))
        for one in report.exceptions
    ]
    rows += [
        (one.account_id, one.owner, one.reason, "", "", f"ended by {one.ended_by}, {time(one.ended_at)}")
        for one in report.history.ended_exceptions
    ]
    return markdown_table(("Account", "Owner", "Reason", "Added by", "Added", "Until"), rows)


def _render_deletions(report: EvidenceReport) -> Iterator[str]:
    rows = [
        (
            render_timestamp(one.at),
            one.account_id,
            KIND_NAMES[one.kind],
            one.target or "",
            one.result.value,
            one.actor.name,
            one.cause or "",
            str(one.sequence),
        )
        for one in report.history.deletions
    ]
    return markdown_table(("At", "Account", "Kind", "What", "Result", "By", "For", "Ledger entry"), rows)


def _render_setup(report: EvidenceReport) -> Iterator[str]:
    yield from markdown_table(("Part", "State"), render_setup(report.setup))
    yield ""
    drift = report.setup.drift
    none = "No set-up was accepted, so nothing shows whether it drifted."
    if drift.accepted is not None:
        by, at = markdown_text(drift.accepted.accepted_by), render_timestamp(drift.accepted.accepted_at)
        none = f"No drift from what {by} accepted at {at} (ledger entry {drift.accepted.ledger_sequence})."
    rows = [(one.what, " ".join(one.could_be)) for one in drift.differences]
    rows += [(sentence, "") for sentence in drift.unknown]
    yield from markdown_table(("Drift", "Could be"), rows, empty=none)


def _render_ledger(report: EvidenceReport) -> Iterator[str]:
    ledger = report.ledger
    rows = [
        ("Entries", f"{ledger.entries:,}, of which {report.history.entries:,} in the period"),
        ("Verified", "intact" if ledger.is_intact else f"NOT INTACT: {ledger.problem}"),
        ("Head", f"entry {ledger.head_sequence}, {ledger.head_hash}"),
    ]
    return markdown_table(("", ""), rows)


RENDERERS: Mapping[ReportFormat, Callable[[EvidenceReport], str]] = {
    ReportFormat.HTML: render_html,
    ReportFormat.CSV: render_csv,
    ReportFormat.JSON: render_json,
    ReportFormat.MARKDOWN: render_markdown,
}
