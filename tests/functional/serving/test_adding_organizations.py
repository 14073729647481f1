"""An administrator adds organizations to a running server of several organizations, and removes them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.errors import FactorNeededError
from tests.durations import Stopwatch
from tests.forked import run_forked
from tests.functional.api.serving import Answer
from tests.sandbox_process import SandboxProcess
from tests.several_organizations import Person, Server, several_organizations, several_sandboxes

FIRST = ("bank", "shop")
WAIT_SECONDS = 60.0
FOLLOWED_SECONDS = 1.0
"""How often a front looks at the settings file."""
NO_APPROVALS = "[windows]\napprovals = 0\n"


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, SandboxProcess]]:
    with several_sandboxes(*FIRST, "mill") as started:
        yield started


@pytest.fixture(scope="module")
def server(sandboxes: dict[str, SandboxProcess], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two organizations, on whose machine a profile of a third is."""
    with several_organizations(sandboxes, tmp_path_factory.mktemp("adding"), NO_APPROVALS, ("mill",)) as started:
        started.wait_organizations()
        yield started


@pytest.fixture(scope="module")
def ada(server: Server) -> Person:
    return server.become_administrator()


@pytest.fixture(scope="module")
def vera(server: Server, ada: Person) -> Person:
    """Viewer of one organization, and nothing at the server."""
    return server.invite(ada, "shop", "vera", "viewer")


def change(person: Person, method: str, path: str, body: object = None) -> Answer:
    """Give the second factor again where it isn't fresh any more."""
    answer = person.ask(method, path, body, {})
    if answer.status != 403 or answer.code != FactorNeededError.code or person.app is None:
        return answer
    assert person.post("/auth/step-up", {"totp": person.code_of(person.app)}).status == 200
    return person.ask(method, path, body, {})


def wait_served(person: Person, name: str) -> None:
    watch = Stopwatch()
    while (answer := person.of(name, "/me")).status != 200:
        assert watch.seconds < WAIT_SECONDS, answer
        watch.pause(0.1)


def list_names(person: Person) -> list[str]:
    return sorted(one["name"] for one in person.get("/overview/organizations").json["organizations"])


def read_ledger(server: Server) -> list[tuple[str, str, dict[str, Any]]]:
    """Action, result and parameters of the organizations' entries in the front's ledger, the oldest first."""
    with closing(sqlite3.connect(server.data / "server" / "rootkeeper.db")) as connection:
        rows = connection.execute(
            "SELECT action, result, parameters FROM ledger_entries WHERE action LIKE 'organization:%' ORDER BY sequence"
        ).fetchall()
    return [(action, result, json.loads(parameters)) for action, result, parameters in rows]


def test_profiles_are_named_without_their_credentials(server: Server, ada: Person) -> None:
    answer = ada.get("/organizations/profiles")
    assert answer.json["profiles"] == ["bank", "mill", "shop"]
    assert server.sandboxes["shop"].environment()["AWS_SECRET_ACCESS_KEY"].encode() not in answer.content


def test_a_check_says_whose_organization_the_profile_is_of_and_changes_nothing(server: Server, ada: Person) -> None:
    before, organization = server.settings_file.read_text(encoding="utf-8"), server.sandboxes["mill"].organization()
    checked = ada.post("/organizations/check", {"name": "mill", "profile": "mill"})
    assert checked.status == 200, checked
    assert checked.json["organization_id"] == organization["organization_id"]
    assert checked.json["management_account_id"] == organization["management_account_id"]
    assert checked.json["caller_role"] == "management"
    assert server.settings_file.read_text(encoding="utf-8") == before
    assert read_ledger(server) == []


@pytest.mark.parametrize(
    ("body", "explanation"),
    [
        ({"name": "Mill!", "profile": "mill"}, "can't be the name of an organization"),
        ({"name": "shop", "profile": "mill"}, "has an organization 'shop' already"),
        ({"name": "again", "profile": "shop"}, "is organization 'shop' of"),
        ({"name": "mill", "profile": "nowhere"}, "nowhere"),
        ({"name": "mill", "profile": "mill", "api_share": 250}, "api_share"),
    ],
)
def test_p21_what_can_t_be_added_is_refused_before_anything_is_written(
    server: Server, ada: Person, body: dict[str, str | int], explanation: str
) -> None:
    before = server.settings_file.read_text(encoding="utf-8")
    for path in ("/organizations/check", "/organizations"):
        refused = change(ada, "POST", path, body)
        assert (refused.status, explanation in refused.json["detail"]) == (422, True), refused
    assert server.settings_file.read_text(encoding="utf-8") == before
    assert read_ledger(server) == []


def test_p21_only_administrators_of_the_server_add_check_and_remove(vera: Person) -> None:
    body = {"name": "mill", "profile": "mill"}
    for method, path in (
        ("GET", "/organizations/profiles"),
        ("POST", "/organizations/check"),
        ("POST", "/organizations"),
        ("DELETE", "/organizations/shop"),
    ):
        refused = vera.ask(method, path, None if method == "GET" else body, {})
        assert (refused.status, refused.code) == (403, "access.denied"), refused


def test_an_added_organization_is_served_at_once_and_a_removed_one_no_more(server: Server, ada: Person) -> None:
    assert ada.of("mill", "/me").status == 404
    added = change(ada, "POST", "/organizations", {"name": "mill", "profile": "mill", "api_share": 40})
    assert added.status == 201, added
    wait_served(ada, "mill")
    assert server.read_tables()["mill"]["aws"] == {"profile": "mill", "api_share": 40}
    assert ada.of("mill", "/me").json["role"] == "administrator"
    assert list_names(ada) == ["bank", "mill", "shop"]
    assert change(ada, "POST", "/organizations", {"name": "mill", "profile": "mill"}).status == 422

    process = server.find_process("mill")
    removed = change(ada, "DELETE", "/organizations/mill")
    assert removed.status == 200, removed
    assert not Path(f"/proc/{process}").exists()
    assert ada.of("mill", "/me").status == 404
    assert list_names(ada) == list(FIRST)
    assert "mill" not in server.settings_file.read_text(encoding="utf-8")
    assert (server.data / "organizations" / "mill" / "rootkeeper.db").stat().st_size > 0
    organization_id = server.sandboxes["mill"].organization()["organization_id"]
    entries = read_ledger(server)
    assert [(action, result) for action, result, _ in entries] == [
        ("organization:add", None),
        ("organization:add", "done"),
        ("organization:remove", None),
        ("organization:remove", "done"),
    ]
    assert entries[0][2] == {
        "added_id": organization_id,
        "name": "mill",
        "settings": {"profile": "mill", "api_share": 40},
    }

    again = change(ada, "POST", "/organizations", {"name": "mill", "profile": "mill"})
    assert again.status == 201, again
    wait_served(ada, "mill")  # with the database of before
    assert ada.of("mill", "/me").json["role"] == "administrator"
    assert change(ada, "DELETE", "/organizations/mill").status == 200


def test_a_removal_right_after_an_addition_is_final(server: Server, ada: Person) -> None:
    """The front follows the settings file, which the addition has changed and which still names the organization."""
    assert change(ada, "POST", "/organizations", {"name": "mill", "profile": "mill"}).status == 201
    assert change(ada, "DELETE", "/organizations/mill").status == 200
    watch = Stopwatch()
    while watch.seconds < 2 * FOLLOWED_SECONDS:
        assert ada.of("mill", "/me").status == 404
        watch.pause(0.1)


def test_p21_an_organization_with_an_open_window_stays(server: Server, ada: Person) -> None:
    accounts = server.sandboxes["bank"].organization()["accounts"]
    account_id = accounts[-1]["account_id"]
    opened = ada.send("bank", "/windows", {"account_id": account_id, "reason": "drill", "duration": "1h"})
    activated = ada.send("bank", f"/windows/{opened.json['window_id']}/activate", {})
    assert (opened.status, activated.status) == (201, 200), (opened, activated)
    watch = Stopwatch()
    while (window := ada.of("bank", f"/windows/{opened.json['window_id']}").json)["state"] != "OPEN":
        assert watch.seconds < WAIT_SECONDS, window
        watch.pause(0.1)
    process = server.find_process("bank")
    refused = change(ada, "DELETE", "/organizations/bank")
    assert (refused.status, opened.json["window_id"] in refused.json["detail"]) == (409, True), refused
    assert server.find_process("bank") == process
    assert ada.send("bank", f"/windows/{opened.json['window_id']}/close", {}).status in {200, 202}


def test_an_organization_that_another_program_adds_is_served(server: Server, ada: Person) -> None:
    added = run_forked(["organizations", "add", "mill", "--profile", "mill", "--yes"], dict(server.process.environment))
    assert added.returncode == 0, added
    wait_served(ada, "mill")
    removed = run_forked(["organizations", "remove", "mill", "--yes"], dict(server.process.environment))
    assert removed.returncode == 0, removed
    server.process.wait_until(lambda: "has no organization mill any more" in json.dumps(server.process.lines))
    assert ada.of("mill", "/me").status == 200, "nothing closes its windows any more"


def test_a_settings_file_that_can_t_be_read_ends_nothing(server: Server, ada: Person) -> None:
    file = server.settings_file
    before = file.read_text(encoding="utf-8")
    try:
        file.write_text("[organizations", encoding="utf-8")
        server.process.wait_until(lambda: "settings file" in json.dumps(server.process.lines))
        assert ada.of("shop", "/me").status == 200
        refused = change(ada, "DELETE", "/organizations/shop")
        assert (refused.status, refused.code) == (422, "settings.invalid"), refused
    finally:
        file.write_text(before, encoding="utf-8")


def test_the_last_organization_stays_and_the_server_keeps_its_people(
    sandboxes: dict[str, SandboxProcess], tmp_path: Path
) -> None:
    with several_organizations(sandboxes, tmp_path, without=("mill",)) as server:
        server.wait_organizations()
        ada = server.become_administrator()
        assert change(ada, "DELETE", "/organizations/bank").status == 200
        refused = change(ada, "DELETE", "/organizations/shop")
        assert (refused.status, "only organization" in refused.json["detail"]) == (422, True), refused
        assert ada.of("shop", "/me").status == 200
        server.process.stop()
        with server.restarted() as later:
            later.wait_organizations()
            again = later.open_page("ada")
            again.cookie = ada.cookie
            assert again.get("/me").json["serves_organizations"] is True
            assert again.of("shop", "/me").json["role"] == "administrator"


def test_a_front_that_died_between_intent_and_outcome_settles_by_the_file(
    sandboxes: dict[str, SandboxProcess], tmp_path: Path
) -> None:
    with several_organizations(sandboxes, tmp_path, without=("mill",)) as server:
        server.wait_organizations()
        ada = server.become_administrator()
        database = server.data / "server" / "rootkeeper.db"
        with closing(sqlite3.connect(database)) as connection:  # as a full disk does after the intent
            connection.execute(
                "CREATE TRIGGER no_outcome BEFORE INSERT ON ledger_entries WHEN NEW.action = 'organization:add' AND "
                "NEW.result IS NOT NULL BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
            connection.commit()
        assert change(ada, "POST", "/organizations", {"name": "mill", "profile": "mill"}).status >= 500
        server.process.kill()
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("DROP TRIGGER no_outcome")
            connection.commit()
        assert [result for _, result, _ in read_ledger(server)] == [None]
        with server.restarted():
            watch = Stopwatch()
            while [result for _, result, _ in read_ledger(server)] != [None, "done"]:
                assert watch.seconds < WAIT_SECONDS + 60, read_ledger(server)
                watch.pause(0.5)
