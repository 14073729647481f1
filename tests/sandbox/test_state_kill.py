"""``--state`` against real kill -9, full disks and files that aren't ours: what was answered is there, nothing half."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from tests.sandbox.clients import TRUST, Caller, callers
from tests.sandbox.command import run_command
from tests.sandbox_process import SandboxProcess

OUTSIDER, LADEN = "888899990000", "666677778888"
ROUNDS = 4


class Answered:
    """What the sandbox has answered so far, by threads that call until it is gone."""

    def __init__(self) -> None:
        self.users: list[str] = []
        self.tags: dict[str, str] = {}
        self.sessions: list[Caller] = []
        self.is_inside = False
        self.is_uncertain = False
        """Whether a joining or leaving was sent and not answered."""
        self.calls = 0
        self._lock = threading.Lock()

    def note(self, note: Callable[[], None]) -> None:
        with self._lock:
            note()
            self.calls += 1


def create_users(who: dict[str, Caller], answered: Answered, prefix: str) -> None:
    for number in range(10_000):
        name = f"{prefix}-{number}"
        who["management-admin"].call("iam", "CreateUser", UserName=name)
        answered.note(lambda name=name: answered.users.append(name))  # type: ignore[misc]  # a default binds it now


def tag_accounts(who: dict[str, Caller], answered: Answered, prefix: str) -> None:
    for number in range(10_000):
        value = f"{prefix}-{number}"
        tags = [{"Key": "first", "Value": value}, {"Key": "second", "Value": value}]
        who["management-admin"].call("organizations", "TagResource", ResourceId=LADEN, Tags=tags)
        answered.note(lambda value=value: answered.tags.update(first=value))  # type: ignore[misc]  # as above


def open_sessions(who: dict[str, Caller], answered: Answered) -> None:
    while True:
        session = who["management-admin"].assume_root(LADEN, "IAMAuditRootUserCredentials")
        answered.note(lambda session=session: answered.sessions.append(session))  # type: ignore[misc]  # as above


def join_and_leave(who: dict[str, Caller], answered: Answered) -> None:
    target = {"Id": OUTSIDER, "Type": "ACCOUNT"}
    outsider = who["anycompany-data-admin"]
    while True:
        answered.is_uncertain = True
        if answered.is_inside:
            outsider.call("organizations", "LeaveOrganization")
        else:
            with suppress(ClientError):
                who["management-admin"].call("organizations", "InviteAccountToOrganization", Target=target)
            found = outsider.call("organizations", "ListHandshakesForAccount")["Handshakes"]
            waiting = next(one["Id"] for one in found if one["State"] == "REQUESTED")
            outsider.call("organizations", "AcceptHandshake", HandshakeId=waiting)
        answered.is_inside = not answered.is_inside
        answered.is_uncertain = False
        answered.note(lambda: None)


def until_it_is_gone(job: Callable[..., None], *arguments: Any) -> None:
    """Call on and on; the connection breaks when the process is killed, if need be within an answer."""
    with suppress(BotoCoreError, ResponseParserError):
        job(*arguments)


def kill_while_calls_run(sandbox: SandboxProcess, answered: Answered, prefix: str, seconds: float) -> None:
    jobs: list[tuple[Any, ...]] = [
        (create_users, callers(sandbox), answered, f"{prefix}-a"),
        (create_users, callers(sandbox), answered, f"{prefix}-b"),
        (tag_accounts, callers(sandbox), answered, prefix),
        (open_sessions, callers(sandbox), answered),
        (join_and_leave, callers(sandbox), answered),
    ]
    before = answered.calls
    with ThreadPoolExecutor(len(jobs)) as pool:
        running = [pool.submit(until_it_is_gone, *job) for job in jobs]
        deadline = time.monotonic() + 60
        while answered.calls < before + 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(seconds)
        sandbox.process.kill()
        sandbox.process.wait(60)
        for one in running:
            one.result(60)
    assert answered.calls >= before + 20


def check(sandbox: SandboxProcess, answered: Answered) -> None:
    who = callers(sandbox)
    administrator = who["management-admin"]
    users = set(list_users(administrator))
    assert set(answered.users) <= users
    assert len(users - set(answered.users)) <= 2 * ROUNDS + 5
    tags = sandbox.accounts()[LADEN]["tags"]
    assert tags["first"] == tags["second"]
    assert number_of(tags["first"]) - number_of(answered.tags["first"]) in (0, 1)
    for session in answered.sessions[-5:]:
        session._endpoint_url = sandbox.base_url
        session._clients.clear()
        assert session.call("sts", "GetCallerIdentity")["Account"] == LADEN
    check_the_outsider(who, sandbox, answered)


def list_users(administrator: Caller) -> Iterator[str]:
    """All of them, however many were created in the time."""
    page = administrator.call("iam", "ListUsers")
    yield from (user["UserName"] for user in page["Users"])
    while page["IsTruncated"]:
        page = administrator.call("iam", "ListUsers", Marker=page["Marker"])
        yield from (user["UserName"] for user in page["Users"])


def number_of(tag: str) -> int:
    return int(tag.rpartition("-")[2])


def check_the_outsider(who: dict[str, Caller], sandbox: SandboxProcess, answered: Answered) -> None:
    """It is either inside, and both sides say so, or outside, with all that it had."""
    is_listed = OUTSIDER in sandbox.accounts()
    outsider = who["anycompany-data-admin"]
    with suppress(ClientError):
        outsider.call("organizations", "DescribeOrganization")
        assert is_listed
    handshakes = who["management-admin"].call("organizations", "ListHandshakesForOrganization")["Handshakes"]
    assert not (is_listed and any(one["State"] == "REQUESTED" for one in handshakes))
    if not answered.is_uncertain:
        assert is_listed == answered.is_inside
    answered.is_inside, answered.is_uncertain = is_listed, False
    assert outsider.call("iam", "GetAccountSummary")["SummaryMap"]["AccountAccessKeysPresent"] == 1


@pytest.mark.long
def test_everything_answered_is_there_after_kill_9_and_nothing_is_half(tmp_path: Path) -> None:
    options = ("--scenario", "merger", "--state", str(tmp_path / "state"))
    answered = Answered()
    with SandboxProcess.start(*options) as sandbox:
        callers(sandbox)["management-admin"].call("organizations", "EnableAWSServiceAccess", **TRUST)
        kill_while_calls_run(sandbox, answered, "0", 0.0)
    for round_number in range(1, ROUNDS):
        with SandboxProcess.start("--state", str(tmp_path / "state")) as sandbox:
            check(sandbox, answered)
            kill_while_calls_run(sandbox, answered, str(round_number), 0.05 * round_number)
    with SandboxProcess.start(*options) as sandbox:
        check(sandbox, answered)


def test_what_cannot_be_written_is_not_answered_and_written_later(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with SandboxProcess.start("--state", str(path)) as sandbox:
        administrator = callers(sandbox)["management-admin"]
        size = path.stat().st_size
        resource.prlimit(sandbox.process.pid, resource.RLIMIT_FSIZE, (40, resource.RLIM_INFINITY))
        for name in ("first", "second"):
            code, status, message = administrator.refusal("iam", "CreateUser", UserName=name)
            assert (code, status) == ("InternalFailure", 500)
            assert "can't write" in message
        assert administrator.refusal("sts", "GetCallerIdentity")[0] == "InternalFailure"
        assert path.stat().st_size == size
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(sandbox.process.pid, resource.RLIMIT_FSIZE, unlimited)
        administrator.call("iam", "CreateUser", UserName="third")
        sandbox.process.kill()
        sandbox.process.wait(60)
    with SandboxProcess.start("--state", str(path)) as sandbox:
        users = {one["UserName"] for one in callers(sandbox)["management-admin"].call("iam", "ListUsers")["Users"]}
        assert {"first", "second", "third"} <= users


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "isn't a state file of the sandbox"),
        (b'{"accounts": []}\n', "isn't a state file of the sandbox"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_left_as_it_is(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "state"
    path.write_bytes(text)
    ended = run_command("--port", "0", "--state", str(path))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert str(path) in ended.stderr
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert path.read_bytes() == text
    assert [one.name for one in tmp_path.iterdir()] == ["state"]


def test_a_second_sandbox_on_one_file_does_not_start(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    with SandboxProcess.start("--state", path) as sandbox:
        ended = run_command("--port", "0", "--state", path)
        assert (ended.returncode, "is in use by another sandbox" in ended.stderr) == (2, True)
        assert sandbox.control("GET", "health") == {"status": "ready"}


def test_a_reset_survives_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    with SandboxProcess.start("--state", path) as sandbox:
        callers(sandbox)["management-admin"].call("iam", "CreateUser", UserName="gone")
        sandbox.clock(1000)
        sandbox.reset()
        sandbox.process.kill()
        sandbox.process.wait(60)
    with SandboxProcess.start("--state", path) as sandbox:
        code, status, _ = callers(sandbox)["management-admin"].refusal("iam", "GetUser", UserName="gone")
        assert (code, status) == ("NoSuchEntity", 404)
