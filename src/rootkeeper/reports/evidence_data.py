"""Evidence as data: a JSON document, or CSV with a fact or an account in each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rootkeeper.controls.records import describe_assessed_report
from rootkeeper.evidence.records import KIND_NAMES, Record, describe_account, render_presence
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.reports.findings_data import render_rows
from rootkeeper.untrusted_text import json_text
from rootkeeper.values import json_time

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
"""Of the CSV with a fact in each row."""

ACCOUNT_COLUMNS = (
    "account_id",
    "name",
    "ou_path",
    "role",
    "state",
    "status",
    "no_root_credentials",
    "reason",
    *(kind.value for kind in KIND_NAMES),
    "read_at",
    "session_access_key_id",
    "excepted_until",
    "detail",
)
"""Of the CSV with an account in each row."""


def render_json(report: EvidenceReport) -> Iterator[bytes]:
    """A document (docs/reference/report.schema.json)."""
    yield f"{json_text(describe_assessed_report(report), indent=2)}\n".encode()


def render_csv(report: EvidenceReport) -> Iterator[bytes]:
    """A fact in each row, with organization, endpoint and period, so that a copied row keeps its context."""
    document = describe_assessed_report(report)
    place = (document["organization_id"], document["endpoint"], document["period"]["from"], document["period"]["to"])
    rows = ((*place, *(row.get(name) for name in COLUMNS[len(place) :])) for row in _list_rows(document))
    return render_rows(COLUMNS, rows)


def render_accounts_csv(report: EvidenceReport) -> Iterator[bytes]:
    """The management account first; a kind is ``none``, ``yes`` or a count, ``not applicable`` or ``unknown``."""
    records: Iterator[dict[str, object]] = (
        {
            **describe_account(evidence),
            **{kind.kind.value: render_presence(kind) for kind in evidence.kinds},
            "excepted_until": None if evidence.exception is None else json_time(evidence.exception.until),
        }
        for evidence in report.all_accounts
    )
    return render_rows(ACCOUNT_COLUMNS, ([record[name] for name in ACCOUNT_COLUMNS] for record in records))


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
    yield from _list_controls(document)
    for change in document["changes"]:
        value = "explained" if change["explained"] else "unexplained"
        until = change["until"] or "still there"
        audits = ", ".join(change["audit_ids"])
        yield _row(
            "change",
            change["account_id"],
            change["kind"],
            value,
            name=change["name"],
            at=change["from"],
            detail=f"Until: {until}. Audits that saw it: {change['audits']} ({audits or 'none'}). {change['what']}",
        )
    for gap in document["days_without_audit"]:
        detail = f"No complete audit until {gap['until']}."
        yield _row("days_without_audit", None, "days", gap["days"], at=gap["from"], detail=detail)
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
        reopened = f" Reopened by someone else: {window['reopened_at']}." if window["reopened_at"] else ""
        yield _row(
            "window",
            window["account_id"],
            window["window_id"],
            window["state"],
            at=window["closed_at"] or window["opened_at"] or window["requested_at"],
            detail=f"Requested by {window['requested_by']}. Approved by: {approvers}. Reason: {why}.{reopened}",
        )
    for record in document["exceptions"]:
        value = "in force" if record["in_force_at_end"] else "ended"
        detail = f"Owner: {record['owner']}. Reason: {record['reason']}. Added by {record['added_by']}."
        yield _row("exception", record["account_id"], "until", value, at=record["until"], detail=detail)
    for record in document["ended_exceptions"]:
        detail = f"Owner: {record['owner']}. Reason: {record['reason']}. Ended by {record['ended_by']}."
        yield _row("exception", record["account_id"], "ended early", "ended", at=record["ended_at"], detail=detail)
    for record in document["deletions"]:
        item = f"{record['kind']} {record['target']}" if record["target"] else record["kind"]
        cause = f" for {record['cause']}" if record["cause"] else ""
        detail = f"Ledger entry {record['sequence']}, by {record['actor']} ({record['caller_arn']}){cause}."
        yield _row("deletion", record["account_id"], item, record["result"], at=record["at"], detail=detail)
    yield from _list_setup(document)
    yield from (_row("ledger", None, name, value) for name, value in document["ledger"].items())


def _list_controls(document: Record) -> Iterator[Mapping[str, Any]]:
    for record in document["controls"]:
        detail = " ".join([f"{record['title']}.", *record["reasons"]])
        value = "pass (attested)" if record["attested"] and record["verdict"] == "pass" else record["verdict"]
        yield _row("control", None, record["control"], value, detail=detail)
        for check in record["checks"]:
            method = f"{check['showing']}; {check['strength']}: {check['source']}"
            item = f"{record['control']} {check['check']}"
            yield _row("control_check", None, item, check["verdict"], method=method, detail=" ".join(check["reasons"]))
    for record in document["control_accounts"]:
        more = {"name": record["name"], "at": record["read_at"], "detail": record["reason"]}
        yield _row("control_account", record["account_id"], record["check"], record["verdict"], **more)


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
    for difference in drift["differences"]:
        detail = " ".join([difference["what"], *difference["could_be"]])
        yield _row("drift", None, f"{difference['part']} {difference['subject']}", difference["found"], detail=detail)
    yield from (_row("drift", None, "not compared", "unknown", detail=sentence) for sentence in drift["unknown"])
