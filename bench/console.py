"""Opens the console's page of accounts of a large organization in Chromium: the time to its first paint, and to expand.

The time to the first paint is from the navigation until rows of the tree are on the screen, each time in a browser
context of its own with an empty cache; then again with a full one. Then a unit of 500 accounts is expanded: from the
click until its accounts are on the screen. Server, sandbox and browser share the machine's cores.
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
FIRST_PAINT, AGAIN, EXPAND = "first paint, empty cache", "first paint, full cache", f"expand a unit of {UNIT_ACCOUNTS}"
WANTED = {FIRST_PAINT: 1500.0, AGAIN: 1500.0, EXPAND: 200.0}
"""Milliseconds; of the medians."""
HEAD = ("", "median ms", "best ms", "worst ms", "wanted ms")
NAME, PASSWORD = "bench-viewer", "a few unrelated words"

WATCH = """
window.paintedRows = new Promise((resolve) => {
  const look = () => {
    if (document.querySelector('[role=treegrid] [role=row][aria-level]'))
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
    else requestAnimationFrame(look);
  };
  look();
});
"""
"""Resolves when rows were painted; the time is counted from the beginning of the navigation."""

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
    with open_console_stage(*arguments, prepare=fill_unit) as stage, open_chromium() as chromium:
        stage.ask("POST", "/users", {"name": NAME, "role": "viewer", "password": PASSWORD})
        measured = measure(stage, chromium, options.rounds)
    text = f"{render_measured(measured)}\n\n{render_list(list_remarks(measured, options))}"
    show(text, surroundings, PROGRAM, options.markdown)
    return 0 if all(one.is_reached for one in measured) else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    return parse_options(parser, PROGRAM)


def fill_unit(sandbox: Sandbox) -> None:
    """Move accounts into one unit, as somebody would by AWS's own calls."""
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


def measure(stage: ConsoleStage, chromium: Browser, rounds: int) -> list[Measured]:
    """Each thing in turn, so that a busy moment doesn't hit one alone."""
    taken: dict[str, list[float]] = {what: [] for what in WANTED}
    for _ in range(rounds):
        context = sign_in(stage, chromium)
        page = context.new_page()
        page.add_init_script(WATCH)
        for what in (FIRST_PAINT, AGAIN):
            taken[what].append(paint(page, f"{stage.url}/accounts"))
        taken[EXPAND].append(expand(page))
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


def paint(page: Page, url: str) -> float:
    """Milliseconds from the navigation to painted rows."""
    page.goto(url, wait_until="commit")
    return float(page.evaluate("window.paintedRows"))


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
        "Painted: the second frame after rows of the tree are in the document; a first paint from the navigation.",
        "Server, sandbox and browser share the cores.",
    ]


if __name__ == "__main__":
    sys.exit(main())
