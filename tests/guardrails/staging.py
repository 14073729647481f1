"""A case set up in a running sandbox, and everything in it really tried."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from rootkeeper.aws.gateway import AwsGateway
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.guardrails.rules import PreflightRow
from rootkeeper.guardrails.service import Preflight
from rootkeeper.guardrails.tasks import ROOT_SESSION_TASKS, SIGN_IN_ACTIONS, Task
from rootkeeper.inventory.listing import InventoryReader
from rootkeeper.organization.selection import NamedAccount, SelectionRequest
from rootkeeper_sandbox.state.accounts import derive_secret_access_key
from tests.fakes.clock import FakeClock
from tests.fakes.stores import InMemoryInventory, RecordedProgress
from tests.guardrails.diffs import apply_diff, split_fix
from tests.guardrails.worked_cases import ACCOUNT, DELEGATE, MANAGEMENT, Case
from tests.sandbox_process import Principal, SandboxProcess

BUCKET, QUEUE = "amzn-s3-demo-orders-invoices", "orders-incoming"
ROOT_KEY = "AKIAIOSFODNN7EXAMPLE"
MISSING_DEVICE = f"arn:aws:iam::{ACCOUNT}:mfa/none"
CERTIFICATE = "ABCDEFGHIJKLMNOPQRSTUVWX"
FULL_ACCESS = "p-FullAWSAccess"
_OPEN = json.dumps({"Version": "2012-10-17", "Statement": []})
_CONFIG = Config(parameter_validation=False, retries={"total_max_attempts": 1})
_UNITS = {"Workloads": "Root/Workloads", "Prod": "Root/Workloads/Prod"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One sandbox, with one case in it at a time."""

    sandbox: SandboxProcess
    places: Mapping[str, str]
    """Ids by the names that the cases use."""
    caller: ChangingCaller
    people: Mapping[str, Principal]

    @staticmethod
    def find(sandbox: SandboxProcess) -> Stage:
        organization = sandbox.organization()
        paths = {unit["ou_path"]: unit["ou_id"] for unit in organization["organizational_units"]}
        units = {name: paths[path] for name, path in _UNITS.items()} | {"root": organization["organization_root_id"]}
        places = units | {"account": ACCOUNT, "delegate": DELEGATE, "management": MANAGEMENT}
        return Stage(sandbox, places, ChangingCaller(sandbox.base_url), sandbox.principals())

    def play(self, case: Case) -> None:
        """Set the case up in a fresh organization."""
        self.sandbox.reset()
        self.sandbox.put_root_user(ACCOUNT, {"access_keys": [{"access_key_id": ROOT_KEY}]})
        admin = self._as("management-admin")
        admin.call(
            "organizations", "RegisterDelegatedAdministrator", AccountId=DELEGATE, ServicePrincipal="iam.amazonaws.com"
        )
        for policy in case.policies:
            targets = [self.places[name] for name in policy.at]
            content = policy.document.replace("{Workloads}", self.places["Workloads"])
            self.sandbox.create_policy(
                {"name": policy.name, "type": policy.type, "content": content, "targets": targets}
            )
        for name in case.without_full_access:
            admin.call("organizations", "DetachPolicy", PolicyId=FULL_ACCESS, TargetId=self.places[name])

    def apply_fix(self, fix: str) -> None:
        """Do what a fix says."""
        admin = self._as("management-admin")
        for policy_id, part in split_fix(fix):
            if policy_id is not None:
                before = admin.call("organizations", "DescribePolicy", PolicyId=policy_id)["Policy"]["Content"]
                content = json.dumps(apply_diff(part, before), separators=(",", ":"))
                admin.call("organizations", "UpdatePolicy", PolicyId=policy_id, Content=content)
            elif found := re.match(r"# Detach (\S+)", part):
                for target in admin.call("organizations", "ListTargetsForPolicy", PolicyId=found[1])["Targets"]:
                    admin.call("organizations", "DetachPolicy", PolicyId=found[1], TargetId=target["TargetId"])
            elif found := re.match(r"# Attach (\S+) to (\S+)\.", part):
                admin.call("organizations", "AttachPolicy", PolicyId=found[1], TargetId=found[2])

    def denied(self, task: Task) -> list[str]:
        """Try everything that a task needs, and tell what was denied."""
        if task is Task.ASSUME_ROOT:
            caller = self._as("delegated-admin")
            return [policy for policy in TaskPolicy if is_denied(partial(_assume_root, caller, policy))]
        if task is Task.ROOT_USER_SIGN_IN:
            self.caller.become(ROOT_KEY, derive_secret_access_key(ROOT_KEY, "demo"))
            return list(self._list_denied(SIGN_IN_ACTIONS))
        issued = _assume_root(self._as("management-admin"), TaskPolicy(task.value))["Credentials"]
        self.caller.become(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
        return list(self._list_denied(TaskPolicy(task.value).actions))

    def _as(self, name: str) -> ChangingCaller:
        found = self.people[name]
        self.caller.become(found.access_key_id, found.secret_access_key)
        return self.caller

    def _list_denied(self, actions: Sequence[str]) -> Iterator[str]:
        for action in actions:
            service, _, operation = action.partition(":")
            operation = {"ListAllMyBuckets": "ListBuckets"}.get(operation, operation)
            if is_denied(partial(self.caller.call, service, operation, **_PARAMETERS.get(operation, {}))):
                yield action


class ChangingCaller:
    """One set of clients for the next caller: making clients costs more than all calls of a case."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._session = botocore.session.get_session()
        self._session.set_credentials(ROOT_KEY, "")
        found = self._session.get_credentials()
        assert found is not None
        self._credentials = found
        self._clients: dict[str, Any] = {}

    def become(self, access_key_id: str, secret_access_key: str, token: str | None = None) -> None:
        self._credentials.access_key = access_key_id
        self._credentials.secret_key = secret_access_key
        self._credentials.token = token

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation by its name on the wire, such as ``GetUser``."""
        if service not in self._clients:
            self._clients[service] = self._session.create_client(
                service, region_name="us-east-1", endpoint_url=self._endpoint_url, config=_CONFIG
            )
        method: Callable[..., dict[str, Any]] = getattr(self._clients[service], xform_name(operation))
        return method(**parameters)


def _assume_root(caller: ChangingCaller, policy: TaskPolicy) -> dict[str, Any]:
    return caller.call("sts", "AssumeRoot", TargetPrincipal=ACCOUNT, TaskPolicyArn={"arn": policy.arn("aws")})


def is_denied(attempt: Callable[[], object]) -> bool:
    """Whether it was a refusal; another error means that the policies let the call pass."""
    try:
        attempt()
    except ClientError as error:
        return "AccessDenied" in error.response["Error"]["Code"]
    return False


_QUEUE_URL = f"/{ACCOUNT}/{QUEUE}"
_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "CreateVirtualMFADevice": {"VirtualMFADeviceName": "tried"},
    "DeactivateMFADevice": {"SerialNumber": MISSING_DEVICE},
    "DeleteAccessKey": {"AccessKeyId": "AKIAI44QH8DHBEXAMPLE"},
    "DeleteBucketPolicy": {"Bucket": BUCKET},
    "DeleteSigningCertificate": {"CertificateId": CERTIFICATE},
    "EnableMFADevice": {
        "SerialNumber": MISSING_DEVICE,
        "AuthenticationCode1": "123456",
        "AuthenticationCode2": "654321",
    },
    "GetAccessKeyLastUsed": {"AccessKeyId": ROOT_KEY},
    "GetBucketPolicy": {"Bucket": BUCKET},
    "GetQueueAttributes": {"QueueUrl": _QUEUE_URL, "AttributeNames": ["Policy"]},
    "GetQueueUrl": {"QueueName": QUEUE},
    "PutBucketPolicy": {"Bucket": BUCKET, "Policy": _OPEN},
    "SetQueueAttributes": {"QueueUrl": _QUEUE_URL, "Attributes": {"Policy": ""}},
}
"""What an operation is tried with; what it names needn't exist, but for the bucket and the queue."""

TRIED = (*ROOT_SESSION_TASKS, Task.ROOT_USER_SIGN_IN, Task.ASSUME_ROOT)


def judge(gateway: AwsGateway) -> dict[Task, PreflightRow]:
    """The rows of one account, as the real adapter reads the policies."""
    clock = FakeClock()
    inventory = InventoryReader(gateway, InMemoryInventory(), clock, gateway.read_organization(), gateway.read_caller())
    request = SelectionRequest(named=(NamedAccount(ACCOUNT),))
    report = Preflight(inventory, gateway, clock).run(RecordedProgress(), request)
    return {row.task: row for row in report.rows}
