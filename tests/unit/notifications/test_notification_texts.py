"""Notifications for people and for programs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rootkeeper.notifications.rules import (
    LONGEST_TITLE,
    Notification,
    NotificationEvent,
    Severity,
    clean,
    find_link,
    notification_to_record,
    render_body,
    render_title,
)
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shapes import parse_facts
from tests.fakes.clock import START
from tests.fakes.hostile_texts import hostile_texts

FAILED = Notification(
    NotificationEvent.WINDOW_CLOSE_FAILED,
    Severity.CRITICAL,
    "Recovery of 111122223333 couldn't be closed",
    "AWS refused. Close it: rootkeeper windows close w-1",
    START,
    "o-exampleorgid",
    "SANDBOX 127.0.0.1:4599",
    AccountId("111122223333"),
    "w-1",
)


def test_the_title_says_how_urgent_and_that_it_is_a_sandbox() -> None:
    assert render_title(FAILED) == "CRITICAL: SANDBOX 127.0.0.1:4599: Recovery of 111122223333 couldn't be closed"
    assert render_title(replace(FAILED, endpoint="AWS")) == "CRITICAL: Recovery of 111122223333 couldn't be closed"


def test_the_body_ends_with_what_it_is_about() -> None:
    assert render_body(FAILED, "").splitlines() == [
        "AWS refused. Close it: rootkeeper windows close w-1",
        "",
        "Event: window:close:failed",
        "At: 2026-01-15 09:00:00 UTC",
        "Organization: o-exampleorgid (SANDBOX 127.0.0.1:4599)",
        "Account: 111122223333",
        "Window: w-1",
    ]


@pytest.mark.parametrize(
    ("changes", "link"),
    [
        ({}, "https://rootkeeper.example.com/windows/w-1"),
        ({"window_id": None}, "https://rootkeeper.example.com/accounts?account=111122223333"),
        ({"window_id": None, "account_id": None}, "https://rootkeeper.example.com/"),
        ({"window_id": "../@evil.example/#"}, "https://rootkeeper.example.com/windows/..%2F%40evil.example%2F%23"),
    ],
)
def test_the_last_line_opens_the_page_of_the_console(changes: dict[str, Any], link: str) -> None:
    notification = replace(FAILED, **changes)
    assert find_link(notification, "https://rootkeeper.example.com") == link
    assert render_body(notification, "https://rootkeeper.example.com").splitlines()[-1] == f"Open: {link}"
    assert find_link(notification, "") is None


def test_what_isnt_known_isnt_shown() -> None:
    body = render_body(replace(FAILED, account_id=None, window_id=None), "")
    assert "Account" not in body
    assert "Window" not in body


@given(hostile_texts)
@example("<script>[click](https://example.com)`\\`</script>")
def test_no_text_from_outside_becomes_a_header_markup_or_a_link(text: str) -> None:
    title = render_title(replace(FAILED, title=text))
    body = render_body(replace(FAILED, title=text, body=text, organization_id=text, window_id=text), "")
    assert title.isprintable()
    assert len(title) <= LONGEST_TITLE
    for rendered in (title, body):
        assert not set("<>`[]\\") & set(rendered)
        assert "://" not in rendered
        assert all(one.isprintable() or one == "\n" for one in rendered)
    assert body.count("\nEvent: ") >= 1


@given(st.sampled_from(["everyone", "here", "channel", "Channel", "all", "room"]))
def test_a_text_mentions_no_user(word: str) -> None:
    assert "@" not in clean(f"for @{word}!")
    assert clean("a@example.com") == "a@example.com"


@pytest.mark.parametrize("text", ["x" * 10_000, "\N{SNOWMAN}" * 10_000])
def test_long_texts_are_cut(text: str) -> None:
    assert len(render_title(replace(FAILED, title=text))) == LONGEST_TITLE
    assert len(render_body(replace(FAILED, body=text), "")) < 5000


@given(hostile_texts)
def test_a_record_is_read_as_it_was_written(text: str) -> None:
    for notification in (replace(FAILED, title=text, body=text), replace(FAILED, account_id=None, window_id=None)):
        record = json.loads(json.dumps(notification_to_record(notification)))
        assert parse_facts(Notification, record) == notification
