"""Who may ask what: every command as every caller, for real. What a caller can't read is unknown, with who could."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.functional.administration import Administration, open_client
from tests.functional.caller_cells import (
    ASK_NOTHING,
    DRY_RUNS,
    EXCEPTED,
    FAILSAFE,
    FILLED,
    NO_SESSION,
    READING,
    WINDOW,
    Caller,
    Cell,
    Line,
    Row,
)
from tests.functional.promises.command_lines import list_commands
from tests.functional.running import LONG_LEASE, Program, Run, Runner
from tests.sandbox_process import SandboxProcess

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "callers.md"
OTHER_DELEGATE = "777788889999"
SERVICES = {
    Caller.ACCOUNT_MANAGEMENT: "account.amazonaws.com",
    Caller.IDENTITY_CENTER: "sso.amazonaws.com",
}
PRINCIPALS = {Caller.MANAGEMENT: "management-admin", Caller.IAM: "delegated-admin"}
ROWS = [*READING, *DRY_RUNS]
CELLS = [
    pytest.param(
        row, caller, id=f"{caller.value}: {row.shown}", marks=() if (r + c) % len(Caller) == 0 else pytest.mark.long
    )
    for c, caller in enumerate(Caller)
    for r, row in enumerate(ROWS)
]
"""Each row is tried as one caller, in turn; the other cells are long."""
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
SETTLED = [
    ("status", "--accept", "--yes"),
    ("exceptions", "add", EXCEPTED, "--owner", "Ana", "--reason", "billing", "--until", "30d", "--yes"),
    ("recover", WINDOW, "--reason", "drill", "--leave-open", "--yes"),
    (
        *("failsafe", "record-drill", FAILSAFE, "--by", "Ana", "--at", YESTERDAY, "--outcome", "passed"),
        *("--alarm", "seen", "--device", "hardware", "--yes"),
    ),
]


@dataclass(slots=True)
class Stage:
    """The demo organization, set up, with a database that the management account has filled."""

    sandbox: SandboxProcess
    runner: Runner
    folder: Path
    delegated: str | None = None
    """The service whose delegated administrator the third account is now."""

    def settle(self) -> None:
        """Set everything up, and leave something for every command to show."""
        Administration(self.sandbox).set_up()
        for service in SERVICES.values():
            self._organizations.enable_aws_service_access(ServicePrincipal=service)
        program = self._make_program(Caller.MANAGEMENT, self.folder / "filled")
        plan = ("plan", FILLED, "--out", str(self.folder / "plan.json"), "--fail-on", "none")
        for words in (("audit", "--fail-on", "none"), plan, *SETTLED):
            run = program.run(*words)
            assert run.status == 0, run.shown
        job_ids = [job["job_id"] for job in program.run("jobs", "list", "-o", "json").json["jobs"]]
        (self.folder / "job").write_text(job_ids[-1])

    def run(self, row: Row, caller: Caller) -> Run:
        """On a fresh copy of the database."""
        self._delegate(SERVICES.get(caller))
        data = self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        if row.command != ("disable",):  # which rightly refuses while a recovery window is open
            shutil.copytree(self.folder / "filled", data)
        job_id = (self.folder / "job").read_text()
        words = [
            word.format(folder=data, plan=self.folder / "plan.json", job=job_id, yesterday=YESTERDAY)
            for word in row.words
        ]
        return self._make_program(caller, data).run(*words)

    def _delegate(self, service: str | None) -> None:
        if self.delegated is not None and service != self.delegated:
            self._organizations.deregister_delegated_administrator(
                AccountId=OTHER_DELEGATE, ServicePrincipal=self.delegated
            )
            self.delegated = None
        if service is not None and self.delegated is None:
            self._organizations.register_delegated_administrator(AccountId=OTHER_DELEGATE, ServicePrincipal=service)
            self.delegated = service

    @property
    def _organizations(self) -> Any:
        return open_client("organizations", self.sandbox.base_url, self.sandbox.principals()["management-admin"])

    def _make_program(self, caller: Caller, data: Path) -> Program:
        data.mkdir(exist_ok=True)
        principal = PRINCIPALS.get(caller, "member-admin")
        settings = {
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{data / 'rootkeeper.db'}",
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "0",
            "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
            "ROOTKEEPER_EMAILS_ALLOWED_DOMAINS": "example.com",
            "ROOTKEEPER_EMAILS_GROUPS": "aws@example.com, aws-management@example.com",
            "XDG_STATE_HOME": str(data / "state"),  # what the ledger remembers is kept with the database
        }
        return Program(self.sandbox.environment(principal) | settings, self.runner)


@pytest.fixture(scope="module")
def stage(running_sandbox: SandboxProcess, runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = Stage(running_sandbox, runner, tmp_path_factory.mktemp("callers"))
    stage.settle()
    return stage


@pytest.mark.parametrize(("row", "caller"), CELLS)
def test_a_caller_is_shown_what_it_may_know_and_who_could_know_the_rest(stage: Stage, row: Row, caller: Caller) -> None:
    cell = row.cells[caller]
    before = stage.sandbox.last_request()
    run = stage.run(row, caller)
    assert run.status == cell.status, run.shown
    if cell.refused_for:
        assert run.stderr.startswith("error: "), run.shown
        assert cell.refused_for in run.stderr, run.shown
    else:
        ensure_lines(run, cell)
    assert [one for one, _ in stage.sandbox.operations(before, mutating=True) if "Delegated" not in one] == []


def ensure_lines(run: Run, cell: Cell) -> None:
    """Exactly the table's lines say that something is unknown for this caller, and no line says that it is good."""
    assert "error: " not in run.stderr, run.shown
    shown = [squeeze(line) for line in (run.stdout + run.stderr).splitlines()]
    unknown = [line for line in shown if "unknown" in line.lower() and re.search(r"\bneeds (the|an?) ", line)]
    for line in cell.lines:
        assert any(says(one, line) for one in unknown), f"no line says {line} in\n{run.shown}"
        assert [one for one in shown if "✓" in one and line.subject in one] == [], run.shown
    assert [one for one in unknown if not any(says(one, line) for line in cell.lines)] == [], run.shown


def squeeze(text: str) -> str:
    return " ".join(text.split())


def says(shown: str, line: Line) -> bool:
    return f"needs {line.gap.needs}" in shown and line.subject in shown


def test_every_command_has_a_row_or_a_reason_to_have_none() -> None:
    tried = {row.command for row in ROWS}
    assert tried | ASK_NOTHING.keys() == list_commands()
    assert tried & ASK_NOTHING.keys() == set()


def test_every_dry_run_has_a_row() -> None:
    dry = {row.command for row in DRY_RUNS}
    assert all("--dry-run" in row.words for row in DRY_RUNS)
    assert dry == {name for name in list_commands("--dry-run") if name not in ASK_NOTHING}


def test_every_row_has_a_cell_for_every_caller() -> None:
    for row in ROWS:
        assert set(row.cells) == set(Caller), row.shown


def test_only_a_change_is_refused_or_an_audit_without_root_sessions() -> None:
    for row in READING:
        for cell in row.cells.values():
            assert cell is NO_SESSION or (cell.status in {0, 1}, cell.refused_for) == (True, ""), row.shown


@pytest.mark.parametrize("rows", [READING, DRY_RUNS], ids=["reading", "dry runs"])
def test_the_page_shows_the_table(rows: tuple[Row, ...]) -> None:
    table = "\n".join(render_table(rows))
    assert table in PAGE.read_text(encoding="utf-8"), f"{PAGE} should have:\n{table}"


def test_the_page_says_who_could_read_what() -> None:
    gaps = {line.gap for row in ROWS for cell in row.cells.values() for line in cell.lines}
    page = PAGE.read_text(encoding="utf-8")
    for gap in gaps:
        said = f"| {gap.name} | {generalized(gap.needs)} |"
        assert said in page, f"{PAGE} should have:\n{said}"


def generalized(text: str) -> str:
    """Without the ids of this organization."""
    return re.sub(r"\d{12}", "ID", text)


def render_table(rows: tuple[Row, ...]) -> Iterator[str]:
    yield f"| Command | {' | '.join(caller.value[0].upper() + caller.value[1:] for caller in Caller)} |"
    yield "|---" * (len(Caller) + 1) + "|"
    for row in rows:
        cells = [describe(row.cells[caller]) for caller in Caller]
        yield f"| `{row.shown}` | {' | '.join(cells)} |"


def describe(cell: Cell) -> str:
    if cell.refused_for:
        return "refused"
    names = dict.fromkeys(line.gap.name for line in cell.lines)
    return f"all but {', '.join(names)}" if names else "all"
