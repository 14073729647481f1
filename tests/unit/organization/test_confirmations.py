"""Which confirmation counts, and which attestations are accepted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.confirmations import (
    LONGEST_ATTESTATION,
    Claim,
    Confirmation,
    ConfirmationBasis,
    find_in_force,
    require_attestation,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
FAILSAFE, OTHER = AccountId("222233334444"), AccountId("333344445555")
ATTESTED = Confirmation(
    FAILSAFE,
    Claim.KEPT,
    ConfirmationBasis.ATTESTATION,
    "Nikki Wolf",
    "Emergency access.",
    NOW + timedelta(days=30),
    "ana@desk",
    NOW,
    "AWS",
)
CHECKED = replace(ATTESTED, basis=ConfirmationBasis.CHECK)
NOT_PASSED = replace(CHECKED, recorded_at=NOW + timedelta(hours=1), until=NOW + timedelta(hours=1))
LATER = NOW + timedelta(hours=2)


@pytest.mark.parametrize(
    ("confirmations", "at", "expected"),
    [
        ((), LATER, None),
        ((ATTESTED,), NOW - timedelta(seconds=1), None),
        ((ATTESTED,), NOW, ATTESTED),
        ((ATTESTED,), ATTESTED.until, None),
        ((ATTESTED, CHECKED), LATER, CHECKED),
        ((CHECKED, ATTESTED), LATER, CHECKED),
        ((CHECKED, NOT_PASSED), LATER, None),
        ((CHECKED, NOT_PASSED), NOW + timedelta(minutes=1), CHECKED),
        ((CHECKED, NOT_PASSED, ATTESTED), LATER, ATTESTED),
        ((replace(ATTESTED, claim=Claim.PURPOSE),), LATER, None),
        ((replace(ATTESTED, account_id=OTHER),), LATER, None),
    ],
)
def test_the_last_confirmation_of_a_basis_counts_until_its_end(
    confirmations: tuple[Confirmation, ...], at: datetime, expected: Confirmation | None
) -> None:
    assert find_in_force(confirmations, Claim.KEPT, at).get(FAILSAFE) == expected


def test_a_shorter_attestation_replaces_a_longer_one() -> None:
    shorter = replace(ATTESTED, recorded_at=NOW + timedelta(hours=1), until=NOW + timedelta(hours=3))
    assert find_in_force([ATTESTED, shorter], Claim.KEPT, NOW + timedelta(hours=4)) == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"owner": ""}, "needs an owner"),
        ({"reason": ""}, "needs a reason"),
        ({"until": NOW}, "isn't in the future"),
        ({"until": NOW + LONGEST_ATTESTATION + timedelta(seconds=1)}, "more than a year away"),
    ],
)
def test_an_attestation_needs_owner_reason_and_an_end_within_a_year(changes: dict[str, object], said: str) -> None:
    assert require_attestation(ATTESTED) == ATTESTED
    with pytest.raises(InputError, match=said):
        require_attestation(replace(ATTESTED, **changes))  # type: ignore[arg-type]  # a table of cases


def test_a_sentence_names_owner_end_and_reason() -> None:
    assert ATTESTED.sentence == (
        "Nikki Wolf attests it until 2026-12-01: Emergency access (recorded by ana@desk, 2026-11-01)."
    )
    assert CHECKED.sentence == (
        "Every check of the failsafe passed on 2026-11-01, run by ana@desk; it counts until 2026-12-01."
    )
