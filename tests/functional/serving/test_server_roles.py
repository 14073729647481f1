"""P17 on a real server: the four shipped roles are enough for its work, each for its own, and in people's names."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.administration import DELEGATE, Administration
from tests.functional.running import LONG_LEASE
from tests.functional.server_roles import SERVER_ARN, ServerRoles
from tests.sandbox_process import SandboxProcess
from tests.server_process import Answer, ServerProcess

EVERYTHING = "800090001000"
CLEAN = "400050006000"
ORDERS, BUCKET = "888899990000", "amzn-s3-demo-orders-invoices"
SECONDS = 60.0
OVER = {"done", "failed", "interrupted", "cancelled"}


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--scenario", "demo") as process:
        Administration(process).set_up()
        Administration(process).trust_account_management(DELEGATE)
        yield process


@pytest.fixture(scope="module")
def server(running_sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder: Path = tmp_path_factory.mktemp("server")
    environment = ServerRoles.make(running_sandbox).environment | {
        "ROOTKEEPER_DATABASE_URL": f"sqlite:///{folder}/rootkeeper.db",
        "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
        "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
        "ROOTKEEPER_EMAILS_ALLOWED_DOMAINS": "example.com",
        "ROOTKEEPER_EMAILS_GROUPS": "aws@example.com",
        "ROOTKEEPER_WINDOWS_APPROVALS": "0",
        "ROOTKEEPER_WINDOWS_REREADS": "1s",
    }
    with ServerProcess.start(environment) as server:
        server.token("administrator", "ana")
        yield server


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess) -> SandboxProcess:
    return running_sandbox


def do_job(server: ServerProcess, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Have it done, and wait for its end."""
    taken = server.ask("POST", f"/api/v1/{path}", body, name="ana")
    assert taken.status == 202, taken.body
    job_id = taken.body["job_id"]
    end = time.monotonic() + SECONDS
    while True:
        job: dict[str, Any] = server.ask("GET", f"/api/v1/jobs/{job_id}", name="ana").body
        if job["state"] in OVER:
            return job
        assert time.monotonic() < end, job
        time.sleep(0.1)


def list_callers(sandbox: SandboxProcess, since: int) -> set[str]:
    """Who called with credentials that aren't a root session's, the starting ones and the server's own work apart."""
    callers = {request["principal_arn"] for request in sandbox.requests(since)}
    return {
        arn for arn in callers if not arn.endswith(":root") and not arn.endswith("/rootkeeper") and arn != SERVER_ARN
    }


def session_arn(work: str) -> str:
    return f"arn:aws:sts::{DELEGATE}:assumed-role/rootkeeper-{work}/ana"


def expect(answer: Answer, status: int) -> Any:
    assert answer.status == status, answer.body
    return answer.body


def test_p17_an_audit_runs_with_the_auditing_role_alone(server: ServerProcess, sandbox: SandboxProcess) -> None:
    since = sandbox.last_request()
    job = do_job(server, "audits", {"selection": {"accounts": [EVERYTHING, CLEAN]}})
    assert job["state"] == "done", job
    preflight = do_job(server, "preflights", {"selection": {"accounts": [CLEAN]}})
    assert preflight["state"] == "done", preflight
    assert list_callers(sandbox, since) == {session_arn("audit")}


def test_p17_a_deletion_is_planned_with_one_role_and_done_with_another(
    server: ServerProcess, sandbox: SandboxProcess
) -> None:
    since = sandbox.last_request()
    planned = do_job(server, "plans", {"selection": {"accounts": [EVERYTHING]}})
    assert planned["state"] == "done", planned
    assert list_callers(sandbox, since) == {session_arn("audit")}
    since = sandbox.last_request()
    plan = expect(server.ask("GET", f"/api/v1/jobs/{planned['job_id']}/outcome", name="ana"), 200)
    done = do_job(server, "deletions", {"plan_id": plan["plan_id"]})
    assert done["state"] == "done", done
    assert list_callers(sandbox, since) == {session_arn("delete")}
    root_user = sandbox.root_user(EVERYTHING)
    assert not any(root_user[kind] for kind in ("password", "access_keys", "signing_certificates", "mfa_devices"))


def test_p17_a_window_is_asked_for_opened_closed_and_read_again_with_the_recovering_role(
    server: ServerProcess, sandbox: SandboxProcess
) -> None:
    since = sandbox.last_request()
    body = {"account_id": CLEAN, "reason": "A drill", "duration_seconds": 600}
    window = expect(server.ask("POST", "/api/v1/windows", body, name="ana"), 201)
    path = f"/api/v1/windows/{window['window_id']}"
    opened = expect(server.ask("POST", f"{path}/activate", name="ana"), 200)
    assert opened["state"] == "OPEN", opened
    assert sandbox.root_user(CLEAN)["recovery_allowed"]
    closed = expect(server.ask("POST", f"{path}/close", name="ana"), 200)
    assert closed["state"] == "CLOSED_VERIFIED", closed
    assert list_callers(sandbox, since) == {session_arn("recover")}
    server.wait_until(lambda: _was_reread(sandbox, since), SECONDS)


def _was_reread(sandbox: SandboxProcess, since: int) -> bool:
    """By the server itself."""
    own = f"arn:aws:sts::{DELEGATE}:assumed-role/rootkeeper-recover/rootkeeper"
    return any(
        (one["operation"], one["account_id"], one["principal_arn"]) == ("AssumeRoot", CLEAN, own)
        for one in sandbox.requests(since)
    )


def test_p17_a_root_email_is_changed_with_the_recovering_role(server: ServerProcess, sandbox: SandboxProcess) -> None:
    since, new = sandbox.last_request(), "aws+changed@example.com"
    body = {"account": CLEAN, "address": new, "reason": "One address for each account"}
    started = expect(server.ask("POST", "/api/v1/root-emails/changes", body, name="ana"), 200)
    assert started["outcome"] == "started", started
    otps = re.findall(r"Verification code: (\w+)", str(sandbox.mailbox(new)))
    changed = expect(server.ask("POST", "/api/v1/one-time-passwords", {**body, "otp": otps[-1]}, name="ana"), 200)
    assert changed["outcome"] == "changed", changed
    assert sandbox.accounts()[CLEAN]["email"] == new
    assert list_callers(sandbox, since) == {session_arn("recover")}


def test_p17_a_bucket_is_unlocked_with_the_unlocking_role_alone(server: ServerProcess, sandbox: SandboxProcess) -> None:
    shown = do_job(server, "unlocks", {"account": ORDERS, "kind": "s3", "resource": BUCKET})
    assert shown["state"] == "done", shown
    found = expect(server.ask("GET", f"/api/v1/jobs/{shown['job_id']}/outcome", name="ana"), 200)
    since = sandbox.last_request()
    change = {"change": "remove", "shown_sha256": find_hash(found)}
    done = do_job(server, "unlocks", {"account": ORDERS, "kind": "s3", "resource": BUCKET, **change})
    assert done["state"] == "done", done
    assert list_callers(sandbox, since) == {session_arn("unlock")}


def find_hash(found: Any) -> str:
    """The hash of the policy that is shown, wherever it is."""
    if isinstance(found, dict):
        for name, value in found.items():
            if name.endswith("sha256") and isinstance(value, str):
                return value
            if inner := find_hash(value):
                return inner
    if isinstance(found, list):
        return next(filter(None, map(find_hash, found)), "")
    return ""


def test_the_starting_credentials_only_assume_the_roles(server: ServerProcess, sandbox: SandboxProcess) -> None:
    assert server.ask("GET", "/readyz").status == 200
    own = {one["operation"] for one in sandbox.requests() if one["principal_arn"] == SERVER_ARN}
    assert own == {"AssumeRole", "GetCallerIdentity"}
