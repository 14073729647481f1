"""IAM: decisions by the policies of a user or role, without the simulated call.

Identity policies and service control policies decide, as for a real call. The condition keys are those of the request
and the principal's own; matched statements and missing keys aren't listed.

Source: IAM SimulatePrincipalPolicy, API version 2010-05-08.
"""

from __future__ import annotations

from typing import Any

from rootkeeper_sandbox.authorization.authorizer import AccessDenial, DenyingPolicyType, RequestPolicies, decide
from rootkeeper_sandbox.authorization.conditions import AccessRequest, Context
from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.iam_credentials import caller_account, no_such_entity, render_page
from rootkeeper_sandbox.state.accounts import IamRole, IamUser


def _source_arn(call: Call) -> str:
    return str(call.parameters["PolicySourceArn"])


OPERATIONS = ServedOperations("iam", resource=_source_arn)


@OPERATIONS.read("SimulatePrincipalPolicy")
def simulate_principal_policy(call: Call) -> dict[str, Any]:
    """Decide about each action on each resource."""
    identity = _get_source(call)
    resources = call.parameters.get("ResourceArns") or ["*"]
    results = [
        _simulate(call, identity, action, resource)
        for action in call.parameters["ActionNames"]
        for resource in resources
    ]
    return render_page(call, "EvaluationResults", results)


def _get_source(call: Call) -> IamUser | IamRole:
    """Find the user or role of the caller's account; AWS simulates no root user."""
    account, arn = caller_account(call), _source_arn(call)
    for user in account.identities.users.values():
        if call.world.user_arn(account.account_id, user) == arn:
            return user
    for role in account.identities.roles.values():
        if call.world.role_arn(account.account_id, role) == arn:
            return role
    if arn.endswith(":root"):
        raise ServiceError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    raise no_such_entity(f"The entity with ARN {arn} cannot be found.")


def _simulate(call: Call, identity: IamUser | IamRole, action: str, resource: str) -> dict[str, Any]:
    account_id = call.principal.account_id
    is_limited = account_id != call.world.management_account_id
    levels = call.world.service_control_policies(account_id) if is_limited else ()
    request = AccessRequest(
        action=action.lower(),
        resource=resource,
        context=_gather_context(call),
        account_id=account_id,
        principal_arns=frozenset({_source_arn(call)}),
    )
    denial = decide(request, RequestPolicies(levels, identity.permissions.documents()))
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": _name_decision(denial),
        "MatchedStatements": [],
        "MissingContextValues": [],
    }
    if is_limited:
        is_allowed = denial is None or denial.policy_type is not DenyingPolicyType.SERVICE_CONTROL
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": is_allowed}
    return result


def _gather_context(call: Call) -> Context:
    own = {"aws:principalaccount": call.principal.account_id, "aws:principalarn": _source_arn(call)}
    given = {
        entry["ContextKeyName"].lower(): _one_or_many(entry["ContextKeyValues"])
        for entry in call.parameters.get("ContextEntries") or ()
    }
    return own | given


def _one_or_many(values: list[str]) -> str | tuple[str, ...]:
    return values[0] if len(values) == 1 else tuple(values)


def _name_decision(denial: AccessDenial | None) -> str:
    if denial is None:
        return "allowed"
    return "explicitDeny" if denial.is_explicit else "implicitDeny"
