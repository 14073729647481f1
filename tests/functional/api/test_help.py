"""The help's pages, as a browser gets them without a sign-in."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.api_services import FakeServices
from tests.functional.api.serving import Answer, ApiServer, get_as_written, start_api

SCRIPT = b"Search.setIndex({});\n" * 100


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the build leaves, in small, and beside it what no one may read."""
    folder = tmp_path_factory.mktemp("package") / "help"
    (folder / "guides").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Rootkeeper help</title>")
    (folder / "guides" / "server.html.gz").write_bytes(gzip.compress(b"<!doctype html><title>Server</title>"))
    (folder / "searchindex.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "notes.py").write_text("secret = 'canary'")
    (folder / "notes.py.gz").write_bytes(gzip.compress(b"secret = 'canary'"))
    (folder.parent / "secret.html").write_text("canary")
    return folder


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("console")
    (folder / "index.html").write_text("<!doctype html><title>Rootkeeper</title>")
    return folder


@pytest.fixture(scope="module")
def served(built: Path, console: Path) -> Iterator[ApiServer]:
    with start_api(FakeServices(), console_folder=console, help_folder=built) as server:
        yield server


def get(server: ApiServer, address: str, method: str = "GET", **headers: str) -> Answer:
    return server.send(method, address, None, {name.replace("_", "-"): value for name, value in headers.items()})


def test_the_help_needs_no_sign_in(served: ApiServer) -> None:
    start = get(served, "/help/")
    assert (start.status, start.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<title>Rootkeeper help</title>" in start.content
    assert b"<title>Server</title>" in get(served, "/help/guides/server.html").content
    assert get(served, "/help/searchindex.js").content == SCRIPT


def test_without_the_slash_at_its_end_the_address_is_corrected(served: ApiServer) -> None:
    answer = get(served, "/help")
    assert (answer.status, answer.headers["location"]) == (308, "/help/")


@pytest.mark.parametrize(
    "address", ["/help", "/help/", "/help/guides/server.html", "/help/searchindex.js", "/help/none"]
)
def test_nothing_but_this_server_is_trusted_by_the_help(served: ApiServer, address: str) -> None:
    headers = get(served, address).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert "://" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("address", ["/help/none", "/help/guides", "/help/guides/", "/help/none.html"])
def test_a_page_that_isnt_there_names_the_start_page(served: ApiServer, address: str) -> None:
    answer = get(served, address)
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")
    assert b'<a href="/help/">' in answer.content


@pytest.mark.parametrize(
    "address",
    [
        "/help/notes.py",
        "/help/../secret.html",
        "/help/%2e%2e/secret.html",
        "/help/..%2fsecret.html",
        "/help//index.html",
        "/help/guides/../../secret.html",
        "/help/index.html%00.js",
    ],
)
def test_only_files_of_the_help_are_served(served: ApiServer, address: str) -> None:
    answer = get_as_written(served, address)
    assert b"canary" not in answer
    assert answer.startswith(b"HTTP/1.1 404"), answer[:200]


@pytest.mark.parametrize("address", ["/helpful", "/helpdesk/", "/accounts"])
def test_the_console_keeps_its_own_addresses(served: ApiServer, address: str) -> None:
    assert b"<title>Rootkeeper</title>" in get(served, address).content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_the_help_is_only_read(served: ApiServer, method: str) -> None:
    assert get(served, "/help/", method).status == 404


def test_a_browser_that_has_a_page_isnt_sent_it_again(served: ApiServer) -> None:
    first = get(served, "/help/searchindex.js", Accept_Encoding="gzip")
    assert (first.headers["cache-control"], first.headers["content-encoding"]) == ("no-cache", "gzip")
    again = get(served, "/help/searchindex.js", Accept_Encoding="gzip", If_None_Match=first.headers["etag"])
    assert (again.status, again.content) == (304, b"")


@pytest.mark.parametrize("address", ["/help", "/help/", "/help/guides/server.html"])
def test_without_the_built_site_a_page_says_how_to_build_it(tmp_path: Path, address: str) -> None:
    with start_api(FakeServices(), console_folder=tmp_path, help_folder=tmp_path / "not-built") as server:
        answer = get(server, address)
        assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert b"make docs" in answer.content
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        head = get(server, address, "HEAD")
        assert (head.content, head.headers["content-length"]) == (b"", str(len(answer.content)))


def test_the_help_isnt_served_under_a_foreign_name(served: ApiServer) -> None:
    assert get(served, "/help/", Host="evil.example").status == 421
