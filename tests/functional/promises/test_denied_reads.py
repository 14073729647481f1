"""P06: each reading call of each job is denied in turn; what couldn't be read never becomes a pass or a deletion."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.functional.crash.root_users import with_every_kind
from tests.functional.promises.forked_runs import ForkingProgram
from tests.functional.promises.interposed_proxy import Answer, InterposedProxy, Request
from tests.functional.promises.stage import Stage, assert_clean_ending
from tests.functional.running import Run
from tests.sandbox_process import SandboxProcess

INFORMATIVE = {"ListAWSServiceAccessForOrganization", "ListOrganizationsFeatures"}
"""Of the set-up: what they would say, AWS itself says again by refusing a root session."""

SETUP = INFORMATIVE | {"ListDelegatedAdministrators"}

POLICIES = {"DescribePolicy", "ListPolicies", "ListRoots", "ListTargetsForPolicy"}
"""Whether a policy blocks a recovery: what isn't known is remarked, and AWS itself says it in the session."""

Check = Callable[[Stage, str, Run, list[Request], Request], None]


@dataclass(frozen=True, slots=True)
class ReadingJob:
    """A command line about one account, and what must hold when one of its reading calls is denied."""

    name: str
    words: tuple[str, ...]
    has_credentials: bool
    status: int
    """Of an undisturbed run."""
    check: Check
    prepare: Callable[[Stage, str], None] = lambda stage, account_id: None
    may_succeed: frozenset[str] = frozenset(INFORMATIVE)
    """Reading calls without which it still may end well."""
    least_reads: int = 11

    def arguments(self, stage: Stage, account_id: str) -> list[str]:
        return [word.format(account=account_id, folder=stage.folder) for word in self.words]


def check_audit(stage: Stage, account_id: str, run: Run, sent: list[Request], denied: Request) -> None:
    """Nothing is shown as not there unless it was read; an answer is whole or there is none."""
    if run.status == 3:
        assert run.stdout == ""
        return
    (account,) = json.loads(run.stdout)["accounts"]
    if denied.account_id == account_id:
        assert (account["status"], run.status) == ("unknown", 1), run.shown
        assert account["reason"], run.shown


def check_plan(stage: Stage, account_id: str, run: Run, sent: list[Request], denied: Request) -> None:
    """A plan of what couldn't be read holds no call for it."""
    plan = stage.folder / "plan.json"
    if run.status == 3:
        assert not plan.exists()
        return
    (account,) = json.loads(plan.read_text())["accounts"]
    assert bool(account["calls"]) == (denied.account_id is None), run.shown


def check_deletion(stage: Stage, account_id: str, run: Run, sent: list[Request], denied: Request) -> None:
    """Nothing is deleted on a reading that failed, no guard goes before its guarded, and only a proof is a success."""
    left = stage.sandbox.root_user(account_id)
    changes = [request for request in sent if request.is_mutating]
    if not any(request.number < denied.number for request in changes) and denied.operation not in INFORMATIVE:
        assert changes == [], f"{denied.operation}: {run.shown}"
    assert left["mfa_devices"] or not (left["password"] or left["access_keys"])
    assert run.status != 0 or stage.is_bare(account_id)
    stage.assert_each_intent_has_one_outcome()
    if run.stdout:
        kinds = json.loads(run.stdout)["accounts"][0]["kinds"]
        assert not [name for name, kind in kinds.items() if kind["outcome"] == "already_absent"], run.shown
        for name, kind in kinds.items():
            assert kind["outcome"] != "deleted" or not left[name], run.shown


def check_opening(stage: Stage, account_id: str, run: Run, sent: list[Request], denied: Request) -> None:
    """All that was created is owed, and nothing is created on a reading that failed."""
    is_created = "CreateLoginProfile" in [request.operation for request in sent]
    assert is_created == stage.sandbox.root_user(account_id)["recovery_allowed"]
    if is_created:
        assert {"OPEN", "OPENING"} & set(stage.windows(account_id)), run.shown
        if denied.operation == "ListDelegatedAdministrators":
            assert "Delegated administrators couldn't be read" in run.stderr, run.shown
        elif denied.operation in POLICIES:
            assert f"needs organizations:{denied.operation}" in run.stderr, run.shown
        elif denied.operation not in INFORMATIVE:
            assert denied.number > max(request.number for request in sent if request.is_mutating)
    else:
        assert not {"OPEN", "OPENING"} & set(stage.windows(account_id)), run.shown
    stage.assert_each_intent_has_one_outcome()


def check_closing(stage: Stage, account_id: str, run: Run, sent: list[Request], denied: Request) -> None:
    """Closed only if a re-read shows it; else it is owed still."""
    if run.status == 0:
        assert stage.is_bare(account_id)
    else:
        assert stage.windows(account_id)[-1] in {"CLOSING", "CLOSE_FAILED", "OPEN"}, run.shown
    stage.assert_each_intent_has_one_outcome()


def forget_plan(stage: Stage, account_id: str) -> None:
    (stage.folder / "plan.json").unlink(missing_ok=True)


def forget_all(stage: Stage, account_id: str) -> None:
    """Names of units are known from an earlier listing otherwise, and aren't read."""
    shutil.rmtree(stage.database.parent, ignore_errors=True)


def begin_again(stage: Stage, *arguments: str) -> None:
    """With the database as these arguments leave an empty one; they are run once, and their result put back then."""
    kept = stage.folder / "kept"
    if not kept.exists():
        run = stage.run(*arguments)
        assert run.status == 0, run.shown
        shutil.copytree(stage.database.parent, kept)
    shutil.rmtree(stage.database.parent)
    shutil.copytree(kept, stage.database.parent)


def forget_windows(stage: Stage, account_id: str) -> None:
    begin_again(stage, "audit", account_id)


def open_window(stage: Stage, account_id: str) -> None:
    begin_again(stage, "recover", account_id, "--reason", "drill", "--leave-open", "--yes")
    stage.sandbox.put_root_user(account_id, {"recovery_allowed": True})


JOBS = (
    ReadingJob(
        "audit",
        ("audit", "{account}", "-o", "json"),
        False,
        0,
        check_audit,
        forget_all,
        may_succeed=frozenset(SETUP),
        least_reads=10,
    ),
    ReadingJob("audit in detail", ("audit", "{account}", "--details", "-o", "json"), True, 1, check_audit, forget_all),
    ReadingJob(
        "plan",
        ("plan", "{account}", "--out", "{folder}/plan.json", "--fail-on", "unknown"),
        True,
        0,
        check_plan,
        forget_plan,
    ),
    ReadingJob("delete", ("delete", "{account}", "--yes", "-o", "json"), True, 0, check_deletion),
    ReadingJob(
        "recover",
        ("recover", "{account}", "--reason", "drill", "--leave-open", "--yes", "-o", "json"),
        False,
        0,
        check_opening,
        forget_windows,
        frozenset(SETUP | POLICIES | {"GetLoginProfile"}),
    ),
    ReadingJob(
        "close",
        ("windows", "close", "{account}", "--yes"),
        False,
        0,
        check_closing,
        open_window,
        frozenset({"DescribeAccount"}),
    ),
)


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    """A small organization: fewer calls."""
    with SandboxProcess.start("--accounts", "5", "--seed", "1", "--features", "all") as process:
        yield process


@pytest.fixture
def small_stage(sandbox: SandboxProcess, tmp_path: Path, forking: ForkingProgram) -> Stage:
    (tmp_path / "temporary").mkdir()
    return Stage(sandbox, tmp_path, forking)


def find_account(sandbox: SandboxProcess) -> str:
    truth = sandbox.organization()
    return next(
        str(account["account_id"])
        for account in truth["accounts"]
        if account["state"] == "ACTIVE" and account["account_id"] != truth["management_account_id"]
    )


@dataclass(slots=True)
class Denial:
    """One call, and every call that would give the same answer, is denied.

    It is known by how many of its kind came before, since two threads list an organization.
    """

    operation: str
    earlier: int
    """Calls of the operation that are let pass."""
    denied: list[Request] = field(default_factory=list)
    _seen: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    def of(cls, read: Request, requests: list[Request]) -> Denial:
        alike = [request.number for request in requests if request.operation == read.operation]
        return cls(read.operation, alike.index(read.number))

    def __call__(self, request: Request) -> Answer | None:
        if request.operation != self.operation:
            return None
        if next(self._seen) != self.earlier and self.operation not in SETUP:
            return None
        self.denied.append(request)
        return request.refuse()


def without_repetitions(reads: list[Request]) -> list[Request]:
    """Calls for the set-up once, though a command may read it twice; the first and the last call of each listing."""
    kept: list[Request] = []
    for place, read in enumerate(reads):
        neighbours = [other.operation for other in reads[max(place - 1, 0) : place + 2]]
        is_amidst = neighbours == [read.operation] * 3
        is_again = read.operation in SETUP and read.operation in [other.operation for other in kept]
        if not (is_amidst or is_again):
            kept.append(read)
    return kept


QUICK = "audit"
"""Tried in the quick suite too; a denial of each call of the others takes longer."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "job",
    [pytest.param(job, id=job.name, marks=[] if job.name == QUICK else pytest.mark.long) for job in JOBS],
)
def test_p06_no_denied_read_becomes_a_pass_or_a_deletion(
    small_stage: Stage, proxy: InterposedProxy, job: ReadingJob
) -> None:
    stage, account_id = small_stage, find_account(small_stage.sandbox)

    def run_through(denial: Denial | None) -> tuple[Run, list[Request]]:
        stage.sandbox.put_root_user(account_id, with_every_kind(account_id) if job.has_credentials else {})
        job.prepare(stage, account_id)
        proxy.forget()
        if denial is not None:
            proxy.before = denial
        return stage.run(*job.arguments(stage, account_id), through=proxy), list(proxy.requests)

    undisturbed, requests = run_through(None)
    assert undisturbed.status == job.status, undisturbed.shown
    reads = without_repetitions([request for request in requests if not request.is_mutating])
    assert len(reads) >= job.least_reads
    for read in reads:
        denial = Denial.of(read, requests)
        run, sent = run_through(denial)
        assert denial.denied, f"{read.operation} wasn't called again"
        assert_clean_ending(run, 0, 1, 3, 4)
        assert run.status != 0 or read.operation in job.may_succeed, f"{read.operation}: {run.shown}"
        job.check(stage, account_id, run, sent, denial.denied[0])
