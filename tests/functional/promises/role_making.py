"""The shipped roles, made in a sandbox as a user would make them, and sessions of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from tests.functional.administration import open_client
from tests.functional.promises.permitted_operator import DELEGATE, PermittedOperator

SERVER_ARN = f"arn:aws:iam::{DELEGATE}:user/delegated-admin"
"""The principal that a server runs as."""


@dataclass(frozen=True, slots=True)
class Session:
    """Temporary credentials of a role."""

    keys: Mapping[str, str]
    """As environment variables."""

    def client(self, service: str, base_url: str) -> Any:
        session = boto3.Session(
            aws_access_key_id=self.keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=self.keys["AWS_SESSION_TOKEN"],
            region_name="us-east-1",
        )
        return session.client(service, endpoint_url=base_url)


def make_roles(operator: PermittedOperator, *options: str) -> None:
    """What ``rootkeeper policies roles`` says, in the account that it says."""
    run = operator.run("policies", "roles", "-o", "json", *options, principal="management-admin")
    assert run.status == 0, run.shown
    iam = operator.client("iam", "delegated-admin")
    for role in run.json["roles"]:
        trust, permissions = json.dumps(role["trust_policy"]), json.dumps(role["permission_policy"])
        iam.create_role(RoleName=role["role_name"], AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName=role["role_name"], PolicyName="given", PolicyDocument=permissions)


def assume(operator: PermittedOperator, role: str, principal: str = "delegated-admin", **parameters: str) -> Session:
    """Assume a role; a source identity is also the session's name, as the roles demand.

    :raises ClientError: if the sandbox refuses.
    """
    sts = open_client("sts", operator.sandbox.base_url, operator.sandbox.principals()[principal])
    answer = sts.assume_role(
        RoleArn=f"arn:aws:iam::{DELEGATE}:role/rootkeeper-{role}",
        RoleSessionName=parameters.get("SourceIdentity", "rootkeeper"),
        **parameters,
    )["Credentials"]
    return Session(
        {
            "AWS_ACCESS_KEY_ID": answer["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": answer["SecretAccessKey"],
            "AWS_SESSION_TOKEN": answer["SessionToken"],
        }
    )
