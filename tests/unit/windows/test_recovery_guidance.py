"""What a person is asked to do in an open window."""

from __future__ import annotations

import pytest

from rootkeeper.cli.rendering.windows import list_next_steps, list_steps_on_server
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.windows.rules import WindowState
from tests.fakes.clock import START
from tests.fakes.stores import make_window

ACCOUNT_ID = AccountId("222233334444")
ACCOUNT = Account(ACCOUNT_ID, "workload", "root@example.com", AccountState.ACTIVE, ("r-exam",), "Root")


@pytest.mark.parametrize(
    ("endpoint_url", "page"),
    [
        (None, "https://signin.aws.amazon.com/"),
        ("http://127.0.0.1:4599", "http://127.0.0.1:4599/signin/forgot-password"),
        ("http://127.0.0.1:4599/", "http://127.0.0.1:4599/signin/forgot-password"),
    ],
)
def test_the_mailbox_and_the_page_are_named(endpoint_url: str | None, page: str) -> None:
    text = "\n".join(list_next_steps(ACCOUNT, make_window(ACCOUNT_ID, START), endpoint_url))

    assert page in text
    assert "root@example.com" in text
    assert "MFA" in text


def test_a_window_left_open_says_that_nothing_closes_it_and_how_to() -> None:
    window = make_window(ACCOUNT_ID, START, WindowState.OPEN)
    text = "\n".join(list_next_steps(ACCOUNT, window, None, leave_open=True))

    assert "Nothing closes this window" in text
    assert f"rootkeeper windows close {window.window_id}" in text
    assert "Nothing closes" not in "\n".join(list_next_steps(ACCOUNT, window, None))


def test_a_window_of_a_server_is_closed_by_the_server_and_earlier_by_a_person() -> None:
    window = make_window(ACCOUNT_ID, START, WindowState.OPEN)
    text = "\n".join(list_steps_on_server("root@example.com", window, None))

    assert "The server closes the window" in text
    assert f"rootkeeper windows close {window.window_id}" in text
    assert "root@example.com" in text
