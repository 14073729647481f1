"""A password that returns by another tool after a recovery window was closed, without a server."""

from __future__ import annotations

import re

import pytest

from tests.functional.administration import Administration
from tests.functional.running import Program
from tests.sandbox_process import SandboxProcess

CLEAN = "400050006000"
AT_ONCE = {"ROOTKEEPER_AWS_VERIFY_SECONDS": "2"}
"""How long AWS may show the state before; an audit right after the closing waits for that."""


@pytest.fixture
def closed(enabled: Program) -> str:
    """The id of a window that a command line opened and closed."""
    opened = enabled.run("recover", CLEAN, "--reason", "Close it", "--for", "4h", "--leave-open", "--yes", "-o", "json")
    assert opened.status == 0, opened.shown
    run = enabled.run("windows", "close", CLEAN, "--yes", "-o", "json")
    assert (run.status, run.json["state"]) == (0, "CLOSED_VERIFIED"), run.shown
    return str(run.json["window_id"])


@pytest.mark.parametrize("seconds", [0, 600, 900, 4 * 3600, 26 * 3600])
def test_the_next_audit_says_that_someone_else_reopened_the_window(
    enabled: Program, sandbox: SandboxProcess, closed: str, seconds: int
) -> None:
    if seconds:
        sandbox.clock(advance=seconds)
    Administration(sandbox).allow_recovery(CLEAN)
    before = sandbox.last_request()
    audit = enabled.run("audit", CLEAN, "--fail-on", "present", "-o", "json", **AT_ONCE)
    assert audit.status == 1, audit.shown
    assert audit.json["accounts"][0]["status"] == "present"
    said = " ".join(audit.stderr.split())
    assert f"a root password found in {CLEAN} after recovery window {closed} was closed: someone else" in said
    assert sandbox.operations(before, mutating=True) == []

    for arguments in (("windows", "list"), ("windows", "show", closed), ("status",), ("exceptions", "list")):
        told = enabled.run(*arguments)
        assert f"ALERT: recovery window {closed} of account {CLEAN}" in told.stderr, told.shown
        assert "Reopened by someone else" in told.stderr
    (listed,) = enabled.run("windows", "list", "-o", "json").json["windows"]
    assert (listed["state"], listed["reopened_at"] is not None) == ("CLOSING", True)
    assert "reopened by someone else" in " ".join(enabled.run("windows", "list", COLUMNS="200").stdout.split())
    assert enabled.run("status", "--fail-on", "present").status == 1
    assert enabled.run("audit", CLEAN, "--fail-on", "present").status == 1
    assert sandbox.operations(before, mutating=True) == []

    changing = enabled.run("delete", "AnyCompany Data", "--yes")
    assert changing.status == 0, changing.shown
    assert not sandbox.root_user(CLEAN)["recovery_allowed"]
    (again,) = enabled.run("windows", "list", "-o", "json").json["windows"]
    assert (again["state"], again["reopened_at"]) == ("CLOSED_VERIFIED", listed["reopened_at"])
    assert again["closed_at"] > again["first_closed_at"]


def test_reports_and_controls_say_it_while_it_is_open_and_afterwards(
    enabled: Program, sandbox: SandboxProcess, closed: str
) -> None:
    Administration(sandbox).allow_recovery(CLEAN)
    assert enabled.run("audit", **AT_ONCE).status == 1
    write = ("report", "--from", "1d", "--fail-on", "present", "--format")
    report = enabled.run(*write, "json", "--framework", "nist-800-53-r5")
    assert report.status == 1, report.shown
    (window,) = report.json["windows"]
    assert (window["state"], window["reopened_at"] is not None) == ("CLOSING", True)
    assert "and it was not closed again" in report.stdout
    for name in ("markdown", "html", "csv"):
        assert "reopened by someone else" in enabled.run(*write, name).stdout.lower(), name
    told = enabled.run("windows", "report", closed).stdout
    assert "Reopened by someone else: credentials were found" in told
    assert re.search(r"\| Activated \| .+, 20\d\d-", told)

    assert enabled.run("windows", "close", closed, "--yes").status == 0
    told = enabled.run("windows", "report", closed).stdout
    assert re.search(r"Reopened by someone else: credentials were found [^,]+ UTC, and closed again \S+ \S+ UTC", told)
    assert "| a root password |" in told


def test_an_audit_that_finds_nothing_is_the_re_read_that_was_due(
    enabled: Program, sandbox: SandboxProcess, closed: str
) -> None:
    due = enabled.run("windows", "show", closed, "-o", "json").json["next_reread_at"]
    sandbox.clock(advance=1200)
    assert enabled.run("audit", CLEAN, "--fail-on", "present").status == 0
    window = enabled.run("windows", "show", closed, "-o", "json").json

    assert (window["state"], window["rereads_done"]) == ("CLOSED_VERIFIED", 1)
    assert window["next_reread_at"] > due
