"""Hints in the console lead to what the console has, and never to a command line."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.architecture.source_files import REPOSITORY

SOURCE = REPOSITORY / "src/rootkeeper"
HINTS = REPOSITORY / "console/src/api/hints.ts"
ENTRY = re.compile(r'^  "([a-z_.]+)": "(.*)",$', re.MULTILINE)
COMMAND = re.compile(r"rootkeeper [a-z]+|(?<!\w)--[a-z]")
OF_COMMANDS = ("cli", "remote", "doctor")
"""Folders that no server's answer comes from."""


@cache
def list_calls() -> tuple[tuple[str, ast.Call], ...]:
    paths = [path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] not in OF_COMMANDS]
    return tuple(
        (path.name, node)
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
