"""Values as the state file holds them: written, read back, and refused when they aren't the sandbox's own."""

from __future__ import annotations

import copy
import json
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.sandbox.persistence.tracking import TrackedDict
from rootkeeper.sandbox.persistence.values import UnknownValueError, decode, encode
from rootkeeper.sandbox.state import AccountState, Feature, LoginProfile, Organization, PolicyType
from rootkeeper.sandbox.state.eligibility import AWS_LAGS, Eligibility
from tests.sandbox.calling import START, Stage

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.just(UTC))
    | st.timedeltas(min_value=timedelta(days=-9999), max_value=timedelta(days=9999)).map(
        lambda delta: timedelta(seconds=int(delta.total_seconds()))
    )
    | st.sampled_from([*AccountState, *Feature, *PolicyType])
)
KEYS = st.text() | st.integers() | st.tuples(st.sampled_from(PolicyType), st.text())
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.lists(inner).map(lambda items: deque(items, maxlen=7))
        | st.dictionaries(KEYS, inner)
        | st.sets(st.text() | st.sampled_from(Feature))
        | st.frozensets(st.integers())
        | st.builds(LoginProfile, st.just(START), st.none() | st.text())
    ),
    max_leaves=20,
)


def through_json(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value))))


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    found = through_json(value)
    assert found == value
    assert type(found) is type(value)


def test_accounts_come_back_as_they_were() -> None:
    stage = Stage()
    for account in stage.world.organization.accounts.values():
        assert through_json(account) == account


def test_fields_at_their_default_take_no_room() -> None:
    assert encode(LoginProfile(START)).keys() == {"~", "created_at"}


def test_what_follows_from_other_fields_is_not_written() -> None:
    eligibility = Eligibility(lags=AWS_LAGS, untrusted_at=START)
    assert encode(eligibility).keys() == {"~", "untrusted_at"}
    organization = Stage().world.organization
    found = through_json(organization)
    assert isinstance(found, Organization)
    assert "_accounts_below" not in encode(organization)
    assert found.account_ids_below(found.organization_root_id) == organization.account_ids_below("r-demo")
    assert found == organization


@pytest.mark.parametrize(
    "value",
    [Path("x"), object(), len, lambda: None, {1: Path("x")}, START.date()],
    ids=lambda value: type(value).__name__,
)
def test_values_of_foreign_classes_are_not_written(value: Any) -> None:
    with pytest.raises(UnknownValueError, match="can't be kept"):
        encode(value)


@pytest.mark.parametrize(
    "written",
    [
        {"~": "os:system"},
        {"~": "state.accounts:Nobody"},
        {"~": "state.accounts:datetime", "year": 2026},
        {"~": "..errors:RootkeeperError"},
        {"~": "nowhere:Account"},
        {"~": "server:uvicorn"},
        {"~": "state.credentials:LoginProfile"},
        {"~": "state.credentials:LoginProfile", "created_at": 1, "surprise": 2},
        {"~": "state.accounts:AccountState", "value": "LOST"},
        {"~": ["state.accounts:Account"]},
        {"~bytes": "???"},
        {"~time": "yesterday"},
        {"~map": [[1]]},
        {"~set": 7},
        [{"~": 7}],
    ],
    ids=str,
)
def test_what_no_sandbox_has_written_is_refused(written: Any) -> None:
    with pytest.raises(UnknownValueError):
        decode(written)


def test_a_tracked_dictionary_is_a_dictionary_that_notes_what_is_done_with_it() -> None:
    tracked: TrackedDict[str, int] = TrackedDict({"a": 1, "b": 2, "c": 3})
    assert (tracked["a"], tracked.get("x"), "b" in tracked, len(tracked)) == (1, None, True, 3)
    assert (tracked.looked_up, tracked.written) == ({"a", "x"}, set())
    assert sorted(tracked.values()) == [1, 2, 3]
    tracked.forget()
    tracked["d"] = 4
    del tracked["a"]
    assert tracked.pop("b") == 2
    assert tracked.pop("nothing", 7) == 7
    assert tracked.setdefault("e", 5) == 5
    assert tracked.setdefault("d", 9) == 4
    tracked.update({"f": 6}, g=7)
    tracked |= {"h": 8}
    assert tracked.popitem() == ("h", 8)
    assert tracked.written == {"a", "b", "d", "e", "f", "g", "h", "nothing"}
    assert tracked.looked_up == {"d"}
    tracked.forget()
    tracked.clear()
    assert tracked.written == {"c", "d", "e", "f", "g"}
    with pytest.raises(KeyError):
        tracked.pop("c")


def test_copies_of_a_tracked_dictionary_note_nothing() -> None:
    tracked: TrackedDict[str, list[int]] = TrackedDict({"a": [1]})
    for copied in (copy.deepcopy(tracked), copy.copy(tracked), tracked.copy()):
        assert copied == {"a": [1]}
    assert type(copy.deepcopy(tracked)) is dict
    assert copy.deepcopy(tracked)["a"] is not tracked["a"]


def test_times_are_kept_to_the_microsecond_and_in_utc() -> None:
    moment = datetime(2026, 10, 1, 14, 0, 0, 123_456, tzinfo=UTC)
    assert through_json(moment) == moment
