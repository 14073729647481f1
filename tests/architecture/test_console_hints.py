"""Hints in the console lead to what the console has, and never to a command line."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.architecture.source_files import REPOSITORY
from tests.code_words import list_codes

SOURCE = REPOSITORY / "src/rootkeeper"
HINTS = REPOSITORY / "console/src/api/hints.ts"
ENTRY = re.compile(r'^  "([a-z_.]+)": "(.*)",$', re.MULTILINE)
COMMAND = re.compile(r"rootkeeper [a-z]+|(?<!\w)--[a-z]")
OF_COMMANDS = ("cli", "remote", "doctor")
"""Folders that no server's answer comes from."""


OF_STARTS = {
    "access/factor_store.py",
    "aws/clients.py",
    "composition/serving.py",
    "delivery/targets.py",
    "notifications/rules.py",
    "references.py",
    "root_emails/rules.py",
    "settings/reading.py",
    "settings/sections.py",
    "watching/rules.py",
}
"""Files that read the settings when a command or server starts. Operators who edit settings need their names."""
ENDS = ("Error", "Hint", "_hint")
"""Of the names of calls that make an error or its hint."""
FACTS = {"Hint": 1, "make_setting_hint": 1}
"""Of a call, how many arguments are words for a person. The others are facts that a command line may name."""


@cache
def list_calls() -> tuple[tuple[str, ast.Call], ...]:
    paths = [path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] not in OF_COMMANDS]
    return tuple(
        (str(path.relative_to(SOURCE)), node)
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    )


@cache
def list_facts() -> dict[str, list[set[str | None]]]:
    """The facts of each place that gives a hint of a code; ``None`` for facts that are handed on."""
    found: dict[str, list[set[str | None]]] = {}
    for _, call in list_calls():
        is_hint = isinstance(call.func, ast.Name) and call.func.id == "Hint" and len(call.args) > 1
        if is_hint and isinstance(call.args[1], ast.Constant):
            found.setdefault(str(call.args[1].value), []).append({one.arg for one in call.keywords})
    return found


def list_texts(node: ast.AST) -> str:
    return " ".join(str(one.value) for one in ast.walk(node) if isinstance(one, ast.Constant))


CONSOLE = ENTRY.findall(HINTS.read_text())


def test_the_hints_of_the_console_are_in_order_and_each_once() -> None:
    codes = [code for code, _ in CONSOLE]
    assert codes == sorted(set(codes))
    assert len(codes) == HINTS.read_text().count('": "')


@pytest.mark.parametrize(("code", "text"), CONSOLE)
def test_a_hint_of_the_console_is_one_of_the_product_and_names_only_its_facts(code: str, text: str) -> None:
    places = list_facts()[code]
    wanted = set(re.findall(r"\{(\w+)\}", text))
    assert all(wanted <= facts for facts in places), places
    assert not COMMAND.search(text)
    assert text.endswith(".")


def test_a_hint_without_words_of_the_console_is_no_command_either() -> None:
    """What a server's error says, unless the console words it: no command to type, except one of the AWS CLI."""
    hints = [(name, one.value) for name, call in list_calls() for one in call.keywords if one.arg == "hint"]
    assert len(hints) > 100
    assert [(name, list_texts(hint)) for name, hint in hints if COMMAND.search(list_texts(hint))] == []


def list_words(node: ast.AST) -> str:
    """The words for a person in a call: not a hint's code, and none of its facts."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    parts: list[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FACTS:
        parts = list(node.args[: FACTS[node.func.id]])
    return " ".join(map(list_words, parts))


def test_errors_name_no_settings_permissions_or_rules_to_a_person() -> None:
    """What a server's answer says. A command line names the setting of a hint, by its facts."""
    codes = list_codes()
    errors = [
        (file, call)
        for file, call in list_calls()
        if file not in OF_STARTS and isinstance(call.func, ast.Name) and call.func.id.endswith(ENDS)
    ]
    assert len(errors) > 300
    assert [(file, call.lineno, list_words(call)) for file, call in errors if codes.search(list_words(call))] == []


@pytest.mark.parametrize(
    ("call", "is_found"),
    [
        ('InputError("No.", hint=make_setting_hint("Choose less.", "windows.longest"))', False),
        ('InputError("No.", hint=Hint("Choose less.", "a.b", setting="windows.longest"))', False),
        ('InputError("No.", hint=Hint("See windows.longest.", "a.b"))', True),
        ('InputError(f"{name} lacks windows:approve.")', True),
    ],
)
def test_codes_are_found_in_words_and_not_in_facts(call: str, is_found: bool) -> None:
    assert bool(list_codes().search(list_words(ast.parse(call)))) is is_found


DIALOG = re.compile(r"<Dialog\b(?:[^>]|=>)*>")


def test_a_dialog_that_cancels_something_has_no_second_button_to_cancel() -> None:
    dialogs = [
        dialog
        for path in (REPOSITORY / "console/src").rglob("*.tsx")
        for dialog in DIALOG.findall(path.read_text())
        if 'submitText="Cancel' in dialog
    ]
    assert len(dialogs) == 2
    assert [dialog for dialog in dialogs if "closeText=" not in dialog] == []
