"""``sandbox init``: an example to start from, that then starts; and the options that choose what is served."""

from __future__ import annotations

import subprocess
from contextlib import chdir
from pathlib import Path
from typing import Any

import boto3
import pytest

from rootkeeper_sandbox.scenarios.build import EXAMPLES, find_example
from tests.sandbox.command import run_command
from tests.sandbox_process import SandboxProcess


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    with chdir(folder):
        return run_command(*arguments)


def test_it_writes_an_example_and_says_how_to_start_it(tmp_path: Path) -> None:
    ended = run("init", folder=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "rootkeeper sandbox --scenario sandbox.yaml" in ended.stdout
    assert (tmp_path / "sandbox.yaml").read_text() == find_example("small-start").read_text()
    with SandboxProcess.start("--scenario", str(tmp_path / "sandbox.yaml")) as sandbox:
        assert len(sandbox.accounts()) == 8


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_it_writes_any_example_anywhere(tmp_path: Path, name: str) -> None:
    ended = run("init", "my own.yaml", "--example", name, folder=tmp_path)
    assert ended.returncode == 0
    assert "--scenario 'my own.yaml'" in ended.stdout
    assert (tmp_path / "my own.yaml").read_text() == find_example(name).read_text()


def test_the_default_scenario_can_be_written_and_started(tmp_path: Path) -> None:
    assert run("init", "demo.yaml", "--example", "demo", folder=tmp_path).returncode == 0
    with (
        SandboxProcess.start("--scenario", str(tmp_path / "demo.yaml")) as written,
        SandboxProcess.start() as default,
    ):
        assert written.principals() == default.principals()
        assert len(written.accounts()) == 26
        assert list_held(written) == list_held(default)
        assert list_resources(written) == list_resources(default)
        assert list_resources(written)[1:] == [["amzn-s3-demo-shop-assets"], ["rootkeeper-root-events"]]


def list_held(sandbox: SandboxProcess) -> list[tuple[str, str, list[str]]]:
    """Each account with its state and the kinds of root user credentials that it has."""
    return [
        (one["account_id"], one["state"], sorted(kind for kind, held in one["root_user"].items() if held))
        for one in sandbox.organization()["accounts"]
    ]


def list_resources(sandbox: SandboxProcess) -> list[object]:
    """What the demo has beside accounts: the people of Identity Center, buckets and queues, as their services say."""
    clients = {
        service: make_client(sandbox, principal, service)
        for service, principal in {
            "sso-admin": "management-admin",
            "identitystore": "management-admin",
            "s3": "member-admin",
            "sqs": "delegated-admin",
        }.items()
    }
    center = clients["sso-admin"].list_instances()["Instances"][0]
    users = clients["identitystore"].list_users(IdentityStoreId=center["IdentityStoreId"])["Users"]
    buckets = clients["s3"].list_buckets()["Buckets"]
    queues = clients["sqs"].list_queues()["QueueUrls"]
    return [
        (center["InstanceArn"], center["Name"], [user["UserName"] for user in users]),
        [bucket["Name"] for bucket in buckets],
        [queue.rpartition("/")[2] for queue in queues],
    ]


def make_client(sandbox: SandboxProcess, principal: str, service: str) -> Any:
    keys = sandbox.principals()[principal]
    session = boto3.Session(keys.access_key_id, keys.secret_access_key, region_name="us-east-1")
    return session.client(service, endpoint_url=sandbox.base_url)


def test_it_overwrites_nothing_unasked(tmp_path: Path) -> None:
    (tmp_path / "sandbox.yaml").write_text("mine")
    ended = run("init", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "sandbox.yaml exists already (--force overwrites it)." in ended.stderr
    assert (tmp_path / "sandbox.yaml").read_text() == "mine"
    assert run("init", "--force", folder=tmp_path).returncode == 0
    assert (tmp_path / "sandbox.yaml").read_text() != "mine"


def test_it_says_where_it_cannot_write(tmp_path: Path) -> None:
    ended = run("init", "missing/sandbox.yaml", folder=tmp_path)
    assert ended.returncode == 2
    assert "can't write missing/sandbox.yaml: No such file or directory." in ended.stderr


def test_a_scenario_file_that_is_not_in_order_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("scenario: 1\naccounts:\n  - id: 1\n    management: true\n")
    ended = run("--port", "0", "--scenario", "bad.yaml", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "bad.yaml:3: accounts[0].id: must be 12 digits, not '1'." in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments", [("--throttle", "some"), ("--consistency", "some"), ("init", "--example", "some")]
)
def test_words_that_mean_nothing_are_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = run(*arguments, folder=tmp_path)
    assert ended.returncode == 2
    assert "invalid choice: 'some'" in ended.stderr


def test_the_options_reach_the_sandbox() -> None:
    with SandboxProcess.start("--scenario", "small-start", "--consistency", "aws", "--throttle", "aws") as sandbox:
        assert sandbox.organization()["organization_id"] == "o-examplesmall"
