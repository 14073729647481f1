"""The table of what each command needs is in order; whether it is true is tried in the functional tests (P17)."""

from __future__ import annotations

import gzip
import json
import re
from importlib.resources import files

import pytest

from docs.reference.command_pages import list_command_paths
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import InputError
from rootkeeper.shipped_policies.rules import (
    COMMANDS,
    SERVER_ROLES,
    CommandPermissions,
    ShippedRole,
    combine,
    get_command,
    list_commands,
)

ACTION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z]+")


def test_no_command_is_there_twice() -> None:
    names = [command.command for command in COMMANDS]
    assert len(names) == len(set(names))


def test_every_command_of_the_table_is_a_command_of_the_program() -> None:
    known = {" ".join(path) for path in list_command_paths()}
    assert {command.command for command in COMMANDS} <= known


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.command)
def test_actions_are_spelled_in_full_and_root_sessions_stand_apart(command: CommandPermissions) -> None:
    assert all(ACTION.fullmatch(action) for action in command.actions)
    assert not {action for action in command.actions if action.startswith("sts:")}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.command)
def test_every_action_is_an_operation_of_its_service(command: CommandPermissions) -> None:
    for action in command.actions:
        service, operation = action.split(":")
        assert operation in list_operations(service), action


def list_operations(service: str) -> set[str]:
    """As botocore's newest model of the service has them."""
    folder = files("botocore") / "data" / {"sso": "sso-admin"}.get(service, service)
    newest = max(entry.name for entry in folder.iterdir())
    return set(json.loads(gzip.decompress((folder / newest / "service-2.json.gz").read_bytes()))["operations"])


@pytest.mark.parametrize(
    ("role", "tasks"),
    [
        (ShippedRole.AUDIT, {TaskPolicy.AUDIT}),
        (ShippedRole.DELETE, {TaskPolicy.AUDIT, TaskPolicy.DELETE}),
        (ShippedRole.RECOVER, {TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE}),
        (ShippedRole.REPORT, set()),
        (ShippedRole.UNLOCK, {TaskPolicy.UNLOCK_BUCKET, TaskPolicy.UNLOCK_QUEUE}),
        (ShippedRole.SET_UP, {TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE}),
    ],
)
def test_a_role_opens_root_sessions_for_its_job_alone(role: ShippedRole, tasks: set[TaskPolicy]) -> None:
    assert set(combine(list_commands(role)).task_policies) == tasks


@pytest.mark.parametrize("role", SERVER_ROLES)
def test_a_role_of_the_server_changes_only_addresses_and_reports_with_its_own_credentials(role: ShippedRole) -> None:
    reading = re.compile(r"[a-z0-9-]+:(Describe|Get|List)[A-Za-z]+|iam:GenerateCredentialReport")
    changing = {action for action in combine(list_commands(role)).actions if not reading.fullmatch(action)}
    expected = {
        ShippedRole.RECOVER: {"account:StartPrimaryEmailUpdate", "account:AcceptPrimaryEmailUpdate"},
        ShippedRole.REPORT: {"s3:PutObject", "securityhub:BatchImportFindings"},
    }
    assert changing == expected.get(role, set())


def test_the_union_has_everything_once_and_in_order() -> None:
    first = CommandPermissions("a", ShippedRole.AUDIT, frozenset({"iam:GetUser", "iam:GetRole"}))
    second = CommandPermissions(
        "b", ShippedRole.AUDIT, frozenset({"iam:GetUser"}), frozenset({TaskPolicy.DELETE, TaskPolicy.AUDIT})
    )
    together = combine([first, second])
    assert together.actions == ("iam:GetRole", "iam:GetUser")
    assert together.task_policies == (TaskPolicy.AUDIT, TaskPolicy.DELETE)


def test_a_command_is_found_by_its_name() -> None:
    assert get_command("windows close").role is ShippedRole.RECOVER


def test_an_unknown_command_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(InputError, match="'ledger verify' is no command") as caught:
        get_command("ledger verify")
    assert "windows close" in (caught.value.hint or "")
