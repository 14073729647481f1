"""Windows through a server: what is asked of it, what the person is shown, and the exit status."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.windows.rules import CloseOutcome, WindowState
from tests.fakes.remote_desk import ACCOUNT_ID, NOW, WINDOW, RemoteDesk, background_record, window_record
from tests.fakes.rootkeeper_server import Answer, problem

APPROVED = replace(WINDOW, state=WindowState.APPROVED, approved_by=("boris",))
OPEN = replace(APPROVED, state=WindowState.OPEN, opened_at=NOW, expires_at=NOW + timedelta(days=1), lapses_at=None)
CLOSED = replace(OPEN, state=WindowState.CLOSED_VERIFIED, closed_at=NOW)
DECISIONS = ("approve", "cancel", "review")


def test_a_list_is_shown_as_that_of_a_database(desk: RemoteDesk) -> None:
    desk.server.answer("GET windows", {"windows": [window_record(OPEN)], "next": None})
    run = desk.run("windows", "list", "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["windows"] == [
        {name: value for name, value in window_record(OPEN).items() if name not in {"schema_version", *_JUDGED}}
    ]
    assert desk.server.asked[0].path.startswith("windows?unfinished=false")


_JUDGED = ("is_overdue", "has_lapsed")


def test_all_pages_of_a_list_are_shown(desk: RemoteDesk) -> None:
    second = replace(WINDOW, window_id="w-2")
    desk.server.answer(
        "GET windows",
        {"windows": [window_record(WINDOW)], "next": "w-1"},
        {"windows": [window_record(second)], "next": None},
    )
    assert [window["window_id"] for window in desk.run("windows", "list", "-o", "json").json["windows"]] == [
        "w-1",
        "w-2",
    ]


def test_a_window_past_its_end_is_named_loudly(desk: RemoteDesk) -> None:
    late = replace(OPEN, state=WindowState.CLOSE_FAILED, expires_at=NOW - timedelta(hours=1), failure="AWS is down.")
    desk.server.answer("GET windows", {"windows": [window_record(late)], "next": None})
    run = desk.run("windows", "list")
    assert "ALERT: recovery window w-1" in run.stderr
    assert "AWS is down." in run.stderr


def test_a_window_is_found_by_the_name_of_its_account(desk: RemoteDesk) -> None:
    desk.server.answer("GET windows/payments", problem(404, "input.not_found", "There is none."))
    desk.server.answer(
        "GET accounts",
        {
            "accounts": [
                {"account_id": "333344445555", "name": "payments-old"},
                {"account_id": ACCOUNT_ID, "name": "payments"},
            ],
            "next": None,
        },
    )
    desk.server.answer(f"GET windows/{ACCOUNT_ID}", window_record(WINDOW))
    run = desk.run("windows", "show", "payments", "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["window_id"] == "w-1"


def test_a_window_that_is_not_there_ends_with_2(desk: RemoteDesk) -> None:
    desk.server.answer("GET windows/w-9", problem(404, "input.not_found", "There is no window w-9."))
    desk.server.answer("GET accounts", {"accounts": [], "next": None})
    run = desk.run("windows", "show", "w-9")
    assert run.status == 2
    assert "There is no window w-9." in run.stderr


def test_a_request_shows_what_it_waits_for(desk: RemoteDesk) -> None:
    desk.server.answer("POST windows", Answer(window_record(WINDOW), status=201))
    run = desk.run(
        "windows", "request", "payments", "--reason", "close the account", "--ticket", "OPS-7", "--for", "1h", "--yes"
    )
    assert run.status == 0, run.shown
    assert desk.posted == [
        (
            "windows",
            {
                "account": "payments",
                "reason": "close the account",
                "ticket": "OPS-7",
                "duration_seconds": 3600,
                "is_drill": False,
                "is_emergency": False,
                "governs_login": False,
            },
        )
    ]
    assert "one more approval by someone other than anna" in run.stderr
    assert "rootkeeper windows approve w-1" in run.stderr


def test_a_question_names_organization_person_and_endpoint(desk: RemoteDesk) -> None:
    desk.server.answer("POST windows", Answer(window_record(WINDOW), status=201))
    run = desk.run("windows", "request", "payments", "--reason", "x", "--yes")
    for said in ("o-exampleorgid", f"pipeline (token, operator) on {desk.server.url}", "SANDBOX 127.0.0.1:4599"):
        assert said in run.stderr


def test_without_anyone_to_answer_nothing_is_sent(desk: RemoteDesk) -> None:
    run = desk.run("windows", "request", "payments", "--reason", "x")
    assert run.status == 2
    assert "--yes" in run.stderr
    assert desk.posted == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("request", "payments", "--reason", "x"),
        ("approve", "w-1"),
        ("deny", "w-1", "--reason", "no"),
        ("cancel", "w-1"),
        ("activate", "w-1"),
        ("extend", "w-1", "--by", "1h"),
        ("close", "w-1"),
        ("review", "w-1"),
    ],
)
def test_a_dry_run_changes_nothing_and_says_what_would(desk: RemoteDesk, arguments: tuple[str, ...]) -> None:
    desk.have_role(ServerRole.ADMINISTRATOR)
    desk.server.answer("GET windows/w-1", window_record(OPEN))
    run = desk.run("windows", *arguments, "--dry-run")
    assert run.status == 0, run.shown
    assert desk.posted == []
    assert "Organization o-exampleorgid" in run.stderr


def test_an_approval_is_bound_to_what_was_seen(desk: RemoteDesk) -> None:
    desk.have_role(ServerRole.APPROVER)
    desk.server.answer("GET windows/w-1", window_record(WINDOW))
    desk.server.answer("POST windows/w-1/approve", window_record(APPROVED))
    run = desk.run("windows", "approve", "w-1", "--yes")
    assert run.status == 0, run.shown
    assert desk.posted == [("windows/w-1/approve", {"account_id": ACCOUNT_ID, "duration_seconds": 3600})]
    assert "rootkeeper windows activate w-1" in run.stderr


def test_an_approver_is_shown_what_else_to_know(desk: RemoteDesk) -> None:
    desk.have_role(ServerRole.APPROVER)
    desk.server.answer("GET windows/w-1", window_record(WINDOW))
    background = background_record(
        WINDOW,
        governs_login=True,
        check={"present": ["a password"], "policy_doubts": ["Policy p-1 possibly blocks it."]},
        of_account={"total": 3, "newest": []},
        approvers=["carla", "dora"],
    )
    desk.server.answer("GET windows/w-1/background", background)
    run = desk.run("windows", "approve", "w-1", "--dry-run")
    assert run.status == 0, run.shown
    for text in (
        "It governs the root login that the account has already",
        "When it was requested, the account had a password.",
        "Policy p-1 possibly blocks it.",
        "Earlier windows: 3 of this account, 0 of the requester in other accounts.",
        "Others who can approve it: carla, dora.",
    ):
        assert text in run.shown


def test_an_existing_login_is_governed_and_not_recovered(desk: RemoteDesk) -> None:
    desk.server.answer("POST windows", Answer(window_record(WINDOW), status=201))
    run = desk.run("windows", "request", "payments", "--reason", "taxes", "--existing-login", "--yes")
    assert run.status == 0, run.shown
    assert desk.posted[0][1]["governs_login"] is True

    desk.server.answer("GET windows/w-1", window_record(APPROVED))
    desk.server.answer("GET windows/w-1/background", background_record(WINDOW, governs_login=True))
    desk.server.answer(f"GET accounts/{ACCOUNT_ID}", {"account_id": ACCOUNT_ID, "email": "root@example.com"})
    opened = window_record(OPEN, outcome="open", explanation="It is open.", hint=None, exit_status=0)
    desk.server.answer("POST windows/w-1/activate", opened)
    run = desk.run("windows", "activate", "w-1", "--yes")
    assert run.status == 0, run.shown
    assert "Sign in as root user root@example.com with the existing password" in run.stderr
    assert "forgot-password" not in run.shown


@pytest.mark.parametrize("decision", DECISIONS)
def test_what_the_server_refuses_ends_as_it_would_on_a_database(desk: RemoteDesk, decision: str) -> None:
    desk.have_role(ServerRole.ADMINISTRATOR)
    desk.server.answer("GET windows/w-1", window_record(WINDOW))
    desk.server.answer(
        f"POST windows/w-1/{decision}", problem(409, "approval.refused", "anna requested it.", "Ask another approver.")
    )
    run = desk.run("windows", decision, "w-1", "--yes")
    assert run.status == 2
    assert "error: anna requested it." in run.stderr
    assert "hint: Ask another approver." in run.stderr


def test_a_role_that_does_not_permit_it_ends_with_3_before_anything_is_asked(desk: RemoteDesk) -> None:
    desk.server.answer("GET windows/w-1", window_record(WINDOW))
    run = desk.run("windows", "approve", "w-1", "--yes")
    assert run.status == 3
    assert "windows:approve" in run.stderr
    assert "approver" in run.stderr
    assert desk.posted == []


def test_whom_the_server_refuses_all_the_same_ends_with_3(desk: RemoteDesk) -> None:
    desk.have_role(ServerRole.APPROVER)
    desk.server.answer("GET windows/w-1", window_record(WINDOW))
    desk.server.answer("POST windows/w-1/approve", problem(403, "access.denied", "pipeline may not approve."))
    run = desk.run("windows", "approve", "w-1", "--yes")
    assert run.status == 3
    assert "may not approve" in run.stderr


def test_a_denial_carries_its_reason(desk: RemoteDesk) -> None:
    desk.have_role(ServerRole.APPROVER)
    desk.server.answer("GET windows/w-1", window_record(WINDOW))
    desk.server.answer("POST windows/w-1/deny", window_record(replace(WINDOW, state=WindowState.DENIED)))
    run = desk.run("windows", "deny", "w-1", "--reason", "no ticket", "--yes", "-o", "json")
    assert run.json["state"] == "DENIED"
    assert desk.posted == [("windows/w-1/deny", {"reason": "no ticket"})]


def test_an_extension_asks_for_so_many_seconds(desk: RemoteDesk) -> None:
    desk.have_role(ServerRole.APPROVER)
    desk.server.answer("GET windows/w-1", window_record(OPEN))
    desk.server.answer("POST windows/w-1/extend", window_record(replace(OPEN, duration_seconds=5400)))
    assert desk.run("windows", "extend", "w-1", "--by", "30m", "--yes").status == 0
    assert desk.posted == [("windows/w-1/extend", {"duration_seconds": 1800})]


def test_an_activation_shows_what_to_do_in_the_window(desk: RemoteDesk) -> None:
    desk.server.answer("GET windows/w-1", window_record(APPROVED))
    desk.server.answer(f"GET accounts/{ACCOUNT_ID}", {"account_id": ACCOUNT_ID, "email": "root@example.com"})
    opened = window_record(OPEN, outcome="open", explanation="It is open.", hint=None, exit_status=0)
    desk.server.answer("POST windows/w-1/activate", opened)
    run = desk.run("windows", "activate", "w-1", "--yes")
    assert run.status == 0, run.shown
    assert "http://127.0.0.1:4599/signin/forgot-password" in run.stderr
    assert "root@example.com" in run.stderr
    assert "The server closes the window" in run.stderr


def test_an_activation_that_is_not_proven_ends_with_4(desk: RemoteDesk) -> None:
    desk.server.answer("GET windows/w-1", window_record(APPROVED))
    unclear = window_record(
        OPEN, outcome="unknown", explanation="AWS didn't answer.", hint="Look again.", exit_status=4
    )
    desk.server.answer("POST windows/w-1/activate", unclear)
    run = desk.run("windows", "activate", "w-1", "--yes")
    assert run.status == 4
    assert "AWS didn't answer." in run.stderr


def test_an_activation_whose_answer_is_lost_is_not_sent_again(desk: RemoteDesk) -> None:
    desk.server.answer("GET windows/w-1", window_record(APPROVED))
    desk.server.answer("POST windows/w-1/activate", Answer(cut=True))
    run = desk.run("windows", "activate", "w-1", "--yes")
    assert run.status == 4
    assert "may be done" in run.stderr
    assert len(desk.posted) == 1


@pytest.mark.parametrize(("is_closed", "status"), [(True, 0), (False, 4)])
def test_a_closing_is_good_only_if_a_re_read_shows_it(desk: RemoteDesk, is_closed: bool, status: int) -> None:
    desk.server.answer("GET windows/w-1", window_record(OPEN))
    after = CLOSED if is_closed else replace(OPEN, state=WindowState.CLOSE_FAILED)
    outcome = CloseOutcome.CLOSED if is_closed else CloseOutcome.FAILED
    answer = window_record(
        after, is_closed=is_closed, outcome=outcome.value, explanation="As a re-read shows.", hint=None
    )
    desk.server.answer("POST windows/w-1/close", answer)
    run = desk.run("windows", "close", "w-1", "--yes")
    assert run.status == status
    assert "As a re-read shows." in run.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("request", "payments", "--reason", "x"),
        ("approve", "w-1"),
        ("deny", "w-1", "--reason", "no"),
        ("cancel", "w-1"),
        ("activate", "w-1"),
        ("extend", "w-1", "--by", "1h"),
        ("review", "w-1"),
    ],
)
def test_without_a_server_no_one_can_approve_anything(
    desk: RemoteDesk, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.delenv("ROOTKEEPER_SERVER")
    run = desk.run("windows", *arguments, "--yes")
    assert run.status == 2
    assert "Only a server collects approvals" in run.stderr
    assert "rootkeeper serve" in run.stderr
    assert desk.server.asked == []


def test_a_token_is_never_shown(desk: RemoteDesk) -> None:
    desk.server.answer("GET windows", problem(401, "access.not_signed_in", "The token has ended."))
    run = desk.run("windows", "list")
    assert run.status == 3
    assert "rk_canary" not in run.shown
    assert "rootkeeper login" in run.stderr
