"""A server of several organizations: a sandbox for each, its settings file, and the pages of people who sign in."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyotp

from rootkeeper.errors import FactorNeededError
from tests.durations import Stopwatch
from tests.functional.api.browsers import PASSWORD, Page
from tests.functional.api.serving import Answer
from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess

ADMINISTRATOR = "ada"
_LONG_SECONDS = 60.0


@contextmanager
def several_sandboxes(*names: str, accounts: int = 6) -> Iterator[dict[str, SandboxProcess]]:
    """A sandbox for each organization, with accounts of its own."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                SandboxProcess.start("--accounts", str(accounts), "--seed", str(seed), "--features", "all")
            )
            for seed, name in enumerate(names, start=1)
        }


def write_settings(
    sandboxes: Mapping[str, SandboxProcess], folder: Path, more: str = "", without: Collection[str] = ()
) -> dict[str, str]:
    """Write a settings file with an organization for each sandbox; return the environment of a user who has it.

    :param more: further text of the file.
    :param without: sandboxes that have an AWS profile, and aren't in the file.
    """
    profiles, tables = "", more
    for name, sandbox in sandboxes.items():
        found = sandbox.environment()
        profiles += (
            f"[profile {name}]\nendpoint_url = {sandbox.base_url}\nregion = us-east-1\n"
            f"aws_access_key_id = {found['AWS_ACCESS_KEY_ID']}\n"
            f"aws_secret_access_key = {found['AWS_SECRET_ACCESS_KEY']}\n"
        )
        if name not in without:
            organization_id = sandbox.organization()["organization_id"]
            tables += f'\n[organizations.{name}]\nid = "{organization_id}"\naws.profile = "{name}"\n'
    (folder / "aws").write_text(profiles, encoding="utf-8")
    settings = _settings_file(folder)
    settings.parent.mkdir(parents=True)
    settings.write_text(tables, encoding="utf-8")
    shared = {name: value for name, value in found.items() if not name.startswith("AWS_")}
    return shared | {
        "AWS_CONFIG_FILE": str(folder / "aws"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(folder),
        "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
        "ROOTKEEPER_DATABASE_URL": f"sqlite:///{folder}/data/rootkeeper.db",
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
    }


def _settings_file(folder: Path) -> Path:
    return folder / "config" / "rootkeeper" / "settings.toml"


@dataclass
class Person(Page):
    """A person's browser before the server."""

    name: str = ""
    app: pyotp.TOTP | None = None
    known: dict[str, Any] = field(default_factory=dict)

    def of(self, organization: str, path: str) -> Answer:
        """Read an address of an organization."""
        return self.get(f"/organizations/{organization}{path}")

    def send(self, organization: str, path: str, body: object = None) -> Answer:
        """Change something in an organization; give the second factor again where it isn't fresh any more."""
        answer = self.post(f"/organizations/{organization}{path}", body)
        if self.app is None or answer.status != 403 or answer.code != FactorNeededError.code:
            return answer
        stepped_up = self.post("/auth/step-up", {"totp": self.code_of(self.app)})
        assert stepped_up.status == 200, stepped_up
        return self.post(f"/organizations/{organization}{path}", body)


@dataclass
class Server:
    """The server, and its people."""

    process: ServerProcess
    sandboxes: Mapping[str, SandboxProcess]
    data: Path
    """The folder of its databases."""

    @contextmanager
    def restarted(self) -> Iterator[Server]:
        """The same server, started again after its end."""
        with ServerProcess.start(self.process.environment) as process:
            yield Server(process, self.sandboxes, self.data)

    def read_tables(self) -> dict[str, Any]:
        """The organizations' tables in the settings file."""
        tables: dict[str, Any] = tomllib.loads(self.settings_file.read_text(encoding="utf-8"))["organizations"]
        return tables

    @property
    def settings_file(self) -> Path:
        return _settings_file(self.data.parent)

    @property
    def port(self) -> int:
        return urlsplit(self.process.url).port or 0

    def open_page(self, name: str) -> Person:
        return Person(self.port, lambda: datetime.now(UTC), name=name)

    def become_administrator(self) -> Person:
        """The first administrator of the server, with a second factor."""
        found = re.search(r"administrator yet\. (\S+) contains a link", self.process.stderr)
        assert found is not None, self.process.stderr
        link = Path(found[1]).read_text(encoding="utf-8").strip()
        person = self.open_page(ADMINISTRATOR)
        answer = person.post(
            "/auth/first-administrator",
            {"link_token": link.partition("#")[2], "name": ADMINISTRATOR, "password": PASSWORD},
        )
        assert answer.status == 200, answer
        person.app = person.enrol()
        return person

    def invite(self, by: Person, organization: str, name: str, role: str) -> Person:
        """Give a new person a role in an organization, and let the person set a password and a second factor."""
        answer = by.send(organization, "/users", {"name": name, "role": role})
        assert answer.status == 201, answer
        person = self.open_page(name)
        used = person.post(
            "/auth/password-link", {"link_token": answer.json["link"].partition("#")[2], "password": PASSWORD}
        )
        assert used.status == 200, used
        if person.get("/auth/session").json["needs"] == "enrolment":
            person.app = person.enrol()
        return person

    def wait_organizations(self) -> None:
        """Until each organization's process answers."""
        watch = Stopwatch()
        while self.process.ask("GET", "/readyz").status != 200:
            assert watch.seconds < _LONG_SECONDS, self.process.stderr
            watch.pause(0.1)

    def find_process(self, organization: str, other_than: int | None = None) -> int:
        """Return the id of an organization's process; wait for it if it is being started again.

        :param other_than: the id of a process that was killed, and may not have ended yet.
        """
        watch = Stopwatch()
        while (found := self._look_for_process(organization)) in (None, other_than):
            assert watch.seconds < _LONG_SECONDS, f"organization {organization} has no process"
            watch.pause(0.1)
        assert found is not None
        return found

    def _look_for_process(self, organization: str) -> int | None:
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                try:
                    words = (folder / "cmdline").read_bytes().split(b"\0")
                    parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if (
                    organization.encode() in words
                    and b"--listener" in words
                    and int(parent) == self.process.process.pid
                ):
                    return int(folder.name)
        return None


@contextmanager
def several_organizations(
    sandboxes: Mapping[str, SandboxProcess], folder: Path, more: str = "", without: Collection[str] = ()
) -> Iterator[Server]:
    """A running server of the organizations of these sandboxes; see ``write_settings``."""
    environment = write_settings(sandboxes, folder, more, without)
    with ServerProcess.start(environment) as process:
        yield Server(process, sandboxes, folder / "data")


def account_ids(sandbox: SandboxProcess) -> set[str]:
    """The ids of all accounts of a sandbox."""
    return set(re.findall(r"\b\d{12}\b", json.dumps(sandbox.organization())))
