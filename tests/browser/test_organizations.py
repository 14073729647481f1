"""The console of a server of several organizations: one sign-in, a page of all, nothing of one in another's pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.console_pages import list_paths
from tests.browser.console_story import JOB_MILLISECONDS
from tests.browser.several_organizations_visit import choose, find_row, run_audit, visit
from tests.sandbox_process import SandboxProcess
from tests.several_organizations import (
    Person,
    Server,
    account_ids,
    several_organizations,
    several_sandboxes,
)

pytestmark = pytest.mark.xdist_group("several organizations")

BOTH = ("shop", "bank")
WIDTHS = (1440, 1280, 768, 390)
ALL = re.compile(r"/organizations$")
LINKS = "() => [...document.querySelectorAll('a[href^=\"/\"]')].map((one) => one.getAttribute('href'))"
MONTH_AGO = "2020-11-03T08:00:00Z"


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, SandboxProcess]]:
    with several_sandboxes(*BOTH, "mill") as started:
        yield started


@pytest.fixture(scope="module")
def server(
    console_files: None, sandboxes: dict[str, SandboxProcess], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with several_organizations(sandboxes, tmp_path_factory.mktemp("several"), without=("mill",)) as started:
        started.wait_organizations()
        yield started


@pytest.fixture(scope="module")
def ada(server: Server) -> Person:
    """The administrator of the server, and so of both organizations; the shop is audited."""
    person = server.become_administrator()
    for name in BOTH:
        assert person.of(name, "/me").status == 200
    run_audit(person, "shop")
    return person


@pytest.fixture(scope="module")
def vera(server: Server, ada: Person) -> Person:
    """She has a role in the shop alone."""
    return server.invite(ada, "shop", "vera", "viewer")


def test_p21_one_sign_in_shows_both_organizations_and_audits_all(
    chromium: Browser, server: Server, ada: Person
) -> None:
    with visit(chromium, server, ada, "/", signs_in=True) as visitor:
        page = visitor.page
        expect(page).to_have_url(ALL)
        expect(page).to_have_title("All organizations · Rootkeeper")
        expect(
            page.get_by_role("heading", name="2 root logins left in 1 organization, 1 organization unknown")
        ).to_be_visible()
        expect(page.get_by_text("Unknown numbers of these organizations aren't in the sums: bank.")).to_be_visible()
        expect(page.get_by_text("Nothing is left to do in any organization.")).to_have_count(0)
        assert "It was never audited." in find_row(page, "bank").inner_text()
        assert find_row(page, "bank").get_by_text("Unknown").count() > 1
        visitor.judge()
        names = page.get_by_role("rowheader")
        assert [text.split()[0] for text in names.all_inner_texts()] == ["bank", "shop"], "an unknown one isn't last"
        page.get_by_role("columnheader", name="Root logins left").get_by_role("button").click()
        assert [text.split()[0] for text in names.all_inner_texts()] == ["shop", "bank"]

        visitor.press("Audit all")
        expect(page.get_by_role("heading", name="Audits started: 2 of 2")).to_be_visible()
        visitor.judge()
        page.get_by_role("link", name="Show the audit of bank").click()
        expect(page).to_have_url(re.compile(r"/organizations/bank/jobs/"))
        expect(page.get_by_text("Done", exact=True).first).to_be_visible()
        visitor.open("/organizations")
        expect(page.get_by_role("heading", name="4 root logins left in 2 organizations", exact=True)).to_be_visible()
        visitor.judge()


def test_p21_a_refused_audit_says_why_and_hinders_no_other(chromium: Browser, server: Server, vera: Person) -> None:
    with visit(chromium, server, vera, "/organizations") as visitor:
        visitor.press("Audit all")
        result = visitor.page.get_by_role("listitem").filter(has_text="shop")
        expect(result).to_contain_text("Not started")
        expect(result).to_contain_text("viewer")


def test_p21_switching_shows_the_same_page_of_the_other_organization_and_nothing_of_the_first(
    chromium: Browser, server: Server, ada: Person, sandboxes: dict[str, SandboxProcess]
) -> None:
    run_audit(ada, "bank")
    ids = {name: account_ids(sandboxes[name]) for name in BOTH}
    with visit(chromium, server, ada, "/organizations") as visitor:
        page = visitor.page
        page.get_by_role("link", name=re.compile("^Root logins left of shop: ")).click()
        expect(page).to_have_url(re.compile(r"/organizations/shop/accounts\?left=known$"))
        expect(page).to_have_title("Accounts · shop · Rootkeeper")
        visitor.open("/organizations/shop/accounts?list=name")
        expect(page.get_by_text(min(ids["shop"] - ids["bank"])).first).to_be_visible()
        visitor.judge()

        visitor.switcher().focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("menuitem", name="bank")).to_be_visible()
        visitor.judge()
        visitor.asked.clear()
        page.get_by_role("menuitem", name="bank").click()
        expect(page).to_have_url(re.compile(r"/organizations/bank/accounts$"))
        expect(page).to_have_title("Accounts · bank · Rootkeeper")
        visitor.open("/organizations/bank/accounts?list=name")
        expect(page.get_by_text(min(ids["bank"] - ids["shop"])).first).to_be_visible()
        text = page.content()
        assert not [one for one in ids["shop"] - ids["bank"] if one in text]
        assert not [url for url in visitor.asked if "/shop" in url]
        stored = page.evaluate("() => JSON.stringify({ ...localStorage, ...sessionStorage })")
        assert not [one for one in ids["shop"] | ids["bank"] if one in stored]

        page.locator("#top").get_by_role("button", name=re.compile("^Organization bank")).click()
        page.get_by_role("menuitem", name="All organizations").click()
        expect(page).to_have_url(ALL)


def test_p21_each_page_of_an_organization_asks_and_leads_only_to_this_organization(
    chromium: Browser, server: Server, ada: Person
) -> None:
    with visit(chromium, server, ada, "/organizations/shop") as visitor:
        for path in (one for one in list_paths() if ":" not in one):
            visitor.asked.clear()
            visitor.open(f"/organizations/shop{path}")
            expect(visitor.page.get_by_role("heading", level=1).first).to_be_visible()
            visitor.page.wait_for_load_state("networkidle")
            links = visitor.page.evaluate(LINKS)
            assert links
            assert not [one for one in links if not re.match(r"/organizations/shop(/|$)|/help/|/organizations$", one)]
            asked = [url.removeprefix(visitor.url) for url in visitor.asked if "/api/" in url]
            own = r"/api/v1/(organizations/shop/|auth/|overview/organizations$)"
            assert not [one for one in asked if not re.match(own, one)], path


def test_p21_without_a_role_an_organization_looks_as_if_it_didnt_exist(
    chromium: Browser, server: Server, vera: Person
) -> None:
    with visit(chromium, server, vera, "/organizations/shop") as visitor:
        page = visitor.page
        visitor.switcher().click()
        expect(page.get_by_role("menuitem", name="All organizations")).to_be_visible()
        expect(page.get_by_role("menuitem", name="bank")).to_have_count(0)
        texts = []
        for name in ("bank", "nowhere"):
            visitor.open(f"/organizations/{name}/accounts")
            expect(page.get_by_role("heading", name="Not found")).to_be_visible()
            expect(page).to_have_title("Not found · Rootkeeper")
            texts.append(page.get_by_role("main").inner_text().replace(name, "NAME"))
            visitor.judge()
        assert texts[0] == texts[1]
        page.get_by_role("link", name="Show your organizations").click()
        expect(find_row(page, "shop")).to_be_visible()
        expect(page.get_by_role("rowheader")).to_have_count(1)
        assert "bank" not in page.get_by_role("main").inner_text()


def test_p21_a_person_of_the_server_gets_a_role_without_another_link(
    chromium: Browser, server: Server, ada: Person, vera: Person
) -> None:
    with visit(chromium, server, ada, "/organizations/bank/settings?tab=users") as visitor:
        page = visitor.page
        visitor.press("Invite user")
        page.get_by_label("E-mail address or name").fill(vera.name)
        visitor.press("Add user")
        dialog = page.get_by_role("dialog", name="vera has a role here")
        expect(dialog).to_contain_text(f"{visitor.url}/organizations/bank/")
        visitor.judge()
        visitor.press("Done", dialog)
    assert vera.of("bank", "/me").status == 200


def test_an_administrator_of_the_server_checks_adds_and_removes_an_organization(
    chromium: Browser, server: Server, ada: Person, sandboxes: dict[str, SandboxProcess]
) -> None:
    with visit(chromium, server, ada, "/organizations") as visitor:
        page = visitor.page
        visitor.press("Add organization")
        dialog = page.get_by_role("dialog", name="Add organization")
        expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
        dialog.get_by_label("Name", exact=True).fill("mill")
        expect(dialog.get_by_role("button", name="Check")).to_be_disabled()
        choose(page, "AWS profile", "shop")
        visitor.press("Check", dialog)
        expect(dialog).to_contain_text("is organization 'shop' of", timeout=JOB_MILLISECONDS)
        choose(page, "AWS profile", "mill")
        visitor.press("Check", dialog)
        found = sandboxes["mill"].organization()
        expect(dialog).to_contain_text(found["organization_id"], timeout=JOB_MILLISECONDS)
        expect(dialog).to_contain_text(found["management_account_id"])
        visitor.judge()
        dialog.get_by_label("Region (optional)").fill("us-east-1")
        share = dialog.get_by_label("Share of AWS's request rates (optional)")
        share.fill("250")
        expect(dialog).to_contain_text("A whole number from 1 to 100.")
        expect(dialog.get_by_role("button", name="Check")).to_be_disabled()
        share.fill("40")
        expect(dialog.get_by_role("button", name="Add organization")).to_have_count(0)
        visitor.press("Check", dialog)
        visitor.press("Add organization", dialog)
        expect(find_row(page, "mill")).to_be_visible(timeout=JOB_MILLISECONDS)
        expect(dialog).to_have_count(0)
        visitor.judge()
        assert server.read_tables()["mill"]["aws"] == {"profile": "mill", "region": "us-east-1", "api_share": 40}

        page.get_by_role("button", name="Actions for mill").click()
        page.get_by_role("menuitem", name="Remove").click()
        dialog = page.get_by_role("dialog", name="Remove mill?")
        expect(dialog.get_by_role("button", name="Remove organization")).to_be_disabled()
        visitor.judge()
        dialog.get_by_label("Type mill to confirm").fill("mill")
        visitor.press("Remove organization", dialog)
        expect(find_row(page, "mill")).to_have_count(0, timeout=JOB_MILLISECONDS)
        notices = page.get_by_role("list", name="Notifications")
        expect(notices).to_contain_text("Its database stays on the server's machine")


def test_only_administrators_of_the_server_see_what_is_theirs(
    chromium: Browser, server: Server, ada: Person, vera: Person
) -> None:
    with visit(chromium, server, vera, "/organizations") as visitor:
        expect(find_row(visitor.page, "shop")).to_be_visible()
        expect(visitor.page.get_by_role("button", name="Add organization")).to_have_count(0)
        expect(visitor.page.get_by_role("button", name="Actions for shop")).to_have_count(0)
    with visit(chromium, server, ada, "/settings?tab=users") as visitor:
        expect(visitor.page.get_by_role("button", name="Reset second factors")).to_be_visible()
        visitor.open("/organizations/shop/settings?tab=users")
        expect(visitor.page.get_by_role("button", name="Change role")).to_be_visible()
        expect(visitor.page.get_by_role("button", name="Reset second factors")).to_have_count(0)


def make_organization(name: str, **numbers: int | str) -> dict[str, Any]:
    """An organization as the server lists it, with these numbers; without any, one that can't be read."""
    zero = dict.fromkeys(
        (
            *("accounts", "root_logins_left", "unknown", "unread", "open_windows", "failed_closings", "reviews_due"),
            *("failing_controls", "unknown_controls"),
        ),
        0,
    )
    none = dict.fromkeys(("trend", "compared_at", "last_complete_audit_at"))
    return {
        "name": name,
        "organization_id": f"o-{name:a<10}",
        "profile": None,
        "database": "",
        "numbers": {**zero, **none, **numbers} if numbers else None,
        "problem": None if numbers else "Its process doesn't answer.",
        "hint": None if numbers else "Try again in a minute. The server's log says why.",
        "own_settings": [],
    }


def test_of_many_organizations_the_most_to_do_comes_first_and_a_search_finds_the_others(
    chromium: Browser, server: Server, ada: Person
) -> None:
    clean = [make_organization(f"clean-{number}", accounts=1_000) for number in range(10)]
    listed = [
        *clean,
        make_organization("down"),
        make_organization(
            "left",
            accounts=30,
            root_logins_left=7,
            failing_controls=2,
            unknown_controls=3,
            trend=-4,
            compared_at=MONTH_AGO,
        ),
        make_organization("failed", accounts=20, failed_closings=1, open_windows=1),
    ]
    with visit(chromium, server, ada, "/settings") as visitor:
        page = visitor.page
        page.route(
            "**/api/v1/overview/organizations",
            lambda route: route.fulfill(json={"schema_version": 1, "organizations": listed}),
        )
        visitor.open("/organizations")
        expect(page.get_by_role("heading", name=re.compile("^7 root logins left in 12 organizations"))).to_be_visible()
        expect(page.get_by_text("Unknown numbers of these organizations aren't in the sums: down.")).to_be_visible()
        names = [text.split()[0] for text in page.get_by_role("rowheader").all_inner_texts()]
        assert names[:4] == ["failed", "down", "left", "clean-0"]
        expect(find_row(page, "down")).to_contain_text("Its process doesn't answer.")
        expect(find_row(page, "down")).to_contain_text("Try again in a minute.")
        expect(find_row(page, "left")).to_contain_text("4 fewer since 3 Nov 2020")
        expect(find_row(page, "left")).to_contain_text("3 unknown")
        expect(page.get_by_role("definition").filter(has_text="and 3 unknown")).to_have_text("2and 3 unknown")
        page.get_by_placeholder("Find organizations").fill("LEFT")
        expect(page.get_by_role("rowheader")).to_have_count(1)
        visitor.judge()

        visitor.switcher().click()
        page.get_by_role("menuitem", name="Find an organization").click()
        page.get_by_role("dialog").get_by_role("button", name=re.compile("^Organization")).click()
        page.get_by_placeholder("Name or id").fill("clean-7")
        visitor.judge()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/organizations/clean-7/$"))
        expect(page.get_by_role("heading", name="Not found")).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_of_all_organizations_fits_each_window(
    chromium: Browser, server: Server, ada: Person, width: int, tmp_path: Path
) -> None:
    with visit(chromium, server, ada, "/organizations", viewport={"width": width, "height": 900}) as visitor:
        expect(find_row(visitor.page, "shop")).to_be_visible()
        visitor.judge()
        visitor.page.screenshot(path=tmp_path / f"{width}.png", full_page=True)
        visitor.open("/settings")
        expect(visitor.page.get_by_role("tab", name="Users")).to_be_visible()
        expect(visitor.page.get_by_role("tab", name="This server")).to_have_count(0)
        visitor.judge()
