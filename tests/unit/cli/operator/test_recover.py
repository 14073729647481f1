"""``recover`` through a server: request and activation in one, and what is left where the second fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.organization.accounts import AccountId
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


OTHER_ID = AccountId("333344445555")
SEVERAL = ("recover", "payments", "audit", "--reason", "close the accounts", "--for", "1h", "--yes")


def check_record(account_id: AccountId) -> dict[str, Any]:
    """As the API answers a check."""
    present = dict.fromkeys(("password", "access_keys", "signing_certificates", "mfa_devices"), False)
    return {
        "schema_version": 1,
        "account_id": account_id,
        "name": f"Name of {account_id}",
        "email": f"{account_id}@example.com",
        "duration_seconds": 3600,
        "approvals_needed": 1,
        "present": present,
        "remarks": ["1 person other than the requester must approve it.", f"About {account_id} alone."],
    }


def test_of_several_accounts_none_is_requested_if_one_cannot_be(opened: RemoteDesk) -> None:
    refusal = problem(422, "target.refused", "audit is the management account.", "Leave it out.")
    opened.server.answer("POST windows/check", check_record(ACCOUNT_ID), refusal)
    run = opened.run(*SEVERAL, "--leave-open", "-o", "json")
    assert (run.status, run.stdout) == (2, ""), run.shown
    assert "1 account of 2 can't be recovered now, so nothing was requested or opened." in run.stderr
    assert "audit: audit is the management account.\nhint: Leave it out." in run.stderr
    assert [path for path, _ in opened.posted] == ["windows/check", "windows/check"]


def test_a_dry_run_for_several_accounts_has_the_server_check_each_and_requests_nothing(opened: RemoteDesk) -> None:
    opened.server.answer("POST windows/check", check_record(ACCOUNT_ID), check_record(OTHER_ID))
    run = opened.run(*SEVERAL, "--dry-run")
    assert run.status == 0, run.shown
    assert f"{OTHER_ID}  Name of {OTHER_ID}  {OTHER_ID}@example.com" in run.stderr
    assert run.stderr.count("1 person other than the requester must approve it.") == 1
    assert f"{OTHER_ID}: About {OTHER_ID} alone." in run.stderr
    assert [path for path, _ in opened.posted] == ["windows/check", "windows/check"]


def test_an_account_that_is_named_twice_is_refused(opened: RemoteDesk) -> None:
    opened.server.answer("POST windows/check", check_record(ACCOUNT_ID))
    run = opened.run(*SEVERAL)
    assert run.status == 2, run.shown
    assert f"audit: Account {ACCOUNT_ID} is named twice." in run.stderr


def test_each_of_several_windows_waits_for_its_own_approval(desk: RemoteDesk) -> None:
    other = replace(WINDOW, window_id="w-2", account_id=OTHER_ID)
    desk.server.answer("POST windows/check", check_record(ACCOUNT_ID), check_record(OTHER_ID))
    desk.server.answer(
        "POST windows", Answer(window_record(WINDOW), status=201), Answer(window_record(other), status=201)
    )
    run = desk.run(*SEVERAL, "-o", "json")
    assert (run.status, run.json["failures"]) == (0, []), run.shown
    assert [window["state"] for window in run.json["windows"]] == ["REQUESTED", "REQUESTED"]
    for window_id in ("w-1", "w-2"):
        assert f"rootkeeper windows approve {window_id}" in run.stderr


def test_a_server_that_is_gone_while_several_windows_are_opened_is_no_success(opened: RemoteDesk) -> None:
    """What was opened is shown; the other one is named."""
    opened.server.answer("POST windows/check", check_record(ACCOUNT_ID), check_record(OTHER_ID))
    opened.server.answer("POST windows", Answer(window_record(APPROVED), status=201), Answer(cut=True))
    opened.server.answer("GET windows/w-1", window_record(OPEN), window_record(CLOSED))
    run = opened.run(*SEVERAL, "-o", "json")
    assert run.status == 4, run.shown
    assert [window["state"] for window in run.json["windows"]] == ["CLOSED_VERIFIED"]
    assert [failure["account_id"] for failure in run.json["failures"]] == [OTHER_ID]
    assert "may be done" in run.stderr
