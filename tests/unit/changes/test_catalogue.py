"""The catalogue has each action of the ledger, and each row agrees with AWS, the commands and the console."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from importlib.resources import files

import pytest

from docs.reference.command_pages import list_command_paths
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.catalogue import CATALOGUE, OPEN_ROOT_SESSION
from rootkeeper.ledger.rules import Action
from tests.architecture.source_files import REPOSITORY

IN_A_SESSION = [action for action, row in CATALOGUE.items() if row.task_policy is not None and row.changes_aws]


def test_each_action_has_its_row_in_the_order_of_the_actions() -> None:
    assert list(CATALOGUE) == list(Action)


@pytest.mark.parametrize("action", CATALOGUE)
def test_every_call_is_an_operation_of_its_service(action: Action) -> None:
    row = CATALOGUE[action]
    calls = [call.split(":") for call in (*row.operations, *row.reads)]
    unknown = [f"{service}:{name}" for service, name in calls if name not in list_operations(service)]
    assert unknown == []


@cache
def list_operations(service: str) -> frozenset[str]:
    """As botocore's newest model of the service has them."""
    folder = files("botocore") / "data" / service
    newest = max(entry.name for entry in folder.iterdir())
    return frozenset(json.loads(gzip.decompress((folder / newest / "service-2.json.gz").read_bytes()))["operations"])


@pytest.mark.parametrize("action", IN_A_SESSION)
def test_the_task_policies_allow_the_calls_and_the_re_read(action: Action) -> None:
    row = CATALOGUE[action]
    assert row.task_policy is not None
    assert set(row.operations) <= set(row.task_policy.actions)
    assert set(row.reads) <= set((row.reread_policy or row.task_policy).actions)


def test_every_changing_task_policy_is_used() -> None:
    assert {CATALOGUE[action].task_policy for action in IN_A_SESSION} == set(TaskPolicy) - {TaskPolicy.AUDIT}


@pytest.mark.parametrize("action", CATALOGUE)
def test_a_change_in_aws_has_calls_a_re_read_and_a_command(action: Action) -> None:
    row = CATALOGUE[action]
    assert row.changes_aws is bool({*row.operations} - {OPEN_ROOT_SESSION})
    assert row.changes_aws is bool(row.reads)
    assert row.commands or not row.changes_aws


def test_a_call_belongs_to_one_change() -> None:
    calls = [call for row in CATALOGUE.values() if row.changes_aws for call in row.operation_names]
    assert len(calls) == len(set(calls))


def test_commands_and_pages_exist() -> None:
    files = [REPOSITORY / "console/src/layout" / name for name in ("pages.ts", "server-pages.ts")]
    titles = {title for file in files for title in re.findall(r'title: "(.+)"', file.read_text())}
    assert {page for row in CATALOGUE.values() for page in row.pages} <= titles
    commands = {" ".join(path) for path in list_command_paths()}
    assert {command for row in CATALOGUE.values() for command in row.commands} <= commands
