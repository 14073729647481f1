"""``rootkeeper users`` and ``rootkeeper token`` as a user runs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.functional.conversation import converse
from tests.functional.published_schemas import require_fits
from tests.functional.running import Program, Runner, open_program
from tests.sandbox_process import SandboxProcess

PASSWORD = "correct horse battery"
WITHOUT_AWS: dict[str, str | None] = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
}


@pytest.fixture(scope="module")
def first_token(running_sandbox: SandboxProcess, runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the making of a token leaves; not to be changed."""
    folder = tmp_path_factory.mktemp("first-token")
    program = open_program(running_sandbox, folder, runner)
    run = program.run("token", "create", "--role", "viewer", "--name", "first")
    assert run.status == 0, run.shown
    return folder


@pytest.fixture
def known(first_token: Path, program: Program, tmp_path: Path) -> Program:
    """A database that knows its organization."""
    shutil.copytree(first_token, tmp_path, dirs_exist_ok=True)
    return program


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    return path


def test_only_the_token_goes_to_stdout(program: Program) -> None:
    run = program.run("token", "create", "--role", "operator", "--name", "ci", "--expires", "90d")
    assert run.status == 0, run.shown
    (line,) = run.stdout.splitlines()
    assert line.startswith("rk_")
    assert line not in run.stderr
    assert "o-exampleorgid" in run.stderr
    assert "SANDBOX 127.0.0.1" in run.stderr


def test_a_token_can_be_had_as_json(program: Program) -> None:
    run = program.run("token", "create", "--role", "operator", "--name", "ci", "-o", "json")
    require_fits(run.json, "token")
    assert run.json["identity"]["role"] == "operator"


def test_a_database_that_knows_its_organization_needs_no_aws(known: Program, password_file: Path) -> None:
    for arguments in (
        ("token", "create", "--role", "auditor", "--name", "second"),
        ("users", "add", "ana", "--role", "approver", "--password-file", password_file),
        ("users", "set-role", "ana", "--role", "operator"),
        ("users", "set-password", "ana", "--password-file", password_file),
        ("users", "sign-out", "ana"),
        ("users", "reset-factors", "ana"),
        ("users", "reset", "ana"),
        ("token", "revoke", "second"),
        ("users", "disable", "ana"),
    ):
        run = known.run(*arguments, **WITHOUT_AWS)
        assert run.status == 0, run.shown
    users = known.run("users", "list", "-o", "json", **WITHOUT_AWS)
    require_fits(users.json, "identities")
    (ana,) = users.json["identities"]
    assert (ana["name"], ana["role"], ana["is_usable"]) == ("ana", "operator", False)
    tokens = known.run("token", "list", "-o", "json", **WITHOUT_AWS).json["identities"]
    assert [(one["name"], one["is_usable"]) for one in tokens] == [("first", True), ("second", False)]


def test_the_ledger_names_who_made_and_changed_identities_and_no_secret(known: Program, password_file: Path) -> None:
    token = known.run("token", "create", "--role", "auditor", "--name", "second").stdout.strip()
    known.run("users", "add", "ana", "--role", "approver", "--password-file", password_file)
    known.run("users", "disable", "ana")
    run = known.run("ledger", "list", "-o", "json")
    actions = [entry["action"] for entry in run.json["entries"]]
    assert actions == ["identity:add", "identity:add", "identity:add", "identity:change"]
    assert {entry["actor"]["kind"] for entry in run.json["entries"]} == {"self_asserted"}
    assert token not in run.stdout
    assert PASSWORD not in run.stdout
    assert known.run("ledger", "verify").status == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("token", "create", "--role", "king", "--name", "x1"), "king"),
        (("token", "create", "--role", "viewer", "--name", "FIRST"), "already"),
        (("token", "create", "--role", "viewer", "--name", "a b"), "can't be the name"),
        (("token", "create", "--role", "viewer", "--name", "x1", "--expires", "never"), "is not a date"),
        (("token", "create", "--role", "viewer", "--name", "x1", "--expires", "2001-01-01"), "is in the past"),
        (("token", "revoke", "unknown-user"), "unknown-user"),
        (("users", "disable", "first"), "is a token"),
        (("users", "reset", "first"), "is a token"),
        (("users", "invite", "FIRST", "--role", "viewer"), "already"),
        (("users", "set-role", "unknown-user", "--role", "viewer"), "unknown-user"),
        (("users", "add", "ana", "--role", "viewer"), "isn't a terminal"),
        (("users", "add", "ana", "--role", "viewer", "--password-file", "/nowhere"), "can't be read"),
    ],
)
def test_what_cant_be_is_refused_with_the_reason(known: Program, arguments: tuple[str, ...], said: str) -> None:
    run = known.run(*arguments)
    assert run.status == 2, run.shown
    assert said in run.stderr.replace("\n", " ")


def test_a_weak_password_is_refused_and_not_shown(known: Program, tmp_path: Path) -> None:
    path = tmp_path / "weak"
    path.write_text("sesame\n")
    run = known.run("users", "add", "ana", "--role", "viewer", "--password-file", path)
    assert run.status == 2, run.shown
    assert "sesame" not in run.stderr
    assert known.run("users", "list", "-o", "json").json["identities"] == []


def test_an_unknown_user_or_a_token_has_nothing_to_be_ended_or_reset(known: Program) -> None:
    for command in ("sign-out", "reset-factors"):
        assert known.run("users", command, "unknown-user").status == 2
    assert "is a token" in known.run("users", "reset-factors", "first").stderr


def test_a_dry_run_changes_nothing(known: Program) -> None:
    for arguments in (
        ("token", "create", "--role", "viewer", "--name", "second", "--dry-run"),
        ("token", "revoke", "first", "--dry-run"),
        ("users", "add", "ana", "--role", "viewer", "--dry-run"),
        ("users", "sign-out", "ana", "--dry-run"),
        ("users", "reset-factors", "ana", "--dry-run"),
        ("users", "invite", "ana", "--role", "viewer", "--dry-run"),
        ("users", "reset", "ana", "--dry-run"),
    ):
        run = known.run(*arguments)
        assert (run.status, run.stdout) == (0, ""), run.shown
    (token,) = known.run("token", "list", "-o", "json").json["identities"]
    assert (token["name"], token["is_usable"]) == ("first", True)


def test_invite_and_reset_write_a_link_that_is_nowhere_else(known: Program) -> None:
    links = []
    for arguments in (("invite", "ana@example.com", "--role", "operator"), ("reset", "ana@example.com")):
        run = known.run("users", *arguments, **WITHOUT_AWS)
        assert run.status == 0, run.shown
        (link,) = run.stdout.splitlines()
        assert link.startswith("http://localhost:8700/set-password#ana@example.com.")
        assert link.rpartition(".")[2] not in run.stderr
        links.append(link)
    assert links[0] != links[1]
    named = known.run(
        *("users", "reset", "ana@example.com", "-o", "json"),
        **WITHOUT_AWS,
        ROOTKEEPER_SERVER_PUBLIC_URL="https://keeper.example.com",
    )
    require_fits(named.json, "user-link")
    assert named.json["link"].startswith("https://keeper.example.com/set-password#ana@example.com.")
    ledger = known.run("ledger", "list", "-o", "json").stdout
    users = known.run("users", "list", "-o", "json", **WITHOUT_AWS)
    require_fits(users.json, "identities")
    assert [one["link_ends_at"] is None for one in users.json["identities"]] == [False]
    for link in (*links, named.json["link"]):
        assert link.rpartition(".")[2] not in ledger + users.stdout
    assert "no password yet" in " ".join(known.run("users", "list", COLUMNS="200", **WITHOUT_AWS).stdout.split())


def test_lists_are_shown_to_people_too(known: Program) -> None:
    run = known.run("token", "list")
    assert "first" in run.stdout
    assert "viewer" in run.stdout
    assert "No users" in known.run("users", "list").stderr


def test_at_a_terminal_the_password_is_asked_for_twice_and_never_shown(known: Program) -> None:
    with converse(known, "users", "add", "ana", "--role", "viewer") as person:
        person.wait_for("New password for ana: ")
        person.type(PASSWORD)
        person.wait_for("The same password again: ")
        person.type(PASSWORD)
        assert person.end() == 0, person.text
    assert PASSWORD not in person.text
    with converse(known, "users", "add", "ben", "--role", "viewer") as person:
        person.wait_for("New password for ben: ")
        person.type(PASSWORD)
        person.wait_for("The same password again: ")
        person.type(f"{PASSWORD}s")
        assert person.end() == 2, person.text
    assert "differ" in person.text
    assert [one["name"] for one in known.run("users", "list", "-o", "json").json["identities"]] == ["ana"]


def test_a_token_is_made_with_less_than_its_role(known: Program) -> None:
    limits = (
        "--permission",
        "windows:read",
        "--permission",
        "windows:request",
        "--organizational-unit",
        "Workloads/Prod",
    )
    run = known.run("token", "create", "--role", "operator", "--name", "few", *limits, "-o", "json", **WITHOUT_AWS)
    assert run.status == 0, run.shown
    require_fits(run.json, "token")
    assert run.json["identity"]["limited_to"] == {
        "permissions": ["windows:read", "windows:request"],
        "organizational_units": ["Workloads/Prod"],
    }
    assert "limited to windows:read, windows:request, for accounts below Workloads/Prod" in run.stderr
    listed = known.run("token", "list", "-o", "json", **WITHOUT_AWS)
    require_fits(listed.json, "identities")
    assert {one["name"]: one["limited_to"] is None for one in listed.json["identities"]} == {
        "few": False,
        "first": True,
    }
    shown = known.run("token", "list", COLUMNS="200", **WITHOUT_AWS).stdout
    assert "windows:read, windows:request; accounts below Workloads/Prod" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (("--permission", "setup:change"), "setup:change"),
        (("--permission", "everything"), "everything"),
        (("--organizational-unit", "/"), "no name"),
        (("--role", "administrator", "--permission", "identities:manage", "--organizational-unit", "Prod"), "units"),
    ],
    ids=str,
)
def test_limits_that_make_no_sense_make_no_token(known: Program, limits: tuple[str, ...], said: str) -> None:
    run = known.run("token", "create", "--role", "viewer", "--name", "few", *limits, **WITHOUT_AWS)
    assert run.status == 2, run.shown
    assert said in run.stderr
    assert len(known.run("token", "list", "-o", "json", **WITHOUT_AWS).json["identities"]) == 1
