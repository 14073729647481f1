"""Delete root user credentials of the accounts selected in the tree: plan, review, confirmation, result."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.console_stage import ConsolePerson
from tests.browser.console_story import JOB_MILLISECONDS

DELETE = "Delete root user credentials"
PLAN_IS_SHOWN = re.compile("The deletion deletes exactly these credentials")


def plan_selected(operator: ConsolePerson) -> None:
    """From the tree to the review. Nothing is deleted yet."""
    operator.press(DELETE)
    operator.press("Create plan")
    expect(operator.page.get_by_text(PLAN_IS_SHOWN)).to_be_visible(timeout=JOB_MILLISECONDS)


def begin_deletion(operator: ConsolePerson) -> None:
    """From the review to the deletion's page."""
    operator.press(DELETE)
    dialog = operator.page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Delete credentials", exact=True)).to_be_visible()
    certificates = dialog.get_by_role("checkbox")
    if certificates.count():
        certificates.check()
    operator.press("Delete credentials", dialog)


def confirm_plan(operator: ConsolePerson) -> None:
    """From the review to the end of the deletion, with or without failures."""
    begin_deletion(operator)
    finished = re.compile("^(Deleted and verified|Finished with failures)$")
    expect(operator.page.get_by_role("heading", name=finished)).to_be_visible(timeout=JOB_MILLISECONDS)


def delete_selected(operator: ConsolePerson) -> None:
    """From the tree to a deletion without failures.

    :raises AssertionError: if a re-read doesn't confirm every deletion.
    """
    plan_selected(operator)
    confirm_plan(operator)
    expect(operator.page.get_by_role("heading", name="Deleted and verified", exact=True)).to_be_visible()
