"""What is asked of a job, in the body of a request, and the same as the parameters that a job keeps."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AliasChoices, AwareDatetime, Field

from rootkeeper.api.parameters import Body, NamedAccountText, ShortText, Text, show_example
from rootkeeper.domain.deletion import ALL_KINDS, RECENT_USE
from rootkeeper.domain.job_requests import (
    AuditRequest,
    PlanRequest,
    PreflightRequest,
    UnlockRequest,
    audit_to_parameters,
    plan_to_parameters,
    preflight_to_parameters,
    unlock_to_parameters,
)
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.organizations import AccountState, parse_account_id
from rootkeeper.domain.resource_policies.changes import ChangeKind
from rootkeeper.domain.resource_policies.resources import ResourceKind
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.selection import EVERYTHING, NamedAccount, SelectionRequest, parse_tag
from rootkeeper.domain.statuses import FAIL_ON_FINDINGS, FailOn, Status

_MOST = 20_000
"""Accounts that may be named one by one."""
_LONGEST_DOCUMENT = 2 * 1024 * 1024
_LONGEST_RECENT = int(timedelta(days=3650).total_seconds())


class NamedBody(Body):
    """An account, and where its name stood."""

    text: ShortText
    source: Annotated[str, Field(max_length=1_024)] = ""


class SelectionBody(Body):
    """Which accounts are meant; see the options of the command line of the same names."""

    named: Annotated[
        tuple[ShortText | NamedBody, ...], Field(max_length=_MOST, validation_alias=AliasChoices("named", "accounts"))
    ] = ()
    organizational_units: Annotated[tuple[ShortText, ...], Field(max_length=1_000)] = ()
    tags: Annotated[tuple[ShortText | tuple[str, str], ...], Field(max_length=100, description="As key=value.")] = ()
    account_states: tuple[AccountState, ...] = ()
    statuses: tuple[Status, ...] = ()
    excluded: Annotated[tuple[ShortText, ...], Field(max_length=_MOST)] = ()
    everything: bool = False
    included_failsafes: Annotated[tuple[ShortText, ...], Field(max_length=10)] = ()

    def to_request(self) -> SelectionRequest:
        """:raises InputError: if a tag or an account's id can't be understood."""
        return SelectionRequest(
            named=tuple(_named(one) for one in self.named),
            organizational_units=tuple(self.organizational_units),
            tags=tuple(parse_tag(one) if isinstance(one, str) else one for one in self.tags),
            account_states=frozenset(self.account_states),
            statuses=frozenset(self.statuses),
            excluded=tuple(self.excluded),
            everything=self.everything,
            included_failsafes=frozenset(parse_account_id(one) for one in self.included_failsafes),
        )


def _named(one: str | NamedBody) -> NamedAccount:
    return NamedAccount(one) if isinstance(one, str) else NamedAccount(one.text, one.source)


class AuditBody(Body):
    """An audit; without a selection, of everything."""

    model_config = show_example({"selection": {"organizational_units": ["Root/Workloads"], "tags": ["team=payments"]}})

    selection: SelectionBody | None = None
    details: bool = False
    refresh: bool = False
    fail_on: tuple[FailOn, ...] | None = None

    def to_parameters(self) -> dict[str, JsonValue]:
        """As an audit's job keeps them.

        :raises InputError: if the selection can't be understood.
        """
        fail_on = FAIL_ON_FINDINGS if self.fail_on is None else frozenset(self.fail_on)
        return audit_to_parameters(AuditRequest(_or_everything(self.selection), self.details, self.refresh, fail_on))


class PlanBody(Body):
    """A plan of a deletion; a selection is required."""

    model_config = show_example(
        {
            "selection": {"named": ["222233334444", "payments"], "statuses": ["present"]},
            "allowed_uses": [["222233334444", "Its owner agreed on 12 January."]],
        }
    )

    selection: SelectionBody
    only: Annotated[tuple[CredentialKind, ...], Field(min_length=1)] | None = None
    allowed_uses: Annotated[
        tuple[tuple[ShortText, Text], ...],
        Field(max_length=1_000, description="Accounts whose recently used password or key shall go, each with why."),
    ] = ()
    recent_seconds: Annotated[int, Field(ge=0, le=_LONGEST_RECENT)] | None = None
    not_before: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None

    def to_parameters(self, recent: timedelta = RECENT_USE) -> dict[str, JsonValue]:
        """As a plan's job keeps them.

        :param recent: the server's own; somebody may ask for more caution than that, and not for less.
        :raises InputError: if the selection can't be understood.
        """
        return plan_to_parameters(
            PlanRequest(
                selection=self.selection.to_request(),
                only=ALL_KINDS if self.only is None else frozenset(self.only),
                allowed_uses=self.allowed_uses,
                recent=max(recent, timedelta(seconds=self.recent_seconds or 0)),
                not_before=self.not_before,
                not_after=self.valid_until,
            )
        )


class WavesBody(Body):
    """In which portions a deletion goes."""

    canary: Annotated[int, Field(ge=0, le=1_000)] = 0
    size: Annotated[int | None, Field(ge=1, le=_MOST)] = None
    pause_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    stop_after_failures: Annotated[int | None, Field(ge=1, le=_MOST)] = None


class DeletionBody(Body):
    """A deletion: exactly what a plan says."""

    plan: Annotated[str | dict[str, Any], Field(description="The plan's file: its text, or the object itself.")]
    waves: WavesBody = WavesBody()

    def to_parameters(self) -> dict[str, JsonValue]:
        """As a deletion's job keeps them; what the plan tells is added where the job is taken in."""
        return {"waves": self.waves.model_dump()}

    @property
    def document(self) -> str:
        """The plan file's text."""
        return self.plan if isinstance(self.plan, str) else json.dumps(self.plan)


class PreflightBody(Body):
    """A preflight; without a selection, of everything."""

    selection: SelectionBody | None = None

    def to_parameters(self) -> dict[str, JsonValue]:
        """As a preflight's job keeps them.

        :raises InputError: if the selection can't be understood.
        """
        return preflight_to_parameters(PreflightRequest(_or_everything(self.selection)))


class UnlockBody(Body):
    """A look at bucket or queue policies, or one change of one of them.

    A change names the SHA-256 of the policy that the person was shown, so that no other policy is changed.
    """

    model_config = show_example({"account": "payments", "kind": "s3", "regions": ["eu-central-1"]})

    account: NamedAccountText
    kind: ResourceKind
    resource: ShortText | None = None
    change: ChangeKind | None = None
    regions: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    included_failsafes: Annotated[tuple[ShortText, ...], Field(max_length=10)] = ()
    shown_sha256: ShortText | None = None
    policy: Annotated[str | None, Field(max_length=_LONGEST_DOCUMENT, description="To replace or restore.")] = None

    def to_parameters(self) -> dict[str, JsonValue]:
        """As an unlock's job keeps them; a policy to be put is its document.

        :raises InputError: if an account's id isn't one.
        """
        return unlock_to_parameters(
            UnlockRequest(
                account=self.account,
                kind=self.kind,
                resource=self.resource,
                change=self.change,
                regions=self.regions,
                included_failsafes=frozenset(parse_account_id(one) for one in self.included_failsafes),
                shown_sha256=self.shown_sha256,
            )
        )


def _or_everything(selection: SelectionBody | None) -> SelectionRequest:
    request = EVERYTHING if selection is None else selection.to_request()
    return EVERYTHING if request.is_empty else request
