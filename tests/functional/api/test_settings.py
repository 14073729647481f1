"""The routes of the settings that an administrator can change."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.ledger.rules import Action
from rootkeeper.settings.reading import load_settings
from tests.fakes.api_services import FakeServices
from tests.functional.api.serving import Answer, ApiServer

ADMINISTRATOR = ServerRole.ADMINISTRATOR
WINDOW = {"account": "payments", "reason": "The invoice can't be seen"}


@pytest.fixture
def services() -> FakeServices:
    """A server whose settings limit windows to a day, and audit each morning."""
    found = FakeServices()
    environment = {"ROOTKEEPER_WINDOWS_LONGEST": "24h", "ROOTKEEPER_SCHEDULES_AUDITS": "0 6 * * * UTC"}
    found.settings = load_settings(None, environment, Path("/nowhere"))
    return found


def find(api: ApiServer, name: str) -> Any:
    (found,) = (one for one in api.get("/settings").json["settings"] if one["name"] == name)
    return found


def put(api: ApiServer, name: str, value: Any, previous: Any, role: ServerRole = ADMINISTRATOR) -> Answer:
    return api.post(f"/settings/{name}", {"value": value, "previous": previous, "reason": "Fewer hours"}, role)


def test_each_setting_says_what_holds_and_where_it_comes_from(api: ApiServer) -> None:
    assert find(api, "windows.longest") == {
        "name": "windows.longest",
        "value": "1d",
        "source": "variable",
        "variable": "ROOTKEEPER_WINDOWS_LONGEST",
        "configured": "1d",
        "bounds": {"least": "10s", "most": "1d"},
        "is_fixed": False,
        "edit": None,
    }
    assert find(api, "windows.approvals")["source"] == "default"
    audits = find(api, "schedules.audits")
    assert (audits["value"], audits["is_fixed"], audits["bounds"]) == (["0 6 * * * UTC"], True, None)


def test_a_change_holds_at_once_and_is_in_the_ledger_with_both_values(services: FakeServices, api: ApiServer) -> None:
    changed = put(api, "windows.longest", "8h", "1d").json
    assert (changed["value"], changed["source"], changed["configured"]) == ("8h", "console", "1d")
    assert (changed["edit"]["changed_by"], changed["edit"]["reason"]) == ("administrator-token", "Fewer hours")
    entry = services.database.entries[-1]
    assert entry.action is Action.SETTING_CHANGE
    assert entry.parameters == {"setting": "windows.longest", "old": "1d", "new": "8h", "reason": "Fewer hours"}
    assert entry.actor.name == "administrator-token"
    assert api.get("/policy").json["windows"]["longest_seconds"] == timedelta(hours=8).total_seconds()
    assert put(api, "windows.longest", None, "8h").json["source"] == "variable"


def test_the_default_length_is_that_of_a_request_that_names_none(services: FakeServices, api: ApiServer) -> None:
    assert put(api, "windows.default_length", "2h", "4h").status == 200
    checked = api.post("/windows/check", WINDOW, ServerRole.OPERATOR)
    assert checked.json["duration_seconds"] == timedelta(hours=2).total_seconds()


def test_the_approvals_that_hold_are_those_of_the_next_check(api: ApiServer) -> None:
    assert put(api, "windows.approvals", 2, 1).status == 200
    assert api.post("/windows/check", WINDOW, ServerRole.OPERATOR).json["approvals_needed"] == 2


@pytest.mark.parametrize(
    ("name", "value", "previous", "said"),
    [
        ("windows.longest", "25h", "1d", "it must be from 10s to 1d"),
        ("windows.longest", "8h", "72h", "was changed meanwhile, to 1d"),
        ("windows.approvals", 0, 1, "it must be from 1 to 10"),
        ("schedules.audits", [], ["0 6 * * * UTC"], "is fixed by the settings"),
        ("schedules.reports", ["0 6 * * * UTC"], [], "Reports have no place to go"),
        ("schedules.drift_checks", ["daily"], [], "isn't five fields and a time zone"),
    ],
)
def test_a_change_that_cant_be_made_says_why_and_changes_nothing(
    services: FakeServices, api: ApiServer, name: str, value: Any, previous: Any, said: str
) -> None:
    before = find(api, name)
    refused = put(api, name, value, previous)
    assert refused.status == 422, refused.json
    assert said in refused.json["detail"]
    assert find(api, name) == before
    assert services.database.entries == []


def test_an_unknown_setting_is_refused(api: ApiServer) -> None:
    assert put(api, "database.url", "sqlite://", "").status == 422


@pytest.mark.parametrize("role", [role for role in ServerRole if role is not ADMINISTRATOR])
def test_only_an_administrator_changes_settings(api: ApiServer, role: ServerRole) -> None:
    assert put(api, "windows.longest", "8h", "1d", role).status == 403


def test_a_target_added_here_is_listed_tested_and_in_the_ledger_by_its_reference(
    services: FakeServices, api: ApiServer
) -> None:
    entry = "chat info file:/run/secrets/chat"
    assert put(api, "notifications.targets", [entry], []).json["source"] == "console"
    (target,) = api.get("/notifications/targets").json["targets"]
    assert (target["target"], target["reference"]) == ("chat", "file:/run/secrets/chat")
    assert api.get("/policy").json["notification_targets"] == ["chat"]
    (trial,) = api.post("/notifications/test", {"target": "chat"}, ADMINISTRATOR).json["targets"]
    assert (trial["target"], trial["result"]) == ("chat", "failed")
    changes = [one.parameters for one in services.database.entries if one.action is Action.SETTING_CHANGE]
    assert changes == [{"setting": "notifications.targets", "old": [], "new": [entry], "reason": "Fewer hours"}]


@pytest.mark.parametrize("place", ["https://hooks.example.com/T0/x", "env:slack://T0/x", "file:slack://T0/x"])
def test_a_url_of_a_target_is_refused_and_repeated_nowhere(services: FakeServices, api: ApiServer, place: str) -> None:
    refused = put(api, "notifications.targets", [f"chat info {place}"], [])
    assert refused.status == 422
    assert "T0" not in str(refused.json)
    assert services.database.entries == []


def test_people_domains_and_retention_hold_at_once(api: ApiServer) -> None:
    assert put(api, "windows.requesters", ["olga", "ana in ou-root-1234"], []).status == 200
    assert put(api, "emails.allowed_domains", ["Example.com"], []).json["value"] == ["example.com"]
    assert put(api, "history.keep", "800d", "400d").json["bounds"] == {"least": "400d", "most": "3650d"}
    policy = api.get("/policy").json
    assert policy["windows"]["requesters"] == ["olga", "ana in ou-root-1234"]
    assert policy["retention"]["audits_seconds"] == timedelta(days=800).total_seconds()
