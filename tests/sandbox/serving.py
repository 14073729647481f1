"""A running sandbox, and boto3 clients of whomever in it: what the tests of S3, SQS and the further services share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.sandbox_process import SandboxProcess

MEMBER, ORDERS, PAYMENTS_EU = "777788889999", "888899990000", "300040005000"
MANAGEMENT, SECURITY, LOG_ARCHIVE = "111122223333", "222233334444", "333344445555"
AWS_COMMAND = Path(sys.executable).parent / "aws"
_CONFIG: Mapping[str, Any] = {"retries": {"total_max_attempts": 1}, "read_timeout": 60}


@dataclass
class Served:
    """One sandbox process and its clients."""

    process: SandboxProcess
    _clients: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def client(self, service: str, name: str = "member-admin", region: str = "us-east-1", **config: Any) -> Any:
        """A client of a principal."""
        key = (service, name, region)
        if config or key not in self._clients:
            found = self.process.principals()[name]
            made = self._make(service, region, config, found.access_key_id, found.secret_access_key)
            if config:
                return made
            self._clients[key] = made
        return self._clients[key]

    def _make(
        self,
        service: str,
        region: str,
        config: Mapping[str, Any],
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None = None,
    ) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.process.base_url,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            aws_session_token=session_token,
            config=Config(**{**_CONFIG, **config}),
        )

    def root_client(
        self, service: str, account_id: str, task: str, region: str = "us-east-1", caller: str = "management-admin"
    ) -> Any:
        """A client of a root session."""
        given = self.root_session(account_id, task, caller)
        keys = given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
        return self._make(service, region, {}, *keys)

    def root_session(self, account_id: str, task: str, caller: str = "management-admin") -> dict[str, str]:
        answer = self.client("sts", caller).assume_root(
            TargetPrincipal=account_id, TaskPolicyArn={"arn": f"arn:aws:iam::aws:policy/root-task/{task}"}
        )
        given: dict[str, str] = answer["Credentials"]
        return given

    def user_client(self, service: str, account_id: str, *policies: str, region: str = "us-east-1") -> Any:
        """A client of a new IAM user, made with the account's administrator; ``member-admin``'s account only."""
        iam = self.client("iam")
        assert account_id == MEMBER
        name = f"user-{os.urandom(4).hex()}"
        iam.create_user(UserName=name)
        for number, policy in enumerate(policies):
            iam.put_user_policy(UserName=name, PolicyName=str(number), PolicyDocument=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return self._make(service, region, {}, made["AccessKeyId"], made["SecretAccessKey"])

    def run_cli(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the AWS CLI with nothing set but endpoint, Region and keys."""
        given = dict(environment or self.process.environment("member-admin"))
        given["AWS_DEFAULT_REGION"] = given["AWS_REGION"]
        return subprocess.run(
            [str(AWS_COMMAND), *arguments],
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "AWS_PAGER": ""} | given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextmanager
def serving(*options: str) -> Any:
    """Start a sandbox with all features on."""
    with SandboxProcess.start("--features", "all", *options) as process:
        yield Served(process)


def refusal(call: Any, /, **parameters: Any) -> tuple[str, int]:
    """Make a call that must be refused, and give code and HTTP status."""
    code, status, _ = full_refusal(call, **parameters)
    return code, status


def full_refusal(call: Any, /, **parameters: Any) -> tuple[str, int, str]:
    """The same, with the message."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    found = caught.value.response
    return found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"], found["Error"]["Message"]
