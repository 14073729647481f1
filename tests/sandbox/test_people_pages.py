"""What holds for every page: whom it is for, what it may load, how it is protected, and how text becomes HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from rootkeeper_sandbox.exchange import HttpRequest
from rootkeeper_sandbox.people.layout import STYLE, load_templates
from rootkeeper_sandbox.people.pages import _ROUTES, is_for_people
from rootkeeper_sandbox.state.people import Message
from tests.examples import examples
from tests.sandbox.visitor import (
    DEMO,
    FAILSAFE,
    HOST,
    WITH_PASSWORD,
    WITH_RECOVERY,
    WITH_VIRTUAL_MFA,
    ClientOrigin,
    PageReader,
    inputs,
    open_instance,
)


def quote_all(text: str) -> str:
    return "/" + quote(text, safe="", errors="surrogatepass")


OPEN_PAGES = (
    "/",
    "/signin",
    "/signin/forgot-password",
    "/signin/reset-password",
    "/mailbox",
    "/mailbox/x@example.com",
    "/identity-center",
    "/codes",
    f"/root-users/{WITH_VIRTUAL_MFA}",
)
CONSOLE_PAGES = ("/console", "/console/register-mfa")
HOSTILE = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;"


@pytest.fixture
def client_origin() -> ClientOrigin:
    """At the sandbox of a demo, which has all pages."""
    instance = open_instance()
    instance.demo = DEMO
    return ClientOrigin(instance)


def request(method: str, path: str, query: str = "", **headers: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest(method, path, query, {"host": HOST} | named, b"", "127.0.0.1")


@pytest.mark.parametrize(
    "path", ["/signin", "/signin/", "/signin/mfa", "/mailbox/a@example.com", "/console", "/signout"]
)
def test_paths_of_pages_are_for_people(path: str) -> None:
    assert is_for_people(request("GET", path))
    assert is_for_people(request("POST", path))


def test_the_front_page_is_for_those_that_ask_for_html() -> None:
    assert is_for_people(request("GET", "/", accept="text/html,*/*"))
    assert not is_for_people(request("GET", "/", accept="*/*"))
    assert not is_for_people(request("GET", "/"))
    assert not is_for_people(request("GET", "/", "Action=GetCallerIdentity", accept="text/html"))
    assert not is_for_people(request("POST", "/", accept="text/html"))


@pytest.mark.parametrize(
    "foreign",
    [
        request("GET", "/signin", authorization="AWS4-HMAC-SHA256 Credential=x"),
        request("GET", "/mailbox", "X-Amz-Signature=x"),
        request("GET", "/mailbox", "AWSAccessKeyId=x&Signature=y"),
        request("POST", "/signin", x_amz_target="AWSOrganizationsV20161128.ListRoots"),
        request("PUT", "/mailbox"),
        request("DELETE", "/console"),
        request("GET", "/signins"),
        request("GET", "/some-bucket/signin"),
        HttpRequest("GET", "/signin", "", {"host": "bucket.s3.amazonaws.com"}, b"", "127.0.0.1"),
    ],
)
def test_requests_of_aws_clients_are_not(foreign: HttpRequest) -> None:
    assert not is_for_people(foreign)


@pytest.mark.parametrize("path", [*OPEN_PAGES, *CONSOLE_PAGES, "/signin/nothing"])
def test_every_page_is_protected_and_says_that_it_is_a_sandbox(client_origin: ClientOrigin, path: str) -> None:
    if path in CONSOLE_PAGES:
        client_origin.sign_in(WITH_PASSWORD)
    page = client_origin.get(path)
    headers = page.response.headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "SANDBOX" in page.text
    assert "<script" not in page.html
    assert " style=" not in page.html
    assert not re.search(r"\son\w+=", page.html)


@pytest.mark.parametrize("path", [*OPEN_PAGES, *CONSOLE_PAGES])
def test_every_page_has_a_language_one_heading_and_a_label_for_each_input(
    client_origin: ClientOrigin, path: str
) -> None:
    if path in CONSOLE_PAGES:
        client_origin.sign_in(WITH_VIRTUAL_MFA)
    page = client_origin.get(path)
    names = [name for name, _ in page.reader.elements]
    attributes = dict(page.reader.elements)
    assert attributes["html"]["lang"] == "en"
    assert (names.count("h1"), names.count("main"), names.count("title")) == (1, 1, 1)
    labels = {found.get("for") for name, found in page.reader.elements if name == "label"}
    assert {found["id"] for found in inputs(page)} <= labels
    ids = [found["id"] for _, found in page.reader.elements if "id" in found]
    assert len(ids) == len(set(ids))
    described = [found["aria-labelledby"] for _, found in page.reader.elements if "aria-labelledby" in found]
    assert set(described) <= set(ids)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_keep_their_contrast(scheme: str) -> None:
    blocks = re.findall(r":root \{([^}]*)\}", STYLE)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[0] if scheme == "light" else blocks[1]))
    pairs = [
        ("text", "page"),
        ("text", "card"),
        ("soft", "page"),
        ("soft", "card"),
        ("link", "page"),
        ("link", "card"),
        ("link", "code"),
        ("text", "code"),
        ("on-accent", "accent"),
        ("bad", "bad-back"),
        ("good", "good-back"),
        ("good", "code"),
    ]
    for front, back in pairs:
        assert contrast(colours[front], colours[back]) >= 4.5, (front, back)


def contrast(front: str, back: str) -> float:
    """Source: WCAG 2.2, "contrast ratio"."""
    lighter, darker = sorted((luminance(front), luminance(back)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@given(st.text(), st.text())
def test_texts_come_through_markup_as_they_were(child: str, value: str) -> None:
    element = load_templates().from_string('<p title="{{ value }}">{{ child }}</p>').render(child=child, value=value)
    texts: list[str] = []
    found: list[tuple[str, list[tuple[str, str | None]]]] = []

    class Reader(HTMLParser):
        def handle_data(self, text: str) -> None:
            texts.append(text)

        def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
            found.append((name, attributes))

    reader = Reader()
    reader.feed(element)
    reader.close()
    assert "".join(texts) == child
    assert found == [("p", [("title", value)])]


def test_what_a_template_builds_is_not_escaped_again_and_attributes_without_a_value_are_left_out() -> None:
    source = '{% from "parts.html" import field %}{{ field("<b>", "x", hint="a & b", value=\'"\', maxlength=none) }}'
    written = "".join(load_templates().from_string(source).render().split("\n"))
    assert written == (
        '<div class="field"><label for="x">&lt;b&gt;</label><p id="x-hint" class="hint">a &amp; b</p>'
        '<input id="x" name="x" aria-describedby="x-hint" type="text" value="&#34;" required></div>'
    )


def test_a_value_that_a_template_names_and_no_one_gives_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        load_templates().from_string("{{ nothing }}").render()


def test_hostile_names_and_mails_stay_text(client_origin: ClientOrigin) -> None:
    world = client_origin.instance.world
    for account_id in (WITH_PASSWORD, FAILSAFE):
        client_origin.account(account_id).name = HOSTILE
    address = f"{HOSTILE}@example.com"
    world.mailboxes.deliver(Message(HOSTILE, address, HOSTILE, HOSTILE + " javascript:alert(3)", world.clock()))
    center = world.identity_center
    next(iter(center.users.values())).display_name = HOSTILE
    client_origin.instance.demo = replace(DEMO, users=(replace(DEMO.users[0], name=HOSTILE, does=HOSTILE),))
    client_origin.sign_in(WITH_PASSWORD)
    place = client_origin.get("/mailbox").reader.links[address.lower()]
    for path in (*OPEN_PAGES, *CONSOLE_PAGES, place, f"/mailbox/{HOSTILE}".replace("/", "%2F").replace("%2F", "/", 1)):
        page = client_origin.get(path.replace(" ", "%20"))
        names = {name for name, _ in page.reader.elements}
        assert not names & {"script", "img", "iframe", "object"}, path
        assert page.reader.elements[-1][0] != "script"
        for link in page.reader.links.values():
            assert link.startswith(("/", "#")) or link == DEMO.console_url, link
            assert not link.startswith("//"), link
    assert HOSTILE in "".join(client_origin.get(place).reader.texts)


@pytest.mark.parametrize(
    "place",
    [
        "/mailbox?address=%2F%2Fevil.example.com",
        "/mailbox?address=a%0d%0aset-cookie:%20x=y",
        "/mailbox?address=..%2F..",
    ],
)
def test_no_redirect_leads_away_or_splits_headers(client_origin: ClientOrigin, place: str) -> None:
    response = client_origin.send("GET", place)
    location = response.headers["location"]
    assert location.startswith("/mailbox/")
    assert "/" not in location.removeprefix("/mailbox/")
    assert "\r" not in location
    assert "\n" not in location


@pytest.mark.parametrize("name", ["next", "redirect", "return", "notice", "user"])
def test_nothing_in_a_query_string_sends_elsewhere(client_origin: ClientOrigin, name: str) -> None:
    client_origin.get(f"/signin?{name}=https://evil.example.com")
    page = client_origin.fill("/signin", email=client_origin.account(WITH_PASSWORD).email, password="x")
    assert "evil" not in page.html


def test_a_form_without_this_browsers_token_does_nothing(client_origin: ClientOrigin) -> None:
    stranger = ClientOrigin(client_origin.instance)
    token = stranger.get("/signin").form("/signin").fields["form_token"]
    client_origin.sign_in(WITH_PASSWORD)
    for wrong in ("", "x", token, "\udcff"):
        page = client_origin.post("/console/access-keys", form_token=wrong.encode("utf-8", "replace").decode())
        assert page.status == 403
        assert "Nothing was done" in page.alert
    assert client_origin.account(WITH_PASSWORD).root_user.access_keys == {}


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", f"http://evil.{HOST}", "http://127.0.0.1:1"])
def test_a_form_of_another_origin_does_nothing(client_origin: ClientOrigin, origin: str) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    token = client_origin.get("/console").form("/signout").fields["form_token"]
    assert client_origin.post("/console/access-keys", {"origin": origin}, form_token=token).status == 403
    assert client_origin.account(WITH_PASSWORD).root_user.access_keys == {}


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "", "multipart/form-data; boundary=x"])
def test_only_forms_are_taken(client_origin: ClientOrigin, content_type: str) -> None:
    token = client_origin.get("/signin").form("/signin").fields["form_token"]
    assert client_origin.post("/signin", {"content-type": content_type}, form_token=token).status == 415


@pytest.mark.parametrize("body", ["=", "&" * 1000, "a=" * 999, "%", "%ff=%00&form_token=%ff", "\x00", "a" * 100_000])
def test_broken_forms_are_refused(client_origin: ClientOrigin, body: str) -> None:
    client_origin.get("/signin")
    sent = {"content-type": "application/x-www-form-urlencoded"}
    assert client_origin.request("POST", "/signin", body, sent).status == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/mailbox", 405),
        ("GET", "/signout", 405),
        ("GET", "/console/access-keys", 405),
        ("GET", "/console/nothing", 404),
        ("GET", "/signin/%2e%2e/console", 404),
        ("GET", "/mailbox/a/b", 404),
        ("GET", "/signin//mfa", 404),
    ],
)
def test_other_methods_and_paths_are_refused(client_origin: ClientOrigin, method: str, path: str, status: int) -> None:
    assert client_origin.send(method, path).status == status


FIELDS = [
    "access_key_id",
    "account_id",
    "code",
    "device_name",
    "email",
    "first",
    "password",
    "permission_set",
    "second",
    "serial_number",
    "token",
    "user",
    "user_name",
]
TEXTS = st.text(alphabet=st.characters(exclude_categories=()), max_size=30)


@pytest.fixture(scope="module")
def signed_in() -> ClientOrigin:
    client_origin = ClientOrigin(open_instance())
    client_origin.sign_in(WITH_PASSWORD)
    return client_origin


@settings(max_examples=examples(100), deadline=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    path=st.sampled_from([path.replace("*", "") for path in _ROUTES if path not in ("/signin", "/signout")]),
    rest=st.sampled_from(["", "/", "//", "/%00", "/%ff", "/..%2f..", "/%0d%0aset-cookie:a=b"]) | TEXTS.map(quote_all),
    query=st.dictionaries(st.sampled_from(["address", "notice", "serial_number", "token", "user"]), TEXTS, max_size=3),
    fields=st.dictionaries(
        st.sampled_from(FIELDS),
        TEXTS,
    ),
)
def test_no_request_breaks_a_page_or_its_headers(
    signed_in: ClientOrigin, method: str, path: str, rest: str, query: dict[str, str], fields: dict[str, str]
) -> None:
    token = {"form_token": begin_form(signed_in)}
    body = urlencode(fields | token, errors="surrogatepass") if method == "POST" else ""
    place = f"{path}{rest}?{urlencode(query, errors='surrogatepass')}"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = signed_in.send(method, place, body, headers)
    assert response.status < 500
    assert not [value for value in response.headers.values() if {"\r", "\n"} & set(value)]
    location = response.headers.get("location", "/")
    assert location.startswith("/")
    assert not location.startswith("//")


def begin_form(client_origin: ClientOrigin) -> str:
    return client_origin.get("/signin/forgot-password").form("/signin/forgot-password").fields["form_token"]


def test_the_cookie_is_out_of_reach_of_scripts_other_sites_and_other_sandboxes(client_origin: ClientOrigin) -> None:
    cookie = client_origin.send("GET", "/signin").headers["set-cookie"]
    assert re.fullmatch(r"rootkeeper-sandbox-4599=[\w-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict", cookie)


@pytest.mark.parametrize("value", ["", "x", "a" * 44, "../" * 14 + "x", "a" * 42 + "\udce4"])
def test_cookies_that_are_none_of_ours_are_replaced(client_origin: ClientOrigin, value: str) -> None:
    client_origin.cookies["rootkeeper-sandbox-4599"] = value
    assert "set-cookie" in client_origin.send("GET", "/signin").headers


def test_a_reset_of_the_sandbox_ends_sessions_and_voids_open_forms(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    token = client_origin.get("/console").form("/signout").fields["form_token"]
    client_origin.instance.reset()
    assert client_origin.post("/console/access-keys", form_token=token).status == 403
    assert client_origin.get("/console").path == "/signin"


def test_mailboxes_are_listed_with_their_number_of_mails(client_origin: ClientOrigin) -> None:
    assert "No mail was sent yet" in client_origin.get("/mailbox").text
    client_origin.recovery_link(WITH_RECOVERY)
    email = client_origin.account(WITH_RECOVERY).email
    page = client_origin.get("/mailbox")
    assert f"{email}1" in page.text.replace(" ", "")
    assert "Password Assistance" in client_origin.get(page.reader.links[email]).text


def test_only_our_own_links_in_mails_can_be_followed(client_origin: ClientOrigin) -> None:
    world = client_origin.instance.world
    body = "see http://evil.example.com/x and https://evil.example.com/signin/reset-password?token=abc and\n"
    body += "http://127.0.0.1:1/signin/reset-password?token=abc\n"
    world.mailboxes.deliver(Message("a@example.com", "b@example.com", "Hello", body, world.clock()))
    page = client_origin.get("/mailbox/b@example.com")
    followed = [link for link in page.reader.links.values() if "token" in link or "evil" in link]
    assert followed == ["/signin/reset-password?token=abc"]


def test_the_front_page_names_the_organization(client_origin: ClientOrigin) -> None:
    page = client_origin.get("/")
    assert "o-exampleorgid" in page.text
    assert f"AWS_ENDPOINT_URL=http://{HOST}" in page.text
    assert f"/root-users/{WITH_VIRTUAL_MFA}" in page.html


def test_readers_of_these_tests_see_what_a_person_sees() -> None:
    reader = PageReader('<form action="/a" method="post"><input name="b" value="c"><button>Go</button></form>')
    assert reader.forms[0].fields == {"b": "c"}
    assert reader.forms[0].button == "Go"
