"""A selection survives being written down."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.records import SelectionBody, parse_selection
from rootkeeper.organization.selection import NamedAccount, SelectionRequest
from rootkeeper.organization.statuses import Status
from rootkeeper.shapes import to_json_record

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
    record = json.loads(json.dumps(to_json_record(request)))
    assert record.keys() == SelectionBody.__annotations__.keys()
    assert parse_selection(record) == request


def test_a_record_is_the_same_every_time() -> None:
    one = SelectionRequest(account_states=frozenset(AccountState), statuses=frozenset(Status))
    assert json.dumps(to_json_record(one)) == json.dumps(to_json_record(one))


@pytest.mark.parametrize(
    ("name", "value"), [("statuses", ["good"]), ("account_states", ["OPEN"]), ("included_failsafes", ["12"])]
)
def test_a_value_that_no_request_has_is_refused(name: str, value: object) -> None:
    record = {**to_json_record(SelectionRequest(everything=True)), name: value}
    with pytest.raises((ValueError, InputError)):
        parse_selection(record)


def test_a_field_that_is_left_out_selects_nothing() -> None:
    assert parse_selection({}) == SelectionRequest()
    assert parse_selection({"named": [{"text": "shop"}]}) == SelectionRequest(named=(NamedAccount("shop"),))


def test_a_person_can_write_names_and_tags_as_texts() -> None:
    request = parse_selection({"named": ["shop", "111122223333"], "tags": ["env=prod", ["team", "a=b"]]})
    assert request.named == (NamedAccount("shop"), NamedAccount("111122223333"))
    assert request.tags == (("env", "prod"), ("team", "a=b"))


@pytest.mark.parametrize("tags", [["env"], [["env"]], [["env", "prod", "more"]], [["env", 7]], [7], 7])
def test_a_tag_that_isnt_a_key_and_a_value_is_refused(tags: object) -> None:
    with pytest.raises((TypeError, ValueError, InputError)):
        parse_selection({"tags": tags})
