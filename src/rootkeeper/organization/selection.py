"""Which accounts a request selects, and which of them it may not touch.

An account is *named* if the request gives its id or its name. An account that an organizational unit, a tag or
"everything" selects isn't named. If deletion may not touch it, a named account is refused and any other is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.errors import Hint, InputError, SelectionEmptyError, TargetRefusedError
from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    AccountState,
    Inventory,
    OrganizationalUnit,
    list_paths,
    parse_account_id,
)
from rootkeeper.organization.statuses import AccountRole, Status

_CANDIDATES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """An account that a request names."""

    text: str
    """An id or a unique name."""
    source: str = ""
    """Where it was read, such as ``accounts.txt line 3``; empty for an argument."""


@dataclass(frozen=True, slots=True)
class SelectionRequest:
    """The request, before the organization is known.

    It selects the union of accounts, organizational units and ``everything``, or the whole organization if none of them
    is given. Tags, states and statuses narrow it. An empty request selects nothing.
    """

    named: tuple[NamedAccount, ...] = ()
    organizational_units: tuple[str, ...] = ()
    """Ids (``ou-…``, ``r-…``) or paths of names, such as ``Root/Workloads/Prod`` or ``Workloads/Prod``."""
    tags: tuple[tuple[str, str], ...] = ()
    """All keys must match; of several values of a key, one must match."""
    account_states: frozenset[AccountState] = frozenset()
    statuses: frozenset[Status] = frozenset()
    """As read for the request: now, or within the last hour where a plan allows it."""
    excluded: tuple[str, ...] = ()
    """Account ids or unique names, organizational units by id or path."""
    everything: bool = False
    included_failsafes: frozenset[AccountId] = frozenset()

    @property
    def has_base(self) -> bool:
        return bool(self.named or self.organizational_units or self.everything)

    @property
    def is_empty(self) -> bool:
        return not (self.has_base or self.tags or self.account_states or self.statuses)

    @property
    def needs_whole_inventory(self) -> bool:
        """Whether the selection needs the complete list, so that reading can't begin during the listing."""
        return bool(self.named or self.tags or self.excluded or self.organizational_units or self.account_states)


EVERYTHING = SelectionRequest(everything=True)
"""The default of ``audit``."""


@dataclass(frozen=True, slots=True)
class SelectedAccount:
    """An account that the request selects."""

    account: Account
    is_named: bool
    is_excluded: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """The accounts that a request selects in an inventory, in its order."""

    accounts: tuple[SelectedAccount, ...]
    """Excluded accounts too, marked."""
    words: str
    """The request in words, for the plan and the ledger."""

    @property
    def included(self) -> tuple[Account, ...]:
        return tuple(selected.account for selected in self.accounts if not selected.is_excluded)


class SkipReason(StrEnum):
    """Why an account isn't touched."""

    ACCOUNT_BUSY = "account_busy"
    CHANGED_SINCE_PLAN = "changed_since_plan"
    EXCEPTION = "exception"
    EXCLUDED = "excluded"
    FAILSAFE = "failsafe"
    MANAGEMENT_ACCOUNT = "management_account"
    NOT_ACTIVE = "not_active"
    NOT_IN_ORGANIZATION = "not_in_organization"
    NOTHING_TO_DELETE = "nothing_to_delete"
    PARTITION = "partition"
    RECENTLY_USED = "recently_used"
    STOPPED = "stopped"
    UNKNOWN = "unknown"
    WINDOW_OPEN = "window_open"


@dataclass(frozen=True, slots=True)
class Skip:
    """Why an account isn't touched, as a code and as a sentence."""

    reason: SkipReason
    detail: str


@dataclass(frozen=True, slots=True)
class AccountProtections:
    """The protections of accounts, besides the facts in the inventory."""

    recorded: Mapping[AccountId, Skip]
    """Protections in the database: an exception in force, or a recovery window."""
    included_failsafes: frozenset[AccountId] = frozenset()


def parse_account_list(text: str, source: str) -> tuple[NamedAccount, ...]:
    """Parse a file of accounts: an id or name per line. A comment is ``#`` at the start of a line or after a space.

    :raises InputError: if the file contains no account.
    """
    named = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = "" if line.lstrip().startswith("#") else line.split(" #", 1)[0].split("\t#", 1)[0].strip()
        if content:
            named.append(NamedAccount(content, f"{source} line {number}"))
    if not named:
        raise InputError(f"{source} contains no account.", hint="Write one account per line; # starts a comment.")
    return tuple(named)


def parse_tag(text: str) -> tuple[str, str]:
    """:raises InputError: if it isn't ``key=value``."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise InputError(f"The tag {text!r} isn't a key and a value.", hint="Write it as key=value.")
    return key, value


def find_account(named: NamedAccount, accounts: Sequence[Account]) -> Account:
    """Find the account with that id or name.

    :raises TargetRefusedError: if the organization has no account with that id.
    :raises InputError: if no account or several accounts have that name; the message lists candidates.
    """
    where = f" ({named.source})" if named.source else ""
    for account in accounts:
        if account.account_id == named.text:
            return account
    matches = [account for account in accounts if account.name == named.text]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise InputError(
            f"{len(matches)} accounts are named {named.text!r}{where}: {_list_candidates(matches)}.",
            hint="Use the account id.",
        )
    if named.text.isdigit():
        account_id = parse_account_id(named.text)
        raise TargetRefusedError(
            f"Account {account_id}{where} isn't in the organization.", hint="Check the id and your credentials."
        )
    wanted = named.text.casefold()
    similar = [account for account in accounts if wanted in account.name.casefold()]
    hint = f"Similar: {_list_candidates(similar)}." if similar else "Names are case-sensitive; an id has 12 digits."
    raise InputError(f"No account is named {named.text!r}{where}.", hint=hint)


def _list_candidates(accounts: Sequence[Account]) -> str:
    shown = [f"{account.account_id} in {account.ou_path} ({account.name})" for account in accounts[:_CANDIDATES_SHOWN]]
    more = len(accounts) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def find_organizational_unit(text: str, organizational_units: Sequence[OrganizationalUnit]) -> OrganizationalUnit:
    """Find the organizational unit with that id or path of names, with or without the organization's root.

    :raises InputError: if there is none, or several have the path.
    """
    by_id = {unit.ou_id: unit for unit in organizational_units}
    if text in by_id:
        return by_id[text]
    wanted = text.strip("/")
    paths = list_paths(by_id)
    matches = [by_id[ou_id] for ou_id, path in paths.items() if wanted in (path, path.partition("/")[2])]
    if wanted and len(matches) == 1:
        return matches[0]
    if wanted and matches:
        ids = ", ".join(unit.ou_id for unit in matches)
        raise InputError(f"Several organizational units have the path {text!r}: {ids}.", hint="Use the id.")
    known = ", ".join(sorted(paths.values())[:_CANDIDATES_SHOWN])
    raise InputError(f"There is no organizational unit {text!r}.", hint=f"Use an id or a path, such as: {known}.")


def require_request(request: SelectionRequest) -> None:
    """:raises SelectionEmptyError: if it selects nothing."""
    if request.is_empty:
        raise SelectionEmptyError(
            "No account is selected.",
            hint=Hint("Name accounts, organizational units, tags or statuses, or select all.", "selection.empty"),
        )


def select_before_tags(request: SelectionRequest, inventory: Inventory) -> Selection:
    """Select by everything except tags and statuses, which need calls.

    :raises SelectionEmptyError: if the request is empty.
    :raises TargetRefusedError: if an id isn't in the organization.
    :raises InputError: if a name, path or exclusion is unknown or ambiguous.
    """
    require_request(request)
    named = {find_account(entry, inventory.accounts).account_id for entry in request.named}
    unit_ids = {
        find_organizational_unit(text, inventory.organizational_units).ou_id for text in request.organizational_units
    }
    everything = request.everything or not request.has_base
    excluded = _find_excluded(request.excluded, inventory)
    chosen = [
        SelectedAccount(account, account.account_id in named, account.account_id in excluded)
        for account in inventory.accounts
        if (everything or account.account_id in named or unit_ids.intersection(account.ou_ids))
        and (not request.account_states or account.state in request.account_states)
    ]
    return Selection(tuple(chosen), describe_request(request))


def narrow_by_tags(
    selection: Selection, wanted: Iterable[tuple[str, str]], tags: Mapping[AccountId, Mapping[str, str]]
) -> Selection:
    """Keep the accounts that have every wanted tag key with a wanted value."""
    values_of: dict[str, set[str]] = {}
    for key, value in wanted:
        values_of.setdefault(key, set()).add(value)
    kept = tuple(
        selected
        for selected in selection.accounts
        if all(tags[selected.account.account_id].get(key) in values for key, values in values_of.items())
    )
    return Selection(kept, selection.words)


def require_not_empty(selection: Selection) -> None:
    """:raises SelectionEmptyError: if the request matches no account."""
    if not selection.accounts:
        raise SelectionEmptyError(
            f"The selection ({selection.words}) matches no account.",
            hint=Hint("List the accounts, then correct the selection.", "selection.list_accounts"),
        )


def _find_excluded(excluded: Sequence[str], inventory: Inventory) -> frozenset[AccountId]:
    found: set[AccountId] = set()
    for text in excluded:
        is_account = any(text in (account.account_id, account.name) for account in inventory.accounts)
        if not is_account and (text.startswith(("ou-", "r-")) or "/" in text):
            unit = find_organizational_unit(text, inventory.organizational_units)
            found.update(account.account_id for account in inventory.accounts if unit.ou_id in account.ou_ids)
        else:
            found.add(find_account(NamedAccount(text, "excluded"), inventory.accounts).account_id)
    return frozenset(found)


def describe_request(request: SelectionRequest) -> str:
    """Describe the request, such as ``OU Workloads/Prod, except 111122223333``."""
    words = [entry.text for entry in request.named]
    words += [f"OU {text}" for text in request.organizational_units]
    words += ["all accounts"] if request.everything else []
    words += [f"tag {key}={value}" for key, value in request.tags]
    words += [f"account state {state.value}" for state in sorted(request.account_states)]
    words += [f"status {status.value}" for status in sorted(request.statuses)]
    words += [f"except {text}" for text in request.excluded]
    words += [f"failsafe {account_id} included" for account_id in sorted(request.included_failsafes)]
    return ", ".join(words)


def find_skip(
    selected: SelectedAccount, role: AccountRole, obstacle: str | None, protections: AccountProtections
) -> Skip | None:
    """Find why a change may not touch an account, without any call; ``None`` if it may.

    :param obstacle: why the change isn't possible in the organization's partition.
    """
    account = selected.account
    if role is AccountRole.MANAGEMENT:
        return Skip(SkipReason.MANAGEMENT_ACCOUNT, "The management account's root user is never changed.")
    if role is AccountRole.FAILSAFE and account.account_id not in protections.included_failsafes:
        return Skip(SkipReason.FAILSAFE, "Delegated administrator for IAM: its root login is the failsafe.")
    if obstacle is not None:
        return Skip(SkipReason.PARTITION, obstacle)
    if account.state is not AccountState.ACTIVE:
        return Skip(SkipReason.NOT_ACTIVE, f"The account is {account.state.value}.")
    if selected.is_excluded:
        return Skip(SkipReason.EXCLUDED, "The selection excludes it.")
    return protections.recorded.get(account.account_id)


def require_none_refused(skips: Iterable[tuple[SelectedAccount, Skip]]) -> None:
    """Refuse the whole request if it names an account that may not be touched.

    :raises TargetRefusedError: with each of them and its reason.
    """
    refused = [(selected.account, skip) for selected, skip in skips if selected.is_named]
    if not refused:
        return
    details = " ".join(f"{account.account_id} ({account.name}): {skip.detail}" for account, skip in refused)
    reasons = {skip.reason for _, skip in refused}
    hint = "Leave the account out of the selection."
    if SkipReason.FAILSAFE in reasons:
        hint = Hint("To delete the failsafe's root user credentials, include it by its account id.", "failsafe.include")
    elif SkipReason.WINDOW_OPEN in reasons:
        hint = Hint("Close its recovery window first.", "window.close_first")
    elif SkipReason.EXCEPTION in reasons:
        hint = Hint("End the exception first, or leave the account out of the selection.", "exception.list")
    raise TargetRefusedError(f"Refused. Nothing was changed. {details}", hint=hint)
