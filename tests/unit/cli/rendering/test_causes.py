"""A cause that many accounts share is shown once."""

from __future__ import annotations

from rootkeeper.cli.rendering.listings import cause_lines


def test_the_same_cause_is_shown_once_whichever_account_it_names() -> None:
    ids = [f"{number:012d}" for number in range(1, 6)]
    (line,) = cause_lines((account_id, f"{account_id} is blocked by p-examplescp.") for account_id in ids)
    assert line == ("Unknown: 000000000001, 000000000002, 000000000003 and 2 more: ACCOUNT is blocked by p-examplescp.")


def test_one_account_alone_is_named_in_its_cause() -> None:
    assert cause_lines([("111122223333", "111122223333 was throttled.")]) == [
        "Unknown: 111122223333: 111122223333 was throttled."
    ]


def test_different_causes_stay_apart() -> None:
    assert len(cause_lines([("111122223333", "throttled"), ("444455556666", "denied")])) == 2
