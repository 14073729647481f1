"""Every listing on terminals of 80, 100, 120 and 200 columns: no broken identifier or title, each column or its name.

The commands come from the program itself: a new command must be listed here.
"""

from __future__ import annotations

import json
import os
import pty
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from rich.cells import cell_len

from rootkeeper.cli.main import PROGRAM
from rootkeeper.ledger.database import open_database
from rootkeeper.notifications.rules import Notification, NotificationEvent, Severity
from rootkeeper.notifications.store import NotificationStore
from tests.current_databases import place_database
from tests.forked import ForkedProcess
from tests.functional.administration import Administration
from tests.functional.conversation import converse
from tests.functional.running import SECONDS, Program, Run, Runner, open_program
from tests.sandbox_process import SandboxProcess

CLEAN, ORDERS, DELEGATE = "400050006000", "888899990000", "222233334444"
WIDE = 1000
"""Enough for every column."""
WIDTHS = (80, 100, 120, 200)
ACCOUNTS = {
    WIDE: "012345678901",
    80: "300040005000",
    100: "500060007000",
    120: "600070008000",
    200: "999900001111",
}
"""Those with credentials; one for each run of a command that changes something."""
LISTINGS: tuple[str, ...] = (
    "apply {folder}/{account}.json --yes",
    "audit -o table --details --fail-on none",
    "breakglass",
    "controls attest cis-7.0/5.3 --owner Ana --reason Alarms-page-the-team --until 30d --yes",
    "controls frameworks",
    "controls list --framework pci-dss-4.0.1",
    "controls show cis-7.0/2.4",
    "delete --ou Workloads --dry-run",
    "diff {older} {newer}",
    "diff --list",
    "doctor",
    "emails attest {account}@example.com --by Ana --until 30d --yes",
    "emails change {account} aws+{account}@example.com --reason x --override --yes",
    "emails list",
    "enable --delegated-administrator {account} --yes",
    "exceptions add {account} --owner Ana --reason Migration-until-the-end-of-the-year --until 30d --yes",
    "exceptions list",
    f"failsafe attest {DELEGATE} --claim purpose --owner Ana --reason Nothing-runs-there --until 30d --yes",
    "failsafe check",
    f"failsafe record-drill {DELEGATE} --by Ana --at 2026-11-30 --outcome passed --alarm seen --yes",
    f"history {CLEAN}",
    "jobs list",
    "jobs show {job}",
    "ledger list",
    "notifications list",
    "notifications test",
    "organizations list --config {folder}/several.toml",
    "plan --ou Workloads --out {folder}/plan.json",
    "policies alarms -o table",
    "policies alarms -o table --judge {folder}/records.json",
    "policies roles -o table",
    "policies scp -o table",
    "preflight",
    "report send --to securityhub --yes",
    "status",
    "token list",
    f"unlock s3 {ORDERS}",
    f"unlock sqs {ORDERS} --regions us-east-1",
    "users list",
    "windows list",
)
OF_ANOTHER = {
    "disable": "the tables of enable; a window that is open prevents it",
    "ledger adopt": "the accounts of lost windows, in the columns of an audit's table",
    "ledger import": "the table of windows list",
    "organizations audit": "the table of organizations list",
    "organizations report": "fewer columns of the table of organizations list",
    "organizations check": "the table of doctor, after a column with the organization's name",
    "recover": "for several accounts, the table of windows list",
}
WITHOUT_TABLE = {
    *("demo", "exceptions remove", "login", "logout", "report write", "sandbox", "serve", "worker"),
    *(f"database {name}" for name in ("backup", "check", "restore", "upgrade")),
    *("organizations add", "organizations remove", "organizations show"),
    *("failsafe runbook", "failsafe set-up", "jobs cancel", "jobs resume", "ledger export", "ledger verify"),
    *("policies cloudformation", "policies terraform", "token create", "token revoke"),
    *(f"users {name}" for name in ("add", "disable", "invite", "reset", "reset-factors")),
    *(f"users {name}" for name in ("set-password", "set-role", "sign-out")),
    *(f"windows {name}" for name in ("activate", "approve", "cancel", "close", "deny", "extend")),
    *(f"windows {name}" for name in ("report", "request", "review", "show")),
}
UNTITLED = {"status"}


def list_commands(command: click.Command, *path: str) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield " ".join(path)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from list_commands(below, *path, name)


def test_every_command_is_known_to_show_a_table_or_not() -> None:
    commands = set(list_commands(PROGRAM))
    shown = {command for command in commands for listing in LISTINGS if f"{listing} ".startswith(f"{command} ")}
    assert shown | set(OF_ANOTHER) | WITHOUT_TABLE == commands
    assert not shown & WITHOUT_TABLE


@dataclass(frozen=True, slots=True)
class Stage:
    """A program with something to list for every command."""

    program: Program
    folder: Path
    job_id: str
    """Of a deletion."""
    audits: tuple[str, str]
    """Two, between which something changed."""

    def show(self, listing: str, columns: int) -> Run:
        """Run a command whose stdout is a terminal; stderr is a file, so that the two stay apart."""
        older, newer = self.audits
        facts = {"folder": self.folder, "account": ACCOUNTS[columns], "job": self.job_id}
        words = listing.format(**facts, older=older, newer=newer).split()
        ours, theirs = pty.openpty()
        surroundings = self.program.surroundings({"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "dumb"})
        shown = b""
        with tempfile.TemporaryFile() as stderr:
            process = ForkedProcess.start(words, surroundings, stdout=theirs, stderr=stderr)
            os.close(theirs)
            try:
                while part := os.read(ours, 65536):
                    shown += part
            except OSError:  # Linux: the other end is closed
                pass
            finally:
                os.close(ours)
            status = process.wait(SECONDS)
            stderr.seek(0)
            said = stderr.read().decode()
        return Run(status, shown.decode().replace("\r\n", "\n"), said)


@pytest.fixture(scope="module")
def stage(running_sandbox: SandboxProcess, runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    running_sandbox.reset()
    administration = Administration(running_sandbox)
    administration.set_up()
    administration.trust_account_management()
    administration.make_places_for_reports("amzn-s3-demo-evidence")
    running_sandbox.faults(operation="BatchImportFindings", lie=True)
    folder = tmp_path_factory.mktemp("widths")
    place_database(folder / "rootkeeper.db")
    plain = open_program(running_sandbox, folder, runner)
    settings = {
        "ROOTKEEPER_NOTIFICATIONS_TARGETS": "hook info env:HOOK_URL",
        "HOOK_URL": "webhook+http://secret-of-some-length@127.0.0.1:9/hook",
    }
    program = Program({**plain.environment, **settings}, runner)

    def run(*arguments: str | Path, statuses: tuple[int, ...] = (0,)) -> Run:
        done = program.run(*arguments)
        assert done.status in statuses, done.shown
        return done

    run("audit", "--fail-on", "none")
    run("recover", CLEAN, "--reason", "Delete the policy that locks everyone out", "--leave-open", "--yes")
    run("delete", "--ou", "AnyCompany", "--yes")
    for account_id in ACCOUNTS.values():
        used = ("--allow-recently-used", account_id, "--reason", "Its owner agreed")
        run("plan", account_id, *used, "--out", folder / f"{account_id}.json")
    run("audit", "--fail-on", "none", "--details")
    run("token", "create", "--role", "viewer", "--name", "nightly-report")
    (folder / "password").write_text("correct horse battery\n")
    run("users", "add", "ana.carolina.silva", "--role", "operator", "--password-file", folder / "password")
    with open_database(f"sqlite:///{folder / 'rootkeeper.db'}") as database:
        (organization_id,) = database.list_organization_ids()
        (folder / "several.toml").write_text(f'[organizations.shop]\nid = "{organization_id}"\n')
        now = datetime.now(UTC)
        opened = Notification(
            NotificationEvent.WINDOW_OPENED,
            Severity.INFO,
            f"Window of {CLEAN} opened",
            "b",
            now,
            organization_id,
            "AWS",
        )
        database.get_store(NotificationStore, organization_id).add("n-0123456789abcdef", opened, ["chat"], now)
    key = {"type": "Root", "accountId": CLEAN, "accessKeyId": "AKIAIOSFODNN7EXAMPLE"}
    record = {"eventName": "ListUsers", "eventTime": "2026-11-02T10:00:00Z", "userIdentity": key}
    (folder / "records.json").write_text(json.dumps({"Records": [{**record, "recipientAccountId": CLEAN}]}))
    jobs = run("jobs", "list", "-o", "json").json["jobs"]
    deletion = next(job["job_id"] for job in jobs if job["kind"] == "deletion")
    audits = [audit["audit_id"] for audit in run("diff", "--list", "-o", "json").json["audits"]]
    return Stage(program, folder, deletion, (audits[-1], audits[0]))


BROKEN = re.compile(
    r"(?<![\w.:/-])\d{5,11}(?![\w.:/,-])"  # an account id
    r"|(?<![\w-])[wj]-[0-9a-f]{0,9}(?![\w-])"
    r"|(?<!\w)(?:AKIA|ASIA)[A-Z0-9]{0,15}(?!\w)"
    r"|[\d@][^\s…]*…"
)


def read_titles(shown: str) -> tuple[list[str], str]:
    """The titles of all tables that are wide enough for each, and all lines of titles."""
    lines = shown.splitlines()
    rules = [number for number, line in enumerate(lines) if line and set(line) == {"─"}]
    above: list[str] = []
    for rule in rules:
        begin = rule
        while begin and lines[begin - 1].strip() and cell_len(lines[begin - 1].rstrip()) <= len(lines[rule]):
            begin -= 1
        above += lines[begin:rule]
    titles = [title for line in above for title in re.split(r"\s{2,}", line.strip()) if title]
    return titles, " ".join(above)


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_listing_is_readable_at_every_width(stage: Stage, listing: str) -> None:
    wide = stage.show(listing, WIDE)
    assert wide.status in (0, 1, 4), wide.shown
    assert "Not shown" not in wide.stderr
    titles, _ = read_titles(wide.stdout)
    assert titles or listing in UNTITLED, wide.shown
    for width in WIDTHS:
        run = stage.show(listing, width)
        assert run.status == wide.status, run.shown
        assert [line for line in run.stdout.splitlines() if cell_len(line.rstrip()) > width] == [], run.shown
        assert set(BROKEN.findall(run.stdout)) <= set(re.findall(r"[\w@-]+", wide.stdout)), run.shown
        remark = rf"^Not shown in {width} columns: (.*)\. Use a wider terminal or -o json\.$"
        remarks = re.findall(remark, run.stderr, re.MULTILINE)
        left_out = [title for named in remarks for title in titles if title in named]
        _, header = read_titles(run.stdout)
        assert set(header.split()) <= set(" ".join(titles).split()), run.shown
        for title in titles:
            assert title in left_out or set(title.split()) <= set(header.split()), (title, run.shown)
        if width == WIDTHS[-1]:
            assert len(left_out) <= 2, run.shown


def test_a_pipe_gets_every_column_whatever_columns_says(stage: Stage) -> None:
    run = stage.program.run("audit", "-o", "table", "--details", "--fail-on", "none", COLUMNS="80")
    assert "Last used" in run.stdout.splitlines()[0]
    assert "Not shown" not in run.stderr


def test_the_question_of_a_deletion_names_the_columns_that_it_leaves_out(stage: Stage) -> None:
    with converse(stage.program, "delete", "--ou", "Workloads", COLUMNS="40", TERM="dumb") as conversation:
        conversation.wait_for("Not shown in 40 columns: ")
        conversation.wait_for("?")
        conversation.type("n")
        assert conversation.end() == 2
    assert "Use a wider terminal or --dry-run -o json." in " ".join(conversation.text.split())
