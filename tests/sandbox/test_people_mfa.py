"""Codes by time, and registering the device that shows them."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper_sandbox.clock import (
    encode_seed,
    find_pair,
    find_step,
    next_code,
    otpauth_uri,
    read_machine_time,
    step_of,
    totp_code,
)
from rootkeeper_sandbox.people.mfa import draw_qr_code
from tests.sandbox.visitor import FAILSAFE, UNDER_DENY_ROOT, WITH_PASSWORD, ClientOrigin, open_instance

RFC_SEED = encode_seed(b"12345678901234567890")
RFC_CODES = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}
"""Of eight digits. Source: RFC 6238, appendix B, SHA1."""
SEED = encode_seed(bytes(range(20)))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def client_origin() -> ClientOrigin:
    return ClientOrigin(open_instance())


@pytest.mark.parametrize("second", RFC_CODES)
def test_codes_are_those_of_the_rfc(second: int) -> None:
    assert totp_code(RFC_SEED, second // 30) == RFC_CODES[second][-6:]


@pytest.mark.parametrize(("offset", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_counts_one_step_early_or_late(offset: int, is_taken: bool) -> None:
    code = totp_code(SEED, step_of(LONG_AGO) + offset)
    assert (find_step(SEED, code, LONG_AGO, ()) is not None) is is_taken


def test_codes_of_the_machines_time_count_after_the_sandboxs_clock_was_moved() -> None:
    code = totp_code(SEED, step_of(read_machine_time()))
    assert find_step(SEED, code, LONG_AGO, ()) is not None


def test_a_used_step_does_not_count_and_the_next_code_is_one_that_does() -> None:
    step = step_of(LONG_AGO)
    assert find_step(SEED, totp_code(SEED, step), LONG_AGO, [step]) is None
    code = next_code(SEED, LONG_AGO, [step])
    assert code is not None
    assert find_step(SEED, code, LONG_AGO, [step]) == step - 1


@given(st.text(max_size=12))
def test_texts_that_are_not_codes_are_refused_and_never_crash(text: str) -> None:
    found = find_step(SEED, text, LONG_AGO, ())
    assert found is None or totp_code(SEED, found) == text


def test_a_pair_must_be_consecutive_and_in_order() -> None:
    step = step_of(LONG_AGO)
    codes = {offset: totp_code(SEED, step + offset) for offset in (0, 1, 2)}
    assert find_pair(SEED, codes[0], codes[1], LONG_AGO) == (step, step + 1)
    for first, second in ((0, 0), (1, 0), (0, 2)):
        assert find_pair(SEED, codes[first], codes[second], LONG_AGO) is None


def test_the_address_for_apps_escapes_what_it_is_made_of() -> None:
    uri = otpauth_uri("ABC", "a&b=c@example.com/?#", "AWS sandbox")
    assert uri == "otpauth://totp/AWS%20sandbox:a%26b%3Dc%40example.com%2F%3F%23?secret=ABC&issuer=AWS%20sandbox"


def test_the_qr_code_has_a_name_and_a_quiet_zone_and_no_text_of_its_own(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.get("/console/register-mfa")
    page = client_origin.fill("/console/register-mfa")
    (picture,) = (found for name, found in page.reader.elements if name == "svg")
    (path,) = (found["d"] or "" for name, found in page.reader.elements if name == "path")
    assert (picture["role"], picture["aria-label"]) == ("img", "QR code of the device, for an authenticator app")
    assert path.startswith("M4,4h1v1h-1z")
    size, drawn = draw_qr_code(otpauth_uri("A" * 32, "aws+orders-prod@example.com", "AWS sandbox")) or (0, "")
    assert drawn.startswith("M4,4h1v1h-1z")
    assert "AAAA" not in drawn
    assert max(int(x) for x in re.findall(r"M(\d+),", drawn)) == size - 5


def test_a_text_that_is_too_long_has_no_qr_code() -> None:
    assert draw_qr_code("x" * 2331) is not None
    assert draw_qr_code("x" * 2332) is None


def test_a_root_user_without_mfa_registers_a_device_and_must_give_its_code_from_then_on(
    client_origin: ClientOrigin,
) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    assert client_origin.register_mfa().path == "/console?notice=mfa-registered"
    (device,) = client_origin.account(WITH_PASSWORD).root_user.mfa_devices.values()
    assert device.serial_number == f"arn:aws:iam::{WITH_PASSWORD}:mfa/root-account-mfa-device"
    assert device.kind == "virtual"
    client_origin.fill("/signout")
    client_origin.wait(timedelta(minutes=1))  # the codes of now are used, and the one before them ends at any moment
    takes = client_origin.what_it_takes(WITH_PASSWORD)
    client_origin.get("/signin")
    assert client_origin.fill("/signin", email=takes["email"], password=takes["password"]).path == "/signin/mfa"
    assert client_origin.fill("/signin/mfa", code=takes["mfa_devices"][0]["code"]).path == "/console"


def test_registering_leaves_the_events_of_the_api_and_no_secret(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.register_mfa()
    created, enabled = client_origin.events(WITH_PASSWORD, "CreateVirtualMFADevice", "EnableMFADevice")
    assert created["eventSource"] == "iam.amazonaws.com"
    assert created["userIdentity"]["type"] == "Root"
    assert created["userIdentity"]["accessKeyId"].startswith("ASIA")
    assert created["userIdentity"]["sessionContext"]["attributes"]["mfaAuthenticated"] == "false"
    assert created["sessionCredentialFromConsole"] == "true"
    assert enabled["requestParameters"]["authenticationCode1"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    (device,) = client_origin.account(WITH_PASSWORD).root_user.mfa_devices.values()
    assert device.seed is not None
    assert device.seed not in str(client_origin.events(WITH_PASSWORD))
    assert device.seed not in repr(device)


def test_wrong_codes_register_nothing_and_show_the_seed_again(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.get("/console/register-mfa")
    seed = client_origin.fill("/console/register-mfa").reader.codes[0]
    page = client_origin.fill("/console/register-mfa/codes", first="000000", second="111111")
    assert page.status == 403
    assert "InvalidAuthenticationCode" in page.alert
    assert page.reader.codes[0] == seed
    assert client_origin.account(WITH_PASSWORD).root_user.mfa_devices == {}


def test_the_codes_of_registering_do_not_sign_in(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.register_mfa()
    takes = client_origin.what_it_takes(WITH_PASSWORD)
    device = takes["mfa_devices"][0]
    used = [totp_code(device["seed"], step_of(client_origin.instance.clock.now()) + offset) for offset in (0, 1)]
    client_origin.fill("/signout")
    client_origin.get("/signin")
    client_origin.fill("/signin", email=takes["email"], password=takes["password"])
    assert client_origin.fill("/signin/mfa", code=used[0]).status == 403


def test_mfa_can_be_put_off_for_35_days_from_the_first_sign_in_and_no_longer(client_origin: ClientOrigin) -> None:
    page = client_origin.sign_in(WITH_PASSWORD)
    assert client_origin.get(page.reader.links["Skip for now"]).path == "/console"
    client_origin.wait(timedelta(days=34, hours=23))
    page = client_origin.sign_in(WITH_PASSWORD)
    assert client_origin.get(page.reader.links["Skip for now"]).path == "/console"
    client_origin.wait(timedelta(hours=1))
    page = client_origin.get("/console")
    assert page.path == "/console/register-mfa"
    assert "Skip for now" not in page.reader.links
    assert "can't be put off any longer" in page.alert
    assert client_origin.register_mfa().path == "/console?notice=mfa-registered"


@pytest.mark.parametrize("action", ["/console/access-keys", "/console/users", "/console/password"])
def test_a_user_who_puts_mfa_off_for_too_long_can_do_nothing_else(client_origin: ClientOrigin, action: str) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.wait(timedelta(days=35))
    client_origin.sign_in(WITH_PASSWORD)
    token = client_origin.page.form("/console/register-mfa").fields["form_token"]
    page = client_origin.post(action, form_token=token, user_name="x", current="x", password="x")
    assert page.path == "/console/register-mfa"
    assert client_origin.account(WITH_PASSWORD).root_user.access_keys == {}
    assert not client_origin.account(WITH_PASSWORD).identities.users


def test_a_second_device_gets_a_name_that_is_free(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(FAILSAFE)
    client_origin.register_mfa()
    names = [number.rpartition("/")[2] for number in client_origin.account(FAILSAFE).root_user.mfa_devices]
    assert "root-account-mfa-device-2" in names


def test_a_policy_against_root_users_stops_registering_too(client_origin: ClientOrigin) -> None:
    client_origin.account(UNDER_DENY_ROOT).root_user.mfa_devices.clear()
    client_origin.sign_in(UNDER_DENY_ROOT)
    page = client_origin.fill("/console/register-mfa")
    assert page.status == 403
    assert "iam:CreateVirtualMFADevice" in page.alert
    assert "with an explicit deny in a service control policy" in page.alert


@pytest.mark.parametrize("name", ["with space", "slash/inside", "<script>", ""])
def test_names_that_iam_would_not_take_are_refused(client_origin: ClientOrigin, name: str) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    page = client_origin.fill("/console/register-mfa", device_name=name)
    assert page.status == 400
    assert "ValidationError" in page.alert


def test_no_one_sees_the_seed_of_another_account(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.get("/console/register-mfa")
    place = client_origin.fill("/console/register-mfa").path
    stranger = ClientOrigin(client_origin.instance)
    stranger.sign_in(FAILSAFE)
    assert stranger.get(place).path == "/console/register-mfa"


def test_a_device_of_scenarios_shows_the_codes_that_the_control_interface_shows(client_origin: ClientOrigin) -> None:
    for device in client_origin.what_it_takes(FAILSAFE)["mfa_devices"]:
        step = int(time.time()) // 30
        assert device["code"] in [totp_code(device["seed"], step + offset) for offset in (-1, 0, 1)]
