"""P28: every prompt, ledger entry and report names organization, caller and endpoint, and says SANDBOX."""

from __future__ import annotations

import json
import os
import pty
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.functional.administration import Administration
from tests.functional.promises.command_lines import TRIED_ELSEWHERE, list_commands
from tests.functional.promises.forked_runs import ForkedRun
from tests.functional.promises.locked_resources import LOCKED_BUCKET, LOCKED_QUEUE
from tests.functional.promises.stage import CLEAN, EVERYTHING, FAILSAFE, ORGANIZATION_ID, UNIT, Stage
from tests.functional.promises.unfinished_runs import interrupt_deletion, wait_until
from tests.root_person import RootPerson

CALLER = "arn:aws:iam::111122223333:user/management-admin"
CHANGES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("status",): ("status", "--accept"),
    ("exceptions", "add"): ("exceptions", "add", UNIT[0], "--owner", "Ana", "--reason", "drill", "--until", "30d"),
    ("exceptions", "remove"): ("exceptions", "remove", UNIT[0]),
    ("enable",): ("enable", "--delegated-administrator", FAILSAFE),
    ("emails", "attest"): ("emails", "attest", "aws@example.com", "--by", "Ana", "--until", "30d"),
    ("controls", "attest"): (
        *("controls", "attest", "cis-7.0/5.3", "--owner", "Ana", "--reason", "drill", "--until", "30d"),
    ),
    ("emails", "change"): (
        *("emails", "change", EVERYTHING, "aws+new@example.com", "--reason", "drill", "--override"),
        *("--otp-from", "{folder}/one-time-password"),
    ),
    ("failsafe", "attest"): (
        *("failsafe", "attest", FAILSAFE, "--claim", "kept", "--owner", "Ana", "--reason", "drill", "--until", "30d"),
    ),
    ("failsafe", "record-drill"): (
        *("failsafe", "record-drill", FAILSAFE, "--by", "Ana", "--at", datetime.now(UTC).date().isoformat()),
        *("--outcome", "passed", "--alarm", "seen"),
    ),
    ("failsafe", "set-up"): ("failsafe", "set-up", FAILSAFE),
    ("unlock", "s3"): ("unlock", "s3", *LOCKED_BUCKET, "--remove"),
    ("unlock", "sqs"): ("unlock", "sqs", *LOCKED_QUEUE, "--regions", "us-east-1", "--remove"),
    ("jobs", "resume"): ("jobs", "resume", "{job}"),
    ("apply",): ("apply", "{folder}/plan.json"),
    ("delete",): ("delete", UNIT[0]),
    ("report", "send"): ("report", "send", "--to", "file:{folder}/evidence.json"),
    ("recover",): ("recover", CLEAN, "--reason", "drill", "--leave-open"),
    ("windows", "close"): ("windows", "close", CLEAN),
    ("ledger", "adopt"): ("ledger", "adopt"),
    ("disable",): ("disable", "--trusted-access"),
}
"""In an order in which each has something to do."""
NEW_ADDRESS = CHANGES["emails", "change"][3]
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def read_all(terminal: int, run: ForkedRun) -> tuple[int, str]:
    """What a person at the terminal saw, as one text without line breaks, and the exit status."""
    pieces: list[bytes] = []
    while True:
        try:
            pieces.append(os.read(terminal, 65536))
        except OSError:  # Linux: the other end is closed
            break
    shown = _ESCAPE.sub("", b"".join(pieces).decode(errors="replace"))
    return run.wait().status, " ".join(shown.split())


def answer_no(stage: Stage, *arguments: str) -> tuple[int, str]:
    """Run it at a terminal, and say no to every question."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"n\n" * 3)
        run = stage.begin(*arguments, terminal=theirs, changes={"TERM": "xterm-256color", "COLUMNS": "200"})
        os.close(theirs)
        return read_all(ours, run)
    finally:
        os.close(ours)


def make_plan(stage: Stage) -> dict[str, str]:
    planned = stage.run("plan", EVERYTHING, "--out", stage.folder / "plan.json", "--fail-on", "none")
    assert planned.status == 0, planned.shown
    return {}


def interrupt(stage: Stage) -> dict[str, str]:
    return {"job": interrupt_deletion(stage)}


def take_login_away(stage: Stage) -> dict[str, str]:
    stage.sandbox.put_root_user(FAILSAFE, {})
    return {}


def let_addresses_change(stage: Stage) -> dict[str, str]:
    Administration(stage.sandbox).trust_account_management()
    os.mkfifo(stage.folder / "one-time-password")
    return {}


PREPARATIONS: dict[tuple[str, ...], Callable[[Stage], dict[str, str]]] = {
    ("apply",): make_plan,
    ("emails", "change"): let_addresses_change,
    ("failsafe", "set-up"): take_login_away,
    ("jobs", "resume"): interrupt,
}
"""What must be there before; each gives words of its command that aren't known earlier."""


def complete_login(stage: Stage, run: ForkedRun) -> None:
    wait_until(run, lambda: bool(stage.sandbox.root_user(FAILSAFE)["recovery_allowed"]))
    RootPerson(stage.sandbox, FAILSAFE).complete()


def hand_one_time_password_over(stage: Stage, run: ForkedRun) -> None:
    wait_until(run, lambda: bool(stage.sandbox.mailbox(NEW_ADDRESS)))
    found = re.search(r"Verification code: (\w+)", str(stage.sandbox.mailbox(NEW_ADDRESS)[-1]["body"]))
    assert found
    (stage.folder / "one-time-password").write_text(found[1])


MEANWHILE: dict[tuple[str, ...], Callable[[Stage, ForkedRun], None]] = {
    ("emails", "change"): hand_one_time_password_over,
    ("failsafe", "set-up"): complete_login,
}
"""What a person does while the command runs."""


STATUSES: dict[tuple[str, ...], int] = {("ledger", "adopt"): 1}
"""Of commands that find something: a policy blocks two accounts, so it isn't known whether a window is open there."""


QUICK = [("enable",), ("delete",), ("recover",), ("windows", "close")]
"""Tried in the quick suite too."""


def test_p28_every_changing_command_is_tried() -> None:
    assert list_commands("--yes") - TRIED_ELSEWHERE == set(CHANGES)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("commands", "least_actions"),
    [
        pytest.param(QUICK, 8, id="of each kind"),
        pytest.param([*CHANGES], 13, id="all", marks=pytest.mark.long),
    ],
)
def test_p28_every_prompt_and_every_entry_of_the_ledger_names_organization_caller_and_endpoint(
    bare_stage: Stage, commands: list[tuple[str, ...]], least_actions: int
) -> None:
    stage = bare_stage
    for command in commands:
        words = CHANGES[command]
        reported = PREPARATIONS[command](stage) if command in PREPARATIONS else {}
        arguments = [word.format(folder=stage.folder, **reported) for word in words]
        truth = stage.sandbox.organization()
        status, shown = answer_no(stage, *arguments)
        assert (status, stage.sandbox.organization()) == (2, truth), f"{command}: {shown}"
        asked = shown[: shown.rindex("?") if "?" in shown else None]
        for named in (ORGANIZATION_ID, stage.sandbox.endpoint_label):
            assert named in asked, f"{command}: {shown}"
        assert CALLER in asked or command == ("ledger", "adopt"), f"{command}: {shown}"
        run = stage.begin(*arguments, "--yes", "-o", "json")
        if command in MEANWHILE:
            MEANWHILE[command](stage, run)
        done = run.wait()
        assert done.status == STATUSES.get(command, 0), done.shown
        for named in (ORGANIZATION_ID, stage.sandbox.endpoint_label):
            assert named in done.stderr + done.stdout, done.shown
    entries = stage.entries()
    assert len({entry["action"] for entry in entries}) >= least_actions
    places = {(entry["organization_id"], entry["endpoint"], entry["caller_arn"]) for entry in entries}
    assert places == {(ORGANIZATION_ID, stage.sandbox.endpoint_label, CALLER)}
    assert all(entry["actor"] and entry["actor_kind"] == "self_asserted" for entry in entries)


def test_p28_every_report_says_sandbox(stage: Stage) -> None:
    plan = stage.folder / "plan.json"
    label = stage.sandbox.endpoint_label
    planned = stage.run("plan", EVERYTHING, "--out", plan, "--fail-on", "none", "-o", "json")
    written = json.loads(plan.read_text())
    reports = [json.loads(planned.stdout), written]
    reports.append(json.loads(stage.run("audit", "-o", "json").stdout))
    reports.append(json.loads(stage.run("status", "-o", "json").stdout))
    reports.append(json.loads(stage.run("apply", plan, "--yes", "-o", "json").stdout))
    reports.append(json.loads(stage.run("report", "--from", "1d", "-o", "json").stdout))
    for report in reports:
        text = json.dumps(report)
        assert (report["endpoint"], report["organization_id"]) == (label, ORGANIZATION_ID), text[:500]
        assert CALLER in text, text[:500]
    formats = [("report", "--from", "1d", "--format", name) for name in ("html", "csv", "markdown")]
    for arguments in (("audit",), ("status",), *formats):
        assert label in stage.run(*arguments).stdout
