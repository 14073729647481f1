"""Set-up drift as JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from rootkeeper.organization.accounts import Setup
from rootkeeper.setup.rules import (
    NEVER_ACCEPTED,
    AcceptedSetup,
    Difference,
    SetupDrift,
    SetupPart,
    SetupState,
    drift_to_record,
)

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
DIFFERENCE = Difference(
    SetupPart.TRUSTED_ACCESS, "iam.amazonaws.com", "on", "off", "It is off.", ("An administrator.",)
)


def test_without_an_accepted_set_up_nothing_was_compared() -> None:
    assert drift_to_record(NEVER_ACCEPTED) == {
        "schema_version": 1,
        "accepted_at": None,
        "accepted_by": None,
        "differences": [],
        "unknown": [],
    }


def test_differences_and_what_isnt_known_are_reported() -> None:
    state = SetupState(Setup(True, frozenset(), ()), None, None, NOW, "AWS", "arn:aws:iam::111122223333:user/ana")
    drift = SetupDrift(AcceptedSetup(state, NOW, "ana", 7), (DIFFERENCE,), ("Guardrails weren't read.",))
    record = drift_to_record(drift)
    assert (record["accepted_at"], record["accepted_by"]) == ("2026-01-15T09:00:00Z", "ana")
    assert record["differences"] == [
        {
            "part": "trusted_access",
            "subject": "iam.amazonaws.com",
            "accepted": "on",
            "found": "off",
            "what": "It is off.",
            "could_be": ["An administrator."],
        }
    ]
    assert record["unknown"] == ["Guardrails weren't read."]
