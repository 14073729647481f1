"""Set-up drift as JSON values."""

from __future__ import annotations

from rootkeeper.domain.json_times import json_time
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.setup_drift import Difference, SetupDrift

SCHEMA_VERSION = 1


def difference_to_record(difference: Difference) -> dict[str, JsonValue]:
    """One thing that isn't as it was accepted."""
    return {
        "part": difference.part.value,
        "subject": difference.subject,
        "accepted": difference.accepted,
        "found": difference.found,
        "what": difference.what,
        "could_be": list(difference.could_be),
    }


def drift_to_record(drift: SetupDrift) -> dict[str, JsonValue]:
    """What came of a comparison; without an accepted set-up nothing was compared."""
    accepted = drift.accepted
    return {
        "schema_version": SCHEMA_VERSION,
        "accepted_at": None if accepted is None else json_time(accepted.accepted_at),
        "accepted_by": None if accepted is None else accepted.accepted_by,
        "differences": [difference_to_record(one) for one in drift.differences],
        "unknown": list(drift.unknown),
    }
