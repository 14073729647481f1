"""Hints of a command that names an organization name it too."""

from __future__ import annotations

import threading

import pytest

from rootkeeper.cli.hints import naming_organization, render_hint
from rootkeeper.errors import Hint


@pytest.mark.parametrize(
    ("hint", "rendered"),
    [
        (Hint("…", "job.resume", job_id="j-1"), "Resume it: rootkeeper --organization shop jobs resume j-1."),
        ("Run rootkeeper audit, then `rootkeeper status`.", None),
        (Hint("…", "organization.audit", name="bank"), "Audit it: rootkeeper audit --organization bank"),
        (Hint("…", "organization.token"), "Name its organization: --organization NAME. Or sign in: rootkeeper login."),
        ("Start it: rootkeeper serve", "Start it: rootkeeper serve"),
        ("The role rootkeeper-set-up does it.", "The role rootkeeper-set-up does it."),
        ("See rootkeeper organizations list.", "See rootkeeper organizations list."),
    ],
)
def test_a_command_in_a_hint_names_the_organization(hint: str, rendered: str | None) -> None:
    with naming_organization("shop"):
        found = render_hint(hint)
        assert render_hint(found) == found
    assert found == (
        rendered or "Run rootkeeper --organization shop audit, then `rootkeeper --organization shop status`."
    )


def test_without_the_option_commands_stay_as_they_are() -> None:
    hint = "Run rootkeeper audit."
    with naming_organization(None):
        assert render_hint(hint) == hint
    with naming_organization("shop"):
        pass
    assert (render_hint(hint), render_hint(None)) == (hint, None)


def test_each_thread_of_the_command_has_the_name() -> None:
    found: list[str | None] = []
    with naming_organization("a'b"):
        thread = threading.Thread(target=lambda: found.append(render_hint("Run rootkeeper audit.")))
        thread.start()
        thread.join()
    assert found == ["""Run rootkeeper --organization 'a'"'"'b' audit."""]
