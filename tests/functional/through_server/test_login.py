"""Signing in to a server: by password at a terminal, or with an API token from stdin."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes.rootkeeper_server import Answer, FakeRootkeeperServer
from tests.functional.api.browsers import Page
from tests.functional.conversation import converse
from tests.functional.published_schemas import require_fits
from tests.functional.running import SECONDS, Program, Run
from tests.functional.through_server.stage import ServedStage, without_settings

PASSWORD = "correct horse battery staple"
MEMBERSHIP = {
    "name": "anna",
    "kind": "user",
    "role": "operator",
    "permissions": [],
    "organization_id": "o-exampleorgid",
    "endpoint": "AWS",
    "version": "1",
}


@pytest.fixture
def newcomer(stage: ServedStage, tmp_path: Path) -> Program:
    """A user on a machine of their own, without a token."""
    program = without_settings(stage.person("vera"), "ROOTKEEPER_TOKEN")
    return Program(
        {**program.environment, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}, program.runner
    )


@pytest.fixture(scope="module")
def add_user(stage: ServedStage, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], str]:
    """Adds a user of that name and role with a password."""
    secret = tmp_path_factory.mktemp("secrets") / "password"
    secret.write_text(f"{PASSWORD}\n")
    secret.chmod(0o600)

    def add(name: str, role: str) -> str:
        added = stage.local.run("users", "add", name, "--role", role, "--password-file", secret)
        assert added.status == 0, added.shown
        return name

    return add


@pytest.fixture(scope="module")
def anna(add_user: Callable[[str, str], str]) -> str:
    """A user with a password, whose role needs nothing else."""
    return add_user("anna", "auditor")


def run_with_input(program: Program, text: str, *arguments: str) -> Run:
    finished = subprocess.run(
        [sys.executable, "-m", "rootkeeper", *arguments],
        env=program.surroundings(),
        input=text,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Run(finished.returncode, finished.stdout, finished.stderr)


def stored_files(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "config").rglob("*") if path.is_file())


def test_a_person_signs_in_with_password_and_code_and_is_that_person(
    stage: ServedStage, newcomer: Program, add_user: Callable[[str, str], str], tmp_path: Path
) -> None:
    nora = add_user("nora", "operator")
    page = Page(int(stage.server.url.rpartition(":")[2]), lambda: datetime.now(UTC))
    page.sign_in(nora, PASSWORD)
    app = page.enrol()
    with converse(newcomer, "login", "--user", nora) as person:
        person.wait_for(f"Password of {nora}")
        person.type(PASSWORD)
        person.wait_for("Code of your authenticator app")
        following = app.at(page.now(), counter_offset=1)
        person.type(following)
        assert person.end() == 0, person.text
        assert PASSWORD not in person.text
        assert following not in person.text
    (stored,) = stored_files(tmp_path)
    assert stored.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in stored.read_text()
    shown = newcomer.run("status", "-o", "json")
    assert (shown.status, shown.json["name"], shown.json["role"]) == (0, "nora", "operator"), shown.shown
    require_fits(shown.json, "membership")
    requested = newcomer.run(
        "windows", "request", "Log Archive", "--reason", "x", "--for", "10m", "--yes", "-o", "json"
    )
    assert (requested.json["requested_by"], requested.json["requested_by_kind"]) == ("nora", "signed_in")
    assert newcomer.run("windows", "cancel", "Log Archive", "--yes").status == 0


def test_signing_out_ends_the_sign_in_on_the_server_too(
    stage: ServedStage, newcomer: Program, anna: str, tmp_path: Path
) -> None:
    with converse(newcomer, "login", "--user", anna) as person:
        person.wait_for("Password of")
        person.type(PASSWORD)
        assert person.end() == 0, person.text
    token = json.loads(stored_files(tmp_path)[0].read_text())["token"]
    assert newcomer.run("status", ROOTKEEPER_TOKEN=token).status == 0
    assert newcomer.run("logout").status == 0
    assert stored_files(tmp_path) == []
    assert newcomer.run("status").status == 3
    assert newcomer.run("status", ROOTKEEPER_TOKEN=token).status == 3


def test_signing_out_without_the_servers_answer_still_removes_the_token(newcomer: Program, tmp_path: Path) -> None:
    with FakeRootkeeperServer.start() as fake:
        fake.answer("GET me", MEMBERSHIP)
        fake.answer("POST auth/sign-out", Answer(cut=True))
        program = Program({**newcomer.environment, "ROOTKEEPER_SERVER": fake.url}, newcomer.runner)
        assert run_with_input(program, "rk_token\n", "login", "--token-stdin").status == 0
        run = program.run("logout")
    assert run.status == 3, run.shown
    assert "is removed here, but the sign-in on the server couldn't be ended" in run.stderr
    assert stored_files(tmp_path) == []


def test_a_user_who_is_interrupted_signing_out_can_sign_out_again(newcomer: Program, tmp_path: Path) -> None:
    with FakeRootkeeperServer.start() as fake:
        let = threading.Event()
        fake.answer("GET me", MEMBERSHIP, Answer(cut=True, after=let))
        program = Program({**newcomer.environment, "ROOTKEEPER_SERVER": fake.url}, newcomer.runner)
        assert run_with_input(program, "rk_token\n", "login", "--token-stdin").status == 0
        with subprocess.Popen([sys.executable, "-m", "rootkeeper", "logout"], env=program.surroundings()) as process:
            while len(fake.asked) < 2:
                assert process.poll() is None
                time.sleep(0.01)
            process.kill()
        let.set()
    assert len(stored_files(tmp_path)) == 1


def test_a_person_who_types_no_password_is_not_signed_in(newcomer: Program, anna: str) -> None:
    with converse(newcomer, "login", "--user", anna) as person:
        person.wait_for("Password of")
        person.type("\x04")
        assert person.end() == 2, person.text
        assert "--token-stdin" in person.text


def test_a_wrong_password_is_refused_and_nothing_is_kept(newcomer: Program, anna: str, tmp_path: Path) -> None:
    with converse(newcomer, "login", "--user", anna) as person:
        person.wait_for("Password of")
        person.type("wrong")
        assert person.end() == 3, person.text
    assert stored_files(tmp_path) == []


def test_an_api_token_can_be_kept(stage: ServedStage, newcomer: Program) -> None:
    run = run_with_input(newcomer, f"{stage.tokens['boris']}\n", "login", "--token-stdin")
    assert run.status == 0, run.shown
    assert stage.tokens["boris"] not in run.shown
    assert newcomer.run("status", "-o", "json").json["name"] == "boris"
    assert newcomer.run("logout").status == 0
    assert stage.person("boris").run("status").status == 0  # an API token isn't ended by it


@pytest.mark.parametrize(("text", "status"), [("", 2), ("two words\n", 2), ("rk_unknown\n", 3)])
def test_what_is_no_token_is_not_kept(newcomer: Program, tmp_path: Path, text: str, status: int) -> None:
    run = run_with_input(newcomer, text, "login", "--token-stdin")
    assert run.status == status, run.shown
    assert stored_files(tmp_path) == []


def test_what_is_no_token_in_the_environment_is_reported_and_not_shown(newcomer: Program) -> None:
    run = newcomer.run("status", ROOTKEEPER_TOKEN="rk_canary\nX-Other: header")
    assert run.status == 2, run.shown
    assert "ROOTKEEPER_TOKEN has no API token" in run.stderr
    assert "canary" not in run.shown


def test_without_a_terminal_a_password_is_not_asked_for(newcomer: Program) -> None:
    run = newcomer.run("login", "--user", "anna")
    assert run.status == 2
    assert "--token-stdin" in run.stderr


def test_without_a_server_no_one_is_signed_in(newcomer: Program) -> None:
    for command in ("login", "logout"):
        run = newcomer.run(command, ROOTKEEPER_SERVER=None)
        assert run.status == 2
        assert "--server" in run.stderr
