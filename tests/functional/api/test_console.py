"""The console's files, as a browser is served them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.api_services import FakeServices
from tests.functional.api.serving import Answer, ApiServer, get_as_written, start_api

SCRIPT = b"console.log('it works');\n" * 100


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the build leaves, in small, and beside it what no one may read."""
    folder = tmp_path_factory.mktemp("package") / "console"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Rootkeeper</title>")
    (folder / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "assets" / "index-B_0SZe6e.js").write_bytes(SCRIPT)
    (folder / "assets" / "index-B_0SZe6e.css").write_text("body { margin: 0 }")
    (folder / "notes.py").write_text("secret = 'canary'")
    (folder.parent / "secret.html").write_text("canary")
    (folder.parent / "secret.js").write_text("canary")
    return folder


@pytest.fixture(scope="module")
def console(built: Path) -> Iterator[ApiServer]:
    with start_api(FakeServices(), console_folder=built) as server:
        yield server


def get(server: ApiServer, address: str, method: str = "GET", **headers: str) -> Answer:
    return server.send(method, address, None, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("address", ["/", "/index.html", "/accounts", "/windows/w-1", "/settings/users/", "/?a=b"])
def test_every_page_of_the_console_begins_with_its_index(console: ApiServer, address: str) -> None:
    answer = get(console, address)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<title>Rootkeeper</title>" in answer.content
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("address", ["/", "/icon.svg", "/assets/index-B_0SZe6e.js", "/accounts"])
def test_nothing_but_this_server_is_trusted_by_the_console(console: ApiServer, address: str) -> None:
    headers = get(console, address).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert {policy[name] for name in ("base-uri", "frame-ancestors")} == {"'none'"}
    assert {policy[name] for name in ("connect-src", "form-action")} == {"'self'"}
    assert "://" not in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["referrer-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "access-control-allow-origin" not in headers


def test_what_has_a_hash_in_its_name_is_kept_by_browsers_for_good(console: ApiServer) -> None:
    answer = get(console, "/assets/index-B_0SZe6e.js")
    assert answer.content == SCRIPT
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "address",
    [
        "/assets/gone-B_0SZe6e.js",
        "/assets/nothing",
        "/assets",
        "/favicon.ico",
        "/.env",
        "/notes.py",
        "/secret.html",
        "/../secret.html",
        "/assets/../../secret.js",
        "/assets/..%2f..%2fsecret.js",
        "/%2e%2e/secret.html",
        "/%2e%2e%2fsecret.js",
        "//secret.html",
        "/assets//index-B_0SZe6e.js",
        "/assets\\..\\..\\secret.js",
        "/index.html%00.js",
        "/etc/passwd.html",
    ],
)
def test_only_files_of_the_console_are_served(console: ApiServer, address: str) -> None:
    answer = get_as_written(console, address)
    assert b"canary" not in answer
    if address == "/assets":  # as good a name of a page as any
        return
    assert answer.startswith(b"HTTP/1.1 404"), answer[:200]


@pytest.mark.parametrize(
    "address", ["/api", "/api/", "/api/v1/nothing", "/api/v2/accounts", "/healthz/more", "/readyz/"]
)
def test_an_address_of_the_api_never_answers_with_a_page(console: ApiServer, address: str) -> None:
    answer = get(console, address)
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


def test_the_api_answers_beside_the_console(console: ApiServer) -> None:
    assert get(console, "/healthz").json == {"status": "ok"}
    assert get(console, "/api/openapi.json").json["info"]["title"] == "Rootkeeper"
    assert get(console, "/api/v1/me").status == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_files_are_only_read(console: ApiServer, method: str) -> None:
    assert get(console, "/", method).status == 404


def test_a_browser_that_has_the_file_isnt_sent_it_again(console: ApiServer) -> None:
    for encoding in ("identity", "gzip"):
        first = get(console, "/assets/index-B_0SZe6e.js", Accept_Encoding=encoding)
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = get(console, "/assets/index-B_0SZe6e.js", Accept_Encoding=encoding, If_None_Match=known)
            assert (again.status, again.content, again.headers["etag"]) == (304, b"", tag)
            assert again.headers["cache-control"] == first.headers["cache-control"]
        assert (
            get(console, "/assets/index-B_0SZe6e.js", Accept_Encoding=encoding, If_None_Match='"other"').status == 200
        )


def test_who_takes_gzip_gets_less(console: ApiServer) -> None:
    plain = get(console, "/assets/index-B_0SZe6e.js")
    packed = get(console, "/assets/index-B_0SZe6e.js", Accept_Encoding="br, gzip;q=0.8")
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(packed.content) < len(plain.content) / 4
    assert gzip.decompress(packed.content) == plain.content == SCRIPT
    assert packed.headers["etag"] != plain.headers["etag"]
    assert {plain.headers["vary"], packed.headers["vary"]} == {"Accept-Encoding"}
    refused = get(console, "/assets/index-B_0SZe6e.js", Accept_Encoding="gzip;q=0, identity")
    assert "content-encoding" not in refused.headers


@pytest.mark.parametrize("address", ["/", "/assets/index-B_0SZe6e.js"])
def test_the_headers_alone_can_be_asked_for(console: ApiServer, address: str) -> None:
    whole, head = get(console, address), get(console, address, "HEAD")
    assert (head.status, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["etag"] == whole.headers["etag"]


def test_a_file_that_was_taken_away_is_missed_and_breaks_nothing(tmp_path: Path) -> None:
    for name in ("index.html", "icon.svg"):
        (tmp_path / name).write_text("<title>Rootkeeper</title>")
    with start_api(FakeServices(), console_folder=tmp_path) as server:
        for name in ("index.html", "icon.svg"):
            (tmp_path / name).unlink()
        assert get(server, "/icon.svg").status == 404
        assert b"make console" in get(server, "/").content


def test_without_the_built_console_a_page_says_how_to_get_it(tmp_path: Path) -> None:
    with start_api(FakeServices(), console_folder=tmp_path / "not-built") as server:
        answer = get(server, "/")
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert b"make console" in answer.content
        assert b'href="/api/openapi.json"' in answer.content
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert get(server, "/accounts").status == 404
        head = get(server, "/", "HEAD")
        assert (head.content, head.headers["content-length"]) == (b"", str(len(answer.content)))


def test_on_this_machine_the_console_isnt_served_under_a_foreign_name(console: ApiServer) -> None:
    assert get(console, "/", Host="evil.example").status == 421


def test_the_public_name_is_answered_to_and_no_other(built: Path) -> None:
    services = FakeServices()
    server = replace(services.settings.server, public_url="https://Rootkeeper.example.com/")
    services.settings = replace(services.settings, server=server)
    for listening_host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 - its setting; it listens on loopback
        with start_api(services, listening_host, built) as api:
            names = ("rootkeeper.example.com", "ROOTKEEPER.example.com:443", "127.0.0.1", "evil.example", "10.0.0.1")
            assert [get(api, "/", Host=name).status for name in names] == [200, 200, 200, 421, 421]


def test_only_by_tls_and_only_to_a_name_of_its_own_a_browser_is_held_to_tls() -> None:
    with start_api(FakeServices(), "0.0.0.0", proxy_headers=True, forwarded_allow_ips="127.0.0.1") as api:  # noqa: S104 - its setting; it listens on loopback
        reported = {
            (scheme, host): get(api, "/healthz", Host=host, X_Forwarded_Proto=scheme).headers
            for scheme in ("http", "https")
            for host in ("rootkeeper.example.com", "localhost:8700")
        }
    held = {place for place, headers in reported.items() if "strict-transport-security" in headers}
    assert held == {("https", "rootkeeper.example.com")}
