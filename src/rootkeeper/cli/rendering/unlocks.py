"""Buckets, queues and their policies: as lists, one by one, and what came of a change."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.listings import SCHEMA_VERSION, Column, Listing, Record, show_listing
from rootkeeper.cli.rendering.text import json_text, printable
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.ledger import Result
from rootkeeper.domain.resource_policies.corrections import correct_policy
from rootkeeper.domain.resource_policies.documents import hash_policy
from rootkeeper.domain.resource_policies.lockouts import LockingStatement, Lockout, Verdict
from rootkeeper.domain.resource_policies.resources import Resource, ResourceKind

if TYPE_CHECKING:
    from rootkeeper.workflows.unlock_planning import UnlockPlan
    from rootkeeper.workflows.unlock_reading import PolicyStanding, ResourceListing
    from rootkeeper.workflows.unlock_run import UnlockOutcome

_STYLES = {
    Verdict.DEPENDS: "bold yellow",
    Verdict.LOCKED: "bold red",
    Verdict.NO_POLICY: "dim",
    Verdict.OPEN: "green",
    Verdict.UNKNOWN: "bold yellow",
}
_WORDS = {
    Verdict.DEPENDS: "Locks out all but some",
    Verdict.LOCKED: "Locks everyone out",
    Verdict.NO_POLICY: "No policy",
    Verdict.OPEN: "Open",
    Verdict.UNKNOWN: "Unknown",
}


def show_listing_of_resources(
    listing: ResourceListing, organization_id: str, output: OutputFormat, terminal: Terminal
) -> None:
    """Write the account's buckets or queues to stdout; Regions that couldn't be asked are remarked."""
    kind = listing.kind
    unread = [{"region": one.region, "reason": one.reason} for one in listing.unread_regions]
    records = [_standing_record(standing) for standing in listing.standings]
    columns = (
        Column(kind.noun.capitalize(), lambda record: record["name"]),
        Column("Region", lambda record: record["region"], keeps_whole=True),
        Column("Policy", lambda record: _WORDS[Verdict(record["verdict"])], _style_of),
        Column("Why", _spoken_explanation),
    )
    head = {"organization_id": organization_id, "account_id": listing.account.account_id, "service": kind.value}
    empty = f"Account {listing.account.account_id} ({listing.account.name}) has no {kind.noun}s that could be found."
    if listing.unknown:
        empty = f"? Unknown: {listing.unknown}"
        if output is not OutputFormat.TABLE:
            terminal.remark(empty, style="bold yellow")
    tail = {"unread_regions": unread, "unknown": listing.unknown}
    show_listing(Listing(f"{kind.noun}s", records, columns, head, tail, empty), output, terminal)
    for one in listing.unread_regions:
        terminal.remark(f"Not asked: {one.region}. {one.reason}", style="bold yellow")


def _standing_record(standing: PolicyStanding) -> dict[str, Any]:
    lockout = standing.lockout
    return {
        "name": standing.resource.name,
        "region": standing.resource.region,
        "verdict": lockout.verdict.value,
        "explanation": lockout.explanation,
        "locking_statements": [statement.name.removeprefix("statement ") for statement in lockout.statements],
        "protected": standing.is_protected,
    }


def _style_of(record: Record) -> str:
    return _STYLES[Verdict(record["verdict"])]


def _spoken_explanation(record: Record) -> str:
    """What the verdict doesn't say by itself."""
    says_all = record["verdict"] in (Verdict.NO_POLICY, Verdict.OPEN)
    explanations = ["" if says_all else record["explanation"], "Protected." if record["protected"] else ""]
    return " ".join(text for text in explanations if text)


def show_standing(standing: PolicyStanding, organization_id: str, output: OutputFormat, terminal: Terminal) -> None:
    """Write one policy to stdout, the statement that locks out, and the offered correction."""
    corrected = _find_correction(standing)
    if output is not OutputFormat.TABLE:
        statements = [_statement_record(statement) for statement in standing.lockout.statements]
        _show_record(
            {
                **_place_record(standing.resource, organization_id),
                "verdict": standing.lockout.verdict.value,
                "explanation": standing.lockout.explanation,
                "protected": standing.is_protected,
                "sha256": None if standing.policy is None else hash_policy(standing.policy),
                "policy": _read_json(standing.policy),
                "locking_statements": statements,
                "corrected_policy": _read_json(corrected),
            },
            output,
            terminal,
        )
        return
    _show_facts(_spoken_place(standing.resource) | _spoken_verdict(standing), terminal)
    if standing.policy is not None:
        _show_policy("Policy", standing.policy, terminal)
    if standing.lockout.statements:
        _show_policy("Corrected", corrected, terminal)
        if not standing.is_protected:
            terminal.remark(f"To correct it: {_spoken_command(standing.resource)} --corrected")


def _spoken_command(resource: Resource) -> str:
    """What names the bucket or queue on a command line."""
    regions = f" --regions {resource.region}" if resource.kind is ResourceKind.QUEUE else ""
    return f"rootkeeper unlock {resource.kind.value} {resource.account_id} {resource.name}{regions}"


def _find_correction(standing: PolicyStanding) -> str | None:
    if standing.policy is None or not standing.lockout.statements:
        return None
    return correct_policy(standing.policy, standing.lockout, standing.resource)


def _statement_record(statement: LockingStatement) -> dict[str, Any]:
    return {
        "number": statement.number + 1,
        "sid": statement.content.get("Sid"),
        "verdict": statement.verdict.value,
        "explanation": statement.explanation,
        "exceptions": list(statement.exceptions),
        "conditions": list(statement.conditions),
    }


def show_unneeded(plan: UnlockPlan, organization_id: str, output: OutputFormat, terminal: Terminal) -> None:
    """Say why nothing was done."""
    if output is OutputFormat.TABLE:
        terminal.show(printable(plan.obstacle or ""))
        return
    _show_change(
        plan,
        "unchanged",
        plan.obstacle or "",
        plan.standing.lockout,
        {"saved": None},
        organization_id,
        output,
        terminal,
    )


def show_outcome(outcome: UnlockOutcome, organization_id: str, output: OutputFormat, terminal: Terminal) -> None:
    """Write to stdout what came of a change."""
    plan, saved = outcome.plan, outcome.saved
    is_done = outcome.result is Result.DONE
    terminal.remark(outcome.explanation, style="green" if is_done else "bold red")
    if output is not OutputFormat.TABLE:
        copy = None if saved is None else {"path": str(saved.path), "sha256": saved.sha256}
        _show_change(
            plan,
            outcome.result.value,
            outcome.explanation,
            outcome.found,
            {"saved": copy},
            organization_id,
            output,
            terminal,
        )
        return
    facts = _spoken_place(plan.standing.resource) | {
        "Change": plan.request.change.value,
        "Result": outcome.result.value,
        "Now": "It couldn't be re-read." if outcome.found is None else outcome.found.explanation,
    }
    if saved is not None:
        facts |= {"Saved": str(saved.path), "SHA-256": saved.sha256}
    _show_facts(facts, terminal)
    if saved is not None and is_done:
        path = shlex.quote(str(saved.path))
        terminal.remark(f"To put it back: {_spoken_command(plan.standing.resource)} --restore {path}")


def _show_change(
    plan: UnlockPlan,
    result: str,
    explanation: str,
    found: Lockout | None,
    saved: Record,
    organization_id: str,
    output: OutputFormat,
    terminal: Terminal,
) -> None:
    _show_record(
        {
            **_place_record(plan.standing.resource, organization_id),
            "change": plan.request.change.value,
            "result": result,
            "explanation": explanation,
            "verdict_before": plan.standing.lockout.verdict.value,
            "verdict_after": None if found is None else found.verdict.value,
            **saved,
        },
        output,
        terminal,
    )


def _place_record(resource: Resource, organization_id: str) -> dict[str, Any]:
    return {
        "organization_id": organization_id,
        "account_id": resource.account_id,
        "service": resource.kind.value,
        "name": resource.name,
        "region": resource.region,
    }


def _show_record(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    head = {"schema_version": SCHEMA_VERSION} if output is OutputFormat.JSON else {}
    indent = 2 if output is OutputFormat.JSON else None
    terminal.write(json_text({**head, **record}, indent=indent) + "\n")


def _read_json(policy: str | None) -> Any:
    """The policy as JSON within JSON; the text itself where it is none."""
    try:
        return None if policy is None else json.loads(policy)
    except ValueError:
        return policy


def _spoken_place(resource: Resource) -> dict[str, str]:
    return {
        resource.kind.noun.capitalize(): resource.name,
        "Region": resource.region or "unknown",
        "Account": resource.account_id,
    }


def _spoken_verdict(standing: PolicyStanding) -> dict[str, str]:
    verdict, word = standing.lockout.verdict, f"{_WORDS[standing.lockout.verdict]}."
    facts = {"Verdict": word if verdict is Verdict.NO_POLICY else f"{word} {standing.lockout.explanation}"}
    if standing.policy is not None:
        facts["SHA-256"] = hash_policy(standing.policy)
    if standing.is_protected:
        facts["Protected"] = "by unlock.protect in the settings"
    return facts


def _show_facts(facts: Mapping[str, str], terminal: Terminal) -> None:
    for name, value in facts.items():
        terminal.show(f"{name:<10} {printable(value)}")


def _show_policy(title: str, policy: str | None, terminal: Terminal) -> None:
    terminal.show(title)
    if policy is None:
        terminal.show("  Nothing is left of it: --corrected removes it.")
        return
    found = _read_json(policy)
    text = found if isinstance(found, str) else json_text(found, indent=2)
    for line in text.splitlines():
        terminal.show(f"  {printable(line)}")
