"""What a sandbox starts with: the demo's situations, and generated organizations of any size."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from rootkeeper_sandbox.scenarios.build import build_world
from rootkeeper_sandbox.scenarios.cast import MIXTURES
from rootkeeper_sandbox.state.world import World
from tests.sandbox.calling import SECURITY_ACCOUNT_ID, START

KINDS = ("password", "access_keys", "signing_certificates", "mfa_devices", "recovery_allowed")
PRINCIPALS = ["management-admin", "delegated-admin", "member-admin", "observer", "management-root"]


def build(**arguments: Any) -> World:
    return build_world(clock=lambda: START, **arguments)


def held(account: dict[str, Any]) -> tuple[str, ...]:
    return tuple(kind for kind in KINDS if account["root_user"][kind])


@pytest.fixture(scope="module")
def demo() -> dict[str, dict[str, Any]]:
    """The demo's accounts by name."""
    return {account["name"]: account for account in build().describe()["accounts"]}


def test_the_demo_shows_every_situation_at_once(demo: dict[str, dict[str, Any]]) -> None:
    assert len(demo) == 26
    active = [account for account in demo.values() if account["state"] == "ACTIVE"]
    situations = {held(account) for account in active}
    assert {(), ("password",), ("access_keys",), ("signing_certificates",), ("recovery_allowed",)} <= situations
    assert ("password", "access_keys", "signing_certificates", "mfa_devices") in situations
    states = Counter(account["state"] for account in demo.values())
    assert (states["SUSPENDED"], states["PENDING_CLOSURE"]) == (1, 1)
    kinds = {device["kind"] for account in active for device in account["root_user"]["mfa_devices"]}
    assert kinds == {"virtual", "hardware", "fido"}


def test_the_demo_has_a_key_used_yesterday_and_one_never_used(demo: dict[str, dict[str, Any]]) -> None:
    yesterday = demo["Search Prod"]["root_user"]["access_keys"][0]["last_used_at"]
    assert datetime.fromisoformat(yesterday) == START - timedelta(days=1)
    assert demo["Orders Test"]["root_user"]["access_keys"][0]["last_used_at"] is None


def test_the_demos_failsafe_keeps_a_password_and_two_factors_and_nothing_else(demo: dict[str, dict[str, Any]]) -> None:
    security = demo["Security"]
    assert security["account_id"] == SECURITY_ACCOUNT_ID
    assert held(security) == ("password", "mfa_devices")
    assert [device["kind"] for device in security["root_user"]["mfa_devices"]] == ["virtual", "hardware"]


def test_the_demo_starts_with_nothing_switched_on() -> None:
    organization = build().describe()
    assert (organization["features"], organization["trusted_services"]) == ([], [])
    assert organization["delegated_administrators"] == []


def test_one_unit_of_the_demo_denies_root_without_exempting_root_sessions() -> None:
    organization = build().describe()
    policy = next(one for one in organization["policies"] if one["name"] == "DenyRootUser")
    unit = next(one for one in organization["organizational_units"] if one["ou_path"] == "Root/Regulated")
    assert policy["targets"] == [unit["ou_id"]]
    assert "aws:AssumedRoot" not in json.dumps(policy["content"])
    everywhere = next(one for one in organization["policies"] if one["name"] == "FullAWSAccess")
    assert len(everywhere["targets"]) == 1 + len(organization["organizational_units"]) + len(organization["accounts"])


@pytest.mark.parametrize("arguments", [{}, {"accounts": 40, "seed": 7}])
def test_every_start_gives_the_same_ids_and_keys(arguments: dict[str, Any]) -> None:
    first, second = build(**arguments), build(**arguments)
    assert first.describe() == second.describe()
    assert first.principals() == second.principals()
    assert [one["name"] for one in first.principals()] == PRINCIPALS


@pytest.mark.parametrize("arguments", [{}, {"accounts": 3}])
def test_principals_are_where_they_are_said_to_be(arguments: dict[str, Any]) -> None:
    world = build(**arguments)
    accounts = {one["name"]: one["account_id"] for one in world.principals()}
    management = world.management_account_id
    assert {accounts[name] for name in ("management-admin", "observer", "management-root")} == {management}
    assert len({management, accounts["delegated-admin"], accounts["member-admin"]}) == 3
    for one in world.principals():
        assert re.fullmatch(r"AKIA[A-Z2-7]{16}", one["access_key_id"])
        assert re.fullmatch(r"[A-Za-z0-9/+]{40}", one["secret_access_key"])
        credential = world.find_credential(one["access_key_id"])
        assert credential is not None
        has_permissions = bool(world.identity_policies(credential.principal))
        assert has_permissions is (one["name"] not in ("observer", "management-root"))


def test_dates_are_whole_seconds_relative_to_the_start() -> None:
    start = START.replace(microsecond=654_321)
    for accounts in (None, 60):
        text = json.dumps(build_world(clock=lambda: start, accounts=accounts).describe())
        dates = re.findall(r'"(\d{4}-\d{2}-\d{2}T[^"]*)"', text)
        assert dates
        assert all(re.fullmatch(r"[-\d]{10}T[\d:]{8}Z", date) for date in dates)
        assert max(datetime.fromisoformat(date) for date in dates) < start


def test_another_seed_gives_another_organization() -> None:
    first, second = build(accounts=20, seed=1), build(accounts=20, seed=2)
    assert first.organization_id != second.organization_id
    assert not {one["access_key_id"] for one in first.principals()} & {
        one["access_key_id"] for one in second.principals()
    }


@pytest.mark.parametrize("number", [3, 4, 11, 12, 13, 25, 60, 400, 1000])
def test_a_generated_organization_has_exactly_the_accounts_asked_for(number: int) -> None:
    organization = build(accounts=number, seed=5).describe()
    ids = [account["account_id"] for account in organization["accounts"]]
    emails = {account["email"] for account in organization["accounts"]}
    assert len(ids) == len(set(ids)) == len(emails) == number
    assert all(re.fullmatch(r"\d{12}", account_id) for account_id in ids)
    units = organization["organizational_units"]
    assert len(units) == max(3, number // 20)
    parents = {unit["parent_id"] for unit in units} & {unit["ou_id"] for unit in units}
    assert len(parents) == max(1, int(len(units) * 0.4))
    assert max(unit["ou_path"].count("/") for unit in units) <= 5
    assert [policy["name"] for policy in organization["policies"]] == ["FullAWSAccess"]
    assert organization["delegated_administrators"] == []


@pytest.mark.parametrize(("units", "with_children"), [(1, 0), (2, 1), (3, 1), (500, 200), (2000, 800)])
@pytest.mark.parametrize("number", [3, 1000])
def test_a_generated_organization_has_exactly_the_units_asked_for(number: int, units: int, with_children: int) -> None:
    organization = build(accounts=number, organizational_units=units).describe()
    assert len(organization["accounts"]) == number
    ids = {unit["ou_id"] for unit in organization["organizational_units"]}
    assert len(ids) == units
    assert len({unit["parent_id"] for unit in organization["organizational_units"]} & ids) == with_children
    assert max(unit["ou_path"].count("/") for unit in organization["organizational_units"]) <= 5


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("number", [12, 13, 20, 50, 1000])
def test_a_generated_organization_is_mixed_as_promised(number: int, seed: int) -> None:
    organization = build(accounts=number, seed=seed).describe()
    management = organization["management_account_id"]
    members = [account for account in organization["accounts"] if account["account_id"] != management]
    active = [account for account in members if account["state"] == "ACTIVE"]
    clean = [account for account in active if not held(account)]
    assert len(active) >= 8
    assert len(clean) >= 3
    assert abs(len(clean) - 0.70 * len(members)) <= 1
    assert abs(len(active) - len(clean) - 0.25 * len(members)) <= 1


def test_a_large_organization_holds_every_mixture_of_credentials() -> None:
    accounts = build(accounts=400).describe()["accounts"]
    found = {held(account) for account in accounts}
    wanted = {tuple(kind if kind != "recovery" else "recovery_allowed" for kind in mixture) for mixture in MIXTURES}
    assert len(wanted) == 16
    assert wanted <= found


@pytest.mark.parametrize(
    ("features", "enabled", "trusted"),
    [
        ("none", [], []),
        ("credentials", ["RootCredentialsManagement"], ["iam.amazonaws.com"]),
        ("sessions", ["RootSessions"], ["iam.amazonaws.com"]),
        ("all", ["RootSessions", "RootCredentialsManagement"], ["iam.amazonaws.com"]),
    ],
)
@pytest.mark.parametrize("arguments", [{}, {"accounts": 12}])
def test_features_can_be_on_from_the_start(
    features: str, enabled: list[str], trusted: list[str], arguments: dict[str, Any]
) -> None:
    organization = build(features=features, **arguments).describe()
    assert (organization["features"], organization["trusted_services"]) == (enabled, trusted)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": "some"}, "features must be one of none, credentials, sessions, all, not 'some'."),
        ({"scenario": "other"}, "there is no scenario 'other'"),
        ({"accounts": 2}, "at least 3 accounts, not 2"),
        ({"accounts": 50, "organizational_units": 0}, "from 1 to 2000 units, not 0"),
        ({"accounts": 50, "organizational_units": 2001}, "from 1 to 2000 units, not 2001"),
        ({"organizational_units": 5}, "needs a number of accounts"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**arguments)


def test_large_organizations_are_small_in_memory() -> None:
    tracemalloc.start()
    world = build(accounts=10_000)
    size_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(world.organization.accounts) == 10_000
    assert size_bytes < 40_000_000
