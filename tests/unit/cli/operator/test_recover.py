"""``recover`` through a server: request and activation in one, and what is left where the second fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.windows.rules import WindowState
from tests.fakes.remote_desk import ACCOUNT_ID, NOW, WINDOW, RemoteDesk, window_record
from tests.fakes.rootkeeper_server import Answer, problem

APPROVED = replace(WINDOW, state=WindowState.APPROVED, approvals_needed=0)
OPEN = replace(APPROVED, state=WindowState.OPEN, opened_at=NOW, expires_at=NOW + timedelta(days=1), lapses_at=None)
CLOSED = replace(OPEN, state=WindowState.CLOSED_VERIFIED, closed_at=NOW)
COMMAND = ("recover", "payments", "--reason", "close the account", "--for", "1h", "--yes")


@pytest.fixture
def opened(desk: RemoteDesk) -> RemoteDesk:
    """A server where no one has to approve, and AWS takes part."""
    desk.server.answer("POST windows", Answer(window_record(APPROVED), status=201))
    desk.server.answer(
        "POST windows/w-1/activate", window_record(OPEN, outcome="open", explanation="", hint=None, exit_status=0)
    )
    desk.server.answer(f"GET accounts/{ACCOUNT_ID}", {"account_id": ACCOUNT_ID, "email": "root@example.com"})
    return desk


def test_where_an_approval_is_owed_it_is_requested_and_nothing_more(desk: RemoteDesk) -> None:
    desk.server.answer("POST windows", Answer(window_record(WINDOW), status=201))
    run = desk.run(*COMMAND, "-o", "json")
    assert (run.status, run.json["state"]) == (0, "REQUESTED"), run.shown
    assert [path for path, _ in desk.posted] == ["windows"]


@pytest.mark.parametrize("statement", [("--credentials-end", "2h"), ("--credentials-outlive-window",)])
def test_a_server_takes_no_statement_about_the_persons_own_credentials(
    desk: RemoteDesk, statement: tuple[str, ...]
) -> None:
    run = desk.run(*COMMAND, *statement)
    assert (run.status, desk.posted) == (2, []), run.shown
    assert "the server uses its own" in run.stderr


@pytest.mark.parametrize(("more", "is_drill"), [((), False), (("--drill",), True)])
def test_a_drill_is_asked_for_as_one(desk: RemoteDesk, more: tuple[str, ...], is_drill: bool) -> None:
    desk.server.answer("POST windows", Answer(window_record(replace(WINDOW, is_drill=is_drill)), status=201))
    assert desk.run(*COMMAND, *more).status == 0
    ((_, body),) = desk.posted
    assert body["is_drill"] is is_drill


def test_it_waits_until_the_server_has_closed_the_window(opened: RemoteDesk) -> None:
    opened.server.answer("GET windows/w-1", window_record(OPEN), window_record(CLOSED))
    run = opened.run(*COMMAND, "-o", "json")
    assert (run.status, run.json["state"]) == (0, "CLOSED_VERIFIED"), run.shown
    assert [path for path, _ in opened.posted] == ["windows", "windows/w-1/activate"]


def test_a_closing_that_fails_ends_with_4_and_is_the_servers_to_try_again(opened: RemoteDesk) -> None:
    failed = replace(OPEN, state=WindowState.CLOSE_FAILED, failure="AWS is down.")
    opened.server.answer("GET windows/w-1", window_record(failed))
    run = opened.run(*COMMAND)
    assert run.status == 4
    assert "AWS is down. The server keeps trying." in run.stderr


def test_left_open_it_does_not_wait(opened: RemoteDesk) -> None:
    run = opened.run(*COMMAND, "--leave-open", "-o", "json")
    assert (run.status, run.json["state"]) == (0, "OPEN"), run.shown
    assert "GET windows/w-1" not in opened.server.lines


def test_a_token_that_may_not_read_accounts_is_shown_the_steps_too(opened: RemoteDesk) -> None:
    refused = problem(403, "access.denied", "The token doesn't have the permission accounts:read.")
    opened.server.answer(f"GET accounts/{ACCOUNT_ID}", refused)
    run = opened.run(*COMMAND, "--leave-open")
    assert run.status == 0, run.shown
    assert "the root user's address" in run.stderr


def test_a_request_that_cannot_be_opened_does_not_stand_in_the_next_ones_way(opened: RemoteDesk) -> None:
    opened.server.answer("POST windows/w-1/activate", problem(502, "aws.access_denied", "AWS refused."))
    opened.server.answer("POST windows/w-1/cancel", window_record(replace(WINDOW, state=WindowState.CANCELLED)))
    run = opened.run(*COMMAND)
    assert run.status == 3
    assert "AWS refused." in run.stderr
    assert opened.posted[-1][0] == "windows/w-1/cancel"


def test_an_opening_whose_answer_is_lost_is_not_called_undone(opened: RemoteDesk) -> None:
    opened.server.answer("POST windows/w-1/activate", Answer(cut=True))
    run = opened.run(*COMMAND)
    assert run.status == 4
    assert "may be done" in run.stderr
    assert opened.posted[-1][0] == "windows/w-1/activate"


def test_an_opening_that_is_not_proven_ends_with_4(opened: RemoteDesk) -> None:
    unclear = window_record(
        OPEN, outcome="unknown", explanation="AWS didn't answer.", hint="Look again.", exit_status=4
    )
    opened.server.answer("POST windows/w-1/activate", unclear)
    run = opened.run(*COMMAND)
    assert run.status == 4
    assert "hint: Look again." in run.stderr
