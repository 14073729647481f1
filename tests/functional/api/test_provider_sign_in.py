"""Signing in at an identity provider as a browser does it: sent there, back again, and in by a cookie."""

from __future__ import annotations

import http.client
import http.cookies
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

import pytest

from rootkeeper.access.provider import OidcProvider, ProviderSignInService
from rootkeeper.access.rules import Identity, IdentityKind, ServerRole
from rootkeeper.settings.sections import ServerSettings
from tests.fakes.api_services import FakeServices
from tests.fakes.clock import FakeClock
from tests.fakes.oidc_server import CLIENT_SECRET, OidcServer, make_rules, start_oidc_server
from tests.fakes.provider_desk import InMemoryStarts
from tests.functional.api.serving import SECONDS, Answer, ApiServer, start_api

START, CALLBACK = "/api/v1/auth/oidc/start", "/api/v1/auth/oidc/callback"
PASSWORD = "correct horse battery"
PAGE = {"Accept": "text/html,application/xhtml+xml"}
"""What a browser takes that opens a page."""


@dataclass
class Browser:
    """Keeps cookies, and follows nothing by itself."""

    api: ApiServer
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)

    def get(self, address: str, headers: Mapping[str, str] = PAGE) -> Answer:
        sent = dict(headers)
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.api.port, timeout=SECONDS)
        try:
            connection.request("GET", address, None, sent)
            response = connection.getresponse()
            for text in response.headers.get_all("set-cookie", ()):
                self._take(text)
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())
        finally:
            connection.close()

    def start(self, query: str = "return_to=/accounts") -> str:
        """Where it is sent."""
        answer = self.get(f"{START}?{query}")
        assert answer.status == 302, answer
        return answer.headers["location"]

    def come_back(self, parameters: Mapping[str, str], headers: Mapping[str, str] = PAGE) -> Answer:
        return self.get(f"{CALLBACK}?{urlencode(parameters)}", headers)

    def _take(self, text: str) -> None:
        self.set_cookies.append(text)
        for name, morsel in http.cookies.SimpleCookie(text).items():
            if morsel.value and morsel["max-age"] != "0":
                self.cookies[name] = morsel.value
            else:
                self.cookies.pop(name, None)


@pytest.fixture
def provider() -> Iterator[OidcServer]:
    with start_oidc_server() as server:
        yield server


def set_up(services: FakeServices, issuer: str) -> None:
    rules = make_rules(issuer)
    services.provider_sign_in_service = ProviderSignInService(
        rules,
        OidcProvider(rules, services.clock, {"OIDC_SECRET": CLIENT_SECRET}),
        InMemoryStarts(services.clock),
        services.sessions,
        services.failure_counter,
        services.clock,
    )


@pytest.fixture
def services(provider: OidcServer) -> FakeServices:
    services = FakeServices(FakeClock(datetime.now(UTC)))
    set_up(services, provider.issuer)
    return services


@pytest.fixture
def browser(api: ApiServer) -> Browser:
    return Browser(api)


def problem_of(answer: Answer) -> str:
    """The code that the sign-in page is given."""
    assert answer.status == 302, answer
    path, _, code = answer.headers["location"].partition("=")
    assert path == "/?sign_in_problem"
    return code


def test_a_person_signs_in_and_comes_back_to_where_it_was(provider: OidcServer, browser: Browser) -> None:
    address = browser.start("return_to=/accounts%3Fou%3Dr-1234")
    assert address.startswith(f"{provider.issuer}/authorize?")
    assert f"redirect_uri=http%3A%2F%2F127.0.0.1%3A{browser.api.port}%2Fapi%2Fv1%2Fauth%2Foidc%2Fcallback" in address
    answer = browser.come_back(provider.let_in(address))
    assert (answer.status, answer.headers["location"]) == (302, "/accounts?ou=r-1234")
    assert set(browser.cookies) == {"rootkeeper"}
    session = browser.get("/api/v1/auth/session", {}).json
    assert (session["name"], session["role"], session["needs"]) == ("ana", "administrator", None)
    me = browser.get("/api/v1/me", {}).json
    assert (me["signs_in_by"], me["created_by"]) == ("oidc", "rootkeeper")


def test_the_cookies_are_out_of_reach_of_scripts_and_other_sites(provider: OidcServer, browser: Browser) -> None:
    browser.come_back(provider.let_in(browser.start()))
    began, session = browser.set_cookies[0], next(one for one in browser.set_cookies if "rootkeeper=" in one)
    assert "HttpOnly" in began
    assert "samesite=lax" in began.lower()
    assert "max-age=600" in began.lower()
    assert "HttpOnly" in session
    assert "samesite=strict" in session.lower()


def test_a_user_who_has_given_no_factor_at_the_provider_gives_one_here(provider: OidcServer, browser: Browser) -> None:
    provider.claims = {"amr": ["pwd"]}
    browser.come_back(provider.let_in(browser.start()))
    assert browser.get("/api/v1/auth/session", {}).json["needs"] == "enrolment"
    refused = browser.get("/api/v1/accounts", {})
    assert (refused.status, refused.code) == (401, "access.sign_in_unfinished")


def test_an_answer_is_good_for_once(provider: OidcServer, browser: Browser) -> None:
    cookies = browser.cookies
    answer = provider.let_in(browser.start())
    before = dict(cookies)
    browser.come_back(answer)
    browser.cookies = before
    assert problem_of(browser.come_back(answer)) == "access.not_signed_in"


@pytest.mark.parametrize("change", [{"state": "other"}, {"state": ""}, {"code": "made-up"}], ids=str)
def test_an_answer_that_isnt_the_browsers_lets_no_one_in(
    provider: OidcServer, browser: Browser, change: dict[str, str]
) -> None:
    answer = provider.let_in(browser.start())
    assert problem_of(browser.come_back({**answer, **change})) == "access.not_signed_in"
    assert "rootkeeper" not in browser.cookies


def test_the_answer_to_one_browser_lets_no_other_one_in(provider: OidcServer, browser: Browser, api: ApiServer) -> None:
    answer, other = provider.let_in(browser.start()), Browser(api)
    assert problem_of(other.come_back(answer)) == "access.not_signed_in"
    other.start()
    assert problem_of(other.come_back(answer)) == "access.not_signed_in"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"nonce": "other"}, "access.not_signed_in"),
        ({"exp": 1_000_000_000}, "access.not_signed_in"),
        ({"aud": "other"}, "access.not_signed_in"),
        ({"groups": ["others"]}, "access.denied"),
        ({"groups": None}, "access.denied"),
        ({"preferred_username": None}, "access.not_signed_in"),
        ({"preferred_username": "a b"}, "input.invalid"),
    ],
    ids=str,
)
def test_whom_the_provider_doesnt_prove_or_place_isnt_let_in(
    provider: OidcServer, browser: Browser, claims: dict[str, object], code: str
) -> None:
    provider.claims = claims
    assert problem_of(browser.come_back(provider.let_in(browser.start()))) == code
    assert browser.cookies == {}
    assert browser.api.services.identities.list_identities() == ()


def test_a_program_is_shown_why_in_words(provider: OidcServer, browser: Browser) -> None:
    provider.claims = {"groups": ["others"]}
    answer = browser.come_back(provider.let_in(browser.start()), {"Accept": "application/json"})
    assert (answer.status, answer.code) == (403, "access.denied")
    assert answer.json["hint_facts"]["setting"] == "oidc.groups"
    assert "oidc.groups" not in answer.json["hint"]


def test_what_the_provider_refuses_is_reported(provider: OidcServer, browser: Browser) -> None:
    state = provider.let_in(browser.start())["state"]
    assert problem_of(browser.come_back({"state": state, "error": "access_denied"})) == "access.not_signed_in"


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "%2F%2Fevil.example"]
)
def test_no_browser_is_sent_to_another_server(browser: Browser, path: str) -> None:
    answer = browser.get(f"{START}?{urlencode({'return_to': path})}")
    assert "evil" not in answer.headers["location"]
    assert answer.headers["location"].startswith("/?sign_in_problem=")
    assert browser.cookies == {}


def test_a_local_administrator_signs_in_while_the_provider_is_down(services: FakeServices, api: ApiServer) -> None:
    with start_oidc_server() as gone:
        set_up(services, gone.issuer)
    chief = Identity("u-1", IdentityKind.USER, "chief", ServerRole.VIEWER, "test", services.clock.now())
    services.identities.add_user(chief, PASSWORD)
    assert problem_of(Browser(api).get(f"{START}?return_to=/")) == "access.provider_failed"
    methods = api.get("/auth/methods", None).json
    assert (methods["password"], methods["oidc"]) == (True, {"name": "Example"})
    signed_in = api.post("/auth/sign-in", {"name": "chief", "password": PASSWORD}, None)
    assert signed_in.status == 200, signed_in


def test_a_provider_that_goes_down_on_the_way_is_reported_as_such(services: FakeServices, api: ApiServer) -> None:
    with start_oidc_server() as going:
        set_up(services, going.issuer)
        browser = Browser(api)
        answer = going.let_in(browser.start())
    assert problem_of(browser.come_back(answer)) == "access.provider_failed"


def test_a_sign_in_is_confirmed_at_the_provider(provider: OidcServer, services: FakeServices, browser: Browser) -> None:
    browser.come_back(provider.let_in(browser.start()))
    before = browser.cookies["rootkeeper"]
    address = browser.start("return_to=/windows&confirm=true")
    assert "prompt=login" in address
    assert "max_age=0" in address
    answer = browser.come_back(provider.let_in(address))
    assert answer.headers["location"] == "/windows"
    assert browser.cookies["rootkeeper"] != before
    (session,) = services.sessions.list_sessions()
    assert session.fresh_until is not None
    assert session.fresh_until > services.clock.now()


def test_a_browser_without_a_sign_in_confirms_nothing(browser: Browser) -> None:
    assert problem_of(browser.get(f"{START}?confirm=true")) == "access.not_signed_in"


def test_without_a_provider_there_is_none(services: FakeServices, browser: Browser) -> None:
    services.provider_sign_in_service = None
    assert browser.api.get("/auth/methods", None).json["oidc"] is None
    assert problem_of(browser.get(f"{START}?return_to=/")) == "input.not_found"
    assert problem_of(browser.come_back({"state": "x", "code": "y"})) == "input.not_found"


def test_the_sign_in_page_learns_whether_it_is_a_sandbox(api: ApiServer) -> None:
    reported = api.get("/auth/methods", None).json
    assert (reported["is_sandbox"], reported["endpoint"]) == (True, "SANDBOX 127.0.0.1:4599")


def test_the_page_learns_whether_it_may_be_signed_in_without_being_refused(
    provider: OidcServer, browser: Browser
) -> None:
    assert browser.get("/api/v1/auth/methods").json["has_cookie"] is False
    browser.come_back(provider.let_in(browser.start()))
    assert browser.get("/api/v1/auth/methods").json["has_cookie"] is True


def test_behind_a_public_name_the_provider_sends_people_there(services: FakeServices) -> None:
    public = ServerSettings(public_url="https://rootkeeper.example.com")
    services.settings = replace(services.settings, server=public)
    with start_api(services) as api:
        answer = Browser(api).start()
    assert "redirect_uri=https%3A%2F%2Frootkeeper.example.com%2Fapi%2Fv1%2Fauth%2Foidc%2Fcallback" in answer


def test_nothing_secret_is_logged(provider: OidcServer, browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    address = browser.start()
    answer = provider.let_in(address)
    browser.come_back(answer)
    ours = "\n".join(
        f"{one.getMessage()} {one.__dict__}" for one in caplog.records if one.name.startswith("rootkeeper")
    )
    secrets = [answer["code"], answer["state"], CLIENT_SECRET, *browser.cookies.values(), urlsplit(address).query]
    assert [one for one in secrets if one in ours] == []
