"""The roles that a server assumes, made in a sandbox as ``rootkeeper policies roles`` prints them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3

from rootkeeper.aws.rules import AwsWork
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shipped_policies.rules import SERVER_ROLES, RoleTargets, make_role
from rootkeeper.shipped_policies.trust import RoleTrust, parse_principal
from tests.functional.administration import DELEGATE, open_client
from tests.sandbox_process import SandboxProcess

SERVER_USER = "rootkeeper-server"
SERVER_ARN = f"arn:aws:iam::{DELEGATE}:user/{SERVER_USER}"


@dataclass(frozen=True, slots=True)
class ServerRoles:
    """Four roles in the delegated administrator's account, and a user that may do nothing but assume them."""

    sandbox: SandboxProcess
    keys: dict[str, str]
    """The user's, as environment variables."""

    @classmethod
    def make(cls, sandbox: SandboxProcess) -> ServerRoles:
        iam = open_client("iam", sandbox.base_url, sandbox.principals()["delegated-admin"])
        iam.create_user(UserName=SERVER_USER)
        trust = RoleTrust((), parse_principal(SERVER_ARN, "aws", "--server-role-arn"))
        for role in SERVER_ROLES:
            made = make_role(role, RoleTargets("aws", failsafe_ids=(AccountId(DELEGATE),)), trust)
            iam.create_role(RoleName=made.name, AssumeRolePolicyDocument=json.dumps(made.trust_policy))
            iam.put_role_policy(
                RoleName=made.name, PolicyName="given", PolicyDocument=json.dumps(made.permission_policy)
            )
        may_assume = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}
        document = {"Version": "2012-10-17", "Statement": [may_assume | {"Resource": list(list_arns().values())}]}
        iam.put_user_policy(UserName=SERVER_USER, PolicyName="given", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=SERVER_USER)["AccessKey"]
        keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        return cls(sandbox, keys)

    @property
    def environment(self) -> dict[str, str]:
        """What a server is started with."""
        arns = {f"ROOTKEEPER_AWS_ROLES_{work.value.upper()}": arn for work, arn in list_arns().items()}
        return self.sandbox.environment() | self.keys | arns

    def remove(self, work: AwsWork) -> None:
        """Remove the role."""
        iam = open_client("iam", self.sandbox.base_url, self.sandbox.principals()["delegated-admin"])
        iam.delete_role_policy(RoleName=f"rootkeeper-{work.value}", PolicyName="given")
        iam.delete_role(RoleName=f"rootkeeper-{work.value}")

    def client(self, service: str) -> Any:
        """On the server's own credentials."""
        session = boto3.Session(
            aws_access_key_id=self.keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.keys["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )
        return session.client(service, endpoint_url=self.sandbox.base_url)


def list_arns() -> dict[AwsWork, str]:
    return {work: f"arn:aws:iam::{DELEGATE}:role/rootkeeper-{work.value}" for work in AwsWork}
