"""People who sign in to the real server by a browser: from its link to a restart, and no secret anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes.authenticators import SoftPasskey
from tests.functional.api.browsers import PASSWORD, Page
from tests.functional.running import Program, Runner
from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess

HER_PASSWORD = "mauve lanterns at dusk"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Place:
    """A sandbox, and where its server keeps what it knows."""

    environment: dict[str, str]
    folder: Path
    runner: Runner

    @property
    def program(self) -> Program:
        """The command line on the server's database."""
        return Program(self.environment, self.runner)

    @property
    def database_files(self) -> bytes:
        """Database, ledger and its copies, but not the key."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".key"]
        return b"".join(path.read_bytes() for path in files)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, runner: Runner) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("people")
    with SandboxProcess.start("--accounts", "4", "--seed", "3", "--features", "all") as sandbox:
        settings = {
            "HOME": str(folder),
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{folder / 'rootkeeper.db'}",
            "XDG_STATE_HOME": str(folder / "state"),
        }
        yield Place(sandbox.environment() | settings, folder, runner)


def open_page(server: ServerProcess) -> Page:
    return Page(int(server.url.rpartition(":")[2]), now)


def read_link(place: Place) -> str | None:
    """The token of the link that the server has kept for the person who started it."""
    kept = place.folder / "first-administrator-link"
    return kept.read_text().strip().partition("/first-administrator#")[2] if kept.exists() else None


def test_the_first_administrator_lives_through_a_restart_and_no_secret_is_kept(place: Place) -> None:
    secrets: set[str] = set()
    with ServerProcess.start(place.environment) as server:
        link = read_link(place)
        assert link is not None
        page = open_page(server)
        body = {"link_token": link, "name": "adam", "password": PASSWORD}
        assert page.post("/auth/first-administrator", body).json["needs"] == "enrolment"
        secrets |= {link, str(page.cookie), str(page.csrf_token)}
        app = page.enrol()
        device = SoftPasskey(page.origin, "localhost")
        options = page.post("/me/factors/passkeys/options").json
        assert page.post("/me/factors/passkeys", {"passkey": device.register(options)}).status == 200
        invited = page.post("/users", {"name": "vera", "role": "viewer"})
        assert invited.status == 201, invited
        token = str(invited.json["link"]).partition("/set-password#")[2]
        vera = open_page(server)
        set_by_her = {"link_token": token, "password": HER_PASSWORD}
        assert vera.post("/auth/password-link", set_by_her).json["needs"] is None
        assert page.post("/auth/password-link", set_by_her).status == 401
        secrets |= {token, token.rpartition(".")[2], HER_PASSWORD, str(vera.cookie)}
        again = page.post("/auth/first-administrator", {**body, "name": "eve"})
        assert again.status == 401
        secrets |= {app.secret, str(page.cookie), str(page.csrf_token), options["challenge"], PASSWORD}
        first_log = server.stderr
    with ServerProcess.start(place.environment, port=page.port) as server:
        assert read_link(place) is None
        assert page.get("/me").json["factor"]["enrolled"] == ["passkey", "totp"]
        other = open_page(server)
        assert other.sign_in("adam")["needs"] == "factor"
        answer = device.prove(other.post("/auth/passkey-options").json)
        assert other.post("/auth/factor", {"passkey": answer}).json["needs"] is None
        code = app.at(now(), counter_offset=1)
        assert other.post("/auth/step-up", {"totp": code}).status == 200
        assert other.post("/auth/step-up", {"totp": code}).code == "access.factor_refused"
        assert [one["name"] for one in other.get("/sessions").json["sessions"]] == ["adam", "vera", "adam"]
        secrets |= {str(other.cookie), str(other.csrf_token)}
        log = first_log + server.stderr
        kept = place.database_files
    assert {secret for secret in secrets if secret in log} == set()
    assert {secret for secret in secrets if secret.encode() in kept} == set()
    key = place.folder / "rootkeeper.db.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_bytes().strip() not in kept


def test_sign_ins_are_ended_and_factors_reset_beside_a_running_server(place: Place) -> None:
    with ServerProcess.start(place.environment) as server:
        added = place.program.run("users", "add", "olga", "--role", "operator", "--password-file", password(place))
        assert added.status == 0, added.shown
        page = open_page(server)
        page.sign_in("olga")
        page.enrol()
        assert page.get("/windows").status == 200
        ended = place.program.run("users", "sign-out", "olga", "-o", "json")
        assert (ended.status, "1 ended." in ended.stderr) == (0, True), ended.shown
        assert page.get("/me").status == 401
        assert page.sign_in("olga")["needs"] == "factor"
        reset = place.program.run("users", "reset-factors", "olga")
        assert (reset.status, "1 removed." in reset.stderr) == (0, True), reset.shown
        assert page.get("/me").status == 401
        assert page.sign_in("olga")["needs"] == "enrolment"


def test_a_server_with_another_key_doesnt_start(place: Place) -> None:
    other = place.folder / "other.key"
    with ServerProcess.start(place.environment):
        pass
    place.program.run("users", "list")
    with ServerProcess.start({**place.environment, "ROOTKEEPER_SERVER_KEY_FILE": str(other)}, waits=False) as server:
        assert server.process.wait(60) == 2
        assert "is missing" in server.stderr
        assert "Copy the key file" in server.stderr
    assert not other.exists()


def password(place: Place) -> Path:
    path = place.folder / "password.key"
    path.write_text(f"{PASSWORD}\n")
    return path
