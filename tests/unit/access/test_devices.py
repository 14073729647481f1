"""The cookie of a device from which a user has signed in before."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rootkeeper.access.factor_store import DEVICE_LASTS, KeyFileCipher, KnownDevices, name_cookie
from tests.fakes.clock import FakeClock


def make_devices(clock: FakeClock, key: bytes = bytes(32), organization_id: str = "o-exampleorgid") -> KnownDevices:
    return KnownDevices(KeyFileCipher(key, organization_id, Path("/nowhere")), clock)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_device_is_recognized_for_its_user_in_any_case_and_keeps_its_id(clock: FakeClock) -> None:
    devices = make_devices(clock)
    cookie = devices.make_cookie("ana")
    device_id = devices.recognize("ANA", cookie)

    assert device_id is not None
    assert devices.recognize("ana", devices.make_cookie("ana", device_id)) == device_id
    assert devices.recognize("ben", cookie) is None
    assert name_cookie("ana") == name_cookie("ANA") != name_cookie("ben")


def test_it_is_forgotten_in_time(clock: FakeClock) -> None:
    devices = make_devices(clock)
    cookie = devices.make_cookie("ana")
    clock.advance((DEVICE_LASTS - timedelta(seconds=1)).total_seconds())
    assert devices.recognize("ana", cookie)
    clock.advance(1)
    assert devices.recognize("ana", cookie) is None


def test_a_cookie_holds_only_what_cookies_may_hold_and_not_the_name(clock: FakeClock) -> None:
    for _ in range(20):
        cookie = make_devices(clock).make_cookie("ana")
        assert cookie.replace("-", "").replace("_", "").isalnum()
        assert "ana" not in name_cookie("ana")


@pytest.mark.parametrize("name", ["ana", "\ud800", "", "x" * 5_000])
@pytest.mark.parametrize("cookie", ["", "x", "é", "AAAA" * 16, "A" * 300, "=" * 8, None])
def test_what_no_server_made_is_no_known_device(clock: FakeClock, name: str, cookie: str | None) -> None:
    assert make_devices(clock).recognize(name, cookie) is None


def test_another_key_or_organization_knows_no_device_of_this_one(clock: FakeClock) -> None:
    cookie = make_devices(clock).make_cookie("ana")
    assert make_devices(clock, key=b"1" * 32).recognize("ana", cookie) is None
    assert make_devices(clock, organization_id="o-otherorgid00").recognize("ana", cookie) is None
    changed = ("B" if cookie[0] == "A" else "A") + cookie[1:]
    assert make_devices(clock).recognize("ana", changed) is None
