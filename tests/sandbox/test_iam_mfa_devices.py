"""Virtual MFA devices through the API: made, enabled by two codes, listed, brought into step, taken away."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper_sandbox.clock import step_of, totp_code
from rootkeeper_sandbox.exchange import ServiceError
from tests.sandbox.calling import Stage
from tests.sandbox.wire import Wire, open_instance

MANAGEMENT = "111122223333"
ARN = f"arn:aws:iam::{MANAGEMENT}:mfa/phone"


@pytest.fixture
def stage() -> Stage:
    return Stage()


def create(stage: Stage) -> str:
    """Make a device and give its seed."""
    made = stage.call("management-admin", "iam", "CreateVirtualMFADevice", VirtualMFADeviceName="phone")
    assert made["VirtualMFADevice"]["SerialNumber"] == ARN
    return str(made["VirtualMFADevice"]["Base32StringSeed"].decode())


def codes(stage: Stage, seed: str, offset: int = 0) -> dict[str, str]:
    step = step_of(stage.now) + offset
    return {"AuthenticationCode1": totp_code(seed, step), "AuthenticationCode2": totp_code(seed, step + 1)}


def enable(stage: Stage, **parameters: Any) -> None:
    named = {"UserName": "management-admin", "SerialNumber": ARN} | parameters
    stage.call("management-admin", "iam", "EnableMFADevice", **named)


def refusal(stage: Stage, operation: str, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as refused:
        stage.call("management-admin", "iam", operation, **parameters)
    return refused.value.code, refused.value.status


def test_two_consecutive_codes_enable_a_device(stage: Stage) -> None:
    seed = create(stage)
    enable(stage, **codes(stage, seed))
    listed = stage.call("management-admin", "iam", "ListMFADevices")
    assert listed["MFADevices"] == [{"UserName": "management-admin", "SerialNumber": ARN, "EnableDate": stage.now}]


@pytest.mark.parametrize("offset", [-3, 2])
def test_old_and_future_codes_do_not(stage: Stage, offset: int) -> None:
    seed = create(stage)
    with pytest.raises(ServiceError) as refused:
        enable(stage, **codes(stage, seed, offset))
    assert (refused.value.code, refused.value.status) == ("InvalidAuthenticationCode", 403)
    assert stage.call("management-admin", "iam", "ListMFADevices")["MFADevices"] == []


def test_a_name_is_given_once_whether_the_device_has_an_owner_or_not(stage: Stage) -> None:
    seed = create(stage)
    taken = {"VirtualMFADeviceName": "phone"}
    assert refusal(stage, "CreateVirtualMFADevice", **taken) == ("EntityAlreadyExists", 409)
    enable(stage, **codes(stage, seed))
    assert refusal(stage, "CreateVirtualMFADevice", **taken) == ("EntityAlreadyExists", 409)


def test_a_device_that_is_not_there_or_has_an_owner_is_not_enabled(stage: Stage) -> None:
    named = {"UserName": "management-admin", "SerialNumber": ARN} | codes(stage, "A" * 32)
    assert refusal(stage, "EnableMFADevice", **named) == ("NoSuchEntity", 404)
    enable(stage, **codes(stage, create(stage)))
    assert refusal(stage, "EnableMFADevice", **named) == ("EntityAlreadyExists", 409)


def test_a_deactivated_device_keeps_its_seed(stage: Stage) -> None:
    seed = create(stage)
    enable(stage, **codes(stage, seed))
    named = {"UserName": "management-admin", "SerialNumber": ARN}
    stage.call("management-admin", "iam", "DeactivateMFADevice", **named)
    stage.advance(300)
    enable(stage, **codes(stage, seed))
    stage.call("management-admin", "iam", "DeactivateMFADevice", **named)
    stage.call("management-admin", "iam", "DeleteVirtualMFADevice", SerialNumber=ARN)
    assert refusal(stage, "EnableMFADevice", **named, **codes(stage, seed)) == ("NoSuchEntity", 404)


def test_devices_are_listed_by_whether_they_have_an_owner(stage: Stage) -> None:
    create(stage)
    everything = stage.call("management-admin", "iam", "ListVirtualMFADevices")["VirtualMFADevices"]
    (unassigned,) = stage.call("management-admin", "iam", "ListVirtualMFADevices", AssignmentStatus="Unassigned")[
        "VirtualMFADevices"
    ]
    (assigned,) = stage.call("management-admin", "iam", "ListVirtualMFADevices", AssignmentStatus="Assigned")[
        "VirtualMFADevices"
    ]
    assert unassigned == {"SerialNumber": ARN}
    assert assigned["User"]["Arn"] == f"arn:aws:iam::{MANAGEMENT}:root"
    assert everything == [assigned, unassigned]


def test_a_device_is_brought_into_step_by_fresh_codes_only(stage: Stage) -> None:
    seed = create(stage)
    enable(stage, **codes(stage, seed))
    named = {"UserName": "management-admin", "SerialNumber": ARN}
    again = codes(stage, seed)
    assert refusal(stage, "ResyncMFADevice", **named, **again) == ("InvalidAuthenticationCode", 403)
    stage.advance(300)
    stage.call("management-admin", "iam", "ResyncMFADevice", **named, **codes(stage, seed))
    nothing = named | {"SerialNumber": f"{ARN}-2"}
    assert refusal(stage, "ResyncMFADevice", **nothing, **again) == ("NoSuchEntity", 404)


def test_a_user_has_eight_devices_at_most(stage: Stage) -> None:
    for number in range(9):
        name = f"phone-{number}"
        made = stage.call("management-admin", "iam", "CreateVirtualMFADevice", VirtualMFADeviceName=name)
        seed, arn = made["VirtualMFADevice"]["Base32StringSeed"].decode(), made["VirtualMFADevice"]["SerialNumber"]
        if number < 8:
            enable(stage, SerialNumber=arn, **codes(stage, seed))
    named = {"UserName": "management-admin", "SerialNumber": arn}
    assert refusal(stage, "EnableMFADevice", **named, **codes(stage, seed)) == ("LimitExceeded", 409)


def test_the_seed_comes_over_the_wire_and_is_in_no_event() -> None:
    wire = Wire(open_instance())
    made = wire.call("management-admin", "iam", "CreateVirtualMFADevice", VirtualMFADeviceName="phone")
    seed = made.body["VirtualMFADevice"]["Base32StringSeed"]
    assert len(seed) == 32
    events = wire.instance.trail.of_account(MANAGEMENT)
    assert events[-1]["responseElements"] == {"virtualMFADevice": {"serialNumber": ARN}}
    assert seed.decode() not in str(events)
