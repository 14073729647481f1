"""One sandbox, one database, and the program between them: what the tests of a promise play on."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.functional.promises.forked_runs import ForkedRun, ForkingProgram
from tests.functional.promises.interposed_proxy import InterposedProxy
from tests.functional.running import LONG_LEASE, Run
from tests.sandbox_process import SandboxProcess

ORGANIZATION_ID = "o-exampleorgid"
MANAGEMENT = "111122223333"
FAILSAFE = "222233334444"
EVERYTHING = "800090001000"
"""Has a password, two access keys, a certificate and MFA; nothing was used lately."""
CLEAN = "400050006000"
CERTIFICATE = "900010002000"
SUSPENDED = "676789890101"
UNIT = ("700080009000", "800090001000", "900010002000")
"""The accounts of the organizational unit AnyCompany."""
FOREIGN = "123456789012"

KINDS = ("password", "access_keys", "signing_certificates", "mfa_devices")


@dataclass(frozen=True, slots=True)
class Stage:
    """Settings of one test."""

    sandbox: SandboxProcess
    folder: Path
    forking: ForkingProgram
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "data" / "rootkeeper.db"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "PATH": "/usr/bin:/bin",
            "TMPDIR": str(self.folder / "temporary"),
            "XDG_STATE_HOME": str(self.database.parent),  # what the ledger remembers is kept with the database
            "COLUMNS": "120",
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.sandbox.environment(),
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{self.database}",
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "0",
            "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
            "ROOTKEEPER_UNLOCK_QUEUE_VERIFY_SECONDS": "0",
            **self.settings,
        }

    def begin(
        self,
        *arguments: str | Path,
        through: InterposedProxy | None = None,
        changes: Mapping[str, str] | None = None,
        terminal: int | None = None,
        **how: Any,
    ) -> ForkedRun:
        """Start a command line; ``how`` are fields of an order, ``changes`` variables of its environment."""
        environment = self.environment | dict(changes or {})
        if through is not None:
            environment["AWS_ENDPOINT_URL"] = through.url
        return self.forking.begin([str(one) for one in arguments], environment, terminal, **how)

    def run(self, *arguments: str | Path, **options: Any) -> Run:
        """Run it to its end."""
        return self.begin(*arguments, **options).wait()

    def entries(self) -> list[dict[str, Any]]:
        """The ledger, read past the program."""
        return read_rows(self.database, "SELECT * FROM ledger_entries ORDER BY sequence")

    def windows(self, account_id: str) -> list[str]:
        """States of the account's windows, oldest first."""
        statement = "SELECT * FROM recovery_windows ORDER BY requested_at"
        return [row["state"] for row in read_rows(self.database, statement) if row["account_id"] == account_id]

    def is_bare(self, account_id: str) -> bool:
        """Whether no root user credentials are there, the permission to recover included."""
        return not any(self.sandbox.root_user(account_id)[kind] for kind in (*KINDS, "recovery_allowed"))

    def privileged(self, since: int) -> list[tuple[str, str | None]]:
        """Privileged calls that the sandbox has received after ``since``."""
        return [
            (request["operation"], request["account_id"])
            for request in self.sandbox.requests(since)
            if request["mutating"] or request["operation"] == "AssumeRoot"
        ]

    def assert_each_intent_has_one_outcome(self) -> None:
        """P03, and that the chain has no gap."""
        entries = self.entries()
        outcomes = Counter(entry["intent_sequence"] for entry in entries if entry["intent_sequence"] is not None)
        intents = [entry["sequence"] for entry in entries if entry["phase"] == "intent"]
        assert {sequence: outcomes[sequence] for sequence in intents} == dict.fromkeys(intents, 1)
        assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))


def read_rows(database: Path, statement: str) -> list[dict[str, Any]]:
    """What another process sees of the database now."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement)]


def find_kinds(run: Run, account_id: str) -> dict[str, dict[str, Any]]:
    """The outcome of each kind, of a deletion whose answer is JSON."""
    account = next(one for one in json.loads(run.stdout)["accounts"] if one["account_id"] == account_id)
    kinds: dict[str, dict[str, Any]] = account["kinds"]
    return kinds


def assert_clean_ending(run: Run, *statuses: int) -> None:
    """One of the statuses, and never a traceback."""
    assert run.status in statuses, run.shown
    assert "Traceback" not in run.stdout + run.stderr, run.shown
    assert "unexpected" not in run.stderr, run.shown
