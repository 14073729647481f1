"""``rootkeeper failsafe set-up`` as a user runs it, with a person at the mailbox."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

import pytest

from tests.functional.background import BackgroundRun, in_background
from tests.functional.published_schemas import require_fits
from tests.functional.running import SECONDS, Program
from tests.root_person import RootPerson
from tests.sandbox_process import SandboxProcess

FAILSAFE = "222233334444"
MEMBER = "400050006000"


@pytest.fixture
def program_with_delegate(enabled: Program, sandbox: SandboxProcess) -> Program:
    """The failsafe is registered, and has no root login yet."""
    sandbox.put_root_user(FAILSAFE, {})
    return enabled


def setting_up(program: Program, length: str = "1h") -> AbstractContextManager[BackgroundRun]:
    return in_background(program, "failsafe", "set-up", FAILSAFE, "--for", length, "--yes", "-o", "json")


def wait_until_recovery_is_allowed(sandbox: SandboxProcess) -> None:
    end = time.monotonic() + SECONDS
    while not sandbox.root_user(FAILSAFE)["recovery_allowed"]:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_the_login_is_kept_once_a_person_has_completed_it(
    program_with_delegate: Program, sandbox: SandboxProcess
) -> None:
    with setting_up(program_with_delegate) as begun:
        wait_until_recovery_is_allowed(sandbox)
        RootPerson(sandbox, FAILSAFE).complete()
        run = begun.end()
    assert run.status == 0, run.shown
    require_fits(run.json, "failsafe-set-up")
    assert '"outcome": "kept"' in run.stdout
    assert '"state": "KEPT"' in run.stdout
    root_user = sandbox.root_user(FAILSAFE)
    assert root_user["password"] is True
    assert len(root_user["mfa_devices"]) == 1

    again = program_with_delegate.run("failsafe", "set-up", FAILSAFE, "--yes", "-o", "json")
    assert (again.status, again.json["outcome"], again.json["window"]) == (0, "already_kept", None), again.shown
    assert program_with_delegate.run("windows", "list", "--unfinished", "-o", "json").json["windows"] == []
    refused = program_with_delegate.run("delete", FAILSAFE, "--yes")
    assert refused.status == 2, refused.shown
    assert sandbox.root_user(FAILSAFE) == root_user


def test_ctrl_c_deletes_what_was_begun(program_with_delegate: Program, sandbox: SandboxProcess) -> None:
    with setting_up(program_with_delegate) as begun:
        wait_until_recovery_is_allowed(sandbox)
        RootPerson(sandbox, FAILSAFE).reset_password()
        begun.ask_to_stop()
        run = begun.end()
    assert run.status == 4, run.shown
    require_fits(run.json, "failsafe-set-up")
    assert '"outcome": "closed"' in run.stdout
    root_user = sandbox.root_user(FAILSAFE)
    assert (root_user["password"], root_user["recovery_allowed"]) == (False, False)


def test_a_login_that_is_not_completed_in_time_is_deleted_and_what_lacked_is_named(
    program_with_delegate: Program, sandbox: SandboxProcess
) -> None:
    with setting_up(program_with_delegate, "10s") as begun:
        wait_until_recovery_is_allowed(sandbox)
        run = begun.end()
    assert run.status == 4, run.shown
    assert "no MFA device is registered yet" in run.stdout
    assert '"state": "CLOSED_VERIFIED"' in run.stdout
    assert sandbox.root_user(FAILSAFE)["recovery_allowed"] is False


def test_an_account_that_is_no_delegated_administrator_is_refused_and_shown_how(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    before = sandbox.last_request()
    run = enabled.run("failsafe", "set-up", MEMBER, "--yes")
    assert run.status == 2, run.shown
    assert f"rootkeeper enable --delegated-administrator {MEMBER}" in run.stderr
    assert [name for name, _ in sandbox.operations(before) if name == "AssumeRoot"] == []


def test_a_dry_run_opens_nothing(program_with_delegate: Program, sandbox: SandboxProcess) -> None:
    before = sandbox.last_request()
    run = program_with_delegate.run("failsafe", "set-up", FAILSAFE, "--dry-run")
    assert run.status == 0, run.shown
    assert "If the login is complete in time, it stays" in run.stderr
    assert sandbox.operations(before, mutating=True) == []
    tasks = {request["task_policy"] for request in sandbox.requests(before) if request["task_policy"]}
    assert {task.rpartition("/")[2] for task in tasks} == {"IAMAuditRootUserCredentials"}


def test_a_root_login_that_is_not_in_order_is_not_touched(
    program_with_delegate: Program, sandbox: SandboxProcess
) -> None:
    sandbox.put_root_user(FAILSAFE, {"password": True, "password_last_used_at": "2026-01-01T00:00:00Z"})
    before = sandbox.root_user(FAILSAFE)
    run = program_with_delegate.run("failsafe", "set-up", FAILSAFE, "--yes")
    assert run.status == 2, run.shown
    assert "already has a root login, which isn't complete" in run.stderr
    assert sandbox.root_user(FAILSAFE) == before
