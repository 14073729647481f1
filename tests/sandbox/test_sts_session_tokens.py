"""GetSessionToken: a user's own session, with MFA or without, and what such a session can't do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rootkeeper_sandbox.clock import next_code
from tests.sandbox.wire import Keys, Wire, open_instance

DEVICE = "arn:aws:iam::111122223333:mfa/management-admin"
AUDIT = "IAMAuditRootUserCredentials"


@pytest.fixture
def wire() -> Wire:
    return Wire(open_instance())


def keys_of(credentials: dict[str, Any]) -> Keys:
    return Keys(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


def ask(wire: Wire, caller: str, **parameters: Any) -> dict[str, Any]:
    answered = wire.call(caller, "sts", "GetSessionToken", **parameters)
    assert answered.status == 200, answered.body
    credentials: dict[str, Any] = answered.body["Credentials"]
    return credentials


def register_device(wire: Wire) -> str:
    made = wire.call("management-admin", "iam", "CreateVirtualMFADevice", VirtualMFADeviceName="management-admin")
    seed: str = made.body["VirtualMFADevice"]["Base32StringSeed"].decode()
    now = wire.instance.clock.now()
    codes = {f"AuthenticationCode{n + 1}": next_code(seed, now + timedelta(seconds=30 * n), []) for n in (0, 1)}
    enabled = wire.call(
        "management-admin", "iam", "EnableMFADevice", UserName="management-admin", SerialNumber=DEVICE, **codes
    )
    assert enabled.status == 200, enabled.body
    return seed


def test_the_session_is_the_user(wire: Wire) -> None:
    session = ask(wire, "management-admin")
    assert session["AccessKeyId"].startswith("ASIA")
    assert session["Expiration"] - wire.instance.clock.now() > timedelta(hours=11, minutes=59)
    identity = wire.call(keys_of(session), "sts", "GetCallerIdentity").body
    assert identity["Arn"] == "arn:aws:iam::111122223333:user/management-admin"
    assert wire.call(keys_of(session), "organizations", "DescribeOrganization").status == 200


def test_no_permission_is_needed_and_a_root_users_session_is_short(wire: Wire) -> None:
    assert ask(wire, "observer", DurationSeconds=900)["Expiration"] - wire.instance.clock.now() <= timedelta(minutes=15)
    root = ask(wire, "management-root", DurationSeconds=7200)
    assert root["Expiration"] - wire.instance.clock.now() <= timedelta(hours=1)


@pytest.mark.parametrize("seconds", [899, 129_601])
def test_the_duration_has_bounds(wire: Wire, seconds: int) -> None:
    answered = wire.call("observer", "sts", "GetSessionToken", DurationSeconds=seconds)
    assert (answered.status, answered.code) == (400, "ValidationError")


def test_without_mfa_neither_iam_nor_most_of_sts_can_be_called(wire: Wire) -> None:
    keys = keys_of(ask(wire, "management-admin"))
    refused = wire.call(keys, "iam", "ListUsers")
    assert (refused.status, refused.code) == (403, "InvalidClientTokenId")
    for operation in ("GetSessionToken", "GetAccessKeyInfo"):
        refused = wire.call(keys, "sts", operation, **({} if "Session" in operation else {"AccessKeyId": "A" * 20}))
        assert (refused.status, refused.code) == (403, "AccessDenied")
        assert refused.message == f"Cannot call {operation} with session credentials"
    role = "arn:aws:iam::222233334444:role/OrganizationAccountAccessRole"
    assert wire.call(keys, "sts", "AssumeRole", RoleArn=role, RoleSessionName="tests").status == 200


def test_with_mfa_iam_can_be_called(wire: Wire) -> None:
    seed = register_device(wire)
    later = wire.instance.clock.now() + timedelta(seconds=60)
    wire.instance.clock.advance(60)
    code = next_code(seed, later, [])
    keys = keys_of(ask(wire, "management-admin", SerialNumber=DEVICE, TokenCode=code))
    assert wire.call(keys, "iam", "ListUsers").status == 200
    wrong = wire.call("management-admin", "sts", "GetSessionToken", SerialNumber=DEVICE, TokenCode="000000")
    assert (wrong.status, wrong.code) == (403, "AccessDenied")


def test_sessions_can_not_ask_for_it(wire: Wire) -> None:
    answered = wire.call(wire.open_root_session("555566667777", AUDIT), "sts", "GetSessionToken")
    assert (answered.status, answered.code) == (403, "AccessDenied")
