"""Plan files, and results of a deletion, as JSON values.

The hash of a plan file is SHA-256 over the canonical JSON (RFC 8785) of the rest. It shows accidental edits, but is no
signature. So ``apply`` checks again all that a plan claims, and orders the calls itself; and a server accepts no file,
only the id of a plan that it made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from rootkeeper.changes.removal_rules import AccountDeletion, KindOutcome, KindResult, PlannedCall
from rootkeeper.deletion.rules import LONGEST_VALIDITY, DeletionPlan, PlannedAccount, find_contradiction
from rootkeeper.errors import Hint, InputError, PlanInvalidError
from rootkeeper.jobs.records import ListedJobRecord
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.organization.records import CredentialDetails, parse_credentials
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import CredentialKind
from rootkeeper.shapes import (
    SCHEMA_VERSION,
    Answer,
    Count,
    Endpoint,
    JsonAnswer,
    JsonRecord,
    Moment,
    OrganizationId,
    Sha256,
    fill_record,
    filled_from,
    parse_facts,
    record,
    record_for,
    record_of,
)
from rootkeeper.values import JsonValue, canonical_json, parse_text, render_duration, render_instant


@record_of(KindResult)
class KindResultRecord(JsonRecord):
    """The outcome for a kind of credentials of an account."""

    detail: str | None


@record_of(Skip)
class AccountSkipRecord(JsonRecord):
    """Why an account wasn't touched."""


@record_of(AccountDeletion, without=("name", "ou_path", "was_planned", "is_final"))
class AccountResultRecord(JsonRecord):
    """The outcome of a deletion for an account."""


@record_of(PlannedCall, before={"operation": "target"})
class PlannedCallRecord(JsonRecord):
    """A call that deletes a credential."""

    operation: str


@filled_from(credentials="found", reason="skip.reason", detail="skip.detail")
@record_of(
    PlannedAccount,
    without=("found", "skip"),
    before={"credentials": "calls", "reason": "allowed_use", "detail": "allowed_use"},
)
class PlannedAccountRecord(JsonRecord):
    """The deletions planned in an account, or why there are none."""

    credentials: CredentialDetails | None
    calls: list[PlannedCallRecord]
    """In the order in which they will be made."""
    reason: SkipReason | None
    """Why nothing will be deleted; ``null`` if something will be."""
    detail: str | None


@record_of(DeletionPlan)
class PlanRecord(JsonAnswer):
    """A plan's file."""

    accounts: list[PlannedAccountRecord]
    hash: Sha256
    """Over the canonical JSON (RFC 8785) of everything else. It shows accidental edits, and is no signature."""


@record
class UnfinishedDeletion(TypedDict):
    """Of a deletion that isn't finished."""

    caller_arn: str
    started_at: Moment


@record
class FinishedDeletion(UnfinishedDeletion):
    """Of a finished deletion."""

    ended_at: Moment


@record_of(KindResult, without=("kind",))
class KindOutcomeRecord(JsonRecord):
    """The outcome for a kind of credentials."""


@record_for(CredentialKind, Annotated[KindOutcomeRecord, NotRequired])
class KindOutcomesRecord(JsonRecord):
    """The outcome for each kind of credentials that was deleted."""


@filled_from(reason="skip.reason")
@record_of(
    AccountDeletion,
    without=("skip", "was_planned", "is_final"),
    before={"outcome": "kinds", "reason": "kinds", "detail": "kinds", "status": "kinds"},
)
class DeletedAccountRecord(JsonRecord):
    """The outcome of a deletion for an account."""

    outcome: KindOutcome
    reason: SkipReason | None
    detail: str | None
    """Why, for the whole account or for several of its kinds."""
    kinds: KindOutcomesRecord


@record
class DeletionCounts(TypedDict):
    """How many accounts have each outcome."""

    accounts: Count
    already_absent: Count
    deleted: Count
    failed: Count
    skipped: Count
    not_begun: Count
    """The skipped accounts that the run hadn't reached when it stopped."""


@filled_from(plan_id="plan.plan_id", organization_id="plan.organization_id", endpoint="plan.endpoint")
@record
class DeletionDocument(FinishedDeletion, Answer):
    """Result of a deletion."""

    plan_id: str
    job_id: str | None
    """The job that can delete the rest; ``null`` where nothing was to be done."""
    organization_id: OrganizationId
    endpoint: Endpoint
    accounts: list[DeletedAccountRecord]
    summary: DeletionCounts
    stopped_by: str | None
    """Why the run stopped early. ``rootkeeper jobs resume`` continues it."""


@record_for(CredentialKind, Count)
class KindCounts(JsonRecord):
    """How many credentials of each kind will be deleted."""


@filled_from(last_used_at="found.last_used_at", reason="skip.reason", detail="skip.detail")
@record_of(
    PlannedAccount,
    only=("account_id", "name", "ou_path", "delete", "last_used_at", "reason", "detail", "allowed_use"),
)
class PlannedDeletionRecord(JsonRecord):
    """The deletions planned in an account."""

    delete: KindCounts
    """How many credentials of each kind will be deleted."""
    last_used_at: Moment | None
    """Of the password or a key."""
    reason: SkipReason | None
    detail: str | None
    allowed_use: str | None
    """Why a recently used password or key may be deleted."""


@record
class PlanCounts(TypedDict):
    """How many accounts the plan contains."""

    accounts: Count
    to_delete: Count


@record
class PlanDocument(Answer):
    """The plan of a deletion."""

    plan_id: str
    organization_id: OrganizationId
    endpoint: Endpoint
    caller_arn: str
    """The AWS principal of the credentials that were used."""
    created_by: str
    created_at: Moment
    not_before: Moment
    not_after: Moment
    selection: str
    """In words."""
    accounts: list[PlannedDeletionRecord]
    summary: PlanCounts


class JobDocument(ListedJobRecord, JsonAnswer):
    """Job."""

    accounts: list[DeletedAccountRecord]
    """The accounts of a deletion that have a result; empty for an audit."""


_PLAN_AGAIN = Hint("Create a new plan.", "plan.again")


def describe_plan(plan: DeletionPlan) -> dict[str, JsonValue]:
    """Return the plan as JSON values, with its hash."""
    content = _describe_content(plan)
    return content | {"hash": _hash(content)}


def _describe_content(plan: DeletionPlan) -> dict[str, JsonValue]:
    content: dict[str, Any] = {
        **fill_record(
            PlanRecord,
            plan,
            render_instant,
            only=[kind.value for kind in CredentialKind if kind in plan.only],
            hash="",
        )
    }
    del content["hash"]
    return content


def render_plan(plan: DeletionPlan) -> str:
    """Render the plan's file."""
    return json.dumps(describe_plan(plan), indent=2, ensure_ascii=False) + "\n"


def derive_plan_id(plan: DeletionPlan) -> str:
    """Derive the plan's id from its content, so that no randomness is needed."""
    return "plan-" + _hash(_describe_content(plan) | {"plan_id": ""})[:16]


def parse_plan(text: str) -> DeletionPlan:
    """Read a plan's file.

    :raises PlanInvalidError: if it isn't a plan, of another version, was altered, or contradicts itself.
    """
    try:
        content = json.loads(text, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise PlanInvalidError("The file isn't a plan: it isn't valid JSON.", hint=_PLAN_AGAIN) from error
    if not isinstance(content, dict):
        raise PlanInvalidError("The file isn't a plan: it isn't a JSON object.", hint=_PLAN_AGAIN)
    if content.get("schema_version") != SCHEMA_VERSION:
        raise PlanInvalidError(
            f"The plan's schema_version is {content.get('schema_version')!r}; this program reads {SCHEMA_VERSION}.",
            hint=_PLAN_AGAIN,
        )
    _require_unaltered(content)
    try:
        accounts = [_parse_account(account) for account in content["accounts"]]
        if len({account.account_id for account in accounts}) != len(accounts):
            raise ValueError("it contains an account twice")
        included = [parse_account_id(parse_text(entry)) for entry in content["included_failsafes"]]
        plan = parse_facts(DeletionPlan, {**content, "accounts": accounts, "included_failsafes": included})
        contradiction = find_contradiction(plan)
        if contradiction is not None:
            raise ValueError(contradiction)
    except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
        raise PlanInvalidError(
            f"The plan lacks a value or contains an invalid one: {error}.", hint=_PLAN_AGAIN
        ) from error
    if describe_plan(plan) != content:
        raise PlanInvalidError("The plan was edited: it contains something that no plan has.", hint=_PLAN_AGAIN)
    return plan


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("an object contains a key twice")
    return content


def _require_unaltered(content: Mapping[str, Any]) -> None:
    try:
        actual = _hash({key: value for key, value in content.items() if key != "hash"})
    except (ValueError, RecursionError) as error:
        raise PlanInvalidError("The plan contains a value that isn't allowed in a plan.", hint=_PLAN_AGAIN) from error
    if content.get("hash") != actual:
        raise PlanInvalidError("The plan was edited: its hash doesn't match its content.", hint=_PLAN_AGAIN)


def _hash(content: Mapping[str, JsonValue]) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _parse_account(content: Mapping[str, Any]) -> PlannedAccount:
    account_id = parse_account_id(parse_text(content["account_id"]))
    reason, found = content["reason"], content["credentials"]
    return parse_facts(
        PlannedAccount,
        {
            **content,
            "found": None if found is None else parse_credentials(account_id, found),
            "skip": None if reason is None else {"reason": reason, "detail": content["detail"]},
        },
    )


def require_valid_here(plan: DeletionPlan, *, organization_id: str, endpoint: str, now: datetime) -> None:
    """Check that a plan may be applied here and now.

    :raises PlanInvalidError: if it is of another organization or endpoint, expired, not valid yet, or valid for more
        than 7 days.
    """
    if plan.organization_id != organization_id:
        raise PlanInvalidError(
            f"The plan is for organization {plan.organization_id}; these credentials belong to {organization_id}.",
            hint="Use credentials of the plan's organization.",
        )
    if plan.endpoint != endpoint:
        raise PlanInvalidError(
            f"The plan was created for the endpoint {plan.endpoint}; the current endpoint is {endpoint}.",
            hint="Check AWS_ENDPOINT_URL.",
        )
    if plan.not_after - plan.not_before > LONGEST_VALIDITY:
        raise PlanInvalidError(
            f"The plan is valid from {render_instant(plan.not_before)} until {render_instant(plan.not_after)}, "
            f"longer than {render_duration(LONGEST_VALIDITY)}.",
            hint=_PLAN_AGAIN,
        )
    if now < plan.not_before:
        raise PlanInvalidError(
            f"The plan isn't valid before {render_instant(plan.not_before)}.",
            hint="Apply it then, or create a new plan.",
        )
    if now >= plan.not_after:
        raise PlanInvalidError(f"The plan expired at {render_instant(plan.not_after)}.", hint=_PLAN_AGAIN)


def deletion_to_record(deletion: AccountDeletion) -> dict[str, JsonValue]:
    """Return the result without the account's id, name and place, which the plan contains."""
    record: dict[str, Any] = {**fill_record(AccountResultRecord, deletion)}
    del record["account_id"]
    return record


def deletion_from_record(planned: PlannedAccount, record: Mapping[str, Any]) -> AccountDeletion:
    """Read a planned account's result from the record that ``deletion_to_record`` made.

    :raises TypeError: and ValueError, if a value isn't valid.
    :raises KeyError: if a value is missing.
    """
    return parse_facts(
        AccountDeletion,
        {
            **record,
            "account_id": planned.account_id,
            "name": planned.name,
            "ou_path": planned.ou_path,
            "was_planned": bool(planned.calls),
            "is_final": True,
        },
    )
