"""The settings for recovery windows, and which people count for a window today.

A name in a request or an approval proves nothing about today: its user may have been disabled since, may have lost the
role, or the settings may name other people. So requests and approvals are judged again whenever they are used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rootkeeper.access.rules import Identity, Permission, fold_name
from rootkeeper.errors import InputError, PermissionDeniedError, SettingsError
from rootkeeper.ledger.rules import ActorKind
from rootkeeper.organization.accounts import Account, is_below
from rootkeeper.values import render_duration
from rootkeeper.windows.rules import LONGEST_DURATION, require_duration

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
        return self.name.casefold() == name.casefold() and (self.unit is None or is_below(self.unit, account))


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """The settings for recovery windows."""

    approvals: int = 0
    """Number of people, other than the requester, who must approve."""
    longest: timedelta = LONGEST_DURATION
    approval_valid: timedelta = timedelta(hours=8)
    """How long a request waits for its approvals, and an approval for its use."""
    requesters: tuple[NameRule, ...] = ()
    """Empty: everyone with the role."""
    approvers: tuple[NameRule, ...] = ()
    """Empty: everyone with the role."""
    rereads: tuple[timedelta, ...] = ()
    """How long after the closing the account is read again, the shortest first."""
    emergency: bool = False

    def require_requester(self, name: str, account: Account) -> None:
        """:raises PermissionDeniedError: if the settings don't allow the name to request for the account."""
        _require_named(self.requesters, "windows.requesters", "request recovery windows", name, account)

    def require_approver(self, name: str, account: Account) -> None:
        """:raises PermissionDeniedError: if the settings don't allow the name to approve for the account."""
        _require_named(self.approvers, "windows.approvers", "approve or extend recovery windows", name, account)

    def require_duration(self, seconds: int) -> int:
        """:raises InputError: if a window may not last as long."""
        require_duration(seconds)
        if timedelta(seconds=seconds) > self.longest:
            longest = render_duration(self.longest)
            raise InputError(
                f"A recovery window of {seconds} seconds is longer than the settings allow: {longest}.",
                hint=f"Choose {longest} or less, or change the setting windows.longest.",
            )
        return seconds

    def require_emergencies_allowed(self) -> None:
        """:raises PermissionDeniedError: if the settings don't allow windows without approval."""
        if not self.emergency:
            raise PermissionDeniedError(
                "The settings don't allow the emergency path.",
                hint="Request the window and have it approved, or let an administrator set windows.emergency to true.",
            )


def sort_rereads(rereads: Iterable[timedelta]) -> tuple[timedelta, ...]:
    """Each once, the shortest first."""
    return tuple(sorted(set(rereads)))


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
class WindowPeople:
    """Users and tokens as they are now, judged for the windows of an account."""

    identities: Mapping[str, Identity]
    """By folded name."""
    policy: WindowPolicy
    account: Account | None
    """``None``: only users and roles are judged, not their limits to accounts."""
    now: datetime

    def require(self, name: str, kind: ActorKind, permission: Permission) -> None:
        """:raises PermissionDeniedError: if the user or token was disabled, has expired, or may not do it any more."""
        identity = self.identities.get(fold_name(name))
        if identity is None or identity.to_actor().kind is not kind:
            raise PermissionDeniedError(f"This server has no user or token {name}.")
        identity.require_usable(self.now)
        identity.require_permission(permission)
        if self.account is None:
            return
        identity.require_account_access(self.account.account_id, self.account)
        if permission is Permission.WINDOWS_REQUEST:
            self.policy.require_requester(name, self.account)
        else:
            self.policy.require_approver(name, self.account)

    def find_refusal(self, name: str, kind: ActorKind, permission: Permission) -> str | None:
        """Return a sentence on why the person doesn't count; ``None``: the person counts."""
        try:
            self.require(name, kind, permission)
        except PermissionDeniedError as error:
            return error.message
        return None


@dataclass(frozen=True, slots=True)
class WindowPeopleReader:
    """Reads the users and tokens as they are now."""

    list_identities: Callable[[], Iterable[Identity]]
    policy: WindowPolicy

    def read(self, account: Account | None, now: datetime) -> WindowPeople:
        """:raises DatabaseError: if the database can't be read."""
        identities = {fold_name(identity.name): identity for identity in self.list_identities()}
        return WindowPeople(identities, self.policy, account, now)
