"""A sandbox whose organization is set up, and the program on a database of one test."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.functional.running import Program
from tests.sandbox_process import SandboxProcess

OWING = {"OPENING", "OPEN", "CLOSING", "CLOSE_FAILED"}


@dataclass(frozen=True, slots=True)
class Stage:
    """A sandbox whose organization is set up, and the program on a SQLite file of this test."""

    sandbox: SandboxProcess
    program: Program
    database: Path

    @property
    def environment(self) -> dict[str, str]:
        """That of servers. Where a test sets their clock, a lease counts again only once it is renewed: each quarter of
        it; the other three a busy machine may stand still.
        """
        return {**self.program.environment, "ROOTKEEPER_LEASE_SECONDS": "8"}

    @property
    def account_id(self) -> str:
        """A member account that has no root user credentials at first."""
        organization = self.sandbox.organization()
        return next(
            str(account["account_id"])
            for account in organization["accounts"]
            if account["state"] == "ACTIVE" and account["account_id"] != organization["management_account_id"]
        )

    def open_window(self, length: str = "10s") -> str:
        """By the command line, which leaves it to the one who closes it; the account."""
        account_id = self.account_id
        self.sandbox.put_root_user(account_id, {})
        opened = self.program.run("recover", account_id, "--reason", "drill", "--for", length, "--leave-open", "--yes")
        assert opened.status == 0, opened.shown
        return account_id

    def windows(self) -> list[dict[str, Any]]:
        """As the database has them."""
        found: list[dict[str, Any]] = self.program.run("windows", "list", "-o", "json").json["windows"]
        return found

    def windows_in_database(self) -> list[str]:
        """The states of all windows, read past the program."""
        with closing(sqlite3.connect(self.database)) as connection:
            return [str(row[0]) for row in connection.execute("SELECT state FROM recovery_windows")]

    def is_open(self, account_id: str) -> bool:
        """Whether the account's root user can be recovered, as the sandbox knows it."""
        root_user = self.sandbox.root_user(account_id)
        return bool(root_user["recovery_allowed"] or root_user["password"])
