"""The report of a recovery window or drill as Markdown, for a ticket or a wiki."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from rootkeeper.domain.durations import describe_duration
from rootkeeper.domain.window_reports import WindowReport
from rootkeeper.reports.untrusted_text import markdown_text

_DURATIONS = {
    "to_approve": "From the request to the last approval",
    "to_open": "From the activation to the open window",
    "to_sign_in": "From the open window to the first sign-in",
    "open": "Open",
    "to_close": "From the begin of the closing to its proof",
    "late": "From the window's end to the proof of its closing",
}


def render_window_markdown(report: WindowReport) -> str:
    """The same report gives the same bytes."""
    return "\n".join([*_render_head(report), *_render_sections(report)]) + "\n"


def _render_head(report: WindowReport) -> Iterator[str]:
    window = report.window
    yield f"# {report.title} {markdown_text(window.window_id)} of account {window.account_id}"
    yield ""
    if report.endpoint != "AWS":
        yield f"**{markdown_text(report.endpoint)}: this is play, not evidence of an AWS organization.**"
        yield ""
    yield from (f"- {markdown_text(remark)}" for remark in report.remarks)
    if report.remarks:
        yield ""
    ticket = f" ({window.ticket})" if window.ticket else ""
    yield from _table(
        ("", ""),
        [
            ("State", window.state.value),
            ("Reason", f"{window.reason}{ticket}"),
            ("Requested", f"{window.requested_by}, {_render_text(window.requested_at)}"),
            ("Approved by", ", ".join(one.approver for one in report.opening_approvals) or "nobody"),
            ("Activated", _render_act(window.activated_by, report.activated_at)),
            ("Opened", _render_text(window.opened_at)),
            ("Due", _render_text(window.expires_at)),
            ("Closed", _render_act(window.closed_by or "at its end", report.closed_at)),
            ("Watched by", window.watched_by or "nobody"),
        ],
    )


def _render_sections(report: WindowReport) -> Iterator[str]:
    durations = [(_DURATIONS[name], _render_length(length)) for name, length in report.durations.items()]
    yield from _section("How long it took", _table(("Step", "Time"), durations))
    steps = [(_render_text(one.at), one.what, one.actor, one.result, one.detail) for one in report.steps]
    yield from _section("Steps", _table(("At", "Step", "By", "Result", "Detail"), steps))
    events = [(_render_text(one.at), one.name, one.verdict.value, one.explanation) for one in report.events]
    yield from _section("Watched events", _table(("At", "Event", "Verdict", "Explanation"), events))
    rereads = [(_render_text(one.at), ", ".join(one.found) or "nothing") for one in report.rereads]
    yield from _section("Re-reads after the closing", _table(("At", "Found"), rereads))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield from lines


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        yield "None."
        yield ""
        return
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(markdown_text(cell) for cell in row)} |"
    yield ""


def _render_text(at: datetime | None) -> str:
    return "unknown" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _render_act(name: str | None, at: datetime | None) -> str:
    return "not yet" if at is None else f"{name or 'unknown'}, {_render_text(at)}"


def _render_length(length: timedelta | None) -> str:
    if length is None:
        return "unknown"
    seconds = length.total_seconds()
    if seconds < 0:
        return f"{describe_duration(-length)} before"
    return f"{seconds:.1f} seconds" if seconds < 60 else describe_duration(length)
