"""Asks IAM what a principal's policies allow, by a simulation that makes none of the calls.

AWS evaluates identity policies, the permissions boundary and service control policies. It doesn't know session
policies, resource control policies, or conditions on keys that aren't given.

Source: IAM SimulatePrincipalPolicy and GetRole, API version 2010-05-08; IAM User Guide, "IAM policy testing with the
IAM policy simulator".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from rootkeeper.aws.clients import GatewayPart
from rootkeeper.aws.errors import required
from rootkeeper.errors import AwsAccessDeniedError, AwsNotFoundError

_SIMULATE = "iam:SimulatePrincipalPolicy"
_ALLOWED = "allowed"
_ROLE_SESSION = re.compile(r"(?P<start>arn:[a-z0-9-]+):sts::(?P<account_id>\d{12}):assumed-role/(?P<role>[^/]+)/.+")


class PermissionSimulator(Protocol):
    """Simulates calls of a principal."""

    def find_principal(self, caller_arn: str) -> str:
        """Find the user or role behind a caller's ARN. iam:GetRole for the session of a role."""
        ...

    def list_denied(
        self, principal_arn: str, actions: Sequence[str], *, resource: str = "*", context: Mapping[str, str]
    ) -> tuple[str, ...]:
        """List the actions that the principal's policies don't allow, in the order given. iam:SimulatePrincipalPolicy.

        :param context: values of condition keys.
        :raises AwsAccessDeniedError: if the caller may not simulate.
        :raises AwsRejectedError: if AWS can't simulate this principal, such as a root user.
        """
        ...


class AwsPermissionSimulation(GatewayPart):
    """Implements ``PermissionSimulator``."""

    def find_principal(self, caller_arn: str) -> str:
        session = _ROLE_SESSION.fullmatch(caller_arn)
        if session is None:
            return caller_arn
        try:
            answer = self._clients.iam.read("GetRole", RoleName=session["role"])
        except (AwsAccessDeniedError, AwsNotFoundError):
            # The session's ARN leaves out the role's path; most roles have none.
            return f"{session['start']}:iam::{session['account_id']}:role/{session['role']}"
        return str(required(required(answer, "Role", "iam:GetRole"), "Arn", "iam:GetRole"))

    def list_denied(
        self, principal_arn: str, actions: Sequence[str], *, resource: str = "*", context: Mapping[str, str]
    ) -> tuple[str, ...]:
        results = self._clients.iam.list_all(
            "SimulatePrincipalPolicy",
            "EvaluationResults",
            PolicySourceArn=principal_arn,
            ActionNames=list(actions),
            ResourceArns=[resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in context.items()
            ],
        )
        allowed = {
            str(required(one, "EvalActionName", _SIMULATE)).lower()
            for one in results
            if required(one, "EvalDecision", _SIMULATE) == _ALLOWED
            and (one.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations", True)
        }
        return tuple(action for action in actions if action.lower() not in allowed)
