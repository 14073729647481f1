"""Roles in the organizations of one server: given on its machine, and by the groups of an identity provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.forked import run_forked
from tests.functional.api.browsers import PASSWORD
from tests.functional.published_schemas import require_fits
from tests.sandbox_process import SandboxProcess
from tests.several_organizations import Person, Server, several_organizations, several_sandboxes, write_settings

BOTH = ("shop", "bank")


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, SandboxProcess]]:
    with several_sandboxes(*BOTH) as started:
        yield started


@pytest.fixture(scope="module")
def server(sandboxes: dict[str, SandboxProcess], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with several_organizations(sandboxes, tmp_path_factory.mktemp("roles")) as started:
        started.wait_organizations()
        yield started


@pytest.fixture(scope="module")
def ada(server: Server) -> Person:
    """Administrator of the server, and so the first administrator of both organizations."""
    person = server.become_administrator()
    for name in BOTH:
        assert person.of(name, "/me").json["role"] == "administrator"
    return person


def users(server: Server, *arguments: str, of: str | None = "shop") -> Any:
    """Run ``rootkeeper users`` on the server's machine."""
    named = [] if of is None else ["--organization", of]
    return run_forked(["users", *arguments, *named], server.process.environment)


def list_names(server: Server, of: str | None = "shop") -> dict[str, dict[str, Any]]:
    listed = users(server, "list", "-o", "json", of=of)
    assert listed.returncode == 0, listed
    return {one["name"]: one for one in json.loads(listed.stdout)["identities"]}


def sign_in(server: Server, name: str) -> Person:
    person = server.open_page(name)
    person.sign_in(name, PASSWORD)
    return person


def use_link(server: Server, name: str, link: str) -> Person:
    person = server.open_page(name)
    used = person.post("/auth/password-link", {"link_token": link.strip().partition("#")[2], "password": PASSWORD})
    assert used.status == 200, used
    return person


def test_a_person_who_is_invited_on_the_machine_signs_in_at_the_server(server: Server, ada: Person) -> None:
    invited = users(server, "invite", "vera", "--role", "viewer")
    assert (invited.returncode, "Invite the user vera to the server." in invited.stderr) == (0, True), invited
    vera = use_link(server, "vera", invited.stdout)
    assert vera.of("shop", "/me").json["role"] == "viewer"
    assert vera.of("bank", "/me").status == 404
    assert vera.get("/me").json["role"] == "viewer"
    assert list_names(server)["vera"]["signs_in_by"] == "server"

    further = users(server, "invite", "vera", "--role", "auditor", "-o", "json", of="bank")
    require_fits(json.loads(further.stdout), "user-link")
    assert (json.loads(further.stdout)["link"], "needs no link" in further.stderr) == (None, True), further
    assert vera.of("bank", "/me").json["role"] == "auditor"
    assert vera.of("shop", "/me").json["role"] == "viewer"


def test_a_person_who_is_added_on_the_machine_has_a_password_for_the_server(
    server: Server, ada: Person, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
    added = users(server, "add", "aude", "--role", "auditor", "--password-file", str(secret))
    assert added.returncode == 0, added
    aude = sign_in(server, "aude")
    assert (aude.of("shop", "/me").json["role"], aude.of("bank", "/me").status) == ("auditor", 404)
    known = users(server, "add", "aude", "--role", "viewer", of="bank")
    assert known.returncode == 0, known
    assert aude.of("bank", "/me").json["role"] == "viewer"
    assert list_names(server, of=None)["aude"]["role"] == "viewer", "the right at the server is to sign in"


def test_p21_a_role_given_on_the_machine_is_of_one_organization_and_of_one_person(server: Server, ada: Person) -> None:
    invited = users(server, "invite", "otto", "--role", "viewer")
    otto = use_link(server, "otto", invited.stdout)
    assert users(server, "set-role", "otto", "--role", "auditor").returncode == 0
    assert otto.of("shop", "/me").json["role"] == "auditor"
    refused = users(server, "set-role", "otto", "--role", "viewer", of="bank")
    assert (refused.returncode, otto.of("bank", "/me").status) == (2, 404), refused
    assert users(server, "disable", "otto").returncode == 0
    assert (otto.of("shop", "/me").status, otto.get("/me").status) == (404, 200)
    again = users(server, "add", "otto", "--role", "viewer")
    assert (again.returncode, "already" in again.stderr) == (2, True), again
    assert list_names(server)["otto"]["is_usable"] is False


def test_what_the_server_has_once_for_all_is_not_changed_for_one_organization(server: Server, ada: Person) -> None:
    for arguments in (
        ("reset", "ada"),
        ("sign-out", "ada"),
        ("reset-factors", "ada"),
        ("set-password", "ada", "--password-file", "/dev/null"),
    ):
        refused = users(server, *arguments)
        assert refused.returncode == 2, refused
        assert "once for all its organizations" in refused.stderr, refused
        assert "--organization" in refused.stderr, refused
    assert ada.of("shop", "/me").status == 200


def test_a_name_that_the_organization_has_already_adds_no_one_to_the_server(server: Server, ada: Person) -> None:
    token = users_token(server, "pipeline")
    assert token.returncode == 0, token
    refused = users(server, "invite", "pipeline", "--role", "viewer")
    assert (refused.returncode, "already" in refused.stderr, refused.stdout) == (2, True, ""), refused
    assert "pipeline" not in list_names(server, of=None)


def users_token(server: Server, name: str) -> Any:
    arguments = ["token", "create", "--role", "viewer", "--name", name, "--organization", "shop"]
    return run_forked(arguments, server.process.environment)


def test_a_dry_run_says_who_would_get_which_role(server: Server, ada: Person) -> None:
    run = users(server, "invite", "nora", "--role", "viewer", "--dry-run")
    assert run.returncode == 0, run
    assert "Invite the user nora to the server. Give the server's user nora the role viewer" in run.stderr, run
    assert "nora" not in list_names(server, of=None)


def test_before_the_server_of_all_has_people_an_organization_has_its_own(
    sandboxes: dict[str, SandboxProcess], tmp_path: Path
) -> None:
    environment = write_settings(sandboxes, tmp_path)
    invited = run_forked(["users", "invite", "olga", "--role", "viewer", "--organization", "shop"], environment)
    assert (invited.returncode, "served alone" in invited.stderr) == (0, True), invited
    assert "/set-password#" in invited.stdout
    assert not (tmp_path / "data" / "server").exists()
