"""A server of several organizations: one sign-in, a process for each, and nothing of one reaches another's people."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox_process import SandboxProcess
from tests.several_organizations import Person, Server, several_organizations, several_sandboxes

BOTH = ("shop", "bank")


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
    return server.become_administrator()


def test_the_servers_administrator_is_the_first_of_each_organization(server: Server, ada: Person) -> None:
    for name in BOTH:
        me = ada.of(name, "/me")
        assert me.status == 200, me
        assert me.json["role"] == "administrator"
        assert me.json["organization_id"] == server.sandboxes[name].organization()["organization_id"]
        assert me.json["serves_organizations"] is False
    assert ada.get("/me").json["serves_organizations"] is True
    listed = ada.get("/overview/organizations").json["organizations"]
    assert [one["name"] for one in listed] == list(BOTH)
