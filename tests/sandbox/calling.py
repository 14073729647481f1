"""Calls to the sandbox's services without any wire: as the request path makes them once everyone may do everything.

Authorization isn't part of it. What a service refuses by itself, and in which order, is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rootkeeper_sandbox.exchange import Call, Principal
from rootkeeper_sandbox.scenarios.build import build_world
from rootkeeper_sandbox.services.registry import SERVICES
from rootkeeper_sandbox.state.world import World

START = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
MANAGEMENT_ACCOUNT_ID = "111122223333"
SECURITY_ACCOUNT_ID = "222233334444"
ORGANIZATION_ID = "o-exampleorgid"
ORGANIZATION_ROOT_ID = "r-demo"
TASK_POLICIES = "arn:aws:iam::aws:policy/root-task/"


class Stage:
    """A world, a clock that doesn't run until it is moved, and a caller."""

    def __init__(self, **arguments: Any) -> None:
        self.now = START
        self.world: World = build_world(clock=lambda: self.now, **arguments)
        self.last_event: dict[str, Any] = {}

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def principal(self, name: str) -> Principal:
        """Get one of the scenario's principals by its name."""
        key = next(one["access_key_id"] for one in self.world.principals() if one["name"] == name)
        return self.principal_of(key)

    def principal_of(self, access_key_id: str) -> Principal:
        credential = self.world.find_credential(access_key_id)
        assert credential is not None
        return credential.principal

    def make_call(self, caller: str | Principal, service: str, operation: str, **parameters: Any) -> Call:
        principal = self.principal(caller) if isinstance(caller, str) else caller
        region = "eu-central-1" if service == "sts" else "us-east-1"
        return Call(
            world=self.world,
            service=service,
            operation=operation,
            region=region,
            is_global_endpoint=False,
            principal=principal,
            parameters=parameters,
            now=self.now,
            request_id="11111111-2222-3333-4444-555555555555",
            source_ip="127.0.0.1",
            user_agent="tests",
        )

    def call(self, caller: str | Principal, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Validate and perform one call."""
        call = self.make_call(caller, service, operation, **parameters)
        served = SERVICES[service][operation]
        self.world.settle(self.now)
        if served.validate:
            served.validate(call)
        answer = served.perform(call)
        self.last_event = call.event_details
        return answer

    def switch_on(self, *features: str) -> None:
        """Turn trusted access on, then the features: ``RootCredentialsManagement``, ``RootSessions``."""
        self.call("management-admin", "organizations", "EnableAWSServiceAccess", ServicePrincipal="iam.amazonaws.com")
        for feature in features:
            self.call("management-admin", "iam", f"EnableOrganizations{feature}")

    def delegate(self, account_id: str) -> None:
        parameters = {"AccountId": account_id, "ServicePrincipal": "iam.amazonaws.com"}
        self.call("management-admin", "organizations", "RegisterDelegatedAdministrator", **parameters)

    def root_session(self, account_id: str, task: str, caller: str = "management-admin") -> Principal:
        """Open a root session and give whom it proves."""
        answer = self.call(
            caller,
            "sts",
            "AssumeRoot",
            TargetPrincipal=account_id,
            TaskPolicyArn={"arn": TASK_POLICIES + task},
        )
        return self.principal_of(answer["Credentials"]["AccessKeyId"])
