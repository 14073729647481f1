"""Nothing changes without a yes, and every question names organization, caller and endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rootkeeper.cli.changes import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError

CONTEXT = ChangeContext("o-exampleorgid", "arn:aws:iam::111122223333:user/ana", "SANDBOX 127.0.0.1:4599")


class AnsweringTerminal(Terminal):
    """A person who gives these answers."""

    def __init__(self, *answers: str) -> None:
        super().__init__({})
        self._answers: Iterator[str] = iter(answers)
        self.questions: list[str] = []

    @property
    def can_ask(self) -> bool:
        return True

    def ask(self, question: str) -> str:
        self.questions.append(question)
        return next(self._answers)


def confirm(
    terminal: Terminal, *, yes: bool = False, dry_run: bool = False, output: OutputFormat = OutputFormat.TABLE
) -> Confirmation:
    return Confirmation(terminal, CONTEXT, ChangeOptions(yes=yes, dry_run=dry_run), output)


def test_the_question_names_organization_caller_and_endpoint(capsys: pytest.CaptureFixture[str]) -> None:
    confirm(AnsweringTerminal("y")).confirm(["Do it."])
    shown = capsys.readouterr()
    assert "o-exampleorgid" in shown.err
    assert "arn:aws:iam::111122223333:user/ana" in shown.err
    assert "SANDBOX 127.0.0.1:4599" in shown.err
    assert "Do it." in shown.err
    assert shown.out == ""


def test_the_context_is_json_where_the_answer_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    confirm(Terminal({}), yes=True, output=OutputFormat.JSON).show_context()
    assert json.loads(capsys.readouterr().err) == {
        "organization": "o-exampleorgid",
        "caller": "arn:aws:iam::111122223333:user/ana",
        "endpoint": "SANDBOX 127.0.0.1:4599",
    }


@pytest.mark.parametrize("answer", ["", "n", "no", "yess", "o-exampleorgid"])
def test_anything_but_yes_is_a_no(answer: str) -> None:
    with pytest.raises(InputError, match="Nothing was done"):
        confirm(AnsweringTerminal(answer)).confirm(["Do it."])


def test_many_accounts_need_the_organization_id_typed() -> None:
    terminal = AnsweringTerminal("o-exampleorgid")
    confirm(terminal).confirm(["Do it."], accounts=11)
    assert "o-exampleorgid" in terminal.questions[0]
    with pytest.raises(InputError):
        confirm(AnsweringTerminal("y")).confirm(["Do it."], accounts=11)


def test_ten_accounts_need_a_plain_yes() -> None:
    confirm(AnsweringTerminal("yes")).confirm(["Do it."], accounts=10)


def test_without_a_person_and_without_yes_nothing_is_done() -> None:
    with pytest.raises(InputError, match="Nothing was done") as raised:
        confirm(Terminal({})).confirm(["Do it."])
    assert raised.value.exit_status == 2
    assert "--yes" in (raised.value.hint or "")


def test_yes_answers_every_question_the_typed_ones_included(capsys: pytest.CaptureFixture[str]) -> None:
    confirmation = confirm(Terminal({}), yes=True)
    confirmation.confirm(["Do it."], accounts=500)
    assert confirmation.ask("Certificates too?") is True
    assert "SANDBOX 127.0.0.1:4599" in capsys.readouterr().err


def test_a_part_may_be_declined_and_its_question_names_where_it_takes_place_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert confirm(AnsweringTerminal("n")).ask("Certificates too?") is False
    shown = capsys.readouterr().err
    for named in ("o-exampleorgid", "user/ana", "SANDBOX 127.0.0.1:4599"):
        assert named in shown


@pytest.mark.parametrize("yes", [True, False])
def test_a_dry_run_shows_what_would_be_done_and_asks_nothing(capsys: pytest.CaptureFixture[str], *, yes: bool) -> None:
    assert confirm(Terminal({}), yes=yes, dry_run=True).confirm(["Do it."], accounts=500) is False
    shown = capsys.readouterr().err
    for named in ("o-exampleorgid", "SANDBOX 127.0.0.1:4599", "Do it."):
        assert named in shown
