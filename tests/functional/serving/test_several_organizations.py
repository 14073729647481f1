"""A server of several organizations: one sign-in, a process for each, and nothing of one reaches another's people."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.server.application import ROWS
from rootkeeper.server.documents import Row
from rootkeeper.server.front import _OWN
from tests.durations import Stopwatch
from tests.forked import run_forked
from tests.functional.api.browsers import PASSWORD
from tests.functional.api.serving import Answer, send_to
from tests.sandbox_process import SandboxProcess
from tests.several_organizations import Person, Server, several_organizations, several_sandboxes

BOTH = ("shop", "bank")
NO_ORGANIZATION = "nothing"
PREFIX = "/api/v1"
SHOP_DATABASE = "organizations/shop/rootkeeper.db"
WAIT_SECONDS = 60.0
OF_ALL = [
    row for row in ROWS if row.path.startswith(PREFIX) and not _OWN.fullmatch(row.path.removeprefix(f"{PREFIX}/"))
]


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, SandboxProcess]]:
    with several_sandboxes(*BOTH) as started:
        yield started


@pytest.fixture(scope="module")
def server(sandboxes: dict[str, SandboxProcess], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with several_organizations(sandboxes, tmp_path_factory.mktemp("several")) as started:
        started.wait_organizations()
        yield started


@pytest.fixture(scope="module")
def ada(server: Server) -> Person:
    """Administrator of the server, and so the first administrator of both organizations."""
    person = server.become_administrator()
    for name in BOTH:
        assert person.of(name, "/me").json["role"] == "administrator"
        audit(person, name)
    return person


@pytest.fixture(scope="module")
def vera(server: Server, ada: Person) -> Person:
    """Viewer of one organization."""
    return server.invite(ada, "shop", "vera", "viewer")


def audit(person: Person, organization: str) -> str:
    """Audit an organization; the id of the job."""
    requested = person.send(organization, "/audits", {})
    assert requested.status == 202, requested
    job_id: str = requested.json["job_id"]
    watch = Stopwatch()
    while person.of(organization, f"/jobs/{job_id}").json["state"] != "done":
        assert watch.seconds < WAIT_SECONDS, person.of(organization, f"/jobs/{job_id}")
        watch.pause(0.1)
    return job_id


def strip(answer: Answer, name: str) -> object:
    """The answer without what differs between any two requests, and without the name that was asked for."""
    return {key: str(value).replace(repr(name), "NAME") for key, value in answer.json.items() if key != "request_id"}


def test_the_servers_administrator_is_the_first_of_each_organization(server: Server, ada: Person) -> None:
    for name in BOTH:
        me = ada.of(name, "/me").json
        assert me["organization_id"] == server.sandboxes[name].organization()["organization_id"]
        assert me["serves_organizations"] is False
    assert ada.get("/me").json["serves_organizations"] is True
    listed = ada.get("/overview/organizations").json["organizations"]
    assert [one["name"] for one in listed] == list(BOTH)
    assert all(one["numbers"]["accounts"] == 6 for one in listed), listed


def test_the_numbers_follow_each_change_at_once(server: Server, ada: Person) -> None:
    def read_left() -> int:
        (shop,) = [one for one in ada.get("/overview/organizations").json["organizations"] if one["name"] == "shop"]
        left: int = shop["numbers"]["root_logins_left"]
        return left

    accounts = ada.of("shop", "/accounts").json["accounts"]
    account_id = next(one["account_id"] for one in accounts if one["status"] == "not_present")
    before = [read_left(), read_left()]
    server.sandboxes["shop"].put_root_user(account_id, {"password": True})
    audit(ada, "shop")
    after = read_left()
    server.sandboxes["shop"].put_root_user(account_id, {})
    audit(ada, "shop")
    assert (before, after, read_left()) == ([before[0]] * 2, before[0] + 1, before[0])


def test_p21_a_person_sees_only_the_organizations_in_which_the_person_has_a_role(vera: Person) -> None:
    listed = vera.get("/overview/organizations").json["organizations"]
    assert [one["name"] for one in listed] == ["shop"]
    assert vera.of("shop", "/accounts").status == 200
    assert vera.of("shop", "/me").json["role"] == "viewer"


@pytest.mark.parametrize("row", OF_ALL, ids=lambda row: f"{row.method} {row.path}")
def test_p21_no_route_says_that_another_organization_exists(vera: Person, row: Row) -> None:
    method, path = row.method, re.sub(r"\{\w+\}", "x", row.path.removeprefix(PREFIX))
    body: object = None if method == "GET" else {}
    other, nothing = (vera.ask(method, f"/organizations/{name}{path}", body, {}) for name in ("bank", NO_ORGANIZATION))
    assert (other.status, nothing.status) == (404, 404), (other, nothing)
    assert other.json["code"] == "organization.not_found"
    assert strip(other, "bank") == strip(nothing, NO_ORGANIZATION)
    assert other.headers.keys() == nothing.headers.keys()


def test_p21_ids_of_another_organization_are_unknown(server: Server, ada: Person) -> None:
    accounts = ada.of("bank", "/accounts").json["accounts"]
    account_id = next(one["account_id"] for one in accounts if one["status"] == "not_present")
    job_id = audit(ada, "bank")
    window = ada.send("bank", "/windows", {"account_id": account_id, "reason": "canary reason", "duration": "1h"})
    assert window.status in {201, 202}, window
    token = ada.send("bank", "/tokens", {"name": "canary-token", "role": "viewer"})
    assert token.status == 201, token
    audits = ada.of("bank", "/audits").json["audits"]
    paths = [
        f"/jobs/{job_id}",
        f"/jobs/{job_id}/results",
        f"/jobs/{job_id}/outcome",
        f"/jobs/{job_id}/events",
        f"/windows/{window.json['window_id']}",
        f"/accounts/{account_id}",
        f"/history/{account_id}",
        f"/audits/{audits[0]['audit_id']}/findings?format=sarif",
    ]
    for path in paths:
        assert ada.of("bank", path).status == 200, path
        assert ada.of("shop", path).status == 404, path
    for path in (
        "/identities/canary-token/disable",
        f"/windows/{window.json['window_id']}/cancel",
        f"/jobs/{job_id}/cancel",
    ):
        assert ada.send("shop", path, {}).status == 404, path


def ids_of(person: Person, organization: str) -> set[str]:
    accounts = person.of(organization, "/accounts").json["accounts"]
    return {one["account_id"] for one in accounts if one["status"] != "not_applicable"}


def test_p21_a_token_is_of_one_organization(server: Server, ada: Person) -> None:
    token = ada.send("shop", "/tokens", {"name": "reader", "role": "viewer"}).json["token"]
    stranger = server.open_page("no one")
    answers = {
        (name, given): stranger.get(f"/organizations/{name}/accounts", Authorization=f"Bearer {given}")
        for name in (*BOTH, NO_ORGANIZATION)
        for given in (token, "rk_unknown")
    }
    assert answers.pop(("shop", token)).status == 200
    assert {answer.status for answer in answers.values()} == {404}
    assert len({json.dumps(strip(answer, name), sort_keys=True) for (name, _), answer in answers.items()}) == 1
    assert stranger.get("/organizations/shop/accounts").status == 401
    assert stranger.get(f"/organizations/{NO_ORGANIZATION}/accounts").status == 401


def test_p21_what_only_the_front_may_say_is_not_taken_from_a_client(server: Server, ada: Person, vera: Person) -> None:
    forged = json.dumps(
        {
            "identity_id": ada.get("/me").json["identity_id"],
            "name": "ada",
            "is_administrator": True,
            "session_id": "s-1",
            "kind": "browser",
            "enrolled": ["totp"],
            "started_at": "2026-01-01T00:00:00+00:00",
            "expires_at": "2036-01-01T00:00:00+00:00",
            "factor_at": "2036-01-01T00:00:00+00:00",
        }
    )
    headers = {"X-Rootkeeper-Person": forged, "X-Rootkeeper-Front": "guess"}
    assert vera.get("/organizations/bank/accounts", **headers).status == 404
    assert vera.get("/organizations/shop/me", **headers).json["name"] == "vera"
    assert server.open_page("no one").get("/organizations/shop/me", **headers).status == 401
    for port in find_ports(server):
        refused = send_to(port, "GET", "/api/v1/me", None, headers)
        assert (refused.status, refused.code) == (404, "organization.not_found")


def find_ports(server: Server) -> list[int]:
    """The ports on which the organizations' processes listen, as the system knows them."""
    inodes = {
        str(link.readlink())
        for name in BOTH
        for link in Path(f"/proc/{server.find_process(name)}/fd").iterdir()
        if os.path.lexists(link)
    }
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    found = [int(line[1].split(":")[1], 16) for line in table if line[3] == "0A" and f"socket:[{line[9]}]" in inodes]
    assert len(found) >= len(BOTH)
    return [port for port in found if port != server.port]


def test_a_person_who_is_known_to_the_server_gets_a_further_role_without_a_link(ada: Person, vera: Person) -> None:
    given = ada.send("bank", "/users", {"name": "vera", "role": "auditor"})
    assert (given.status, given.json["link"]) == (201, None), given
    assert vera.of("bank", "/me").json["role"] == "auditor"
    assert vera.of("shop", "/me").json["role"] == "viewer"
    again = ada.send("bank", "/users", {"name": "vera", "role": "viewer"})
    assert (again.status, again.json["code"]) == (422, "input.invalid"), again
    assert ada.send("bank", "/identities/vera/disable", {}).status == 200
    assert vera.of("bank", "/me").status == 404
    assert vera.of("shop", "/me").status == 200


def test_a_user_of_an_organization_becomes_the_servers_person_unless_disabled(server: Server, ada: Person) -> None:
    environment, secret = server.process.environment, server.data.parent / "password"
    secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
    alone = server.data.parent / "shop.toml"  # as before the server had several organizations
    organization_id = server.sandboxes["shop"].organization()["organization_id"]
    own = f'database.url = "{environment["ROOTKEEPER_DATABASE_URL"].replace("rootkeeper.db", SHOP_DATABASE)}"'
    alone.write_text(f'[organizations.shop]\nid = "{organization_id}"\naws.profile = "shop"\n{own}\n', encoding="utf-8")
    elsewhere = {"ROOTKEEPER_DATABASE_URL": f"sqlite:///{server.data.parent}/elsewhere/rootkeeper.db"}
    for name in ("olga", "gone"):
        added = run_forked(
            ["users", "add", name, "--role", "viewer", "--config", str(alone), "--password-file", str(secret)],
            environment | elsewhere,
        )
        assert added.returncode == 0, added
    assert ada.send("shop", "/identities/gone/disable", {}).status == 200
    before = {one["name"]: one for one in ada.of("shop", "/users").json["identities"]}
    olga = server.invite(ada, "shop", "olga", "auditor")
    me = olga.of("shop", "/me").json
    assert (me["identity_id"], me["role"]) == (before["olga"]["identity_id"], "auditor")
    refused = ada.send("shop", "/users", {"name": "gone", "role": "viewer"})
    assert (refused.status, "gone" in refused.json["detail"]) == (422, True), refused
    assert "gone" not in {one["name"] for one in ada.get("/users").json["identities"]}
    after = {one["name"]: one for one in ada.of("shop", "/users").json["identities"]}
    assert after["gone"] == before["gone"], "a disabled user acts again"


def test_only_who_may_give_roles_adds_people_to_the_server(server: Server, vera: Person, ada: Person) -> None:
    assert vera.send("shop", "/users", {"name": "mallory", "role": "viewer"}).status == 403
    assert vera.send("bank", "/users", {"name": "mallory", "role": "viewer"}).status == 404
    assert ada.send("shop", "/users", {"name": "mallory", "role": "emperor"}).status == 422
    assert ada.send("shop", "/users", "no object").status == 422
    names = [one["name"] for one in ada.get("/users").json["identities"]]
    assert "mallory" not in names
    assert vera.get("/users").status == 403


def test_a_sign_in_ends_in_all_organizations_at_once(server: Server, ada: Person) -> None:
    person = server.invite(ada, "shop", "otto", "viewer")
    assert person.of("shop", "/me").status == 200
    assert person.post("/organizations/shop/auth/sign-out").status == 204
    person.cookie = person.cookie or "ended"
    assert person.of("shop", "/me").status == 401


def test_a_change_needs_the_pages_own_token_as_on_any_server(vera: Person, ada: Person) -> None:
    body = {"name": "forged", "role": "viewer"}
    assert ada.post("/organizations/shop/tokens", body, X_CSRF_Token="").json["code"] == "access.csrf"
    assert ada.post("/organizations/shop/tokens", body, Origin="http://evil.example").status == 403


def test_an_address_without_an_organization_says_how_to_name_one(ada: Person) -> None:
    for answer in (ada.get("/accounts"), ada.post("/audits")):
        assert (answer.status, answer.code) == (404, "input.not_found")
        assert "/api/v1/organizations/NAME/" in answer.json["hint"]


def test_the_command_line_names_the_organization_beside_the_server(server: Server, ada: Person) -> None:
    token = ada.send("shop", "/tokens", {"name": "pipeline", "role": "operator"}).json["token"]
    environment = {
        name: value for name, value in server.process.environment.items() if not name.startswith("XDG_CONFIG")
    }
    environment |= {"ROOTKEEPER_SERVER": server.process.url, "ROOTKEEPER_TOKEN": token}
    organization_id = server.sandboxes["shop"].organization()["organization_id"]
    run = run_forked(["status", "--organization", "shop"], environment)
    assert (run.returncode, organization_id in run.stdout) == (0, True), run
    by_variable = run_forked(["status", "-o", "json"], environment | {"ROOTKEEPER_ORGANIZATION": "shop"})
    assert organization_id in by_variable.stdout, by_variable
    unnamed = run_forked(["status"], environment)
    assert (unnamed.returncode, "--organization NAME" in unnamed.stderr) == (3, True), unnamed
    other = run_forked(["status", "--organization", "bank"], environment)
    assert (other.returncode, "There is no organization 'bank'" in other.stderr) == (2, True), other


def test_the_command_line_lists_the_organizations_of_the_server_in_which_the_caller_has_a_role(
    server: Server, ada: Person, vera: Person
) -> None:
    signed_in = server.process.ask("POST", "/api/v1/auth/sign-in", {"name": "vera", "password": PASSWORD})
    token = ada.send("bank", "/tokens", {"name": "summary", "role": "viewer"}).json["token"]
    environment = {name: value for name, value in server.process.environment.items() if not name.startswith("XDG")}
    environment |= {"ROOTKEEPER_SERVER": server.process.url}
    for given, names in (
        ({"ROOTKEEPER_TOKEN": signed_in.body["token"]}, {"shop"}),
        ({"ROOTKEEPER_TOKEN": token, "ROOTKEEPER_ORGANIZATION": "bank"}, {"bank"}),
    ):
        run = run_forked(["organizations", "list", "--fail-on", "none", "-o", "json"], environment | given)
        assert run.returncode == 0, run
        listed = {one["name"]: one for one in json.loads(run.stdout)["organizations"]}
        assert listed.keys() == names
        assert all(one["numbers"]["accounts"] == 6 for one in listed.values())
    table = run_forked(["organizations", "list", "--fail-on", "none", "--sort", "name"], environment | given)
    assert (table.returncode, "bank" in table.stdout) == (0, True), table


def test_users_without_an_organization_are_the_servers_people(server: Server, ada: Person, vera: Person) -> None:
    environment = server.process.environment
    listed = run_forked(["users", "list", "-o", "json"], environment)
    assert listed.returncode == 0, listed
    assert {"ada", "vera"} <= {one["name"] for one in json.loads(listed.stdout)["identities"]}
    reset = run_forked(["users", "sign-out", "nobody"], environment)
    assert reset.returncode == 2, reset
    refused = run_forked(["token", "create", "--role", "viewer", "--name", "everywhere"], environment)
    assert (refused.returncode, "shop, bank" in refused.stderr) == (2, True), refused


def test_an_event_stream_passes_the_front(ada: Person) -> None:
    job_id = audit(ada, "shop")
    answer = ada.of("shop", f"/jobs/{job_id}/events")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert b"done" in answer.content


def test_p21_no_file_and_no_line_of_one_organization_contains_another(server: Server, ada: Person) -> None:
    for name, other in (BOTH, BOTH[::-1]):
        canaries = [text.encode() for text in ids_of(ada, other)]
        canaries.append(server.sandboxes[other].organization()["organization_id"].encode())
        files = [path for path in (server.data / "organizations" / name).rglob("*") if path.is_file()]
        files += [path for path in (server.data / "server").rglob("*") if path.is_file()]
        assert any(path.name == "rootkeeper.db" for path in files)
        for path in files:
            content = path.read_bytes()
            assert not [canary for canary in canaries if canary in content], path
        lines = [json.dumps(line).encode() for line in server.process.lines if line.get("organization") == name]
        assert lines, "the log doesn't name the organization"
        assert not [line for line in lines if any(canary in line for canary in canaries)]


def test_p21_each_organization_has_a_ledger_of_its_own_and_the_front_has_the_peoples(
    server: Server, ada: Person
) -> None:
    found = {}
    for name in ("organizations/shop", "organizations/bank", "server"):
        with closing(sqlite3.connect(server.data / name / "rootkeeper.db")) as connection:
            found[name] = {row[0] for row in connection.execute("SELECT DISTINCT organization_id FROM ledger_entries")}
            actions = {row[0] for row in connection.execute("SELECT DISTINCT action FROM ledger_entries")}
        assert len(found[name]) == 1, found
        assert ("identity:add" in actions) is True
    assert found["server"] == {"people"}
    assert len({next(iter(one)) for one in found.values()}) == 3


@pytest.mark.parametrize("wrong", ["/organizations/shop", "/organizations/", "/organizations/shop/../bank/me"])
def test_an_odd_address_is_an_unknown_address(ada: Person, wrong: str) -> None:
    assert ada.get(wrong).status == 404


def test_p21_a_killed_process_is_started_again_and_delays_no_other(server: Server, ada: Person) -> None:
    before = server.find_process("bank")
    os.kill(before, signal.SIGKILL)
    server.process.wait_until(lambda: server.process.ask("GET", "/readyz").status == 503)
    (check,) = [one for one in server.process.ask("GET", "/readyz").body["checks"] if one["name"] == "organizations"]
    assert "bank: Its process ended with status -9." in check["explanation"]
    assert ada.of("shop", "/accounts").status == 200
    watch = Stopwatch()
    while ada.of("bank", "/me").status != 200:
        assert watch.seconds < WAIT_SECONDS, server.process.stderr
        watch.pause(0.1)
    assert server.find_process("bank") != before
    assert any("bank: Its process ended with status -9." in line for line in server.process.stderr.splitlines())


def test_p21_only_a_token_that_has_worked_learns_that_its_process_ended(server: Server, ada: Person) -> None:
    token = ada.send("bank", "/tokens", {"name": "planner", "role": "operator"}).json["token"]
    pages = {given: server.open_page(given) for given in (token, "rk_unknown")}
    assert [ask_with_token(page, given).status for given, page in pages.items()] == [202, 404]
    known, unknown = (ask_while_it_ends(server, page, given) for given, page in pages.items())
    assert (known.status, known.code) == (502, "server.unreachable"), known
    assert unknown.status == 404


def ask_while_it_ends(server: Server, page: Person, token: str) -> Answer:
    """End the organization's process while it has a request.

    A request on a new connection waits for the next process, which answers it. Only one on a connection that the
    process has taken ends with it, and the front's log says so.
    """
    for _ in range(5):
        ask_with_token(page, token)  # leaves a connection to the process
        before = count_unanswered(server)
        stopped = server.find_process("bank")
        os.kill(stopped, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(ask_with_token, page, token)
            Stopwatch().pause(1.5)  # the request waits in the process
            os.kill(stopped, signal.SIGKILL)
            answer = waiting.result()
        server.find_process("bank", other_than=stopped)
        server.wait_organizations()
        if count_unanswered(server) > before:
            return answer
    raise AssertionError("no request was in the process when it ended")


def count_unanswered(server: Server) -> int:
    return sum("of organization bank didn't answer" in line["message"] for line in server.process.lines)


def ask_with_token(page: Person, token: str) -> Answer:
    """Send a change, which isn't sent again on another connection when its connection ends."""
    return page.post("/organizations/bank/plans", {"selection": {"everything": True}}, Authorization=f"Bearer {token}")


def test_p21_a_stopped_process_shows_as_unknown_and_hides_no_other(server: Server, ada: Person, vera: Person) -> None:
    stopped = server.find_process("bank")
    os.kill(stopped, signal.SIGSTOP)
    try:
        listed = {one["name"]: one for one in ada.get("/overview/organizations").json["organizations"]}
        assert listed["bank"]["numbers"] is None
        assert "doesn't answer" in listed["bank"]["problem"]
        assert listed["shop"]["numbers"]["accounts"] == 6
        assert ada.of("shop", "/accounts").status == 200
    finally:
        os.kill(stopped, signal.SIGCONT)
    watch = Stopwatch()
    while (numbers := read_numbers(ada, "bank")) is None:  # a busy machine takes a while to continue the process
        assert watch.seconds < WAIT_SECONDS, server.process.stderr
        watch.pause(0.5)
    assert numbers["accounts"] == 6


def read_numbers(person: Person, organization: str) -> dict[str, Any] | None:
    listed = {one["name"]: one for one in person.get("/overview/organizations").json["organizations"]}
    numbers: dict[str, Any] | None = listed[organization]["numbers"]
    return numbers


def test_the_end_of_the_server_is_the_end_of_all(sandboxes: dict[str, SandboxProcess], tmp_path: Path) -> None:
    with several_organizations(sandboxes, tmp_path) as one:
        one.wait_organizations()
        processes = [one.find_process(name) for name in BOTH]
        front = os.getpriority(os.PRIO_PROCESS, one.process.process.pid)
        lower = [os.getpriority(os.PRIO_PROCESS, number) > front for number in processes]
        assert lower == [True, True], "an organization's audit could keep people's requests waiting"
        assert one.process.stop() <= 10
        assert not any(Path(f"/proc/{number}").exists() for number in processes)


def test_a_killed_front_leaves_no_process(sandboxes: dict[str, SandboxProcess], tmp_path: Path) -> None:
    with several_organizations(sandboxes, tmp_path) as one:
        one.wait_organizations()
        processes = [one.find_process(name) for name in BOTH]
        one.process.kill()
        watch = Stopwatch()
        while any(Path(f"/proc/{number}").exists() for number in processes):
            assert watch.seconds < WAIT_SECONDS
            watch.pause(0.1)
        person = one.open_page("ada")
        with pytest.raises(OSError, match="refused"):
            person.sign_in("ada", PASSWORD)
