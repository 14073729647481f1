"""The console in a real browser: nothing foreign runs in its pages, and no other site can frame them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from rootkeeper.access.rules import ServerRole
from tests.fakes.api_services import FakeServices
from tests.fakes.local_servers import QuietHandler, serving_requests
from tests.functional.api.serving import ApiServer, start_api

pytestmark = pytest.mark.long

PAGES = ("Overview", "Accounts", "Recovery windows", "Guardrails", "Unlock", "Reports", "Jobs", "Ledger", "Settings")
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`);
});
"""
RUN_INLINE = """
() => {
  const script = document.createElement("script");
  script.textContent = "window.hasRun = true";
  document.head.append(script);
  const image = document.createElement("div");
  image.innerHTML = "<img src=x onerror='window.hasRun = true'><p style='color: red'>styled</p>";
  document.body.append(image);
}
"""


@pytest.fixture(scope="module")
def served(console_files: None) -> Iterator[ApiServer]:
    with start_api(FakeServices()) as server:
        yield server


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(color_scheme=request.param)
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


def open_sign_in(page: Page, served: ApiServer) -> None:
    page.goto(f"http://127.0.0.1:{served.port}/windows/w-1")
    page.get_by_role("heading").first.wait_for()


def test_the_console_itself_breaks_none_of_its_rules(page: Page, served: ApiServer) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_sign_in(page, served)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.violations") == []
    assert [url for url in asked if not url.startswith((f"http://127.0.0.1:{served.port}/", "data:"))] == []
    styles = page.evaluate("[...document.styleSheets].map((one) => one.href)")
    assert styles, "its styles are loaded"
    assert None not in styles


def test_no_page_of_the_console_breaks_them(page: Page, served: ApiServer) -> None:
    """By a token, which is kept in the page's memory alone: so links are followed and no address is typed."""
    open_sign_in(page, served)
    page.get_by_role("button", name="Use an API token").click()
    page.get_by_label("API token", exact=True).fill(served.token(ServerRole.ADMINISTRATOR))
    page.get_by_role("button", name="Sign in with token").click()
    links = page.get_by_role("navigation").get_by_role("link")
    page.get_by_role("link", name="Recovery windows", exact=True).first.wait_for()
    titles = [title for title in links.all_inner_texts() if title in PAGES]
    assert len(titles) >= len(PAGES)
    for title in PAGES:
        page.get_by_role("navigation").get_by_role("link", name=title, exact=True).first.click()
        page.get_by_role("heading", name=title).first.wait_for()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.violations") == [], title


def test_injected_scripts_and_styles_dont_run(page: Page, served: ApiServer) -> None:
    open_sign_in(page, served)
    page.evaluate(RUN_INLINE)
    for directive in ("script-src-elem", "script-src-attr", "style-src"):
        page.wait_for_function("(begin) => window.violations.some((one) => one.startsWith(begin))", arg=directive)
    assert page.evaluate("window.hasRun") is None


def test_another_site_cant_frame_the_console(page: Page, served: ApiServer) -> None:
    console = f"http://127.0.0.1:{served.port}/"

    class Framing(QuietHandler):
        def answer(self) -> None:
            content = f"<title>Framing</title><iframe src='{console}'></iframe>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with serving_requests(Framing) as url:
        page.goto(url)
        page.wait_for_load_state("networkidle")
        assert page.title() == "Framing"
        assert [frame.url for frame in page.frames if frame.url.startswith(console)] == []
