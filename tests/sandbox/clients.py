"""botocore clients of a running sandbox, that send what they are given and send it once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.sandbox_process import SandboxProcess

TASK_POLICIES = "arn:aws:iam::aws:policy/root-task/"
TRUST = {"ServicePrincipal": "iam.amazonaws.com"}
_CONFIG = Config(parameter_validation=False, retries={"total_max_attempts": 1})


@cache
def _session() -> botocore.session.Session:
    """Loads each service model once for all callers; credentials are given to each client."""
    return botocore.session.get_session()


class Caller:
    """A caller with credentials, who calls one operation after the other."""

    def __init__(self, endpoint_url: str, access_key_id: str, secret_access_key: str, token: str | None = None) -> None:
        self._endpoint_url = endpoint_url
        self._credentials = (access_key_id, secret_access_key, token)
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def access_key_id(self) -> str:
        return self._credentials[0]

    def client(self, service: str, region: str = "us-east-1") -> Any:
        if (service, region) not in self._clients:
            key, secret, token = self._credentials
            self._clients[service, region] = _session().create_client(
                service,
                region_name=region,
                endpoint_url=self._endpoint_url,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=_CONFIG,
            )
        return self._clients[service, region]

    def call(self, service: str, operation: str, region: str = "us-east-1", **parameters: Any) -> dict[str, Any]:
        """Call an operation by its name on the wire, such as ``GetUser``."""
        client = self.client(service, region)
        names = {wire: method for method, wire in client.meta.method_to_api_mapping.items()}
        method: Callable[..., dict[str, Any]] = getattr(client, names[operation])
        answer = method(**parameters)
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def refusal(
        self, service: str, operation: str, region: str = "us-east-1", **parameters: Any
    ) -> tuple[str, int, str]:
        """Call what must be refused, and give code, HTTP status and message."""
        try:
            answer = self.call(service, operation, region, **parameters)
        except ClientError as error:
            found: Mapping[str, Any] = error.response
            return found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"], found["Error"]["Message"]
        raise AssertionError(f"{operation} wasn't refused but answered {answer}")

    def assume_root(self, account_id: str, task: str) -> Caller:
        """Open a root session and give whom it makes of us."""
        answer = self.call("sts", "AssumeRoot", **root_session_parameters(account_id, task))
        return self._with(answer["Credentials"])

    def assume_role(self, role_arn: str, **parameters: Any) -> Caller:
        """Open a role session and give whom it makes of us."""
        parameters = {"RoleArn": role_arn, "RoleSessionName": "tests"} | parameters
        return self._with(self.call("sts", "AssumeRole", **parameters)["Credentials"])

    def _with(self, issued: Mapping[str, str]) -> Caller:
        return Caller(self._endpoint_url, issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])


def root_session_parameters(account_id: str, task: str) -> dict[str, Any]:
    return {"TargetPrincipal": account_id, "TaskPolicyArn": {"arn": TASK_POLICIES + task}}


def callers(sandbox: SandboxProcess) -> dict[str, Caller]:
    """Give every principal of a sandbox by its name."""
    return {
        name: Caller(sandbox.base_url, found.access_key_id, found.secret_access_key)
        for name, found in sandbox.principals().items()
    }
