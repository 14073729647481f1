"""Who may request and approve recovery windows, how many must approve, and for how long a window may last.

What it says comes from the settings; whether somebody's role permits a step at all is decided before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from rootkeeper.domain.durations import render_duration
from rootkeeper.domain.organizations import Account, is_below
from rootkeeper.domain.windows import LONGEST_DURATION, require_duration
from rootkeeper.errors import InputError, PermissionDeniedError, SettingsError

_RULE = re.compile(r"(?P<name>.*?)(?:\s+in\s+(?P<unit>.*))?", re.DOTALL)
_HALF_A_RULE = re.compile(r"(^|\s)in$|^in\s")


@dataclass(frozen=True, slots=True)
class NameRule:
    """Somebody who may, and for which accounts."""

    name: str
    unit: str | None = None
    """An organizational unit's id or path of names; ``None`` for every account."""

    def covers(self, name: str, account: Account) -> bool:
        """Whether it permits that person that account; names are compared whatever their case."""
        return self.name.casefold() == name.casefold() and (self.unit is None or is_below(self.unit, account))


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """What the settings say about recovery windows."""

    approvals: int = 0
    """How many people beside the requester must approve."""
    longest: timedelta = LONGEST_DURATION
    approval_valid: timedelta = timedelta(hours=8)
    """For how long a request waits for its approvals, and an approval for its use."""
    requesters: tuple[NameRule, ...] = ()
    """Empty: whoever's role permits it."""
    approvers: tuple[NameRule, ...] = ()
    """Empty: whoever's role permits it."""
    rereads: tuple[timedelta, ...] = ()
    """How long after its closing an account is read again, the shortest first."""
    emergency: bool = False

    def require_requester(self, name: str, account: Account) -> None:
        """:raises PermissionDeniedError: if the settings don't name that person for that account."""
        _require_named(self.requesters, "windows.requesters", "request recovery windows", name, account)

    def require_approver(self, name: str, account: Account) -> None:
        """:raises PermissionDeniedError: if the settings don't name that person for that account."""
        _require_named(self.approvers, "windows.approvers", "approve or extend recovery windows", name, account)

    def require_duration(self, seconds: int) -> int:
        """``seconds``, if a window may last so long.

        :raises InputError: if not.
        """
        require_duration(seconds)
        if timedelta(seconds=seconds) > self.longest:
            longest = render_duration(self.longest)
            raise InputError(
                f"A recovery window of {seconds} seconds is longer than the settings allow, which is {longest}.",
                hint=f"Ask for {longest} or less, or change windows.longest.",
            )
        return seconds

    def require_emergencies_allowed(self) -> None:
        """:raises PermissionDeniedError: if no window may be opened before it is approved."""
        if not self.emergency:
            raise PermissionDeniedError(
                "The settings don't allow the emergency path.",
                hint="Request the window and have it approved, or let an administrator set windows.emergency to true.",
            )


def parse_window_policy(
    *,
    approvals: int,
    longest: timedelta,
    approval_valid: timedelta,
    requesters: Sequence[str],
    approvers: Sequence[str],
    rereads: Sequence[timedelta],
    emergency: bool,
) -> WindowPolicy:
    """The policy that the settings make.

    :raises SettingsError: if a rule of ``requesters`` or ``approvers`` can't be understood.
    """
    return WindowPolicy(
        approvals=approvals,
        longest=longest,
        approval_valid=approval_valid,
        requesters=tuple(parse_name_rule(text, "windows.requesters") for text in requesters),
        approvers=tuple(parse_name_rule(text, "windows.approvers") for text in approvers),
        rereads=sort_rereads(rereads),
        emergency=emergency,
    )


def sort_rereads(rereads: Iterable[timedelta]) -> tuple[timedelta, ...]:
    """Each once, the shortest first."""
    return tuple(sorted(set(rereads)))


def parse_name_rule(text: str, setting: str) -> NameRule:
    """Read ``NAME`` or ``NAME in OU``.

    :raises SettingsError: if the name or the unit is missing.
    """
    stripped = text.strip()
    match = _RULE.fullmatch(stripped)
    name = match["name"].strip() if match else ""
    unit = None if match is None or match["unit"] is None else match["unit"].strip().strip("/")
    if not name or unit == "" or _HALF_A_RULE.search(stripped):
        raise SettingsError(
            f"{setting} holds {text!r}, which names nobody, or no organizational unit.",
            hint="Write NAME, or NAME in OU, where OU is an id (ou-…, r-…) or a path such as Root/Workloads/Prod.",
        )
    return NameRule(name, unit)


def _require_named(rules: Sequence[NameRule], setting: str, what: str, name: str, account: Account) -> None:
    if not rules or any(rule.covers(name, account) for rule in rules):
        return
    others = sorted({rule.name for rule in rules if rule.covers(rule.name, account)} - {name})
    able = f"Ask {' or '.join(others)}" if others else "Nobody is named for it"
    raise PermissionDeniedError(
        f"{name} may not {what} for account {account.account_id} in {account.ou_path or 'an unknown unit'}.",
        hint=f"{able}; the setting {setting} says who may.",
    )
