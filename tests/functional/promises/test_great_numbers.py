"""P13, P14 and P15 with a thousand accounts, AWS's rates and a bad day: no account is lost, and the rates are kept.

`bench/audit.py` measures the same with up to 50,000 accounts.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.functional.administration import open_client
from tests.functional.promises.forked_runs import SECONDS, ForkingProgram
from tests.functional.promises.interposed_proxy import Answer, InterposedProxy, Request
from tests.functional.promises.stage import Stage, assert_clean_ending
from tests.functional.running import Run
from tests.sandbox_process import SandboxProcess

pytestmark = [pytest.mark.xdist_group("great numbers"), pytest.mark.timeout(900)]

ACCOUNTS = 1000
UNITS = 20
LATENCY_SECONDS = 0.08
CONCURRENCY = 32
"""Few enough that it shows: at AWS's latency they can't reach the rate of AssumeRoot."""
SOME_ACCOUNTS = 100
KINDS = ("password", "recovery_allowed", "access_keys", "signing_certificates", "mfa_devices")
ABOUT_ACCOUNTS = ("AssumeRoot", "GetAccountSummary")
PAGES_BEFORE_THE_CHANGE = 10
SHARE = 60
"""Percent of the rates: so far below them that a program which takes more shows it on a busy machine, too."""
LISTING_RATE, LISTING_BURST = 8, 12
"""Of ListAccounts. Source: Organizations User Guide, "Quotas and service limits"."""
READ_TIMEOUT_SECONDS = 3
HANG_MS = 5000
"""Longer than the program waits."""
BAD_DAY_SECONDS = 180
"""Most of it is waiting: each throttle slows the program down."""
DENIED = {"code": "AccessDenied", "status": 403, "message": "refused on purpose"}
BROKEN = {"code": "ServiceFailure", "status": 500, "message": "broken on purpose"}


@pytest.fixture(scope="module")
def throttling_sandbox() -> Iterator[SandboxProcess]:
    size = ("--accounts", str(ACCOUNTS), "--organizational-units", str(UNITS))
    pace = ("--throttle", "aws", "--latency-ms", str(int(LATENCY_SECONDS * 1000)))
    with SandboxProcess.start(*size, "--features", "all", *pace) as sandbox:
        yield sandbox


@pytest.fixture
def great_stage(throttling_sandbox: SandboxProcess, tmp_path: Path, forking: ForkingProgram) -> Iterator[Stage]:
    """A database of its own for each test, so that every audit lists the organization.

    The test of the rates comes first: what another one drew from the sandbox's buckets would count against it.
    """
    (tmp_path / "temporary").mkdir()
    yield Stage(throttling_sandbox, tmp_path, forking)
    throttling_sandbox.clear_faults()


def read_statuses(run: Run) -> dict[str, str]:
    """Statuses by account id; an account that is there twice is an error."""
    rows = run.json["accounts"]
    assert len({row["account_id"] for row in rows}) == len(rows)
    return {row["account_id"]: row["status"] for row in rows}


def true_statuses(sandbox: SandboxProcess) -> dict[str, str]:
    """Of the ACTIVE member accounts, as the sandbox knows them."""
    organization = sandbox.organization()
    return {
        account["account_id"]: "present" if any(account["root_user"][kind] for kind in KINDS) else "not_present"
        for account in organization["accounts"]
        if account["state"] == "ACTIVE" and account["account_id"] != organization["management_account_id"]
    }


def test_p13_p15_accounts_that_leave_and_move_during_the_listing_cost_no_other_and_the_rates_are_kept(
    great_stage: Stage,
) -> None:
    sandbox = great_stage.sandbox
    since = sandbox.last_request()
    settings = {"ROOTKEEPER_AWS_API_SHARE": str(SHARE), "ROOTKEEPER_AWS_CONCURRENCY": str(CONCURRENCY)}
    with InterposedProxy(sandbox.base_url) as proxy:
        listing = proxy.before = HeldListing(PAGES_BEFORE_THE_CHANGE)
        through = settings | {"AWS_ENDPOINT_URL_ORGANIZATIONS": proxy.url}
        begun = great_stage.begin("audit", "-o", "json", "--fail-on", "none", changes=through)
        assert listing.is_held.wait(SECONDS), begun.remarks
        listed = list(true_statuses(sandbox))
        left, moved = (listed[40], listed[-40]), listed[-60]
        change(sandbox, left, moved)
        listing.let.set()
        run = begun.wait(BAD_DAY_SECONDS)
    assert_clean_ending(run, 0)
    statuses = read_statuses(run)
    truth = true_statuses(sandbox)
    assert {key: statuses.get(key) for key in truth} == truth
    assert left[1] not in statuses
    requests = sandbox.requests(since)
    throttled = [one["operation"] for one in requests if one["status"] == 400]
    assert throttled == []
    assert_share_is_kept(find_moments(requests, "ListAccounts")[PAGES_BEFORE_THE_CHANGE + 1 :])
    management = sandbox.organization()["management_account_id"]
    about_members = [one for one in requests if one["account_id"] != management]
    assert_concurrency_is_bounded(find_moments(about_members, *ABOUT_ACCOUNTS))


def test_p13_as_many_accounts_are_read_at_once_as_the_settings_say(tmp_path: Path, forking: ForkingProgram) -> None:
    (tmp_path / "temporary").mkdir()
    with (
        SandboxProcess.start("--accounts", str(SOME_ACCOUNTS), "--seed", "1", "--features", "all") as sandbox,
        InterposedProxy(sandbox.base_url) as proxy,
    ):
        crowd = Crowd(CONCURRENCY)
        proxy.before, proxy.after = crowd.come, crowd.leave
        # Before AWS has allowed a root session, fewer accounts are tried at once.
        settings = {
            "ROOTKEEPER_AWS_CONCURRENCY": str(CONCURRENCY),
            "ROOTKEEPER_AWS_STOP_AFTER_DENIED": str(CONCURRENCY),
        }
        run = Stage(sandbox, tmp_path, forking).run(
            "audit", "-o", "json", "--fail-on", "unknown", through=proxy, changes=settings
        )
    assert_clean_ending(run, 0)
    assert crowd.most == CONCURRENCY
    assert Counter(proxy.operations)["GetAccountSummary"] > 2 * CONCURRENCY


@pytest.mark.timeout(2 * BAD_DAY_SECONDS)
def test_p15_p14_on_a_bad_day_no_account_of_a_thousand_is_lost(great_stage: Stage) -> None:
    truth = true_statuses(great_stage.sandbox)
    great_stage.sandbox.faults(throttle=True, probability=0.02)
    great_stage.sandbox.faults(latency_ms=HANG_MS, probability=0.01)
    great_stage.sandbox.faults(drop=True, probability=0.005)
    great_stage.sandbox.faults(service="organizations", empty_page=True, probability=0.2)
    settings = {"ROOTKEEPER_AWS_READ_TIMEOUT_SECONDS": str(READ_TIMEOUT_SECONDS)}
    begun = great_stage.begin("audit", "-o", "json", "--fail-on", "unknown", changes=settings)
    run = begun.wait(BAD_DAY_SECONDS)
    assert_clean_ending(run, 0)
    statuses = read_statuses(run)
    assert statuses.keys() == great_stage.sandbox.accounts().keys()
    assert {key: statuses[key] for key in truth} == truth


@pytest.mark.long  # takes a minute, because some accounts are throttled until the audit gives up on them
def test_p14_fifty_accounts_of_a_thousand_that_fail_in_all_ways_stop_no_other(great_stage: Stage) -> None:
    sandbox = great_stage.sandbox
    truth = true_statuses(sandbox)
    failing = order_failures(sandbox, list(truth))
    run = great_stage.run("audit", "-o", "json", "--fail-on", "unknown")
    assert_clean_ending(run, 1)
    rows = {row["account_id"]: row for row in run.json["accounts"]}
    reasons = {key: rows[key]["reason"] for key in failing}
    assert reasons == failing
    assert run.json["summary"]["unknown"] == len(failing)
    expected = truth | dict.fromkeys(failing, "unknown")
    assert {key: rows[key]["status"] for key in truth} == expected


def test_p13_a_list_of_a_thousand_that_is_cut_off_near_its_end_is_an_error(great_stage: Stage) -> None:
    one = next(iter(true_statuses(great_stage.sandbox)))
    command = ("audit", one, "--refresh", "-o", "json", "--fail-on", "none")
    with InterposedProxy(great_stage.sandbox.base_url) as proxy:
        assert_clean_ending(great_stage.run(*command, through=proxy), 0)
        proxy.after = ending_at_page(48)
        run = great_stage.run(*command, through=proxy)
    assert_clean_ending(run, 3)
    assert run.stdout == ""
    assert "The list of accounts isn't complete" in run.stderr, run.shown


def ending_at_page(last_page: int) -> Callable[[Request, Answer], Answer]:
    """A hook that cuts every walk over the accounts off, after one of its pages."""
    pages = 0

    def rewrite(request: Request, answer: Answer) -> Answer:
        nonlocal pages
        if request.operation != "ListAccounts" or answer.status != 200:  # a throttled call isn't a page
            return answer
        pages += 1
        if pages % last_page:
            return answer
        body = {name: value for name, value in json.loads(answer.body).items() if name != "NextToken"}
        return Answer(answer.status, answer.headers, json.dumps(body).encode())

    return rewrite


def order_failures(sandbox: SandboxProcess, account_ids: Sequence[str]) -> dict[str, str]:
    """Let some accounts fail at every try; gives the reason of each."""
    access_paths: tuple[tuple[str, dict[str, Any]], ...] = (
        ("access_denied", {"operation": "AssumeRoot", "error": DENIED}),
        ("error", {"operation": "GetAccountSummary", "error": BROKEN}),
        ("error", {"operation": "GetAccountSummary", "drop": True}),
        ("throttled", {"operation": "GetAccountSummary", "throttle": True}),
    )
    failing = {}
    for number, account_id in enumerate(account_ids[:: len(account_ids) // 50]):
        reason, fault = access_paths[number % len(access_paths)]
        sandbox.faults(account_id=account_id, **fault)
        failing[account_id] = reason
    return failing


def find_moments(requests: Sequence[dict[str, Any]], *operations: str) -> list[float]:
    """When calls were answered, in order."""
    return [datetime.fromisoformat(one["at"]).timestamp() for one in requests if one["operation"] in operations]


def assert_share_is_kept(moments: Sequence[float]) -> None:
    """No faster, on average, than the share of the rate that was asked for; a tenth is left to late answers."""
    rate, burst = LISTING_RATE * SHARE / 100, LISTING_BURST * SHARE / 100
    assert (len(moments) - burst) / (moments[-1] - moments[0]) <= rate * 1.1


def assert_concurrency_is_bounded(moments: Sequence[float]) -> None:
    """What is answered within one latency was in flight together: no more than allowed."""
    together = [
        sum(1 for moment in moments[first : first + 2 * CONCURRENCY] if moment - start < LATENCY_SECONDS * 0.95)
        for first, start in enumerate(moments)
    ]
    assert max(together) <= CONCURRENCY


class HeldListing:
    """A hook that lets no page of accounts pass after the first ones, until the test says so."""

    def __init__(self, pages: int) -> None:
        self._left = pages
        self.is_held, self.let = threading.Event(), threading.Event()

    def __call__(self, request: Request) -> Answer | None:
        if request.operation == "ListAccounts":
            if self._left == 0:
                self.is_held.set()
                self.let.wait(SECONDS)
            self._left -= 1
        return None


class Crowd:
    """Calls about members: none is answered before so many are there at once."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._guard = threading.Lock()
        self._is_complete = threading.Event()
        self._here = 0
        self.most = 0

    def come(self, request: Request) -> Answer | None:
        if self._is_about_member(request):
            with self._guard:
                self._here += 1
                self.most = max(self.most, self._here)
            if self.most >= self._wanted:
                self._is_complete.set()
            self._is_complete.wait(SECONDS)
        return None

    def leave(self, request: Request, answer: Answer) -> Answer:
        if self._is_about_member(request):
            with self._guard:
                self._here -= 1
        return answer

    def _is_about_member(self, request: Request) -> bool:
        """The management account's own root user is read beside, without a root session."""
        return request.operation in ABOUT_ACCOUNTS and request.account_id is not None


def change(sandbox: SandboxProcess, left: tuple[str, ...], moved: str) -> None:
    """Take accounts out of the organization, and move one to its root."""
    organizations = open_client("organizations", sandbox.base_url, sandbox.principals()["management-admin"])
    for account_id in left:
        organizations.remove_account_from_organization(AccountId=account_id)
    source = organizations.list_parents(ChildId=moved)["Parents"][0]["Id"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    if source != root:
        organizations.move_account(AccountId=moved, SourceParentId=source, DestinationParentId=root)
