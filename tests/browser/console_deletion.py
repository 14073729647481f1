"""Deleting what was chosen in the tree of accounts: plan, review, confirmation, result."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.console_stage import ConsolePerson
from tests.browser.console_story import JOB_MILLISECONDS

DELETE = "Delete root user credentials"


def plan_chosen(operator: ConsolePerson) -> None:
    """From the tree to the review; nothing is deleted yet."""
    operator.press(DELETE)
    operator.press("Make the plan")
    expect(operator.page.get_by_text(re.compile("Exactly this will go"))).to_be_visible(timeout=JOB_MILLISECONDS)


def begin_deletion(operator: ConsolePerson) -> None:
    """From the review to the deletion's page."""
    operator.press(DELETE)
    dialog = operator.page.get_by_role("dialog")
    certificates = dialog.get_by_role("checkbox")
    if certificates.count():
        certificates.check()
    operator.press("Delete", dialog)


def confirm_plan(operator: ConsolePerson) -> None:
    """From the review to the end of the deletion, whatever came of it."""
    begin_deletion(operator)
    over = re.compile("^(Deleted, and re-read|Over, not everything was deleted)$")
    expect(operator.page.get_by_role("heading", name=over)).to_be_visible(timeout=JOB_MILLISECONDS)


def delete_chosen(operator: ConsolePerson) -> None:
    """All of it.

    :raises AssertionError: if a re-read didn't show everything as deleted.
    """
    plan_chosen(operator)
    confirm_plan(operator)
    expect(operator.page.get_by_role("heading", name="Deleted, and re-read", exact=True)).to_be_visible()
