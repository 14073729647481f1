"""Approvals of one person for another: what is approved, which approvals count, and who may request and approve.

An approval is bound to the hash of its terms, counts once per person and never for the requester, is used once and
expires. Each part of the product keeps its own approvals, and says which terms are approved.

A name in a request or an approval proves nothing about today: its user may have been disabled since, may have lost the
role, or the settings may name other people. So requests and approvals are judged again whenever they are used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rootkeeper.access.rules import Identity, Permission, fold_name, hash_text
from rootkeeper.errors import PermissionDeniedError, SettingsError
from rootkeeper.ledger.rules import ActorKind
from rootkeeper.organization.accounts import Account, is_below
from rootkeeper.values import JsonValue, canonical_json

COUNTING_KINDS = frozenset({ActorKind.SIGNED_IN, ActorKind.TOKEN})
"""Actors that a server has authenticated; a self-asserted name doesn't count."""

_RULE = re.compile(r"(?P<name>.*?)(?:\s+in\s+(?P<unit>.*))?", re.DOTALL)
_HALF_A_RULE = re.compile(r"(^|\s)in$|^in\s")


@dataclass(frozen=True, slots=True)
class NameRule:
    """A name in the settings, and the accounts for which it is allowed."""

    name: str
    unit: str | None = None
    """An organizational unit's id or path of names; ``None`` for every account."""

    def covers(self, name: str, account: Account) -> bool:
        """Whether it allows the account to that name; names are case-insensitive."""
        return fold_name(self.name) == fold_name(name) and (self.unit is None or is_below(self.unit, account))

    def __str__(self) -> str:
        """As the settings have it."""
        return self.name if self.unit is None else f"{self.name} in {self.unit}"


def parse_name_rule(text: str, setting: str) -> NameRule:
    """:raises SettingsError: if it is neither ``NAME`` nor ``NAME in OU``."""
    stripped = text.strip()
    match = _RULE.fullmatch(stripped)
    name = match["name"].strip() if match else ""
    unit = None if match is None or match["unit"] is None else match["unit"].strip().strip("/")
    if not name or unit == "" or _HALF_A_RULE.search(stripped):
        raise SettingsError(
            f"{setting} contains {text!r}, which has no name or no organizational unit.",
            hint="Write NAME, or NAME in OU, where OU is an id (ou-…, r-…) or a path such as Root/Workloads/Prod.",
        )
    return NameRule(name, unit)


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """The settings for approvals. Those of recovery windows are in force for everything that is as powerful."""

    approvals: int = 0
    """Number of people, other than the requester, who must approve."""
    approval_valid: timedelta = timedelta(hours=8)
    """How long a request waits for its approvals, and an approval for its use."""
    requesters: tuple[NameRule, ...] = ()
    """Empty: everyone with the role."""
    approvers: tuple[NameRule, ...] = ()
    """Empty: everyone with the role."""

    def require_requester(self, name: str, account: Account) -> None:
        """:raises PermissionDeniedError: if the settings don't allow the name to request for the account."""
        _require_named(self.requesters, "windows.requesters", "request recovery windows", name, account)

    def require_approver(self, name: str, account: Account) -> None:
        """:raises PermissionDeniedError: if the settings don't allow the name to approve for the account."""
        _require_named(self.approvers, "windows.approvers", "approve or extend recovery windows", name, account)


def _require_named(rules: Sequence[NameRule], setting: str, what: str, name: str, account: Account) -> None:
    if not rules or any(rule.covers(name, account) for rule in rules):
        return
    others = sorted({rule.name for rule in rules if rule.covers(rule.name, account)} - {name})
    able = f"Ask {' or '.join(others)}" if others else "No one else is named"
    raise PermissionDeniedError(
        f"{name} may not {what} for account {account.account_id} in {account.ou_path or 'an unknown unit'}.",
        hint=f"{able}; the setting {setting} contains the names.",
    )


@dataclass(frozen=True, slots=True)
class People:
    """Users and tokens as they are now, judged for the requests and approvals of an account."""

    identities: Mapping[str, Identity]
    """By folded name."""
    policy: ApprovalPolicy
    account: Account | None
    """``None``: only users and roles are judged, not their limits to accounts."""
    now: datetime

    def find_refusal(self, name: str, kind: ActorKind, permission: Permission) -> str | None:
        """Return a sentence on why the user or token may not do it today; ``None``: the person counts."""
        identity = self.identities.get(fold_name(name))
        if identity is None or identity.to_actor().kind is not kind:
            return f"This server has no user or token {name}."
        is_request = permission is Permission.WINDOWS_REQUEST
        try:
            identity.require_usable(self.now)
            identity.require_permission(permission)
            if self.account is not None:
                identity.require_account_access(self.account.account_id, self.account)
                require = self.policy.require_requester if is_request else self.policy.require_approver
                require(name, self.account)
        except PermissionDeniedError as error:
            return error.message
        return None

    def list_allowed(self, permission: Permission) -> tuple[str, ...]:
        """List the names of the users and tokens that may do it today."""
        return tuple(
            sorted(
                identity.name
                for identity in self.identities.values()
                if self.find_refusal(identity.name, identity.to_actor().kind, permission) is None
            )
        )


@dataclass(frozen=True, slots=True)
class PeopleReader:
    """Reads the users and tokens as they are now."""

    list_identities: Callable[[], Iterable[Identity]]
    policy: ApprovalPolicy

    def read(self, account: Account | None, now: datetime) -> People:
        """:raises DatabaseError: if the database can't be read."""
        identities = {fold_name(identity.name): identity for identity in self.list_identities()}
        return People(identities, self.policy, account, now)


@dataclass(frozen=True, slots=True)
class ApprovalSubject:
    """What is approved: terms, such as an account and a duration."""

    permission: Permission
    """The approver's."""
    terms_hash: str


def make_subject(permission: Permission, *terms: JsonValue) -> ApprovalSubject:
    return ApprovalSubject(permission, hash_text(canonical_json(terms)))


@dataclass(frozen=True, slots=True)
class GivenApproval:
    """A person's approval, from the row or the ledger entry that keeps it."""

    approver: str
    approver_kind: ActorKind
    subject: ApprovalSubject
    expires_at: datetime
    used_at: datetime | None = None

    def covers(self, subject: ApprovalSubject) -> bool:
        """Whether it is for exactly this subject, and a server has authenticated the approver."""
        return self.subject == subject and self.approver_kind in COUNTING_KINDS

    def find_refusal(self, people: People) -> str | None:
        """Return a sentence on why the approver doesn't count today; ``None``: the approver counts."""
        return people.find_refusal(self.approver, self.approver_kind, self.subject.permission)


def list_counting(
    approvals: Iterable[GivenApproval], subject: ApprovalSubject, requester: str, people: People, now: datetime
) -> tuple[GivenApproval, ...]:
    """List the approvals that count: for exactly this, unused, unexpired, one per person, none by the requester, and
    only of people who may still approve.
    """
    by_person: dict[str, GivenApproval] = {}
    for approval in approvals:
        if (
            approval.covers(subject)
            and approval.used_at is None
            and now < approval.expires_at
            and approval.find_refusal(people) is None
        ):
            by_person.setdefault(fold_name(approval.approver), approval)
    by_person.pop(fold_name(requester), None)
    return tuple(by_person.values())
