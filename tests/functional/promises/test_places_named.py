"""P28: every prompt, ledger entry and report names organization, caller and endpoint, and says SANDBOX."""

from __future__ import annotations

import json
import os
import pty
import re

import pytest

from tests.functional.promises.command_lines import list_commands
from tests.functional.promises.forked_runs import ForkedRun
from tests.functional.promises.stage import CLEAN, EVERYTHING, FAILSAFE, ORGANIZATION_ID, UNIT, Stage

CALLER = "arn:aws:iam::111122223333:user/management-admin"
CHANGES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("status",): ("status", "--accept"),
    ("exceptions", "add"): ("exceptions", "add", UNIT[0], "--owner", "Ana", "--reason", "drill", "--until", "30d"),
    ("exceptions", "remove"): ("exceptions", "remove", UNIT[0]),
    ("enable",): ("enable", "--delegated-administrator", FAILSAFE),
    ("apply",): ("apply", "{folder}/plan.json"),
    ("delete",): ("delete", UNIT[0]),
    ("recover",): ("recover", CLEAN, "--reason", "drill", "--leave-open"),
    ("windows", "close"): ("windows", "close", CLEAN),
    ("ledger", "adopt"): ("ledger", "adopt"),
    ("disable",): ("disable", "--trusted-access"),
}
"""In an order in which each has something to do."""
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


def test_p28_every_changing_command_is_tried() -> None:
    assert list_commands("--yes") == set(CHANGES)


@pytest.mark.timeout(300)
def test_p28_every_prompt_and_every_entry_of_the_ledger_names_organization_caller_and_endpoint(
    bare_stage: Stage,
) -> None:
    stage = bare_stage
    for command, words in CHANGES.items():
        if command == ("apply",):
            planned = stage.run("plan", EVERYTHING, "--out", stage.folder / "plan.json", "--fail-on", "none")
            assert planned.status == 0, planned.shown
        arguments = [word.format(folder=stage.folder) for word in words]
        truth = stage.sandbox.organization()
        status, shown = answer_no(stage, *arguments)
        assert (status, stage.sandbox.organization()) == (2, truth), f"{command}: {shown}"
        asked = shown[: shown.rindex("?") if "?" in shown else None]
        for named in (ORGANIZATION_ID, stage.sandbox.endpoint_label):
            assert named in asked, f"{command}: {shown}"
        assert CALLER in asked or command == ("ledger", "adopt"), f"{command}: {shown}"
        done = stage.run(*arguments, "--yes", "-o", "json")
        assert done.status == 0, done.shown
        for named in (ORGANIZATION_ID, stage.sandbox.endpoint_label):
            assert named in done.stderr + done.stdout, done.shown
    entries = stage.entries()
    assert len({entry["action"] for entry in entries}) > 12
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
