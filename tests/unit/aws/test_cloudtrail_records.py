"""CloudTrail records are found in every form in which people have them."""

from __future__ import annotations

import json

import pytest

from rootkeeper.aws.cloudtrail import parse_records
from rootkeeper.errors import InputError

ONE, TWO = {"eventName": "GetUser", "eventID": "1"}, {"eventName": "AssumeRoot", "eventID": "2"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"Records": [ONE, TWO]}),
        json.dumps([ONE, TWO]),
        json.dumps({"Events": [{"EventId": "1", "CloudTrailEvent": json.dumps(one)} for one in (ONE, TWO)]}),
        json.dumps([{"detail-type": "AWS API Call via CloudTrail", "detail": one} for one in (ONE, TWO)]),
        f"{json.dumps(ONE)}\n\n{json.dumps(TWO)}\n",
        f"{json.dumps({'Records': [ONE]})}\n{json.dumps({'detail-type': 'x', 'detail': TWO})}",
    ],
)
def test_every_form_gives_the_same_records_in_order(text: str) -> None:
    assert parse_records(text, "events.json") == (ONE, TWO)


def test_one_record_alone_is_enough() -> None:
    assert parse_records(json.dumps(ONE), "-") == (ONE,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "no JSON",
        "{}",
        "[7]",
        '["eventName"]',
        '{"Records": [{}]}',
        '{"Events": [{"CloudTrailEvent": "no JSON"}]}',
        '{"Records": 7}',
        '{"Events": [{"CloudTrailEvent": 7}]}',
        '{"eventName": "x"',
        "[" * 100_000,
    ],
)
def test_what_holds_no_records_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(InputError, match=r"events\.json contains no CloudTrail records") as caught:
        parse_records(text, "events.json")
    assert "lookup-events" in (caught.value.hint or "")
