"""``rootkeeper emails`` as a user runs it."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.functional.administration import DELEGATE, Administration, open_client
from tests.functional.conversation import converse
from tests.functional.promises.interposed_proxy import Answer, InterposedProxy, Request
from tests.functional.running import SECONDS, Program
from tests.sandbox_process import SandboxProcess

PERSONAL = "232345456767"
OLD = "li.juan@example.com"
NEW = "aws+sandbox-li@example.com"
RULES = {
    "ROOTKEEPER_EMAILS_ALLOWED_DOMAINS": "example.com",
    "ROOTKEEPER_EMAILS_GROUPS": "aws@example.com, aws-management@example.com",
}
SERVICE = "account.amazonaws.com"


@pytest.fixture
def ruled(program: Program) -> Program:
    """With rules that most addresses of the demo organization keep."""
    return replace(program, environment={**program.environment, **RULES})


@pytest.fixture
def trusted(ruled: Program, sandbox: SandboxProcess) -> Program:
    """The same with trusted access for Account Management."""
    client = open_client("organizations", sandbox.base_url, sandbox.principals()["management-admin"])
    client.enable_aws_service_access(ServicePrincipal=SERVICE)
    return ruled


def change(program: Program, *more: str | Path, address: str = NEW) -> Any:
    return program.run("emails", "change", PERSONAL, address, "--reason", "Li has left", *more)


def true_email(sandbox: SandboxProcess) -> str:
    return str(sandbox.accounts()[PERSONAL]["email"])


def read_otps(sandbox: SandboxProcess) -> list[str]:
    bodies = [str(mail["body"]) for mail in sandbox.mailbox(NEW)]
    return [found[1] for body in bodies if (found := re.search(r"Verification code: (\w+)", body))]


def list_actions(program: Program) -> list[tuple[str, str, str | None]]:
    entries = program.run("ledger", "list", "-o", "json").json["entries"]
    return [(entry["action"], entry["phase"], entry["result"]) for entry in entries]


BEGUN = [("email_update:start", "intent", None), ("email_update:start", "outcome", "done")]
ACCEPTED = [("email_update:accept", "intent", None), ("email_update:accept", "outcome", "done")]


def test_every_address_is_listed_and_held_to_the_rules(ruled: Program, sandbox: SandboxProcess) -> None:
    before = sandbox.last_request()
    run = ruled.run("emails", "list", "-o", "json")
    assert run.status == 1, run.shown
    assert [operation for operation, _ in sandbox.operations(before)].count("ListAccounts") == 2
    found = {one["account_id"]: one for one in run.json["accounts"]}
    assert found.keys() == sandbox.accounts().keys()
    assert found["111122223333"]["verdict"] == "pass"
    assert found[PERSONAL]["reasons"] == ["not_a_group"]
    assert found["700080009000"]["reasons"] == ["domain_not_allowed", "not_a_group"]
    assert found["676789890101"]["verdict"] == "not_applicable"
    assert run.json["summary"] == {"accounts": 26, "fail": 4, "not_applicable": 2, "pass": 20, "unknown": 0}


def test_without_rules_nothing_passes_and_fail_on_decides(program: Program) -> None:
    run = program.run("emails", "list", "-o", "json")
    assert run.status == 1
    assert "ROOTKEEPER_EMAILS_ALLOWED_DOMAINS" in run.stderr
    assert run.json["summary"]["pass"] == 0
    groups = {"ROOTKEEPER_EMAILS_GROUPS": "aws@example.com"}
    only_unknown = ("emails", "list", "Shop Prod", "-o", "json")
    unknown = program.run(*only_unknown, **groups)
    assert (unknown.status, unknown.json["accounts"][0]["reasons"]) == (1, ["domains_not_set"])
    assert program.run(*only_unknown, "--fail-on", "present", **groups).status == 0
    assert program.run("emails", "list", "--fail-on", "none").status == 0


def test_an_attested_address_passes(ruled: Program) -> None:
    attested = ruled.run("emails", "attest", "Li.Juan@Example.com", "--by", "Nikki Wolf", "--until", "30d", "--yes")
    assert attested.status == 0, attested.shown
    run = ruled.run("emails", "list", PERSONAL, "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["accounts"][0]["attested_by"] == "Nikki Wolf"
    assert list_actions(ruled) == [("email:attest", "outcome", "done")]


def test_a_change_in_two_runs_sends_one_mail(trusted: Program, sandbox: SandboxProcess, tmp_path: Path) -> None:
    begun = change(trusted, "--yes", "-o", "json")
    assert begun.status == 4, begun.shown
    assert begun.json["changes"][0]["outcome"] == "started"
    assert "emails change" in begun.stderr
    (otp,) = read_otps(sandbox)
    file = tmp_path / "otp"
    file.write_text("ZZZZZZ" if otp != "ZZZZZZ" else "YYYYYY")
    wrong = change(trusted, "--yes", "--otp-from", file)
    assert wrong.status == 4, wrong.shown
    assert "one-time password" in wrong.stderr
    assert true_email(sandbox) == OLD
    file.write_text(otp)
    done = change(trusted, "--yes", "--otp-from", file, "-o", "json")
    assert done.status == 0, done.shown
    assert done.json["changes"][0] | {"explanation": ""} == {
        "account_id": PERSONAL,
        "name": "Sandbox Li",
        "email_before": OLD,
        "email": NEW,
        "outcome": "changed",
        "explanation": "",
    }
    assert true_email(sandbox) == NEW
    assert len(read_otps(sandbox)) == 1
    refused = [("email_update:accept", "intent", None), ("email_update:accept", "outcome", "failed")]
    assert list_actions(trusted) == [*BEGUN, *refused, *ACCEPTED]
    again = change(trusted, "--yes", "-o", "json")
    assert (again.status, again.json["changes"][0]["outcome"]) == (0, "unneeded")


def test_a_one_time_password_in_a_file_of_before_its_start_is_refused(
    trusted: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    (tmp_path / "otp").write_text("ABC123")
    before = sandbox.last_request()
    run = change(trusted, "--yes", "--otp-from", tmp_path / "otp")
    assert run.status == 2, run.shown
    assert sandbox.operations(before, mutating=True) == []


def test_a_person_is_asked_without_an_echo_and_may_mistype(trusted: Program, sandbox: SandboxProcess) -> None:
    with converse(trusted, "emails", "change", PERSONAL, NEW, "--reason", "Li has left") as conversation:
        conversation.wait_for("Continue? [y/N]")
        conversation.type("y")
        conversation.wait_for("One-time password sent to")
        wait_until(lambda: bool(read_otps(sandbox)))
        conversation.type("nonsense")
        conversation.wait_for("6 letters and digits")
        conversation.wait_for("One-time password sent to")
        (otp,) = read_otps(sandbox)
        conversation.type(otp)
        assert conversation.end() == 0, conversation.text
    assert true_email(sandbox) == NEW
    assert otp not in conversation.text
    assert "Changed" in conversation.text


def test_ctrl_c_at_the_question_says_how_to_continue(trusted: Program, sandbox: SandboxProcess) -> None:
    with converse(trusted, "emails", "change", PERSONAL, NEW, "--reason", "Li has left", "--yes") as conversation:
        conversation.wait_for("One-time password sent to")
        conversation.process.send_signal(signal.SIGINT)
        assert conversation.end() == 130, conversation.text
    assert "Continue within 24 hours" in conversation.text
    assert true_email(sandbox) == OLD


def test_p08_a_one_time_password_from_stdin_is_in_no_output_and_no_file(
    trusted: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    command = ["emails", "change", PERSONAL, NEW, "--reason", "Li has left", "--yes", "--otp-from", "-"]
    with trusted.start(*command, stdin=subprocess.PIPE) as process:
        wait_until(lambda: bool(read_otps(sandbox)))
        (otp,) = read_otps(sandbox)
        shown, said = process.communicate(f"{otp}\n", timeout=SECONDS)
    assert process.returncode == 0, shown + said
    listed = trusted.run("ledger", "list", "-o", "json")
    assert otp not in shown + said + listed.shown
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"rootkeeper.db", "rootkeeper.db.mirror.jsonl"} <= {path.name for path in files}
    assert [path.name for path in files if otp.encode() in path.read_bytes()] == []


def test_p08_an_error_of_aws_that_quotes_the_one_time_password_doesnt_pass_it_on(
    trusted: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    assert change(trusted, "--yes").status == 4
    (otp,) = read_otps(sandbox)
    (tmp_path / "otp").write_text(otp)
    message = f"1 validation error detected: Value '{otp}' at 'otp' failed to satisfy constraint"
    sandbox.faults(
        operation="AcceptPrimaryEmailUpdate",
        times=1,
        error={"code": "ValidationException", "status": 400, "message": message},
    )
    run = change(trusted, "--yes", "--otp-from", tmp_path / "otp")
    assert run.status == 4, run.shown
    assert otp not in run.shown
    assert otp not in trusted.run("ledger", "list", "-o", "json").shown


def test_a_conflict_is_reported_clearly(trusted: Program, sandbox: SandboxProcess) -> None:
    sandbox.faults(
        operation="StartPrimaryEmailUpdate",
        times=1,
        error={"code": "ConflictException", "status": 409, "message": "The email address is already in use."},
    )
    run = change(trusted, "--yes")
    assert run.status == 3, run.shown
    assert "already in use" in run.stderr
    assert "Choose another address" in run.stderr


def test_p05_an_acceptance_that_changes_nothing_isnt_proven(
    trusted: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    assert change(trusted, "--yes").status == 4
    (tmp_path / "otp").write_text(read_otps(sandbox)[0])
    sandbox.faults(operation="AcceptPrimaryEmailUpdate", times=1, lie=True)
    run = change(trusted, "--yes", "--otp-from", tmp_path / "otp", "-o", "json")
    assert run.status == 4, run.shown
    assert run.json["changes"][0]["outcome"] == "not_proven"
    assert f"Check later: rootkeeper emails list {PERSONAL}." in run.stderr


def test_p04_an_acceptance_whose_answer_is_lost_is_sent_once_and_re_read(
    trusted: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    assert change(trusted, "--yes").status == 4
    (tmp_path / "otp").write_text(read_otps(sandbox)[0])
    sandbox.faults(operation="AcceptPrimaryEmailUpdate", times=1, drop=True)
    before = sandbox.last_request()
    run = change(trusted, "--yes", "--otp-from", tmp_path / "otp", "-o", "json")
    assert run.status == 0, run.shown
    sent = [operation for operation, _ in sandbox.operations(before, mutating=True)]
    assert sent == ["AcceptPrimaryEmailUpdate"]


def test_p07_a_dry_run_changes_nothing(trusted: Program, sandbox: SandboxProcess) -> None:
    before = sandbox.last_request()
    run = change(trusted, "--dry-run")
    assert run.status == 0, run.shown
    assert OLD in run.stderr
    assert sandbox.operations(before, mutating=True) == []
    assert list_actions(trusted) == []


REFUSED: list[tuple[tuple[str, str], int, str]] = [
    (("111122223333", NEW), 2, "management account"),
    (("Old Website", NEW), 2, "SUSPENDED"),
    (("999999999999", NEW), 2, "isn't in the organization"),
    ((PERSONAL, "aws@example.net"), 2, "--override"),
    ((PERSONAL, "aws+shop-test@example.com"), 2, "400050006000"),
    ((PERSONAL, "unknown"), 2, "isn't an e-mail address"),
]


@pytest.mark.parametrize(("target", "status", "said"), REFUSED, ids=[" ".join(one[0]) for one in REFUSED])
def test_p12_what_may_not_be_changed_is_refused(
    trusted: Program, sandbox: SandboxProcess, target: tuple[str, str], status: int, said: str
) -> None:
    before = sandbox.last_request()
    run = trusted.run("emails", "change", *target, "--reason", "x", "--yes")
    assert run.status == status, run.shown
    assert said in run.stderr
    assert sandbox.operations(before, mutating=True) == []


def test_p12_the_failsafe_and_an_excepted_account_are_refused_without_an_override(
    trusted: Program, sandbox: SandboxProcess
) -> None:
    Administration(sandbox).set_up()
    excepting = ("exceptions", "add", PERSONAL, "--owner", "Ana", "--reason", "invoices", "--until", "30d", "--yes")
    assert trusted.run(*excepting).status == 0
    before = sandbox.last_request()
    excepted = change(trusted, "--yes")
    assert (excepted.status, "invoices" in excepted.stderr) == (2, True), excepted.shown
    failsafe = trusted.run("emails", "change", DELEGATE, NEW, "--reason", "x", "--yes")
    assert (failsafe.status, "is a failsafe" in failsafe.stderr) == (2, True), failsafe.shown
    assert sandbox.operations(before, mutating=True) == []


def test_p12_an_account_with_a_recovery_window_is_refused(trusted: Program, sandbox: SandboxProcess) -> None:
    Administration(sandbox).set_up()
    sandbox.put_root_user(PERSONAL, {})
    assert trusted.run("recover", PERSONAL, "--reason", "drill", "--leave-open", "--yes").status == 0
    before = sandbox.last_request()
    run = change(trusted, "--yes")
    assert (run.status, "windows close" in run.stderr) == (2, True), run.shown
    assert sandbox.operations(before, mutating=True) == []


def test_an_address_that_the_approved_pattern_doesnt_match_is_a_finding(ruled: Program) -> None:
    pattern = r"aws(-management|\+[a-z-]+)@example\.com"
    run = ruled.run("emails", "list", "-o", "json", ROOTKEEPER_EMAILS_APPROVED_PATTERN=pattern)
    found = {one["account_id"]: one for one in run.json["accounts"]}
    assert found["111122223333"]["verdict"] == "pass"
    assert found[PERSONAL]["reasons"] == ["not_a_group", "pattern_not_matched"]


def test_an_address_that_two_accounts_have_is_a_finding_regardless_of_its_case(
    ruled: Program, sandbox: SandboxProcess
) -> None:
    shared = str(sandbox.accounts()["400050006000"]["email"]).upper()

    def share(request: Request, answer: Answer) -> Answer:
        if request.operation != "ListAccounts":
            return answer
        return replace(answer, body=answer.body.replace(OLD.encode(), shared.encode()))

    with InterposedProxy(sandbox.base_url) as proxy:
        proxy.after = share
        run = ruled.run("emails", "list", "-o", "json", AWS_ENDPOINT_URL=proxy.url)
    found = {one["account_id"]: one for one in run.json["accounts"]}
    for holder, other in ((PERSONAL, "400050006000"), ("400050006000", PERSONAL)):
        assert found[holder]["reasons"] == ["duplicate"]
        assert found[holder]["verdict"] == "fail"
        assert found[holder]["shared_with"] == [other]


def test_an_attestation_that_has_ended_counts_no_more(ruled: Program, tmp_path: Path) -> None:
    attest = ("emails", "attest", OLD, "--by", "Nikki Wolf", "--yes", "--until")
    assert ruled.run(*attest, "2001-01-01").status == 2
    assert ruled.run(*attest, "30d").status == 0
    with closing(sqlite3.connect(tmp_path / "rootkeeper.db")) as connection, connection:
        connection.execute("UPDATE email_attestations SET until = recorded_at")
    run = ruled.run("emails", "list", PERSONAL, "-o", "json")
    assert (run.status, run.json["accounts"][0]["reasons"]) == (1, ["attestation_expired"]), run.shown


def test_an_override_is_recorded_with_the_reason(trusted: Program, sandbox: SandboxProcess) -> None:
    run = change(trusted, "--override", "--yes", address="aws@example.net")
    assert run.status == 4, run.shown
    assert "OVERRIDDEN" in run.stderr
    assert "--override" in run.stderr.splitlines()[-1]
    entries = trusted.run("ledger", "list", "-o", "json").json["entries"]
    assert entries[0]["parameters"]["overridden"] == ["domain_not_allowed", "not_a_group"]
    assert entries[0]["parameters"]["reason"] == "Li has left"


def test_without_trusted_access_it_says_what_is_missing(ruled: Program) -> None:
    run = change(ruled, "--yes")
    assert run.status == 3, run.shown
    assert "enable-aws-service-access" in run.stderr


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)
