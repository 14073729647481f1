"""Opens the console of a large organization in Chromium: first paints, and what the accounts page does at a click.

The time to a first paint is from the navigation until rows of the page are on the screen, each time in a browser
context of its own with an empty cache; then again with a full one. Then a unit of 500 accounts is expanded, the
accounts are filtered, and a list of all of them is sorted: from the click until the rows are on the screen. The review
of a large plan and the other pages of the navigation are opened with a full cache. Server, sandbox and browser share
the machine's cores.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import boto3
from playwright.sync_api import Browser, BrowserContext, Page

from measuring.browsers import open_chromium
from measuring.console_stages import ConsoleStage, open_console_stage
from measuring.pages import parse_options, show
from measuring.sandboxes import Sandbox
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list, render_table

PROGRAM = "bench/console.py"
UNIT = "Five Hundred"
UNIT_ACCOUNTS = 500
PLANNED_ACCOUNTS = 2_500
FIRST_PAINT, AGAIN, EXPAND = "first paint, empty cache", "first paint, full cache", f"expand a unit of {UNIT_ACCOUNTS}"
FILTER_TEXT, FILTER_USE, SORT = "filter by a text", "filter by the last use of keys", "sort a list of all accounts"
REVIEW, SLOWEST = f"first paint, review of {PLANNED_ACCOUNTS:,} accounts", "first paint, slowest other page"
WANTED = {
    FIRST_PAINT: 1500.0,
    AGAIN: 1500.0,
    EXPAND: 200.0,
    FILTER_TEXT: 300.0,
    FILTER_USE: 300.0,
    SORT: 300.0,
    REVIEW: 1000.0,
    SLOWEST: 1500.0,
}
"""Milliseconds; of the medians."""
FILTERS = {FILTER_TEXT: "/accounts?q=99", FILTER_USE: "/accounts?kind=access_keys&key_used=%3C%3D30"}
HEAD = ("", "median ms", "best ms", "worst ms", "wanted ms")
NAME, PASSWORD = "bench-auditor", "a few unrelated words"

WATCH = """
window.painted = (isThere) => new Promise((resolve) => {
  const look = () => {
    if (isThere()) requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
    else requestAnimationFrame(look);
  };
  look();
});
window.paintedRows = painted(() => document.querySelector('[role=treegrid] [role=row][aria-level]'));
window.paintedPlan = painted(() => document.querySelector('table tbody th[scope=row]'));
window.paintedPage = painted(() => {
  const waits = document.querySelector('#content [class*=awsui_skeleton], #content [class*=awsui_loading]');
  return document.querySelector('#content h1') && !waits;
});
"""
"""Resolve when rows, or what a page shows, were painted. The time is counted from the beginning of the navigation."""

FOLLOW = """
async (address) => {
  const count = () => document.querySelector('.counted')?.textContent;
  const before = count();
  const began = performance.now();
  history.pushState(null, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
  return await painted(() => count() !== before) - began;
}
"""

SORT_BY = """
async (name) => {
  const head = () => [...document.querySelectorAll('[role=columnheader]')].find((one) => one.textContent === name);
  const first = () => document.querySelector('[role=row][aria-rowindex="2"]').textContent;
  const before = first();
  const began = performance.now();
  head().querySelector('button').click();
  return await painted(() => first() !== before && head().getAttribute('aria-sort') !== 'none') - began;
}
"""

EXPAND_UNIT = """
async (name) => {
  const grid = document.querySelector('[role=treegrid]');
  const closed = [...grid.querySelectorAll('[role=row][aria-expanded=false]')];
  const row = closed.find((one) => one.textContent.includes(name));
  const before = Number(grid.getAttribute('aria-rowcount'));
  const began = performance.now();
  row.click();
  while (Number(grid.getAttribute('aria-rowcount')) === before) await new Promise(requestAnimationFrame);
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return [performance.now() - began, Number(grid.getAttribute('aria-rowcount')) - before];
}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One thing, several times."""

    what: str
    milliseconds: tuple[float, ...]

    @property
    def is_reached(self) -> bool:
        return median(self.milliseconds) <= WANTED[self.what]


def main() -> int:
    options = read_options()
    surroundings = describe_surroundings()
    print(f"{surroundings}\n", flush=True)
    arguments = ("--accounts", str(options.accounts), "--features", "all")
    with open_console_stage(*arguments, prepare=fill_unit, is_detailed=True) as stage, open_chromium() as chromium:
        stage.ask("POST", "/users", {"name": NAME, "role": "auditor", "password": PASSWORD})
        planned = list_planned(stage)
        print(f"The plan has {len(planned):,} accounts.", file=sys.stderr, flush=True)
        plan_id = stage.run("/plans", {"selection": {"named": planned}})
        measured = measure(stage, chromium, plan_id, options.rounds)
    text = f"{render_measured(measured)}\n\n{render_list(list_remarks(measured, options))}"
    show(text, surroundings, PROGRAM, options.markdown)
    return 0 if all(one.is_reached for one in measured) else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    return parse_options(parser, PROGRAM)


def fill_unit(sandbox: Sandbox) -> None:
    """Move accounts into one unit, as an administrator does with AWS's own calls."""
    environment = sandbox.environment()
    organizations: Any = boto3.client(
        "organizations",
        endpoint_url=sandbox.url,
        region_name="us-east-1",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    truth = sandbox.ask("organization")
    root_id = truth["organization_root_id"]
    unit = organizations.create_organizational_unit(ParentId=root_id, Name=UNIT)["OrganizationalUnit"]["Id"]
    parents = {one["ou_path"]: one["ou_id"] for one in truth["organizational_units"]}
    movable = [one for one in truth["accounts"] if one["account_id"] != truth["management_account_id"]]
    for account in movable[:UNIT_ACCOUNTS]:
        source = parents.get(account["ou_path"], root_id)
        organizations.move_account(AccountId=account["account_id"], SourceParentId=source, DestinationParentId=unit)


def list_planned(stage: ConsoleStage) -> list[str]:
    """Members with root user credentials, as many as a plan is to have or there are."""
    columns = stage.ask("GET", "/accounts/compact")["columns"]
    members = [columns["role"]["words"][at] == "member" for at in columns["role"]["at"]]
    found = zip(columns["account_id"], columns["kinds"], members, strict=True)
    planned = sorted(
        ((kinds, account_id) for account_id, kinds, is_member in found if is_member and kinds), reverse=True
    )
    return [account_id for _, account_id in planned[:PLANNED_ACCOUNTS]]


def measure(stage: ConsoleStage, chromium: Browser, plan_id: str, rounds: int) -> list[Measured]:
    """Each thing in turn, so that a busy moment doesn't hit one alone."""
    taken: dict[str, list[float]] = {what: [] for what in WANTED}
    for _ in range(rounds):
        context = sign_in(stage, chromium)
        page = context.new_page()
        page.add_init_script(WATCH)
        for what in (FIRST_PAINT, AGAIN):
            taken[what].append(paint(page, f"{stage.url}/accounts"))
        taken[EXPAND].append(expand(page))
        for what, address in FILTERS.items():
            taken[what].append(float(page.evaluate(FOLLOW, address)))
        paint(page, f"{stage.url}/accounts?list=name")
        taken[SORT].append(float(page.evaluate(SORT_BY, "Account id")))
        taken[REVIEW].append(paint(page, f"{stage.url}/accounts/delete?plan={plan_id}", "paintedPlan"))
        taken[SLOWEST].append(paint_others(page, stage.url))
        context.close()
        print(", ".join(f"{what} {found[-1]:.0f}" for what, found in taken.items()), file=sys.stderr, flush=True)
    return [Measured(what, tuple(found)) for what, found in taken.items()]


def sign_in(stage: ConsoleStage, chromium: Browser) -> BrowserContext:
    """A browser with nothing in it but a session."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    answered = context.request.post(
        f"{stage.url}/api/v1/auth/sign-in",
        data={"name": NAME, "password": PASSWORD},
        headers={"X-Rootkeeper-Console": "1"},
    )
    if not answered.ok:
        raise RuntimeError(f"The sign-in was answered with {answered.status}.")
    return context


def paint(page: Page, url: str, what: str = "paintedRows") -> float:
    """Milliseconds from the navigation to painted rows, or to another moment that the page watches for."""
    page.goto(url, wait_until="commit")
    return float(page.evaluate(f"window.{what}"))


def paint_others(page: Page, url: str) -> float:
    """Milliseconds to the first paint of the slowest of the other pages of the navigation."""
    links = page.get_by_role("navigation").first.get_by_role("link").all()
    paths = [path for link in links if (path := link.get_attribute("href")) and path != "/accounts"]
    taken = {path: paint(page, f"{url}{path}", "paintedPage") for path in paths}
    print(", ".join(f"{path} {milliseconds:.0f}" for path, milliseconds in taken.items()), file=sys.stderr, flush=True)
    return max(taken.values())


def expand(page: Page) -> float:
    """Milliseconds from the click to painted rows.

    :raises RuntimeError: if other rows came than those of the unit.
    """
    milliseconds, added = page.evaluate(EXPAND_UNIT, UNIT)
    if added != UNIT_ACCOUNTS:
        raise RuntimeError(f"{added} rows came, {UNIT_ACCOUNTS} were expected.")
    return float(milliseconds)


def render_measured(measured: Sequence[Measured]) -> str:
    return render_table(HEAD, [_describe(one) for one in measured])


def _describe(one: Measured) -> tuple[str, ...]:
    choices: tuple[Callable[[Sequence[float]], float], ...] = (median, min, max)
    return (one.what, *(f"{choose(one.milliseconds):.0f}" for choose in choices), f"{WANTED[one.what]:.0f}")


def list_remarks(measured: Sequence[Measured], options: argparse.Namespace) -> list[str]:
    missed = [one.what for one in measured if not one.is_reached]
    reached = f"Missed: {'; '.join(missed)}." if missed else "Reached in all of them."
    return [
        f"{options.accounts:,} accounts, {options.rounds} rounds, each in a browser context of its own.",
        f"Wanted: the medians. {reached}",
        "Painted: the second frame after the rows are in the document; a first paint from the navigation.",
        "Filters and sorting: of all accounts, in the browser. Other pages: those of the navigation, of an auditor.",
        "Server, sandbox and browser share the cores.",
    ]


if __name__ == "__main__":
    sys.exit(main())
