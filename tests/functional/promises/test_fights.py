"""P27 and P03: processes that fight for one account never act at once, and a zombie does nothing more."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import psutil
import pytest

from tests.functional.crash.root_users import with_every_kind
from tests.functional.promises.forked_runs import SECONDS, ForkedRun
from tests.functional.promises.interposed_proxy import Answer, InterposedProxy, Request
from tests.functional.promises.stage import CLEAN, EVERYTHING, Stage, assert_clean_ending, read_rows
from tests.functional.running import Run
from tests.sqlite_writing import is_being_written

SHORT_LEASE = {"ROOTKEEPER_LEASE_SECONDS": "8"}
"""Of one that is stopped for longer. It is renewed each quarter; the other three a busy machine may stand still."""
DELETE = ("delete", EVERYTHING, "--yes")
RECOVER = ("recover", CLEAN, "--reason", "drill", "--for", "1h", "--yes")


def wait_for(condition: Callable[[], bool], failure: str) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, failure
        time.sleep(0.02)


class Contender:
    """One process with a proxy of its own, that may be stopped at any point."""

    def __init__(self, stage: Stage, proxy: InterposedProxy) -> None:
        self._stage = stage
        self.proxy = proxy
        self._begun = threading.Event()
        self.run: ForkedRun | None = None
        self.known = 0
        """How many requests had come when it was resumed."""

    def begin(self, *arguments: str, **how: Any) -> Contender:
        self.run = self._stage.begin(*arguments, through=self.proxy, **how)
        self._begun.set()
        return self

    @property
    def pid(self) -> int:
        assert self._begun.wait(SECONDS)
        assert self.run is not None
        return self.run.pid

    def stop_inside(self, operation: str, task_policy: str | None = None) -> None:
        """Stop it while its first such call is on the way; the call acts."""

        def stop(request: Request) -> Answer | None:
            if (request.operation, request.task_policy) == (operation, task_policy) and not self.is_stopped:
                self._stop_between_transactions()
                self.proxy.before = lambda _: None
            return None

        self.proxy.before = stop

    def _stop_between_transactions(self) -> None:
        """In the midst of one, such as a renewal of its lease, it would keep all others from writing."""
        while True:
            os.kill(self.pid, signal.SIGSTOP)
            self.wait_until_stopped()
            if not is_being_written(self._stage.database):
                return
            os.kill(self.pid, signal.SIGCONT)

    @property
    def is_stopped(self) -> bool:
        return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def wait_until_stopped(self) -> None:
        wait_for(lambda: self.is_stopped, "it didn't stop")

    def outlive_lease(self) -> None:
        """Wait until any process may take over from it."""

        def has_run_out() -> bool:
            rows = read_rows(self._stage.database, "SELECT process_id, lease_until FROM owners")
            ends = [row["lease_until"] for row in rows if row["process_id"] == self.pid]
            return bool(ends) and all(datetime.fromisoformat(end) < datetime.now(UTC) for end in ends)

        wait_for(has_run_out, "its lease doesn't end")

    def resume(self) -> Run:
        """Let it go on, to its end."""
        self.known = len(self.proxy.requests)
        os.kill(self.pid, signal.SIGCONT)
        return self.end()

    def kill(self) -> None:
        if self.run is not None:
            self.run.kill()

    def end(self) -> Run:
        assert self.run is not None
        return self.run.wait()


@pytest.fixture
def make_contender(stage: Stage) -> Iterator[Callable[[], Contender]]:
    with ExitStack() as stack:

        def make() -> Contender:
            contender = Contender(stage, stack.enter_context(InterposedProxy(stage.sandbox.base_url)))
            stack.callback(contender.kill)
            return contender

        yield make


@contextmanager
def resumed_in_the_midst_of(zombie: Contender, other: Contender, operation: str) -> Iterator[list[Run]]:
    """The zombie is resumed, and comes to its end, while ``other`` is at its first such call."""
    ended: list[Run] = []

    def resume(request: Request) -> Answer | None:
        if request.operation == operation and not ended:
            ended.append(zombie.resume())
        return None

    other.proxy.before = resume
    yield ended
    assert ended, "the other one never came so far"


def assert_did_nothing_more(zombie: Contender) -> None:
    """At most it looks, in the session that it had, at what became of its last call."""
    later = zombie.proxy.requests[zombie.known :]
    assert {request.operation for request in later} <= {"GetCallerIdentity", "GetLoginProfile", "ListAccessKeys"}


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("stop", "place"),
    [
        ("inside", "AssumeRoot"),
        ("inside", "DeleteAccessKey"),
        ("inside", "DeleteLoginProfile"),
        ("after the intent", "root_session:open"),
        ("after the intent", "access_key:delete"),
        ("after the intent", "login_profile:delete"),
    ],
)
def test_p27_p03_a_deletion_that_was_stopped_for_longer_than_its_lease_does_nothing_more(
    stage: Stage, make_contender: Callable[[], Contender], stop: str, place: str
) -> None:
    zombie, other = make_contender(), make_contender()
    if stop == "inside":
        zombie.stop_inside(place, "IAMDeleteRootUserCredentials" if place == "AssumeRoot" else None)
        zombie.begin(*DELETE, changes=SHORT_LEASE)
    else:
        zombie.begin(*DELETE, changes=SHORT_LEASE, stop_after_intent=place)
    zombie.wait_until_stopped()
    zombie.outlive_lease()
    with resumed_in_the_midst_of(zombie, other, "DeactivateMFADevice") as ended:
        run = other.begin(*DELETE).end()
    assert_clean_ending(run, 0)
    assert stage.is_bare(EVERYTHING)
    assert_clean_ending(ended[0], 4)
    assert_did_nothing_more(zombie)
    stage.assert_each_intent_has_one_outcome()
    assert stage.run("ledger", "verify").status == 0


@pytest.mark.long
@pytest.mark.timeout(900)
def test_p27_a_window_whose_opening_was_stopped_for_longer_than_its_lease_is_settled_by_another(
    stage: Stage, make_contender: Callable[[], Contender]
) -> None:
    zombie, other = make_contender(), make_contender()
    zombie.stop_inside("CreateLoginProfile")
    zombie.begin(*RECOVER, "--leave-open", changes=SHORT_LEASE)
    zombie.wait_until_stopped()
    zombie.outlive_lease()
    with resumed_in_the_midst_of(zombie, other, "DeleteAccessKey") as ended:
        run = other.begin(*DELETE).end()
    assert_clean_ending(run, 0)
    assert_clean_ending(ended[0], 4)
    assert_did_nothing_more(zombie)
    assert stage.windows(CLEAN) == ["OPEN"]
    closed = stage.run("windows", "close", CLEAN, "--yes")
    assert closed.status == 0, closed.shown
    assert stage.is_bare(CLEAN)
    stage.assert_each_intent_has_one_outcome()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_p27_a_window_whose_closing_was_stopped_for_longer_than_its_lease_is_closed_by_another(
    stage: Stage, make_contender: Callable[[], Contender]
) -> None:
    zombie, other = make_contender(), make_contender()
    zombie.stop_inside("DeleteLoginProfile")
    zombie.begin(*RECOVER, changes=SHORT_LEASE)
    assert zombie.run is not None
    waiting = zombie.run
    wait_for(lambda: "Ctrl-C closes it now" in waiting.remarks, waiting.remarks)
    waiting.signal(signal.SIGINT)
    zombie.wait_until_stopped()
    zombie.outlive_lease()
    closing = other.begin("windows", "close", CLEAN, "--yes").end()
    assert_clean_ending(closing, 0)
    ended = zombie.resume()
    assert_clean_ending(ended, 0, 4)
    assert_did_nothing_more(zombie)
    assert stage.is_bare(CLEAN)
    assert stage.windows(CLEAN) == ["CLOSED_VERIFIED"]
    stage.assert_each_intent_has_one_outcome()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("latency_ms", [0, 25])
def test_p27_two_deletions_and_a_window_on_one_account_never_act_at_once(
    stage: Stage, make_contender: Callable[[], Contender], latency_ms: int
) -> None:
    stage.sandbox.put_root_user(CLEAN, with_every_kind(CLEAN) | {"password": False})
    if latency_ms:
        stage.sandbox.faults(service="iam", latency_ms=latency_ms)
    contenders = [make_contender() for _ in range(3)]
    commands: list[tuple[str, ...]] = [
        ("delete", CLEAN, "--yes"),
        ("delete", CLEAN, "--yes"),
        (*RECOVER, "--leave-open"),
    ]
    for contender, command in zip(contenders, commands, strict=True):
        contender.begin(*command)
    runs = [contender.end() for contender in contenders]
    for run in runs:
        assert_clean_ending(run, 0, 2, 4)
    assert 0 in {run.status for run in runs}, [run.shown for run in runs]
    acts = [(one.at, number) for number, contender in enumerate(contenders) for one in list_acts(contender)]
    turns = [number for number, _ in groupby(number for _, number in sorted(acts))]
    assert len(turns) == len(set(turns)), f"they took turns: {turns}"
    truth = stage.sandbox.root_user(CLEAN)
    assert truth["recovery_allowed"] == ("OPEN" in stage.windows(CLEAN))
    assert truth["mfa_devices"] or not (truth["password"] or truth["access_keys"])
    stage.assert_each_intent_has_one_outcome()


def list_acts(contender: Contender) -> list[Request]:
    """What may be done only by the process that holds the account."""
    return [
        request
        for request in contender.proxy.privileged
        if request.account_id == CLEAN and request.task_policy != "IAMAuditRootUserCredentials"
    ]
