"""What came of an account survives being written down."""

from __future__ import annotations

import json

import pytest

from rootkeeper.changes.removal_rules import (
    AccountDeletion,
    KindOutcome,
    KindReason,
    KindResult,
    PlannedCall,
    skip_kinds,
)
from rootkeeper.deletion.records import deletion_from_record, deletion_to_record
from rootkeeper.deletion.rules import PlannedAccount
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import CredentialKind, Status

PLANNED = PlannedAccount(
    AccountId("111122223333"),
    "Shop",
    "Root/Prod",
    AccountState.ACTIVE,
    None,
    None,
    (PlannedCall(CredentialKind.PASSWORD, None),),
)
DELETED = tuple(KindResult(kind, KindOutcome.DELETED) for kind in CredentialKind)
MIXED = (
    KindResult(CredentialKind.ACCESS_KEYS, KindOutcome.FAILED, KindReason.UNPROVEN, "It wasn't re-read."),
    KindResult(
        CredentialKind.MFA_DEVICES,
        KindOutcome.SKIPPED,
        KindReason.GUARDS_SOMETHING,
        "What it guards stays.",
    ),
    KindResult(CredentialKind.PASSWORD, KindOutcome.FAILED, KindReason.STOPPED),
)
CHANGED = Skip(SkipReason.CHANGED_SINCE_PLAN, "An access key is new.")


@pytest.mark.parametrize(
    ("kinds", "skip", "status"),
    [(DELETED, None, Status.NOT_PRESENT), (MIXED, None, Status.UNKNOWN), (skip_kinds(CHANGED), CHANGED, None)],
)
def test_a_result_is_read_as_it_was_written(
    kinds: tuple[KindResult, ...], skip: Skip | None, status: Status | None
) -> None:
    deletion = AccountDeletion(PLANNED.account_id, PLANNED.name, PLANNED.ou_path, kinds, skip, status=status)
    assert deletion_from_record(PLANNED, json.loads(json.dumps(deletion_to_record(deletion)))) == deletion


@pytest.mark.parametrize("reason", [*KindReason, *SkipReason])
def test_every_reason_of_a_kind_is_read_as_a_word_of_its_own(reason: KindReason | SkipReason) -> None:
    result = KindResult(CredentialKind.PASSWORD, KindOutcome.SKIPPED, reason)
    deletion = AccountDeletion(PLANNED.account_id, PLANNED.name, PLANNED.ou_path, (result,))
    (read,) = deletion_from_record(PLANNED, deletion_to_record(deletion)).kinds
    assert read.reason == reason
