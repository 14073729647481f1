"""Which targets and hosts settings may name, and which addresses lie inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.errors import SettingsError
from rootkeeper.notifications.rules import (
    Notification,
    NotificationEvent,
    NotificationTarget,
    Severity,
    is_inside,
    parse_allowed_hosts,
    parse_targets,
)
from tests.fakes.clock import START


def test_a_target_is_a_name_a_severity_and_a_reference() -> None:
    assert parse_targets(["oncall critical env:ONCALL_URL", "chat info file:/run/secrets/my chat"]) == (
        NotificationTarget("oncall", Severity.CRITICAL, "env:ONCALL_URL"),
        NotificationTarget("chat", Severity.INFO, "file:/run/secrets/my chat"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "oncall",
        "oncall critical",
        "oncall urgent env:A",
        "oncall critical env:",
        "oncall critical file: ",
        "oncall critical ONCALL_URL",
        "on/call critical env:A",
        "oncall critical slack://canary-token",
        "oncall slack://canary-token env:A",
        "slack://canary-token critical env:A",
    ],
)
def test_what_isnt_one_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_targets([text])
    assert "canary" not in refused.value.message + (refused.value.hint or "")
    assert refused.value.hint


def test_two_targets_dont_share_a_name() -> None:
    with pytest.raises(SettingsError, match="Two notification targets"):
        parse_targets(["oncall info env:A", "Oncall critical env:B"])


@pytest.mark.parametrize(
    ("least", "severity", "takes"),
    [
        (Severity.INFO, Severity.INFO, True),
        (Severity.WARNING, Severity.INFO, False),
        (Severity.WARNING, Severity.WARNING, True),
        (Severity.WARNING, Severity.CRITICAL, True),
        (Severity.CRITICAL, Severity.WARNING, False),
    ],
)
def test_a_target_takes_its_severity_and_what_is_more_urgent(least: Severity, severity: Severity, takes: bool) -> None:
    notification = Notification(NotificationEvent.WINDOW_OPENED, severity, "t", "b", START, "o-1", "AWS")
    assert NotificationTarget("a", least, "env:A").takes(notification) is takes


def test_allowed_hosts_are_names_addresses_and_those_with_a_port() -> None:
    allowed = parse_allowed_hosts(["Chat.Example.com.", "10.0.0.5", "127.0.0.1:8025", "[fd00::1]:25", "[fd00::2]"])
    assert allowed.permits_inside("chat.example.com", 443)
    assert allowed.permits_inside("10.0.0.5", 1)
    assert not allowed.permits_plain("10.0.0.5", 80)
    assert allowed.permits_plain("127.0.0.1", 8025)
    assert allowed.permits_inside("127.0.0.1", 8025)
    assert not allowed.permits_inside("127.0.0.1", 8026)
    assert allowed.permits_plain("fd00::1", 25)
    assert allowed.permits_inside("fd00::2", 443)
    assert not parse_allowed_hosts([]).permits_inside("127.0.0.1", 443)


@pytest.mark.parametrize(
    "text", ["", "https://chat.example.com", "chat.example.com:0", "a:65536", "a b", "a:b:c", "a/b"]
)
def test_a_host_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_allowed_hosts([text])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address that is refused
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "64:ff9b:1::808:808",
        "192.0.0.1",
        "192.0.0.9",
        "192.0.0.192",
        "fec0::1",
        "feff::1",
        "168.63.129.16",
        "::ffff:168.63.129.16",
        "::ffff:192.0.0.192",
        "64:ff9b::a83f:8110",
        "2002:a83f:8110::1",
        "100.100.100.200",
        "fd20:ce::254",
        "::127.0.0.1",
        "::8.8.8.8",
        "192.88.99.1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "not an address",
        "",
        "/run/docker.sock",
    ],
)
def test_an_address_inside_is_known_however_it_is_hidden(address: str) -> None:
    assert is_inside(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "54.239.28.85", "168.63.129.17", "192.0.1.1", "2600:1f18::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_a_public_address_isnt_inside(address: str) -> None:
    assert not is_inside(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_a_private_address_stays_inside_within_ipv6(address: object) -> None:
    assert is_inside(f"::ffff:{address}")
    assert is_inside(f"64:ff9b::{address}")
