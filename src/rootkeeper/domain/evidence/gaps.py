"""What a report can't show: each gap is named, so that silence is never taken for good."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rootkeeper.domain.evidence.accounts import AccountEvidence
from rootkeeper.domain.evidence.history import LedgerHistory
from rootkeeper.domain.evidence.periods import EvidenceVerdict, Period
from rootkeeper.domain.organizations import AccountId, Inventory
from rootkeeper.domain.setup_drift import SetupDrift
from rootkeeper.domain.statuses import AccountRole

DELEGATES_UNKNOWN = (
    "Delegated administrators weren't read, so a failsafe is shown as an ordinary member. "
    "It needs organizations:ListDelegatedAdministrators."
)


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that the report doesn't know."""

    subject: str
    """``account``, ``accounts``, ``drift``, ``ledger``, ``management_account`` or ``setup``."""
    account_id: AccountId | None
    reason: str
    """The reason of an unknown status, or one word for the rest."""
    what: str
    """One sentence for a person."""


def list_gaps(
    accounts: Iterable[AccountEvidence],
    history: LedgerHistory,
    setup_detail: str | None,
    drift: SetupDrift,
    ledger_problem: str | None,
    inventory: Inventory,
    period: Period,
) -> tuple[Gap, ...]:
    """Everything that isn't known, accounts in their order."""
    return (
        *_list_general(setup_detail, drift, ledger_problem, inventory, period),
        *(_describe_account(account) for account in accounts if _is_unknown(account)),
        *(
            Gap("management_account", one.account.account_id, "not_read", one.detail or "It wasn't read.")
            for one in accounts
            if one.role is AccountRole.MANAGEMENT and one.kinds[0].is_present is None
        ),
        *(
            Gap(
                "ledger",
                intent.account_id,
                "no_outcome",
                f"Entry {intent.sequence} ({intent.action.value}) has no outcome: what came of it isn't known.",
            )
            for intent in history.open_intents
        ),
    )


def _list_general(
    setup_detail: str | None,
    drift: SetupDrift,
    ledger_problem: str | None,
    inventory: Inventory,
    period: Period,
) -> Iterable[Gap]:
    if ledger_problem is not None:
        yield Gap("ledger", None, "not_intact", ledger_problem)
    if setup_detail is not None:
        yield Gap("setup", None, "not_read", setup_detail)
    for sentence in drift.unknown:
        yield Gap("drift", None, "not_compared", sentence)
    if drift.accepted is None:
        yield Gap("drift", None, "never_accepted", "No set-up was accepted, so nothing shows whether it drifted.")
    stale = period.find_staleness(inventory.listed_at)
    if stale is not None:
        yield Gap("accounts", None, "stale", f"The list of accounts was {stale}, at {inventory.listed_at:%Y-%m-%d}.")
    if inventory.delegated_administrator_ids is None:
        yield Gap("accounts", None, "not_read", DELEGATES_UNKNOWN)


def _is_unknown(account: AccountEvidence) -> bool:
    """Also one whose recovery window was opened after the last reading: what is there now wasn't read."""
    is_unread = account.verdict is EvidenceVerdict.FAIL and account.kinds[0].is_present is None
    return account.verdict is EvidenceVerdict.UNKNOWN or is_unread


def _describe_account(account: AccountEvidence) -> Gap:
    reason = account.status.value if account.reason is None else account.reason.value
    return Gap("account", account.account.account_id, reason, account.detail or "It couldn't be read.")
