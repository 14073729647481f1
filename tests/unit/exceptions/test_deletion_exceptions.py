"""What an exception from deletion must have."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.errors import InputError
from rootkeeper.exceptions.rules import DeletionException, exception_to_record, require_exception
from rootkeeper.organization.accounts import AccountId

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
MANAGEMENT = AccountId("111122223333")
EXCEPTION = DeletionException(
    AccountId("222233334444"), "payments team", "MFA delete on the archive", NOW + timedelta(days=30), "alice", NOW
)


def test_an_exception_is_in_force_until_its_end_and_not_longer() -> None:
    assert EXCEPTION.is_in_force(NOW)
    assert not EXCEPTION.is_in_force(EXCEPTION.until)


def test_an_exception_is_shown_with_its_end_and_whether_it_is_in_force() -> None:
    record = exception_to_record(EXCEPTION, NOW)
    assert (record["account_id"], record["owner"], record["added_by"]) == ("222233334444", "payments team", "alice")
    assert (record["until"], record["in_force"]) == ("2026-02-14T09:00:00Z", True)
    assert exception_to_record(EXCEPTION, EXCEPTION.until)["in_force"] is False


def test_a_complete_exception_is_kept_as_it_is() -> None:
    assert require_exception(EXCEPTION, NOW, MANAGEMENT) == EXCEPTION


@pytest.mark.parametrize(
    ("exception", "said"),
    [
        (replace(EXCEPTION, owner=""), "owner"),
        (replace(EXCEPTION, reason=""), "reason"),
        (replace(EXCEPTION, until=NOW), "isn't in the future"),
        (replace(EXCEPTION, account_id=MANAGEMENT), "111122223333 is the management account"),
    ],
)
def test_an_exception_without_owner_reason_or_future_end_or_of_the_management_account_is_refused(
    exception: DeletionException, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        require_exception(exception, NOW, MANAGEMENT)
    assert caught.value.hint
