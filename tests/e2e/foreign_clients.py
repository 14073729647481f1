"""Clients that we didn't write, each in a process of its own with a clean environment.

A client gets an endpoint, a Region and keys, as it would for AWS, and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore import xform_name

REGION = "us-east-1"
JAVASCRIPT = Path(__file__).resolve().parent / "javascript"
SCRIPTS = Path(sys.executable).parent
AWS_ERROR = re.compile(
    r"An error occurred \((?P<code>\w+)\) when calling the (?P<operation>\w+) operation.*?: (?P<message>.*)"
)
TIMEOUT_SECONDS = 60


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


class JavaScript:
    """The AWS SDK for JavaScript v3, on Node.js."""

    def __init__(self, url: str, home: Path) -> None:
        self._environment = clean_environment(url, home)

    def tell(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """Live the whole story and return what happened."""
        story: dict[str, Any] = self._run("story.mjs", keys)
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
            for answer in self._run("calls.mjs", calls)
        ]

    def _run(self, script: str, given: Any) -> Any:
        node = shutil.which("node", path=self._environment["PATH"])
        assert node, "Node.js isn't there; make setup installs it"
        finished = subprocess.run(
            [node, str(JAVASCRIPT / script)],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            env=self._environment,
            timeout=TIMEOUT_SECONDS,
        )
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)


class AwsCommandLine:
    """The AWS CLI."""

    def __init__(self, url: str, home: Path, keys: Keys, region: str = REGION) -> None:
        self._environment = (
            clean_environment(url, home)
            | keys.as_variables()
            | {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_MAX_ATTEMPTS": "1"}
        )

    def call(self, service: str, operation: str, given: Mapping[str, Any]) -> Answer:
        """Call an operation by its API name."""
        return self.run(service, xform_name(operation, "-"), "--cli-input-json", json.dumps(given))

    def run(self, *arguments: str) -> Answer:
        """Run one command as a person would type it."""
        finished = subprocess.run(
            [sys.executable, str(SCRIPTS / "aws"), *arguments, "--output", "json"],
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
