"""What the storage tests share: an organization, an actor, and a database opened on a file of the test's own."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from rootkeeper.clock import Clock, SystemClock
from rootkeeper.ledger.database import Database, DatabaseOptions, open_database
from rootkeeper.ledger.owners import Owner
from rootkeeper.ledger.rules import Action, Actor, ActorKind, Intent, Result
from rootkeeper.ledger.store import SqlLedger
from rootkeeper.organization.accounts import AccountId, Endpoint
from tests.current_databases import place_database
from tests.sqlite_writing import is_being_written

E = TypeVar("E", bound=BaseException)

ORGANIZATION_ID = "o-exampleorgid"
ENDPOINT = Endpoint("SANDBOX 127.0.0.1:4599")
ACTOR = Actor("operator", ActorKind.SELF_ASSERTED, "arn:aws:iam::111122223333:user/operator")
ACCOUNT_ID = AccountId("111122223333")
OTHER_ACCOUNT_ID = AccountId("444455556666")
NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
PROGRAMS = Path(__file__).parent / "programs"
REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass
class Stage:
    """A folder with one database in it, and the processes that a test plays on it."""

    folder: Path
    warnings: list[str] = field(default_factory=list)

    def use_postgresql(self, url: str) -> None:
        """The database isn't a file, and every process that is given the folder finds it."""
        (self.folder / "data").mkdir()
        self._url_path.write_text(url)

    @property
    def postgresql_url(self) -> str | None:
        return self._url_path.read_text() if self._url_path.exists() else None

    @property
    def _url_path(self) -> Path:
        return self.folder / "postgresql-url"

    def place_database(self) -> None:
        """Put a current, empty file where there is no other database."""
        if self.postgresql_url is None:
            place_database(self.path)

    @property
    def path(self) -> Path:
        return self.folder / "data" / "rootkeeper.db"

    @property
    def mirror_path(self) -> Path:
        return self.folder / "data" / "rootkeeper.db.mirror.jsonl"

    @property
    def anchor_path(self) -> Path:
        return self.folder / "elsewhere" / "anchor.jsonl"

    @property
    def spill_folder(self) -> Path:
        return self.folder / "spill"

    @property
    def url(self) -> str:
        return self.postgresql_url or f"sqlite:///{self.path}"

    @property
    def place(self) -> str:
        """How messages name it."""
        return self.postgresql_url or str(self.path)

    def open(self, **options: Any) -> Database:
        defaults: dict[str, Any] = {
            "anchor_path": self.anchor_path,
            "mirror_path": self.mirror_path,
            "spill_folder": self.spill_folder,
            "busy_timeout_seconds": 10.0,
            "warn": self.warnings.append,
        }
        return open_database(self.url, DatabaseOptions(**{**defaults, **options}))

    def run_sql(self, *statements: str) -> None:
        """Change the database as a person without Rootkeeper could."""
        with closing(self._connect()) as connection:
            for statement in statements:
                connection.execute(statement)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(self._connect()) as connection:
            found: list[tuple[Any, ...]] = connection.execute(statement).fetchall()
            return found

    def is_being_written(self) -> bool:
        """Whether some process is in the midst of a transaction that keeps others from writing."""
        if self.postgresql_url is not None:
            ((writers,),) = self.query(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL "
                "AND pid <> pg_backend_pid()"
            )
            return bool(writers)
        return is_being_written(self.path)

    def _connect(self) -> Any:
        if self.postgresql_url is None:
            return sqlite3.connect(self.path, isolation_level=None)
        return psycopg.connect(self.postgresql_url.replace("+psycopg", ""), autocommit=True)


@dataclass
class Worker:
    """One registered process on a database, and its ledger."""

    database: Database
    owner: Owner
    ledger: SqlLedger

    def append_pair(self, account_id: AccountId = ACCOUNT_ID, number: int = 0) -> Intent:
        """An intent and its outcome."""
        intent = self.append_intent(account_id, number)
        self.ledger.append_outcome(intent, Result.DONE, {"status": "deleted"})
        return intent

    def append_intent(self, account_id: AccountId = ACCOUNT_ID, number: int = 0) -> Intent:
        parameters = {"access_key_id": f"AKIAIOSFODNN7{number:07d}"}
        return self.ledger.append_intent(Action.ACCESS_KEY_DELETE, account_id=account_id, parameters=parameters)


def make_worker(database: Database, clock: Clock | None = None, lease_seconds: float = 30.0) -> Worker:
    owner = database.register_owner(clock or SystemClock(), lease_seconds)
    return Worker(database, owner, database.ledger(ORGANIZATION_ID, ENDPOINT, ACTOR, owner))


def run_program(name: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start one of the programs of these tests; the caller waits for it."""
    return subprocess.Popen(
        [sys.executable, str(PROGRAMS / f"{name}.py"), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def send_line(process: subprocess.Popen[str], text: str = "") -> None:
    assert process.stdin is not None
    process.stdin.write(text + "\n")
    process.stdin.flush()


def raised_by(call: Callable[[], object], kind: type[E]) -> E:
    """The error of that kind that the call raises, to be looked at."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")
