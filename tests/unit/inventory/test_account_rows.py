"""Accounts and statuses survive the way into the database and back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from rootkeeper.database.schema import to_row
from rootkeeper.inventory.store import status_row
from rootkeeper.organization.accounts import Account, AccountState
from rootkeeper.organization.statuses import (
    AccessKey,
    AccountRole,
    AccountStatus,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
    SigningCertificate,
    Status,
    StatusReason,
)
from rootkeeper.shapes import parse_facts
from tests.unit.database.samples import ACCOUNT_ID, NOW

ACCOUNT = Account(
    ACCOUNT_ID,
    "Größe & <Co>",
    "root@example.com",
    AccountState.ACTIVE,
    ("r-abcd", "ou-abcd-11111111"),
    "Root/Workloads",
    NOW,
    {"team": "billing"},
)
BARE_ACCOUNT = Account(ACCOUNT_ID, "bare", "bare@example.com", AccountState.SUSPENDED, ("r-abcd",), "Root")
CREDENTIALS = RootCredentials(
    ACCOUNT_ID,
    LoginProfile(NOW, None),
    (AccessKey("AKIAIOSFODNN7EXAMPLE", True, NOW, NOW - timedelta(days=1), "iam", "us-east-1"),),
    (SigningCertificate("CERTIFICATE", False, NOW),),
    (MfaDevice("arn:aws:iam::111122223333:mfa/root", MfaKind.VIRTUAL, NOW),),
    NOW,
)
EMPTY = RootCredentials(ACCOUNT_ID, None, (), (), (), NOW)


def through_json(columns: dict[str, Any]) -> Any:
    """What the database gives back: moments of columns as they are, everything else through JSON."""
    moments = {name: value for name, value in columns.items() if isinstance(value, datetime)}
    return json.loads(json.dumps({**columns, **dict.fromkeys(moments)})) | moments


@pytest.mark.parametrize("account", [ACCOUNT, BARE_ACCOUNT], ids=["full", "bare"])
def test_an_account_comes_back_as_it_was(account: Account) -> None:
    assert parse_facts(Account, through_json(to_row(account))) == account


@pytest.mark.parametrize(("column", "value"), [("tags", ["team"]), ("ou_ids", {"r-abcd": 1}), ("ou_ids", "r-abcd")])
def test_a_value_of_another_structure_is_refused(column: str, value: Any) -> None:
    with pytest.raises(TypeError, match="isn't a"):
        parse_facts(Account, {**to_row(ACCOUNT), column: value})


@pytest.mark.parametrize(
    "status",
    [
        AccountStatus(
            ACCOUNT, AccountRole.MEMBER, Status.PRESENT, summary=CREDENTIALS.summary, credentials=CREDENTIALS
        ),
        AccountStatus(ACCOUNT, AccountRole.FAILSAFE, Status.NOT_PRESENT, summary=EMPTY.summary, credentials=EMPTY),
        AccountStatus(
            BARE_ACCOUNT,
            AccountRole.MEMBER,
            Status.UNKNOWN,
            StatusReason.ACCESS_DENIED,
            "denied",
            observed_at=NOW,
            session_access_key_id="ASIAIOSFODNN7EXAMPLE",
        ),
    ],
    ids=lambda status: status.status.value,
)
def test_a_status_comes_back_as_it_was(status: AccountStatus) -> None:
    assert parse_facts(AccountStatus, through_json(status_row(status))) == status
