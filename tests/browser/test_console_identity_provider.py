"""Signing in to the console at the organization's identity provider, which is on another site than the console."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.console_stage import ConsolePerson, ConsoleStage, open_console_stage
from tests.fakes.oidc_server import CLIENT_ID, CLIENT_SECRET, OidcServer, start_oidc_server

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcServer]:
    with start_oidc_server() as server:
        yield server


@pytest.fixture(scope="module")
def console(
    console_files: None, chromium: Browser, provider: OidcServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConsoleStage]:
    settings = {
        "OIDC_SECRET": CLIENT_SECRET,
        "ROOTKEEPER_OIDC_CLIENT_ID": CLIENT_ID,
        "ROOTKEEPER_OIDC_CLIENT_SECRET": "env:OIDC_SECRET",
        "ROOTKEEPER_OIDC_GROUPS": "admins=administrator",
        "ROOTKEEPER_OIDC_ISSUER": provider.issuer,
        "ROOTKEEPER_OIDC_NAME": "Example",
    }
    with open_console_stage(chromium, tmp_path_factory.mktemp("provider"), **settings) as stage:
        yield stage


@pytest.fixture
def client_origin(console: ConsoleStage, provider: OidcServer) -> Iterator[ConsolePerson]:
    """A user of the organization, who reaches the console by name and the provider by address."""
    person = console.enter("ana")
    named = console.server.url.replace("127.0.0.1", "localhost")
    person.own_urls += [named, provider.issuer]
    person.page.goto(f"{named}/jobs?show=unfinished")
    yield person
    person.leave()


def test_who_is_let_in_there_comes_back_to_the_page_that_was_asked_for(client_origin: ConsolePerson) -> None:
    client_origin.page.get_by_role("link", name="Sign in with Example", exact=True).wait_for()
    client_origin.evaluate()
    client_origin.follow("Sign in with Example")
    expect(client_origin.page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()
    expect(client_origin.page).to_have_url(re.compile(r"localhost:\d+/jobs\?show=unfinished$"))
    expect(client_origin.page.get_by_role("button", name="ana").first).to_be_visible()
    client_origin.page.get_by_role("link", name="Settings", exact=True).first.click()
    expect(client_origin.page.get_by_role("tab", name="Users")).to_be_visible()


def test_a_user_without_a_group_sees_why_and_can_try_again(client_origin: ConsolePerson, provider: OidcServer) -> None:
    provider.claims = {"groups": ["others"]}
    client_origin.follow("Sign in with Example")
    client_origin.sees("None of your groups has access to this server.")
    provider.claims = {}
    client_origin.follow("Sign in with Example")
    expect(client_origin.page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
