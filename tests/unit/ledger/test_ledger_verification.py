"""What a check of the ledger found comes back from its JSON as it was, and a contradiction doesn't."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rootkeeper.ledger.rules import LedgerVerification, verification_from_record, verification_to_record

INTACT = LedgerVerification(1234, 1234, "ab" * 32, None, None, 1200)
EDITED = replace(INTACT, first_bad_sequence=7, problem="Entry 7 was edited.", anchored_sequence=None)
FORGETFUL = replace(INTACT, missing_memory="The memory is missing.")


@pytest.mark.parametrize(
    "found",
    [INTACT, EDITED, replace(EDITED, first_bad_sequence=None, further_problems=("w-2",)), FORGETFUL],
)
def test_it_comes_back_as_it_was(found: LedgerVerification) -> None:
    assert verification_from_record(json.loads(json.dumps(verification_to_record(found)))) == found


def test_a_record_of_an_older_version_misses_no_memory() -> None:
    older = {name: value for name, value in verification_to_record(INTACT).items() if name != "missing_memory"}
    assert verification_from_record(older) == INTACT


@pytest.mark.parametrize("found", [INTACT, EDITED])
def test_a_verdict_that_its_findings_contradict_is_refused(found: LedgerVerification) -> None:
    with pytest.raises(ValueError, match="intact"):
        verification_from_record({**verification_to_record(found), "is_intact": not found.is_intact})
