"""Changing calls leave through the gateway alone, each for an action of the catalogue, and each is tried by a job."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from rootkeeper.aws import organizations
from rootkeeper.changes.catalogue import CATALOGUE
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import Feature
from tests.architecture.source_files import PACKAGE, list_modules, parse
from tests.functional.promises.jobs import JOBS

CHANGING = {"change", "_change", "_send_update"}
"""Methods of the gateway that send a changing call; each takes the operation."""

READING = {"read", "read_on_intent", "list_all", "_read", "_list", "_call"}

COMPUTED = {
    (action, f"{verb}Organizations{feature}")
    for action, verb in organizations._FEATURE_VERBS.items()
    for feature in Feature
} | set(organizations._SETUP_OPERATIONS.items())
"""The operations of ``change_setup``, which aren't written in its calls."""

WITHOUT_A_CHANGE = {
    "AssumeRole": "into a role of the server itself: decision in aws/roles.py, no root session",
    "AssumeRoot": "privileged, with its intent, but changes nothing",
    "DeleteMessageBatch": "acknowledges root events in our own queue",
    "PutObject": "in aws/bucket_anchor.py, the head of the ledger itself, which can't wait for an entry of the ledger",
}
"""Calls by the gateway's reading methods that don't only read."""

READS_ONLY = re.compile(r"(Describe|Generate|Get|Head|List|Receive|Simulate)[A-Z]\w+")

INTENTS = {
    "audit/reading.py": "an audit's batch shares an intent, and changes nothing",
    "changes/runner.py": "the runner, for every change",
    "changes/sessions.py": "root sessions",
    "organizations/administration.py": "the settings file of a server, and nothing in AWS",
}
"""The modules that begin an intent, and why each may."""


def list_sent() -> Iterator[tuple[Action, str]]:
    """List the changing calls in the gateway's source: the action that the intent must have, and the operation."""
    for path in sorted((PACKAGE / "aws").glob("*.py")):
        for function in list_functions(parse(path)):
            operations = {name for call in list_changing(function) for name in list_texts(call) if name[0].isupper()}
            actions = {
                Action[node.attr]
                for node in ast.walk(function)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Action"
            }
            assert not operations or len(actions) == 1, f"{path.name}: {function.name} checks no action"
            yield from ((action, operation) for action in actions for operation in operations)


def list_unnamed() -> Iterator[str]:
    """List the functions that send a changing call whose operation is neither written there nor given to them."""
    for path in sorted((PACKAGE / "aws").glob("*.py")):
        for function in list_functions(parse(path)):
            is_given = "operation" in {argument.arg for argument in function.args.args}
            if not is_given and not all(map(list_texts, list_changing(function))):
                yield f"{path.name}: {function.name}"


def list_functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def list_changing(tree: ast.AST) -> Iterator[ast.Call]:
    """List the changing calls: those that pass their intent on."""
    for call in list_calls(tree, CHANGING):
        if any(isinstance(argument, ast.Name) and argument.id == "intent" for argument in call.args):
            yield call


def list_calls(tree: ast.AST, methods: set[str]) -> Iterator[ast.Call]:
    return (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods
    )


def list_texts(call: ast.Call) -> list[str]:
    return [node.value for node in call.args if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_p01_each_changing_call_of_the_gateway_is_in_the_catalogue() -> None:
    assert list(list_unnamed()) == ["organizations.py: change_setup"]
    rows = {(action, name) for action, row in CATALOGUE.items() if row.changes_aws for name in row.operation_names}
    assert {*list_sent()} | COMPUTED == rows


def test_the_gateways_reading_methods_send_no_other_change() -> None:
    sent = {
        name
        for path in (PACKAGE / "aws").glob("*.py")
        for call in list_calls(parse(path), READING)
        for name in list_texts(call)[:1]
        if name[:1].isupper()
    }
    assert {name for name in sent if not READS_ONLY.fullmatch(name)} == WITHOUT_A_CHANGE.keys()


def test_p01_only_the_gateway_has_clients_that_change() -> None:
    gateway = PACKAGE / "aws"
    clients = re.compile(r"\w_changing\b|\bchanging=True|\bboto3\b")
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in list_modules()
        if path.is_relative_to(PACKAGE) and not path.is_relative_to(gateway) and clients.search(path.read_text())
    ]
    assert found == []


def test_only_these_modules_begin_an_intent() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in list_modules()
        if path.is_relative_to(PACKAGE) and any(list_calls(parse(path), {"append_intent"}))
    }
    assert found == INTENTS.keys()


def test_each_changing_call_is_tried_by_a_job_of_the_promises() -> None:
    tried = {operation for job in JOBS for operation in job.mutating}
    assert tried == {name for row in CATALOGUE.values() if row.changes_aws for name in row.operation_names}
