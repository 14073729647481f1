"""A recovery lived through in a sandbox, and a watcher that gets its events by a queue or a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from rootkeeper.composition.application import Application
from rootkeeper.organization.accounts import AccountId
from rootkeeper.settings.reading import load_settings
from rootkeeper.watching.service import EventWatchLoop
from rootkeeper.watching.store import WatchedEventReader
from tests.fakes.watching import RecordedNotifier
from tests.functional.running import Program
from tests.root_person import RootPerson
from tests.sandbox_process import SandboxProcess

DELEGATE = "222233334444"
QUEUE = "rootkeeper-root-events"


def name_queue(sandbox: SandboxProcess) -> str:
    """The setting that names the demo's queue."""
    return f"sqs:{sandbox.base_url}/{DELEGATE}/{QUEUE}"


@dataclass
class TrailFile:
    """A file to which a person carries the events of an account."""

    sandbox: SandboxProcess
    account_ids: tuple[str, ...]
    path: Path
    _carried: set[str] = field(default_factory=set)

    def carry(self) -> None:
        """What is new since the last time."""
        with self.path.open("a") as handle:
            for account_id in self.account_ids:
                for record in self.sandbox.events(account_id):
                    if record["eventID"] not in self._carried:
                        self._carried.add(record["eventID"])
                        handle.write(json.dumps(record) + "\n")


@dataclass
class Watched:
    """An account whose window is watched."""

    sandbox: SandboxProcess
    program: Program
    account_id: str
    loop: EventWatchLoop
    application: Application
    notifier: RecordedNotifier
    carry: Callable[[], None] = lambda: None
    _seen: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def begin(
        cls, sandbox: SandboxProcess, program: Program, account_id: str, source: str, tmp_path: Path
    ) -> Iterator[Watched]:
        """:param source: ``queue`` or ``file``."""
        path = tmp_path / "root-events.jsonl"
        setting = name_queue(sandbox) if source == "queue" else f"file:{path}"
        environment = dict(program.environment)
        ours = {name: value for name, value in environment.items() if name.startswith("ROOTKEEPER_")}
        settings = load_settings(None, {**ours, "ROOTKEEPER_WATCHING_SOURCE": setting}, tmp_path)
        with pytest.MonkeyPatch.context() as surroundings:
            for name, value in environment.items():
                surroundings.setenv(name, value)
            with Application(settings) as application:
                application.notifier = notifier = RecordedNotifier()
                loop = application.event_watch_loop()
                assert loop is not None
                loop.wait_seconds = 0
                trail = TrailFile(sandbox, (account_id, DELEGATE), path)
                carry = trail.carry if source == "file" else lambda: None
                yield cls(sandbox, program, account_id, loop, application, notifier, carry)

    @property
    def person(self) -> RootPerson:
        return RootPerson(self.sandbox, self.account_id)

    def open_window(self) -> None:
        run = self.program.run("recover", self.account_id, "--reason", "restore", "--leave-open", "--yes")
        assert run.status == 0, run.shown

    def close_window(self) -> None:
        run = self.program.run("windows", "close", self.account_id, "--yes")
        assert run.status == 0, run.shown

    def look(self) -> list[tuple[str, str]]:
        """Watch what there is; each event that is new since the last look, as it was judged, by name."""
        self.carry()
        while self.loop.tick():
            pass
        new = [event for event in self.list_events() if event.event_id not in self._seen]
        self._seen.update(event.event_id for event in new)
        return sorted((event.name, event.verdict.value) for event in new)

    def list_events(self) -> list[Any]:
        organization_id = self.application.organization.organization_id
        return list(
            self.application.database.get_store(WatchedEventReader, organization_id).list_of_account(
                AccountId(self.account_id)
            )
        )

    def reported(self) -> list[str]:
        """What people were notified of, by the names of events."""
        return [one.title.split(" unexpected ")[1] for one in self.notifier.reported]

    def use_root_keys(self, keys: dict[str, str], service: str = "iam") -> Any:
        """A client with credentials of the root user."""
        return boto3.Session(
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys.get("AWS_SESSION_TOKEN"),
            region_name="us-east-1",
        ).client(service, endpoint_url=self.sandbox.base_url)
