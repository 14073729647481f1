"""Clients that we didn't write, each in a process of its own with a clean environment.

A client gets an endpoint, a Region and keys, as it would for AWS, and nothing else.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

REGION = "us-east-1"
_HERE = Path(__file__).resolve().parent
JAVASCRIPT, BOTO3, GO = _HERE / "javascript", _HERE / "boto3_client.py", _HERE / "go"
_HOME = Path.home()
"""Of the person who runs the tests, taken before tests get another: Go's caches are there."""
GO_BUILD_SECONDS = 600
SCRIPTS = Path(sys.executable).parent
AWS_ERROR = re.compile(
    r"An error occurred \((?P<code>\w+)\) when calling the (?P<operation>\w+) operation.*?: (?P<message>.*)"
)
COMMANDS = {"s3": "s3api"}
"""What the AWS CLI calls a service, where it isn't the service's own name."""
TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key, and the session's token if it is a temporary one."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def as_variables(self) -> dict[str, str]:
        variables = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        return variables | ({"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {})

    def as_javascript(self) -> dict[str, str]:
        credentials = {"accessKeyId": self.access_key_id, "secretAccessKey": self.secret_access_key}
        return credentials | ({"sessionToken": self.session_token} if self.session_token else {})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client was answered."""

    ok: bool
    output: Any
    code: str | None = None
    message: str | None = None
    status: int | None = None
    """The HTTP status; ``None`` where the client doesn't tell it."""


def clean_environment(url: str, home: Path) -> dict[str, str]:
    """The endpoint and the Region; no profile, no key, nothing of the person who runs the tests."""
    return {
        "PATH": os.pathsep.join([os.environ["PATH"], str(SCRIPTS)]),
        "HOME": str(home),
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class Sdk:
    """An SDK in a process that reads what to do from standard input and prints what it was answered."""

    def __init__(self, url: str, home: Path) -> None:
        self._environment = clean_environment(url, home)

    def command(self, act: str) -> list[str]:
        """What to run for ``story`` or ``calls``."""
        raise NotImplementedError

    def tell(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """Live the whole story and return what happened."""
        story: dict[str, Any] = self._run("story", keys)
        return story

    def call(self, calls: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """Make calls in one process, in order."""
        return [
            Answer(
                ok=answer["ok"],
                output=answer.get("output"),
                code=answer.get("code"),
                message=answer.get("message"),
                status=answer["status"],
            )
            for answer in self._run("calls", calls)
        ]

    def _run(self, act: str, given: Any) -> Any:
        finished = subprocess.run(
            self.command(act),
            input=json.dumps(given),
            capture_output=True,
            text=True,
            env=self._environment,
            timeout=TIMEOUT_SECONDS,
        )
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)


class JavaScript(Sdk):
    """The AWS SDK for JavaScript v3, on Node.js."""

    def command(self, act: str) -> list[str]:
        node = shutil.which("node", path=self._environment["PATH"])
        assert node, "Node.js isn't there; make setup installs it"
        return [node, str(JAVASCRIPT / f"{act}.mjs")]


class Boto3(Sdk):
    """boto3."""

    def command(self, act: str) -> list[str]:
        return [sys.executable, str(BOTO3), act]


class Go(Sdk):
    """The AWS SDK for Go v2, built once for all tests; they are skipped where it can't be."""

    def command(self, act: str) -> list[str]:
        return [str(build_go_client()), act]

    def create(self, keys: Keys, count: int, *, in_flight: int, is_worst_order: bool = False) -> dict[str, Any]:
        """Create organizational units and roles, and return the errors. The SDK repeats calls by its defaults.

        :param is_worst_order: whether the answers come when they can be lost most easily.
        """
        given = {"credentials": keys.as_javascript(), "count": count, "inFlight": in_flight}
        made: dict[str, Any] = self._run("creates", given | {"worstOrder": is_worst_order})
        return made


SDKS: Mapping[str, type[Sdk]] = {"javascript": JavaScript, "boto3": Boto3, "go": Go}


@cache
def build_go_client() -> Path:
    """Build the client in Go, with the home folder's caches, or skip the test and say why."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    if go is None:
        pytest.skip("Go isn't installed: the AWS SDK for Go can't be tried")
    environment = os.environ | {"HOME": str(_HOME), "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    fetched = _run_go([go, "mod", "download"], environment)
    if fetched.returncode:
        pytest.skip(f"Go's modules can't be had: the AWS SDK for Go can't be tried ({fetched.stderr.strip()[-200:]})")
    target = Path(tempfile.mkdtemp(prefix="rootkeeper-go-")) / "story"
    atexit.register(shutil.rmtree, target.parent, ignore_errors=True)
    built = _run_go([go, "build", "-o", str(target), "."], environment)
    assert built.returncode == 0, built.stderr
    return target


def _run_go(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=GO, env=environment, capture_output=True, text=True, timeout=GO_BUILD_SECONDS, check=False
    )


class AwsCommandLine:
    """The AWS CLI."""

    def __init__(self, url: str, home: Path, keys: Keys, region: str = REGION) -> None:
        self._url = url
        self._environment = (
            clean_environment(url, home)
            | keys.as_variables()
            | {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_MAX_ATTEMPTS": "1"}
        )

    def call(self, service: str, operation: str, given: Mapping[str, Any]) -> Answer:
        """Call an operation by its API name."""
        return self.run(
            COMMANDS.get(service, service), xform_name(operation, "-"), "--cli-input-json", json.dumps(given)
        )

    def run(self, *arguments: str) -> Answer:
        """Run one command as a person would type it.

        Version 1 of the AWS CLI looks for SQS at AWS and ignores ``AWS_ENDPOINT_URL``; it needs the option.
        """
        endpoint = ["--endpoint-url", self._url] if arguments[0] == "sqs" else []
        finished = subprocess.run(
            [sys.executable, str(SCRIPTS / "aws"), *arguments, *endpoint, "--output", "json"],
            capture_output=True,
            text=True,
            env=self._environment,
            timeout=TIMEOUT_SECONDS,
        )
        if finished.returncode == 0:
            return Answer(ok=True, output=json.loads(finished.stdout) if finished.stdout.strip() else None)
        refused = AWS_ERROR.search(finished.stderr)
        assert refused, finished.stderr
        return Answer(ok=False, output=None, code=refused["code"], message=refused["message"].strip())
