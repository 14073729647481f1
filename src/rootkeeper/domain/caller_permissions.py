"""What identity policies let a user, role or permission set do: open root sessions, and assume roles that may.

A policy that couldn't be read or understood makes an answer unknown, unless another one denies for certain.

Source: IAM User Guide, "Policy evaluation logic"; Service Authorization Reference, STS.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rootkeeper.domain.identities import IamRole, IamUser, PermissionSet, PolicySource
from rootkeeper.domain.policies.contexts import EvaluationContext, OneOf, Values, known_values
from rootkeeper.domain.policies.documents import AccessRequest, Policy, PolicyKind, PolicyLabel, parse_policy
from rootkeeper.domain.policies.evaluation import (
    AccessVerdict,
    ApplicablePolicies,
    Decision,
    DenyingPolicy,
    PolicyLevel,
    evaluate,
    merge,
)
from rootkeeper.domain.policies.patterns import PartialText, known_text
from rootkeeper.domain.preflight_tasks import AccountPlace
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import PolicyDocumentError

WORK_TASKS = (TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE)
"""What the way back in needs: to look, to allow a recovery, and to end it."""


@dataclass(frozen=True, slots=True)
class PermissionResult:
    """Whether something is allowed, and what that hangs on."""

    verdict: AccessVerdict
    conditions: tuple[str, ...] = ()
    """Condition keys, or policies that weren't read."""


@dataclass(frozen=True, slots=True)
class CallerAccountPolicies:
    """The account in which callers are, and the SCPs over it."""

    place: AccountPlace
    levels: Sequence[PolicyLevel] | None
    """``None`` where they couldn't be read; empty for the management account, which no SCP restricts."""


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """A caller as its policies see it."""

    arn: PartialText
    is_user: bool
    policies: tuple[PolicySource, ...]
    boundary: PolicySource | None
    tags: Mapping[str, str] | None = None
    """``None`` where its sessions bring tags that aren't known."""
    user_name: str | None = None
    has_mfa: bool | None = None
    """Whether its credentials say that MFA was given; ``None`` where that isn't known."""
    is_long_term: bool = False
    """Whether it calls by an access key of its own, which never says anything of MFA."""


def identity_of_user(user: IamUser, *, has_mfa: bool | None = None, is_long_term: bool = False) -> CallerIdentity:
    """A user in the console (``has_mfa``), by its access key (``is_long_term``), or in whatever way."""
    return CallerIdentity(
        known_text(user.arn), True, user.policies, user.boundary, user.tags, user.user_name, has_mfa, is_long_term
    )


def identity_of_role(role: IamRole) -> CallerIdentity:
    """A session of a role. Whether it tells of MFA differs by how it was opened."""
    return CallerIdentity(known_text(role.arn), False, role.policies, role.boundary)


def identity_of_permission_set(permission_set: PermissionSet, partition: str) -> CallerIdentity:
    """Whoever comes by a permission set; the role's ARN has a Region and a suffix that aren't known."""
    account_id, name = permission_set.account_id, permission_set.name
    beginning = f"arn:{partition}:iam::{account_id}:role/aws-reserved/sso.amazonaws.com/"
    arn = PartialText((beginning, f"AWSReservedSSO_{name}_", ""))
    return CallerIdentity(arn, False, permission_set.policies, permission_set.boundary)


def evaluate_tasks(
    caller: CallerIdentity, caller_policies: CallerAccountPolicies
) -> dict[TaskPolicy, PermissionResult]:
    """Whether the caller may open root sessions of each task on the organization's member accounts."""
    return {
        task: _evaluate(caller, caller_policies, _assume_root(caller, caller_policies.place, task))
        for task in TaskPolicy
    }


def combine(permissions: Iterable[PermissionResult]) -> PermissionResult:
    """The answer for all of several: the worst of them, blocked before unknown before depends."""
    found = tuple(permissions)
    for verdict in (AccessVerdict.BLOCKED, AccessVerdict.UNKNOWN, AccessVerdict.DEPENDS):
        if any(one.verdict is verdict for one in found):
            return PermissionResult(verdict, tuple(dict.fromkeys(text for one in found for text in one.conditions)))
    return PermissionResult(AccessVerdict.ALLOWED)


def evaluate_role_assumption(
    caller: CallerIdentity, role: IamRole, caller_policies: CallerAccountPolicies
) -> PermissionResult:
    """Whether a user may assume a role of its own account: what its own policies and the role's trust say.

    A trust policy that names the user itself is enough; one that names the account needs the user's policies, too.
    """
    request = AccessRequest("sts:AssumeRole", known_text(role.arn), _context(caller, caller_policies.place))
    trust = _read_trust(role, caller)
    if trust is None:
        return PermissionResult(AccessVerdict.UNKNOWN, (f"the trust policy of {role.role_name}",))
    decision = evaluate(request, ApplicablePolicies(identity_policies=trust.policies))
    if decision.verdict is AccessVerdict.BLOCKED:
        return PermissionResult(AccessVerdict.BLOCKED)
    own = _evaluate(caller, caller_policies, request, needs_allow=not trust.names_caller)
    return combine((PermissionResult(decision.verdict, decision.conditions), own))


def _evaluate(
    caller: CallerIdentity, caller_policies: CallerAccountPolicies, request: AccessRequest, *, needs_allow: bool = True
) -> PermissionResult:
    policies, unread = _read_policies(caller.policies)
    boundary, unread_boundary = _read_policies((caller.boundary,) if caller.boundary else ())
    missing = (*unread, *unread_boundary, *(("the organization's SCPs",) if caller_policies.levels is None else ()))
    applicable = ApplicablePolicies(
        service_control_levels=caller_policies.levels or (),
        identity_policies=policies,
        boundary=boundary[0] if boundary else None,
    )
    decision = evaluate(request, applicable)
    if not needs_allow:
        decision = _without_missing_allow(decision)
    if missing:
        is_denied = decision.verdict is AccessVerdict.BLOCKED and any(one.is_explicit for one in decision.denials)
        return (
            PermissionResult(AccessVerdict.BLOCKED) if is_denied else PermissionResult(AccessVerdict.UNKNOWN, missing)
        )
    return PermissionResult(decision.verdict, decision.conditions)


def _without_missing_allow(decision: Decision) -> Decision:
    """The same where the caller's own policies needn't allow."""
    left = tuple(one for one in decision.denials if not _is_missing_allow(one))
    certain = tuple(one for one in left if not one.unknown)
    if certain:
        return Decision(AccessVerdict.BLOCKED, certain)
    return Decision(AccessVerdict.DEPENDS, left) if left else Decision(AccessVerdict.ALLOWED)


def _is_missing_allow(denial: DenyingPolicy) -> bool:
    return denial.kind is PolicyKind.IDENTITY and not denial.is_explicit and denial.policy is None


def _read_policies(sources: Iterable[PolicySource]) -> tuple[tuple[Policy, ...], tuple[str, ...]]:
    """The policies that can be judged, and the names of those that can't."""
    policies: list[Policy] = []
    unread: list[str] = []
    for source in sources:
        label = PolicyLabel(source.policy_id, source.name)
        try:
            if source.text is None:
                unread.append(f"the policy {source.name}")
            else:
                policies.append(parse_policy(source.text, label, PolicyKind.IDENTITY))
        except PolicyDocumentError:
            unread.append(f"the policy {source.name}")
    return tuple(policies), tuple(unread)


def _assume_root(caller: CallerIdentity, place: AccountPlace, task: TaskPolicy) -> AccessRequest:
    """On some member account: a policy that names accounts makes the answer depend on which."""
    target = PartialText((f"arn:{place.partition}:iam::", ":root"))
    context = _context(caller, place)
    values = {**context.values, **known_values({"sts:TaskPolicyArn": task.arn(place.partition)})}
    return AccessRequest("sts:AssumeRoot", target, replace(context, values=values))


_ALWAYS_THERE = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:requestedregion",
        "aws:resourceaccount",
        "aws:resourceorgpaths",
        "aws:sourceip",
        "aws:useragent",
        "aws:userid",
    }
)
_NEVER_THERE = frozenset(
    {
        "aws:assumedroot",
        "aws:calledvia",
        "aws:principalservicename",
        "aws:requesttag/",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:tagkeys",
    }
)
_LONG_TERM_NEVER_HAS = frozenset({"aws:multifactorauthage", "aws:multifactorauthpresent", "aws:tokenissuetime"})
"""Source: IAM User Guide, "AWS global condition context keys": present only with temporary credentials."""


def _context(caller: CallerIdentity, place: AccountPlace) -> EvaluationContext:
    values: dict[str, Values | OneOf] = known_values(
        {
            "aws:PrincipalAccount": place.account_id,
            "aws:PrincipalIsAWSService": "false",
            "aws:PrincipalOrgID": place.organization_id,
            "aws:PrincipalOrgPaths": (place.organization_path,),
            "aws:PrincipalType": "User" if caller.is_user else "AssumedRole",
            "aws:ResourceOrgID": place.organization_id,
            "aws:SecureTransport": "true",
            "aws:ViaAWSService": "false",
        }
    )
    values["aws:principalarn"] = (caller.arn,)
    absent = _NEVER_THERE
    if caller.user_name is not None:
        values |= known_values({"aws:username": caller.user_name})
    if caller.tags is not None:
        values |= known_values({f"aws:PrincipalTag/{name}": value for name, value in caller.tags.items()})
        absent |= {"aws:principaltag/"}
    if caller.is_long_term and not caller.has_mfa:
        absent |= _LONG_TERM_NEVER_HAS
    elif caller.has_mfa is not None:
        values |= known_values({"aws:MultiFactorAuthPresent": "true" if caller.has_mfa else "false"})
    return EvaluationContext(values, present=_ALWAYS_THERE, absent=absent)


@dataclass(frozen=True, slots=True)
class _TrustStatements:
    """The statements of a trust policy that are about a caller."""

    policies: tuple[Policy, ...]
    names_caller: bool


def _read_trust(role: IamRole, caller: CallerIdentity) -> _TrustStatements | None:
    """``None`` where it can't be told whom it means."""
    source = role.trust_policy
    try:
        document = json.loads(source.text or "")
        statements = document["Statement"]
        listed = statements if isinstance(statements, list) else [statements]
        if any("NotPrincipal" in one for one in listed):
            return None
        mine = [one for one in listed if _list_matches(one, caller)]
        text = json.dumps(
            {"Version": document.get("Version", "2012-10-17"), "Statement": [_as_identity(one) for one in mine]}
        )
        policies = (parse_policy(text, PolicyLabel(role.arn, source.name), PolicyKind.IDENTITY),) if mine else ()
    except (AttributeError, KeyError, TypeError, ValueError, PolicyDocumentError):
        return None
    own = caller.arn.known
    return _TrustStatements(
        policies, any(own in _list_matches(one, caller) for one in mine if one.get("Effect") == "Allow")
    )


def _list_matches(statement: Mapping[str, Any], caller: CallerIdentity) -> list[str]:
    """The principals of a statement that mean the caller: itself, its account, everybody."""
    principal = statement.get("Principal", {})
    named = principal if isinstance(principal, str) else principal.get("AWS", ())
    names = [named] if isinstance(named, str) else list(named)
    arn = caller.arn.known or ""
    account = arn.split(":user/", 1)[0].split(":role/", 1)[0]
    meant = {"*", arn, f"{account}:root", account.rpartition(":")[2]}
    return [name for name in names if name in meant]


def _as_identity(statement: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in statement.items() if name != "Principal"}
    return {**kept, "Resource": "*"}


def list_trusted(role: IamRole) -> tuple[str, ...]:
    """Whom a role's trust policy names, for people; empty where it can't be read."""
    try:
        statements = json.loads(role.trust_policy.text or "")["Statement"]
        listed = statements if isinstance(statements, list) else [statements]
        found = [
            name for one in listed if one.get("Effect") == "Allow" for name in _render_actions(one.get("Principal"))
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        return ()
    return tuple(dict.fromkeys(found))


def _render_actions(principal: object) -> list[str]:
    if not isinstance(principal, Mapping):
        return ["everybody" if principal in (None, "*") else str(principal)]
    spelt: list[str] = []
    for named in principal.values():
        spelt.extend(map(str, [named] if isinstance(named, str) else named))
    return ["everybody" if name == "*" else name for name in spelt]


def evaluate_root_permissions(
    requests: Iterable[AccessRequest], levels: Sequence[PolicyLevel] | None
) -> PermissionResult:
    """Whether a signed-in root user may do all of these, where only SCPs can stop it."""
    if levels is None:
        return PermissionResult(AccessVerdict.UNKNOWN, ("the organization's SCPs",))
    applicable = ApplicablePolicies(service_control_levels=levels, identity_policies=None)
    decision = merge(evaluate(request, applicable) for request in requests)
    return PermissionResult(decision.verdict, decision.conditions)
