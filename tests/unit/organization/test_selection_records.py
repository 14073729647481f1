"""A selection survives being written down."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.records import request_from_record, request_to_record
from rootkeeper.organization.selection import NamedAccount, SelectionRequest
from rootkeeper.organization.statuses import Status

texts = st.text(min_size=1, max_size=8)
requests = st.builds(
    SelectionRequest,
    named=st.lists(st.builds(NamedAccount, texts, st.text(max_size=8)), max_size=3).map(tuple),
    organizational_units=st.lists(texts, max_size=3).map(tuple),
    tags=st.lists(st.tuples(texts, st.text(max_size=8)), max_size=3).map(tuple),
    account_states=st.frozensets(st.sampled_from(AccountState)),
    statuses=st.frozensets(st.sampled_from(Status)),
    excluded=st.lists(texts, max_size=3).map(tuple),
    everything=st.booleans(),
    included_failsafes=st.frozensets(st.sampled_from([AccountId("000011112222"), AccountId("111122223333")])),
)


@given(requests)
def test_a_request_is_read_as_it_was_written(request: SelectionRequest) -> None:
    record = json.loads(json.dumps(request_to_record(request)))
    assert request_from_record(record) == request


def test_a_record_is_the_same_every_time() -> None:
    one = SelectionRequest(account_states=frozenset(AccountState), statuses=frozenset(Status))
    assert json.dumps(request_to_record(one)) == json.dumps(request_to_record(one))


@pytest.mark.parametrize(
    ("name", "value"), [("statuses", ["good"]), ("account_states", ["OPEN"]), ("included_failsafes", ["12"])]
)
def test_a_value_that_no_request_has_is_refused(name: str, value: object) -> None:
    record = request_to_record(SelectionRequest(everything=True)) | {name: value}
    with pytest.raises((ValueError, InputError)):
        request_from_record(record)


def test_a_record_that_lacks_something_is_refused() -> None:
    with pytest.raises(KeyError):
        request_from_record({"named": []})
