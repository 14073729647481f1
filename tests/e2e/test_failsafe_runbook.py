"""The failsafe's runbook, step by step with bash and the AWS CLI, while Identity Center is down.

Rootkeeper prints it and then isn't needed any more: every line is run as printed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.failsafe.runbook import CommandLineKind, RunbookStep
from tests.e2e.foreign_clients import SCRIPTS, TIMEOUT_SECONDS, AwsCommandLine, Keys
from tests.e2e.stage import Stage, summarize
from tests.root_person import RootPerson, code_in, two_codes

pytestmark = pytest.mark.long

FAILSAFE, MEMBER = "222233334444", "888899990000"
LATELY = "2026-08-01T00:00:00Z"
ROOT_USER = {
    "password": True,
    "password_last_used_at": LATELY,
    "access_keys": [{"access_key_id": "AKIAIOSFODNN7EXAMPLE", "status": "Active", "created_at": LATELY}],
    "signing_certificates": [
        {"certificate_id": "TA7SMP42TDN5Z26OBPJE7EXAMPLE", "status": "Active", "uploaded_at": LATELY}
    ],
}
"""What the member's root user has before."""


@dataclass
class Shell:
    """One terminal: what a block of lines leaves behind is there for the next one."""

    folder: Path
    environment: dict[str, str]
    spoken: list[str] = field(default_factory=list)

    def paste(self, commands: tuple[str, ...], *typed: str) -> str:
        """Paste lines and type what they ask for; what is shown comes back."""
        state = self.folder / "state"
        state.touch()
        script = "\n".join(
            (
                f"source {state}",
                *commands,
                "ended=$?",
                f"{{ declare -f; export -p; declare -p TARGET 2>/dev/null; }} > {state}",
                "exit $ended",
            )
        )
        finished = subprocess.run(
            ["bash", "-c", script],
            input="".join(f"{line}\n" for line in typed),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS * 3,
            check=False,
        )
        assert finished.returncode == 0, f"{script}\n{finished.stdout}\n{finished.stderr}"
        assert "An error occurred" not in finished.stderr, f"{script}\n{finished.stderr}"
        self.spoken.append(finished.stdout)
        return finished.stdout


def plain_environment(home: Path, values: Mapping[str, str] | None = None) -> dict[str, str]:
    path = os.pathsep.join([str(SCRIPTS), os.environ["PATH"]])
    return {"PATH": path, "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", **(values or {})}


@pytest.fixture(scope="module")
def stage(stages: Any) -> Iterator[Stage]:
    with stages("--scenario", "demo", "--features", "all") as stage:
        yield stage


@pytest.fixture(scope="module")
def steps(stage: Stage) -> dict[str, RunbookStep]:
    """What the program prints, by title; it is the last that is asked of it."""
    management = AwsCommandLine(stage.url, stage.home, stage.keys("management-admin"))
    registered = management.run(
        "organizations",
        "register-delegated-administrator",
        "--account-id",
        FAILSAFE,
        "--service-principal",
        "iam.amazonaws.com",
    )
    assert registered.ok
    environment = stage.process.environment() | {"ROOTKEEPER_DATABASE_URL": f"sqlite:///{stage.home / 'rootkeeper.db'}"}
    printed = subprocess.run(
        [sys.executable, "-m", "rootkeeper", "failsafe", "runbook", "-o", "json"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert printed.returncode == 0, printed.stderr
    return {
        reported["title"]: RunbookStep(
            reported["title"],
            reported["text"],
            CommandLineKind(reported["terminal"]) if reported["terminal"] else None,
            tuple(reported["commands"]),
        )
        for reported in json.loads(printed.stdout)["steps"]
    }


def find(steps: Mapping[str, RunbookStep], beginning: str) -> tuple[str, ...]:
    return next(step.commands for title, step in steps.items() if title.startswith(beginning))


@pytest.mark.timeout(900)
def test_a_members_recovery_is_opened_and_closed_without_rootkeeper_and_without_identity_center(
    stage: Stage, steps: dict[str, RunbookStep], tmp_path: Path
) -> None:
    stage.process.control("POST", "identity-center", {"status": "down"})
    stage.process.put_root_user(MEMBER, ROOT_USER)
    since = stage.process.last_request()
    (tmp_path / "cloudshell").mkdir()
    (tmp_path / "own").mkdir()
    person = RootPerson(stage.process, FAILSAFE)
    person.sign_in()
    root = Shell(tmp_path / "cloudshell", plain_environment(tmp_path, person.open_cloud_shell()))
    own = Shell(tmp_path / "own", plain_environment(tmp_path))

    assert f"arn:aws:iam::{FAILSAFE}:root" in root.paste(find(steps, "Sign in"))
    seed = make_user(root, find(steps, "Create the break-glass user"))
    root.paste(find(steps, "Create the role"))
    key_id, secret = root.paste(find(steps, "Create an access key")).split()

    assert f"arn:aws:iam::{FAILSAFE}:user/break-glass" in own.paste(
        find(steps, "Use the user's access key"), key_id, secret
    )
    stage.process.clock(60)
    session = own.paste(find(steps, "Assume the role"), code_in(seed, 2))
    assert f"arn:aws:sts::{FAILSAFE}:assumed-role/break-glass-root-access/break-glass" in session
    own.paste(find(steps, "Choose the member account"), MEMBER)
    assert json.loads(own.paste(find(steps, "Show the root user credentials"))) == {
        "Password": 1,
        "AccessKeys": 1,
        "Certificates": 1,
        "Mfa": 0,
    }
    take_away(own, steps)

    own.paste(find(steps, "Allow its root user"))
    assert stage.read_root_users()[MEMBER]["recovery_allowed"] is True
    RootPerson(stage.process, MEMBER).complete()
    assert summarize(stage.read_root_users()[MEMBER]) == {
        "password": 1,
        "access_keys": 0,
        "signing_certificates": 0,
        "mfa_devices": 1,
    }
    take_away(own, steps)
    assert set(json.loads(own.paste(find(steps, "Show the credentials again"))).values()) == {0}
    assert set(summarize(stage.read_root_users()[MEMBER]).values()) == {0}

    root.paste(find(steps, "Delete the user's access key"))
    refused = AwsCommandLine(stage.url, stage.home, Keys(key_id, secret)).run("sts", "get-caller-identity")
    assert refused.code == "InvalidClientTokenId"
    root.paste(find(steps, "Delete the user and the role"))
    called = {request["operation"].lower() for request in stage.process.requests(since)}
    assert list_documented_operations(steps) - called == set()
    delegate = AwsCommandLine(stage.url, stage.home, stage.keys("delegated-admin"))
    assert "break-glass" not in json.dumps(delegate.run("iam", "list-users").output)
    assert "break-glass" not in json.dumps(delegate.run("iam", "list-roles").output)


def list_documented_operations(steps: Mapping[str, RunbookStep]) -> set[str]:
    """Every operation that the runbook says to call, in small letters."""
    lines = [line for step in steps.values() for line in step.commands]
    reported = {name.replace("-", "") for line in lines for name in re.findall(r"\baws (?:iam|sts) ([a-z0-9-]+)", line)}
    assert "assumeroot" in reported
    return reported


def make_user(root: Shell, commands: tuple[str, ...]) -> str:
    """The seed is read before the codes are asked for, so the lines are pasted in two parts."""
    asked = next(index for index, line in enumerate(commands) if line.startswith("read "))
    root.paste(commands[:asked])
    seed = (root.folder / "mfa-seed.txt").read_text().strip()
    assert seed in root.spoken[-1]
    root.paste(commands[asked:], *two_codes(seed))
    assert not (root.folder / "mfa-seed.txt").exists()
    return seed


def take_away(own: Shell, steps: Mapping[str, RunbookStep]) -> None:
    own.paste(find(steps, "Delete access keys"))
    own.paste(find(steps, "Delete the MFA devices"))


def test_the_runbook_holds_no_secret_and_nothing_of_rootkeepers(steps: dict[str, RunbookStep]) -> None:
    lines = [line for step in steps.values() for line in step.commands]
    assert not [line for line in lines if "rootkeeper" in line or "AKIA" in line]
