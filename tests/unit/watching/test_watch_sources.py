"""A source of events is named by one setting, which is checked before anything relies on it."""

from __future__ import annotations

import pytest

from rootkeeper.errors import SettingsError
from rootkeeper.watching.rules import WatchSourceKind, parse_watch_source

QUEUE = "sqs:https://sqs.eu-central-1.amazonaws.com/111122223333/root-events"


def test_without_a_setting_there_is_no_source() -> None:
    assert parse_watch_source("") is None


def test_a_queue_is_named_by_its_name_and_asked_in_its_region() -> None:
    source = parse_watch_source(QUEUE)
    assert source is not None
    assert (source.kind, source.name, source.region) == (WatchSourceKind.QUEUE, "sqs:root-events", "eu-central-1")


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs-fips.us-gov-west-1.amazonaws.com/111122223333/q", "us-gov-west-1"),
        ("https://eu-west-1.queue.amazonaws.com/111122223333/q", "eu-west-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q", "cn-north-1"),
        ("http://127.0.0.1:4599/111122223333/q", None),
        ("https://queue.amazonaws.com/111122223333/q", None),
    ],
)
def test_a_region_comes_from_the_url_where_it_contains_one(url: str, region: str | None) -> None:
    source = parse_watch_source(f"sqs:{url}")
    assert source is not None
    assert source.region == region


def test_a_file_is_named_by_its_path() -> None:
    source = parse_watch_source("file:/var/log/root-events.jsonl")
    assert source is not None
    assert (source.kind, source.name, source.region) == (
        WatchSourceKind.FILE,
        "file:/var/log/root-events.jsonl",
        None,
    )


@pytest.mark.parametrize(
    "text", ["root-events", "sqs:", "sqs:root-events", "file:", "sqs:https://example.com/q", "kafka:topic", f" {QUEUE}"]
)
def test_anything_else_is_refused_with_both_forms(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_watch_source(text)
    assert "watching.source" in refused.value.message
    assert "sqs:" in str(refused.value.hint)
    assert "file:" in str(refused.value.hint)
