"""A window never outlives the credentials that close it, unless a person says how long they last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.aws.rules import CredentialsLifetime, Lifetime
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import AwsCredentialsError
from rootkeeper.windows.credentials import NOT_STATED, OF_SERVER, CredentialsStatement, require_credentials_outlive

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PASTED = CredentialsLifetime(Lifetime.UNKNOWN, doubt="they are session keys without an expiry")
PROCESS = CredentialsLifetime(Lifetime.UNKNOWN, NOW + HOUR, "a credential_process renews them, and may stop")


def refuse(
    found: CredentialsLifetime, length: timedelta = HOUR, stated: CredentialsStatement = NOT_STATED
) -> tuple[str, str]:
    with pytest.raises(AwsCredentialsError) as caught:
        require_credentials_outlive(found, NOW + length, NOW, stated)
    return caught.value.message, render_hint(caught.value.hint) or ""


def allow(found: CredentialsLifetime, length: timedelta = HOUR, stated: CredentialsStatement = NOT_STATED) -> None:
    require_credentials_outlive(found, NOW + length, NOW, stated)


@pytest.mark.parametrize("lifetime", [Lifetime.RENEWED, Lifetime.STATIC])
def test_credentials_without_an_end_close_the_longest_window(lifetime: Lifetime) -> None:
    allow(CredentialsLifetime(lifetime), timedelta(hours=72))


def test_an_end_that_is_known_leaves_a_minute_for_closing() -> None:
    allow(CredentialsLifetime(Lifetime.ENDING, NOW + HOUR + timedelta(seconds=60)))
    refuse(CredentialsLifetime(Lifetime.ENDING, NOW + HOUR + timedelta(seconds=59)))


@pytest.mark.parametrize(
    ("left", "longest", "until"),
    [
        (timedelta(minutes=50), "49m", "12:49:00"),
        (timedelta(minutes=50, seconds=-1), "48m", "12:48:00"),
        (timedelta(seconds=75), "15s", "12:00:15"),
        (timedelta(hours=1, minutes=1, seconds=-1), "59m", "12:59:00"),
    ],
)
def test_the_refusal_names_the_longest_window_that_is_possible_now(left: timedelta, longest: str, until: str) -> None:
    found = CredentialsLifetime(Lifetime.ENDING, NOW + left)
    message, hint = refuse(found)
    assert f"The longest window possible now is {longest}, until 2026-11-29 {until} UTC." in message
    assert f"--for {longest}." in hint
    seconds = int(longest[:-1]) * (60 if longest.endswith("m") else 1)
    allow(found, timedelta(seconds=seconds))


def test_credentials_that_end_too_soon_for_any_window_are_refused_without_a_length() -> None:
    message, hint = refuse(CredentialsLifetime(Lifetime.ENDING, NOW + timedelta(seconds=69)))
    assert "No window is possible with them now." in message
    assert "--for" not in hint
    assert "Sign in again" in hint


def test_keys_of_unknown_end_are_refused_and_the_hint_names_both_statements() -> None:
    message, hint = refuse(PASTED, timedelta(seconds=10))
    assert message.startswith("It can't be read when the AWS credentials end: they are session keys without an expiry.")
    assert "--credentials-end TIME" in hint
    assert "--credentials-outlive-window" in hint


def test_an_end_that_is_known_at_least_allows_shorter_windows() -> None:
    allow(PROCESS, timedelta(minutes=59))
    message, hint = refuse(PROCESS)
    assert "They can be used until 2026-11-29 13:00:00 UTC at least" in message
    assert "--for 59m" in hint


@pytest.mark.parametrize("found", [PASTED, PROCESS])
def test_a_stated_end_counts_instead_of_an_unknown_one(found: CredentialsLifetime) -> None:
    stated = CredentialsStatement(NOW + 2 * HOUR)
    allow(found, timedelta(minutes=119), stated)
    message, hint = refuse(found, 2 * HOUR, stated)
    assert "can be used until 2026-11-29 14:00:00 UTC" in message
    assert "--for 119m" in hint


@pytest.mark.parametrize("found", [PASTED, PROCESS])
def test_a_person_can_say_that_they_outlive_the_window(found: CredentialsLifetime) -> None:
    allow(found, timedelta(hours=72), CredentialsStatement(outlive_window=True))


def test_no_statement_changes_an_end_that_is_known() -> None:
    known = CredentialsLifetime(Lifetime.ENDING, NOW + HOUR)
    refuse(known, stated=CredentialsStatement(outlive_window=True))
    refuse(known, stated=CredentialsStatement(NOW + 9 * HOUR))


def test_an_earlier_stated_end_counts_for_credentials_without_one() -> None:
    refuse(CredentialsLifetime(Lifetime.STATIC), 2 * HOUR, CredentialsStatement(NOW + HOUR))


@pytest.mark.parametrize("found", [PASTED, PROCESS, CredentialsLifetime(Lifetime.ENDING, NOW + HOUR)])
def test_about_a_servers_credentials_no_option_of_a_command_is_named(found: CredentialsLifetime) -> None:
    _, hint = refuse(found, 2 * HOUR, OF_SERVER)
    assert hint.startswith("Give the server AWS credentials that are renewed without a person.")
    assert "--" not in hint
    assert ("aws.credentials_renewed" in hint) == (found.lifetime is Lifetime.UNKNOWN)
