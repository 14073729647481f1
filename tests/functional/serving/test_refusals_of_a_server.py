"""What a server is asked for and must not do: each is refused with what to do next, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.notification_servers import Receiver
from tests.functional.administration import open_client
from tests.functional.running import Run, Runner
from tests.functional.serving.outposts import ADMINISTRATOR, SECRET, Outpost, open_outpost
from tests.server_process import Answer

pytestmark = pytest.mark.xdist_group("refusals of a server")
"""They share their servers."""

USAGE, DENIED, CHANGE_FAILED = 2, 3, 4
UNIT = "Root/Unit 0001"
ELSEWHERE = "Root/Unit 0003"
LAPSING = 75.0
"""Seconds; approvals are valid for a minute, and a clock may be five minutes off."""
SECONDS = 60.0
WHAT = "approve or extend recovery windows"
KEY = "AKIAIOSFODNN7EXAMPLE"
UNUSABLE_URLS = {
    "wrong-service": "nosuchservice://token/of/unknown",
    "wrong-text": "this is no address",
    "no-address": "",
    "metadata": f"webhook+https://{SECRET}@169.254.169.254/latest",
    "private": f"webhook+https://{SECRET}@10.0.0.1/hook",
    "resolves-inside": f"webhook+http://{SECRET}@localhost:PORT/hook",
    "loopback": f"webhook+http://{SECRET}@127.0.0.1:PORT/hook",
    "unreachable": f"webhook+http://{SECRET}@127.0.0.1:1/hook",
}
"""By the target's name; ``PORT`` is one that listens, and that nothing may reach."""
REASONS = {
    "metadata": "its address isn't public",
    "private": "its address isn't public",
    "resolves-inside": "its address isn't public",
    "loopback": "its address isn't public",
    "unreachable": "the connection failed",
    "no-address": "isn't set",
}


@pytest.fixture(scope="module")
def trap() -> Iterator[Receiver]:
    """Listens where nothing may connect to."""
    with Receiver.start() as found:
        yield found


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def outpost(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, runner: Runner, trap: Receiver
) -> Iterator[Outpost]:
    """Most targets of notifications can't be reached, all the time."""
    urls = {name: url.replace("PORT", str(trap.port)) for name, url in UNUSABLE_URLS.items()}
    with open_outpost(
        request.param,
        tmp_path_factory.mktemp("refusals"),
        runner,
        lambda: request.getfixturevalue("postgresql"),
        ROOTKEEPER_WINDOWS_APPROVERS=f"adam, piet, cora, ole in {UNIT}",
        ROOTKEEPER_WINDOWS_APPROVAL_VALID="1m",
        ROOTKEEPER_WINDOWS_LONGEST="2h",
        **{variable_of(name): url for name, url in urls.items()},
    ) as opened:
        more = [f"{name} info env:{variable_of(name)}" for name in urls]
        opened.environment["ROOTKEEPER_NOTIFICATIONS_TARGETS"] += f", {', '.join(more)}"
        unreachable = "127.0.0.1:1"
        opened.environment["ROOTKEEPER_NOTIFICATIONS_ALLOWED_HOSTS"] += f", {unreachable}"
        opened.start(clock_offset=0)
        yield opened


@dataclass(frozen=True, slots=True)
class Early:
    """Windows that come to their end while other things are refused."""

    reported_window: str
    left_account_id: str
    of_left_account: str


@pytest.fixture(scope="module", autouse=True)
def early(outpost: Outpost) -> Early:
    """The account of one of them leaves the organization while it is open."""
    reported_window = outpost.open(outpost.take_account(), "10s")
    account_id, organizations = outpost.take_member_administrators(), management_client(outpost)
    of_left_account = outpost.open(account_id, "10s")
    organizations.remove_account_from_organization(AccountId=account_id)
    return Early(reported_window, account_id, of_left_account)


def management_client(outpost: Outpost) -> Any:
    principal = outpost.sandbox.principals()["management-admin"]
    return open_client("organizations", outpost.sandbox.base_url, principal)


def variable_of(name: str) -> str:
    return f"URL_OF_{name.upper().replace('-', '_')}"


def ensure_refused(answer: Answer, status: int, code: str, words: str) -> None:
    """It says what is wrong, in those words, and what to do."""
    assert (answer.status, answer.body.get("code")) == (status, code), answer
    assert words in answer.body["detail"], answer
    assert answer.body["hint"], answer


def ensure_refused_on_command_line(run: Run, status: int, words: str) -> None:
    assert run.status == status, run.shown
    assert words in run.stderr
    assert "hint: " in run.stderr


def act(outpost: Outpost, name: str, *arguments: str) -> Run:
    return outpost.person(name).run("windows", *arguments, "--yes")


# Approvals.


def test_p10_a_user_who_requested_a_window_cant_approve_it_in_any_role(outpost: Outpost) -> None:
    window_id = outpost.request(outpost.take_account(), name=ADMINISTRATOR)
    ensure_refused(
        outpost.post(f"/windows/{window_id}/approve", None, ADMINISTRATOR), 409, "approval.refused", "can't approve it"
    )
    ensure_refused_on_command_line(act(outpost, ADMINISTRATOR, "approve", window_id), USAGE, "can't approve it")
    assert outpost.find(window_id)["state"] == "REQUESTED"
    assert outpost.post(f"/windows/{window_id}/approve", None, "piet").body["state"] == "APPROVED"


def test_p10_no_one_gets_a_second_name_that_differs_in_case_alone(outpost: Outpost) -> None:
    for name in ("Olga", "OLGA", "oLga"):
        refused = outpost.post("/tokens", {"name": name, "role": "approver"}, ADMINISTRATOR)
        assert refused.status in {409, 422}, refused
        assert "olga" in refused.body["detail"].casefold(), refused
        assert refused.body["hint"], refused
        run = outpost.local.run("token", "create", "--role", "approver", "--name", name)
        ensure_refused_on_command_line(run, USAGE, name)


def test_p10_an_approval_counts_once_for_each_person_and_only_for_what_was_asked(outpost: Outpost) -> None:
    window_id = outpost.request(outpost.take_account())
    approve = f"/windows/{window_id}/approve"
    other = {"account_id": outpost.take_account()}
    ensure_refused(outpost.post(approve, other, "piet"), 409, "approval.refused", "not " + other["account_id"])
    ensure_refused(outpost.post(approve, {"duration": "2h"}, "piet"), 409, "approval.refused", "not 2h")
    assert outpost.find(window_id)["state"] == "REQUESTED"
    assert outpost.post(approve, {"duration": "1h"}, "piet").status == 200
    ensure_refused(outpost.post(approve, None, "piet"), 409, "approval.refused", "already")
    ensure_refused_on_command_line(act(outpost, "piet", "approve", window_id), USAGE, "already")
    assert outpost.find(window_id)["approved_by"] == ["piet"]


def test_p10_a_token_without_the_role_changes_nothing(outpost: Outpost) -> None:
    window_id = outpost.request(outpost.take_account())
    path = f"/windows/{window_id}"
    for name in ("vera", "olga"):
        ensure_refused(outpost.post(f"{path}/approve", None, name), 403, "access.denied", f"{name} has the role")
    for name in ("vera", "piet"):
        ensure_refused(outpost.post(f"{path}/activate", None, name), 403, "access.denied", f"{name} has the role")
    ensure_refused_on_command_line(act(outpost, "vera", "approve", window_id), DENIED, "vera has the role")
    assert outpost.find(window_id)["approved_by"] == []


def test_p10_an_approver_of_one_unit_decides_for_no_other(outpost: Outpost) -> None:
    elsewhere, below = outpost.take_account(ELSEWHERE), outpost.take_account(UNIT)
    window_id = outpost.request(elsewhere)
    for action, body in (("approve", None), ("deny", {"reason": "no"})):
        refused = outpost.post(f"/windows/{window_id}/{action}", body, "ole")
        ensure_refused(refused, 403, "access.denied", f"ole may not {WHAT} for account {elsewhere}")
    ensure_refused_on_command_line(act(outpost, "ole", "approve", window_id), DENIED, "ole may not")
    assert outpost.find(window_id)["state"] == "REQUESTED"
    assert outpost.post(f"/windows/{outpost.request(below)}/approve", None, "ole").body["state"] == "APPROVED"


def test_a_window_that_lasts_longer_than_the_policy_allows_is_refused_when_asked_for_and_when_prolonged(
    outpost: Outpost,
) -> None:
    account_id = outpost.take_account()
    body = {"account": account_id, "reason": "a drill", "duration": "3h"}
    ensure_refused(outpost.post("/windows", body), 422, "input.invalid", "longer than the settings allow")
    run = act(outpost, "olga", "request", account_id, "--reason", "a drill", "--for", "3h")
    ensure_refused_on_command_line(run, USAGE, "longer than the settings allow")
    window_id = outpost.open(account_id, "1h")
    before = outpost.find(window_id)["expires_at"]
    extend = f"/windows/{window_id}/extend"
    ensure_refused(outpost.post(extend, {"duration": "61m"}, "piet"), 422, "input.invalid", "longer than 2h")
    run = act(outpost, "piet", "extend", window_id, "--by", "61m")
    ensure_refused_on_command_line(run, USAGE, "longer than 2h")
    assert outpost.find(window_id)["expires_at"] == before
    assert outpost.post(extend, {"duration": "1h"}, "piet").body["duration_seconds"] == 2 * 3600


def test_p10_a_window_is_activated_once(outpost: Outpost) -> None:
    account_id = outpost.take_account()
    window_id = outpost.open(account_id)
    activate = f"/windows/{window_id}/activate"
    ensure_refused(outpost.post(activate), 409, "window.conflict", "is OPEN")
    ensure_refused_on_command_line(act(outpost, "olga", "activate", window_id), USAGE, "is OPEN")
    assert outpost.post(f"/windows/{window_id}/close").body["state"] == "CLOSED_VERIFIED"
    ensure_refused(outpost.post(activate), 409, "window.conflict", "is CLOSED_VERIFIED")
    assert not outpost.is_open(account_id)


# Accounts.


def test_an_account_that_left_keeps_its_window_owed_and_named_and_it_is_closed_once_it_is_back(
    outpost: Outpost, early: Early
) -> None:
    window_id, account_id, reason = early.of_left_account, early.left_account_id, "isn't in the organization any more"
    failed = outpost.wait_failed(window_id, attempts=2)
    assert reason in failed["failure"]
    assert failed["next_closing_at"] is not None
    outpost.server.wait_until(lambda: list_reported(outpost, window_id), SECONDS)
    reported = list_reported(outpost, window_id)[0]
    assert (reported["account_id"], reason in reported["body"]) == (account_id, True)
    outpost.server.wait_until(lambda: outpost.server.has_error(window_id), SECONDS)
    by_hand = close_by_hand(outpost, window_id)
    assert (by_hand.status, by_hand.body["is_closed"]) == (202, False), by_hand
    assert reason in by_hand.body["explanation"]
    ensure_refused_on_command_line(close_on_command_line(outpost, window_id), CHANGE_FAILED, reason)

    bring_back(outpost, account_id)
    assert outpost.is_open(account_id)
    assert close_by_hand(outpost, window_id).body["is_closed"]
    assert not outpost.is_open(account_id)
    assert outpost.find(window_id)["state"] == "CLOSED_VERIFIED"


def list_reported(outpost: Outpost, window_id: str) -> list[dict[str, Any]]:
    """The notifications of closings of the window that failed."""
    return [one for one in outpost.reported("window:close:failed") if one["window_id"] == window_id]


def close_by_hand(outpost: Outpost, window_id: str) -> Answer:
    """Ask again while the server itself tries to close it."""
    answers: list[Answer] = []

    def is_asked_alone() -> bool:
        answers.append(outpost.post(f"/windows/{window_id}/close"))
        return "is held by" not in answers[-1].body["explanation"]

    outpost.server.wait_until(is_asked_alone, SECONDS)
    return answers[-1]


def close_on_command_line(outpost: Outpost, window_id: str) -> Run:
    """Ask again while the server itself tries to close it."""
    runs: list[Run] = []

    def is_asked_alone() -> bool:
        runs.append(act(outpost, "olga", "close", window_id))
        return "is held by" not in runs[-1].stderr

    outpost.server.wait_until(is_asked_alone, SECONDS)
    return runs[-1]


def bring_back(outpost: Outpost, account_id: str) -> None:
    invited = management_client(outpost).invite_account_to_organization(Target={"Id": account_id, "Type": "ACCOUNT"})
    member = outpost.sandbox.principals()["member-admin"]
    own = open_client("organizations", outpost.sandbox.base_url, member)
    own.accept_handshake(HandshakeId=invited["Handshake"]["Id"])


def test_an_account_with_an_open_window_is_left_out_of_a_deletion(outpost: Outpost) -> None:
    account_id = outpost.take_account()
    outpost.sandbox.put_root_user(account_id, {"access_keys": [{"access_key_id": KEY}]})
    selection = {"selection": {"accounts": [account_id]}, "allowed_uses": [[account_id, "it is left over"]]}
    planned = outpost.wait_over(outpost.post("/plans", selection).body["job_id"])
    assert planned["state"] == "done", planned
    plan = outpost.get(f"/jobs/{planned['job_id']}/outcome")
    outpost.sandbox.put_root_user(account_id, {})
    window_id = outpost.open(account_id)
    outpost.sandbox.put_root_user(account_id, {"recovery_allowed": True, "access_keys": [{"access_key_id": KEY}]})
    since = outpost.sandbox.last_request()
    job = outpost.wait_over(outpost.post("/deletions", {"plan_id": plan["plan_id"]}).body["job_id"])
    (result,) = outpost.get(f"/jobs/{job['job_id']}/results")["results"]
    assert window_id in str(result), result
    assert outpost.sandbox.operations(since, mutating=True) == []
    assert outpost.is_open(account_id)
    assert outpost.find(window_id)["state"] == "OPEN"


# Jobs.


def test_a_job_that_isnt_there_or_was_cancelled_cant_be_taken_up(outpost: Outpost) -> None:
    for path in ("/jobs/j-nothere/cancel", "/jobs/j-nothere/resume"):
        ensure_refused(outpost.post(path), 404, "input.not_found", "j-nothere")
    run = outpost.person("olga").run("jobs", "resume", "j-nothere", "--yes")
    ensure_refused_on_command_line(run, USAGE, "j-nothere")
    outpost.sandbox.faults(service="iam", operation="GetAccountSummary", latency_ms=6000)
    job_id = outpost.post("/audits").body["job_id"]
    assert outpost.post(f"/jobs/{job_id}/cancel").status == 202
    outpost.sandbox.clear_faults()
    assert outpost.wait_over(job_id)["state"] == "cancelled"
    ensure_refused(outpost.post(f"/jobs/{job_id}/resume"), 409, "job.conflict", job_id)
    run = outpost.person("olga").run("jobs", "resume", job_id, "--yes")
    ensure_refused_on_command_line(run, USAGE, job_id)


# Who is notified.


def test_targets_that_are_wrong_point_inside_or_cant_be_reached_hold_nothing_up_and_are_reported(
    outpost: Outpost, early: Early, trap: Receiver
) -> None:
    window_id = early.reported_window
    outpost.wait_closed_on_time(window_id)
    outpost.server.wait_until(lambda: set(list_failing(outpost)) == set(UNUSABLE_URLS), SECONDS)
    failing = list_failing(outpost)
    assert {name: words for name, words in REASONS.items() if words not in failing[name]} == {}, failing
    reported_window = {"window:request:done", "window:open:done", "window:close:done"}
    outpost.server.wait_until(
        lambda: all(any(one["window_id"] == window_id for one in outpost.reported(event)) for event in reported_window),
        SECONDS,
    )
    outpost.server.wait_until(lambda: find_reported(outpost) == set(UNUSABLE_URLS), SECONDS)
    assert trap.connections == 0
    assert SECRET not in outpost.server.stderr
    ready = outpost.server.ask("GET", "/readyz")
    assert (ready.status, f"{len(UNUSABLE_URLS)} of {len(UNUSABLE_URLS) + 1}" in str(ready.body)) == (200, True), ready


def list_failing(outpost: Outpost) -> dict[str, str]:
    """Why a delivery failed, by target."""
    listed = outpost.local.run("notifications", "list", "--limit", "1000", "-o", "json")
    return {one["target"]: one["failure"] for one in listed.json["deliveries"] if one["failure"]}


def find_reported(outpost: Outpost) -> set[str]:
    """The targets of which notifications say that they fail."""
    titles = " ".join(one["title"] for one in outpost.reported("notification:deliver:failed"))
    return {name for name in UNUSABLE_URLS if name in titles}


def test_unusable_targets_are_named_by_the_test_command(outpost: Outpost, trap: Receiver) -> None:
    tested = outpost.local.run("notifications", "test", "-o", "json")
    assert tested.status == CHANGE_FAILED, tested.shown
    assert {name for name in UNUSABLE_URLS if name not in tested.stdout} == set()
    assert trap.connections == 0
    assert SECRET not in tested.shown


@pytest.mark.parametrize(
    "targets", ["hook loudly env:HOOK_URL", f"hook info webhook+https://{SECRET}@example.com", "hook"]
)
def test_a_target_that_cant_be_understood_keeps_a_server_from_beginning(
    outpost: Outpost, tmp_path: Path, targets: str
) -> None:
    url = f"sqlite:///{tmp_path / 'rootkeeper.db'}"
    run = outpost.local.run(
        "serve", "--port", "0", ROOTKEEPER_DATABASE_URL=url, ROOTKEEPER_NOTIFICATIONS_TARGETS=targets
    )
    ensure_refused_on_command_line(run, USAGE, "notification target")
    assert SECRET not in run.stderr


# Time; the last one, since the server's clock is moved.


def test_p10_what_comes_too_late_counts_no_more(outpost: Outpost) -> None:
    unapproved, unused = outpost.take_account(), outpost.take_account()
    late, unactivated = outpost.request(unapproved), outpost.request(unused)
    assert outpost.post(f"/windows/{unactivated}/approve", None, "piet").body["state"] == "APPROVED"
    outpost.server.move_clock(LAPSING)
    ensure_refused(outpost.post(f"/windows/{late}/approve", None, "piet"), 409, "approval.refused", "has lapsed")
    ensure_refused(outpost.post(f"/windows/{unactivated}/activate"), 409, "approval.refused", "has lapsed")
    ensure_refused_on_command_line(act(outpost, "piet", "approve", late), USAGE, "has lapsed")
    outpost.server.wait_until(lambda: outpost.find(late)["state"] == "LAPSED", SECONDS)
    outpost.server.wait_until(lambda: outpost.find(unactivated)["state"] == "LAPSED", SECONDS)
    ensure_refused(outpost.post(f"/windows/{unactivated}/activate"), 409, "approval.refused", "has lapsed")
    assert not outpost.is_open(unapproved)
    assert not outpost.is_open(unused)
    assert outpost.request(unapproved)
    outpost.server.wait_until(lambda: len(outpost.reported("window:lapse:done")) >= 2, SECONDS)
