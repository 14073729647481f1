"""The stand-in for the access portal of IAM Identity Center, up and down."""

from __future__ import annotations

import re

import pytest

from rootkeeper_sandbox.people.portal import session_seconds
from rootkeeper_sandbox.state.people import PermissionSet
from tests.sandbox.visitor import FAILSAFE, WITH_PASSWORD, ClientOrigin, open_instance
from tests.sandbox.wire import Keys, Wire

EXPORT = re.compile(r"export (AWS_\w+)=([^\s<]+)")
AUDIT = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
DELETE = "arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"


@pytest.fixture
def client_origin() -> ClientOrigin:
    return ClientOrigin(open_instance())


def enter(client_origin: ClientOrigin, name: str, account_id: str, permission_set: str) -> Keys:
    """Go in as a user, by a permission set's name, and give the keys that the page shows."""
    page = client_origin.get("/identity-center")
    page = client_origin.get(page.reader.links[name])
    center = client_origin.instance.world.identity_center
    arn = next(one.arn for one in center.permission_sets.values() if one.name == permission_set)
    forms = [form for form in page.reader.forms if form.fields.get("account_id") == account_id]
    form = next(form for form in forms if form.fields["permission_set"] == arn)
    client_origin.post(form.action, **form.fields)
    found = dict(EXPORT.findall(client_origin.page.html))
    return Keys(found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"], found["AWS_SESSION_TOKEN"])


def test_a_person_gets_credentials_that_work_as_the_permission_sets_role(client_origin: ClientOrigin) -> None:
    keys = enter(client_origin, "Mary Major", FAILSAFE, "AdministratorAccess")
    wire = Wire(client_origin.instance)
    arn = wire.call(keys, "sts", "GetCallerIdentity").body["Arn"]
    name = r"AWSReservedSSO_AdministratorAccess_[0-9a-f]{16}"
    assert re.fullmatch(rf"arn:aws:sts::{FAILSAFE}:assumed-role/{name}/mary\.major", arn)
    assert wire.call(keys, "iam", "ListUsers").status == 200
    (role,) = (
        one for one in client_origin.account(FAILSAFE).identities.roles.values() if one.name.startswith("AWSRes")
    )
    assert role.path == "/aws-reserved/sso.amazonaws.com/"


def test_a_permission_sets_own_policy_is_all_that_its_sessions_may(client_origin: ClientOrigin) -> None:
    wire = Wire(client_origin.instance)
    delegate = {"AccountId": FAILSAFE, "ServicePrincipal": "iam.amazonaws.com"}
    wire.call("management-admin", "organizations", "RegisterDelegatedAdministrator", **delegate)
    keys = enter(client_origin, "Nikki Wolf", FAILSAFE, "RootAccessAudit")
    audit = {"TargetPrincipal": WITH_PASSWORD, "TaskPolicyArn": {"arn": AUDIT}}
    assert wire.call(keys, "sts", "AssumeRoot", **audit).status == 200
    assert wire.call(keys, "sts", "AssumeRoot", **(audit | {"TaskPolicyArn": {"arn": DELETE}})).code == "AccessDenied"
    assert wire.call(keys, "iam", "ListUsers").code == "AccessDenied"


def test_entering_leaves_an_event_in_the_instances_account(client_origin: ClientOrigin) -> None:
    enter(client_origin, "Mary Major", FAILSAFE, "AdministratorAccess")
    owner = client_origin.instance.world.identity_center.owner_account_id
    (event,) = client_origin.events(owner, "Federate")
    assert event["eventSource"] == "sso.amazonaws.com"
    assert event["userIdentity"]["type"] == "IdentityCenterUser"
    assert event["serviceEventDetails"]["account_id"] == FAILSAFE


def test_no_one_gets_what_is_not_assigned(client_origin: ClientOrigin) -> None:
    page = client_origin.get("/identity-center")
    page = client_origin.get(page.reader.links["Li Juan"])
    form = page.reader.forms[0]
    page = client_origin.post(form.action, **(form.fields | {"account_id": FAILSAFE}))
    assert page.alert == "There is no such assignment."
    assert "AWS_SESSION_TOKEN" not in page.text


def test_it_is_down_when_it_is_switched_down_even_for_a_page_that_was_open(client_origin: ClientOrigin) -> None:
    page = client_origin.get("/identity-center")
    page = client_origin.get(page.reader.links["Mary Major"])
    form = page.reader.forms[0]
    client_origin.instance.world.identity_center.is_down = True
    assert client_origin.get("/identity-center").status == 503
    page = client_origin.post(form.action, **form.fields)
    assert page.status == 503
    assert "IAM Identity Center isn't available" in page.alert


def test_a_user_who_tries_it_out_makes_an_outage_and_ends_it(client_origin: ClientOrigin) -> None:
    for status in (503, 200):
        client_origin.get("/identity-center")
        client_origin.fill("/identity-center/status")
        assert client_origin.get("/identity-center").status == status


def test_a_word_that_is_no_status_changes_nothing(client_origin: ClientOrigin) -> None:
    client_origin.get("/identity-center")
    client_origin.post("/identity-center/status", status="sideways")
    assert client_origin.get("/identity-center").status == 200


def test_an_organization_without_people_says_so(client_origin: ClientOrigin) -> None:
    client_origin.instance.world.identity_center.users.clear()
    assert "The identity store of this organization is empty" in client_origin.get("/identity-center").text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT1H", 3600), ("PT12H", 43_200), ("PT90M", 5400), ("PT1H30M", 5400), ("", 3600), ("x", 3600)],
)
def test_sessions_last_as_long_as_the_permission_set_says(client_origin: ClientOrigin, text: str, seconds: int) -> None:
    some = next(iter(client_origin.instance.world.identity_center.permission_sets.values()))
    permission_set = PermissionSet(some.arn, some.name, some.created_at, session_duration=text)
    assert session_seconds(permission_set) == seconds
