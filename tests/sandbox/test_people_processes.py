"""The pages over real HTTP: beside the API on one port, over a restart, and what the control interface says of them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.ports import reserved_port
from tests.sandbox.visitor import (
    FAILSAFE,
    NEW_PASSWORD,
    WITH_PASSWORD,
    WITH_RECOVERY,
    WITH_SECURITY_KEY,
    WITHOUT_ANYTHING,
    PageReader,
)
from tests.sandbox_process import SandboxProcess


class Browser:
    """Just enough of one: cookies, redirects and forms."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )
        self.url = ""
        self.status = 0
        self.html = ""

    def open(self, path: str, fields: dict[str, str] | None = None) -> PageReader:
        data = urlencode(fields).encode() if fields is not None else None
        request = urllib.request.Request(self.base_url + path, data, {"Accept": "text/html"})  # noqa: S310 - http only
        try:
            answered = self._opener.open(request, timeout=20)
        except urllib.error.HTTPError as error:
            answered = error
        with answered:
            self.url, self.status, self.html = answered.url, answered.status, answered.read().decode()
        return PageReader(self.html)

    def fill(self, action: str, **fields: str) -> PageReader:
        form = next(form for form in PageReader(self.html).forms if form.action == action)
        return self.open(action, form.fields | fields)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--features", "all") as process:
        yield process


def ask(sandbox: SandboxProcess, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Ask the control interface what it may refuse."""
    connection = http.client.HTTPConnection(sandbox.address, timeout=20)
    try:
        connection.request(method, f"/_sandbox/{path}", None if body is None else json.dumps(body))
        answered = connection.getresponse()
        return answered.status, json.loads(answered.read())
    finally:
        connection.close()


def test_a_recovery_is_lived_through_over_http(sandbox: SandboxProcess) -> None:
    browser = Browser(sandbox.base_url)
    takes = sandbox.control("GET", f"accounts/{WITH_RECOVERY}/sign-in")
    browser.open("/signin/forgot-password")
    page = browser.fill("/signin/forgot-password", email=takes["email"])
    page = browser.open(page.links["Open this mailbox"])
    browser.open(next(link for link in page.links.values() if "reset-password" in link))
    browser.fill("/signin/reset-password", password=NEW_PASSWORD, repeated=NEW_PASSWORD)
    browser.open("/signin")
    browser.fill("/signin", email=takes["email"], password=NEW_PASSWORD)
    assert browser.url.endswith("/console/register-mfa")
    names = [event["eventName"] for event in sandbox.events(WITH_RECOVERY)]
    assert names[:3] == ["PasswordRecoveryRequested", "PasswordRecoveryCompleted", "ConsoleLogin"]
    (message,) = sandbox.mailbox(takes["email"])
    assert f"{sandbox.base_url}/signin/reset-password?token=" in message["body"]


def test_the_front_page_and_the_api_share_a_path(sandbox: SandboxProcess) -> None:
    browser = Browser(sandbox.base_url)
    browser.open("/")
    assert (browser.status, "SANDBOX" in browser.html) == (200, True)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sandbox.base_url, timeout=20)
    with refused.value as answered:
        assert answered.status == 403
        assert b"MissingAuthenticationToken" in answered.read()


def test_a_head_request_gets_the_head_alone(sandbox: SandboxProcess) -> None:
    connection = http.client.HTTPConnection(sandbox.address, timeout=20)
    connection.request("HEAD", "/signin")
    answered = connection.getresponse()
    assert (answered.status, answered.read()) == (200, b"")
    assert int(answered.headers["content-length"]) > 1000
    connection.close()


def test_the_control_interface_shows_what_it_takes_to_sign_in(sandbox: SandboxProcess) -> None:
    takes = sandbox.control("GET", f"accounts/{FAILSAFE}/sign-in")
    assert takes["email"] == "aws+security@example.com"
    assert (takes["has_password"], takes["recovery_allowed"]) == (True, False)
    assert takes["password"].startswith("Sandbox-")
    assert {device["kind"] for device in takes["mfa_devices"]} == {"virtual", "hardware"}
    assert all(len(device["code"]) == 6 for device in takes["mfa_devices"])
    (key,) = sandbox.control("GET", f"accounts/{WITH_SECURITY_KEY}/sign-in")["mfa_devices"]
    assert key["kind"] == "fido"
    nothing = sandbox.control("GET", f"accounts/{WITHOUT_ANYTHING}/sign-in")
    assert (nothing["has_password"], nothing["password"], nothing["mfa_devices"]) == (False, None, [])
    assert ask(sandbox, "GET", "accounts/999999999999/sign-in")[0] == 404


def test_the_same_scenario_has_the_same_password(sandbox: SandboxProcess) -> None:
    with SandboxProcess.start() as other:
        theirs = other.control("GET", f"accounts/{WITH_PASSWORD}/sign-in")
    assert theirs["password"] == sandbox.control("GET", f"accounts/{WITH_PASSWORD}/sign-in")["password"]


def test_identity_center_is_switched_by_the_control_interface(sandbox: SandboxProcess) -> None:
    browser = Browser(sandbox.base_url)
    assert sandbox.control("GET", "identity-center") == {"status": "up"}
    assert sandbox.control("POST", "identity-center", {"status": "down"}) == {"status": "down"}
    browser.open("/identity-center")
    assert browser.status == 503
    assert sandbox.control("GET", "identity-center") == {"status": "down"}
    sandbox.control("POST", "identity-center", {"status": "up"})
    browser.open("/identity-center")
    assert browser.status == 200


@pytest.mark.parametrize("body", [None, [], {}, {"status": "sideways"}, {"status": ["up"]}, {"status": "up", "x": 1}])
def test_the_switch_knows_two_positions(sandbox: SandboxProcess, body: object) -> None:
    assert ask(sandbox, "POST", "identity-center", body)[0] == 400
    assert sandbox.control("GET", "identity-center") == {"status": "up"}


def test_sessions_passwords_devices_and_mail_survive_a_kill(tmp_path: Path) -> None:
    with reserved_port() as port:
        kill_and_go_on(tmp_path, port)


def kill_and_go_on(tmp_path: Path, port: int) -> None:
    """A browser keeps its cookies for the address, so the next process comes back to it."""
    state = ("--state", str(tmp_path / "state"), "--port", str(port))
    with SandboxProcess.start(*state) as first:
        browser = Browser(first.base_url)
        email = first.control("GET", f"accounts/{WITH_RECOVERY}/sign-in")["email"]
        browser.open("/signin/forgot-password")
        browser.fill("/signin/forgot-password", email=email)
        link = next(text for text in first.mailbox(email)[0]["body"].split() if "reset-password" in text)
        browser.open(link.removeprefix(first.base_url))
        browser.fill("/signin/reset-password", password=NEW_PASSWORD, repeated=NEW_PASSWORD)
        browser.fill("/signin", email=email, password=NEW_PASSWORD)
        first.control("POST", "identity-center", {"status": "down"})
        os.kill(first.process.pid, signal.SIGKILL)
    with SandboxProcess.start(*state) as second:
        browser.open("/console")
        assert browser.url.endswith("/console")
        browser.fill("/console/access-keys")
        assert "export AWS_ACCESS_KEY_ID=" in browser.html
        other = Browser(second.base_url)
        other.open("/signin")
        other.fill("/signin", email=email, password=NEW_PASSWORD)
        assert other.url.endswith("/console/register-mfa")
        assert len(second.mailbox(email)) == 1
        assert second.control("GET", "identity-center") == {"status": "down"}
        other.open(link.removeprefix(second.base_url))
        assert other.status == 403
    assert NEW_PASSWORD.encode() not in (tmp_path / "state").read_bytes()
