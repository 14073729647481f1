"""Who could open root today, and the way in when Identity Center is down.

What identity policies let a user, role or permission set do: open root sessions, and assume roles that may.

A policy that couldn't be read or understood makes an answer unknown, unless another one denies for certain.

Source: IAM User Guide, "Policy evaluation logic"; Service Authorization Reference, STS.

Who could open a member account's root today, and which way in is left when Identity Center is down.

Being on the list of those who could isn't a fault. That the list may be incomplete is what the checks say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from rootkeeper.aws.identities import (
    AccountIdentities,
    Holder,
    IamRole,
    IamUser,
    PermissionSet,
    PolicySource,
    RootUse,
    UserAccess,
)
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import PolicyDocumentError
from rootkeeper.failsafe.rules import Check, CheckVerdict, Drill, check_drills, failed, passed, unknown
from rootkeeper.guardrails.tasks import AccountPlace
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import RootCredentialsSummary
from rootkeeper.policy_language.conditions import EvaluationContext, OneOf, Values, known_values
from rootkeeper.policy_language.documents import AccessRequest, Policy, PolicyKind, PolicyLabel, parse_policy
from rootkeeper.policy_language.evaluation import (
    AccessVerdict,
    ApplicablePolicies,
    Decision,
    DenyingPolicy,
    PolicyLevel,
    evaluate,
    merge,
)
from rootkeeper.policy_language.patterns import PartialText, known_text

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


class RootSessionCallerKind(StrEnum):
    """Kinds of principals that open root sessions."""

    PERMISSION_SET = "permission_set"
    ROLE = "role"
    USER = "user"


@dataclass(frozen=True, slots=True)
class RootSessionCaller:
    """Somebody, or some role, whose policies let root sessions be opened, or may."""

    account_id: AccountId
    kind: RootSessionCallerKind
    name: str
    arn: str
    tasks: Mapping[TaskPolicy, PermissionResult]
    people: tuple[str, ...]
    """Who comes by it: a permission set's holders, a role's trusted principals; empty for a user."""
    is_complete: bool = True
    """Whether ``people`` is everybody."""

    @property
    def conditions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for one in self.tasks.values() for text in one.conditions))


def list_root_session_callers(
    identities: AccountIdentities | None,
    permission_sets: Sequence[PermissionSet],
    caller_policies: CallerAccountPolicies,
) -> tuple[RootSessionCaller, ...]:
    """Everybody in one account who may open a root session of some task; service-linked roles can't."""
    found: list[RootSessionCaller] = []
    account_id = caller_policies.place.account_id
    if identities is not None:
        for user in identities.users:
            tasks = evaluate_tasks(identity_of_user(user), caller_policies)
            found.append(RootSessionCaller(account_id, RootSessionCallerKind.USER, user.user_name, user.arn, tasks, ()))
        shown = (one for one in identities.roles if not (one.is_of_identity_center and permission_sets))
        found.extend(_evaluate_role(role, caller_policies) for role in shown if not role.is_service_linked)
    for permission_set in permission_sets:
        tasks = evaluate_tasks(
            identity_of_permission_set(permission_set, caller_policies.place.partition), caller_policies
        )
        found.append(_evaluate_permission_set(permission_set, tasks))
    return tuple(one for one in found if any(task.verdict is not AccessVerdict.BLOCKED for task in one.tasks.values()))


def _evaluate_role(role: IamRole, caller_policies: CallerAccountPolicies) -> RootSessionCaller:
    trusted = list_trusted(role)
    tasks = evaluate_tasks(identity_of_role(role), caller_policies)
    account_id = caller_policies.place.account_id
    return RootSessionCaller(
        account_id, RootSessionCallerKind.ROLE, role.role_name, role.arn, tasks, trusted, is_complete=bool(trusted)
    )


def _evaluate_permission_set(
    permission_set: PermissionSet, tasks: Mapping[TaskPolicy, PermissionResult]
) -> RootSessionCaller:
    people = tuple(_render_holder(holder) for holder in permission_set.holders)
    return RootSessionCaller(
        permission_set.account_id,
        RootSessionCallerKind.PERMISSION_SET,
        permission_set.name,
        permission_set.arn,
        tasks,
        people,
        is_complete=all(holder.members is not None for holder in permission_set.holders),
    )


def _render_holder(holder: Holder) -> str:
    if holder.members is None:
        return f"{holder.name} (members not read)"
    return f"{holder.name} ({', '.join(holder.members)})" if holder.members else holder.name


@dataclass(frozen=True, slots=True)
class AccessPath:
    """One way to a root session that needs no identity provider."""

    account_id: AccountId
    name: str
    """Such as ``IAM user break-glass``, or ``root user``."""
    verdict: CheckVerdict
    evidence: str


def evaluate_user_path(
    user: IamUser, access: UserAccess | None, roles: Sequence[IamRole], caller_policies: CallerAccountPolicies
) -> AccessPath:
    """Whether an IAM user with MFA may audit, create and delete, by itself or through a role of its account.

    :param access: ``None`` where its credentials couldn't be read.
    """
    name, account_id = f"IAM user {user.user_name}", caller_policies.place.account_id
    if access is None:
        return AccessPath(account_id, name, CheckVerdict.UNKNOWN, "its password, keys and MFA couldn't be read")
    if not access.mfa_serial_numbers:
        return AccessPath(account_id, name, CheckVerdict.FAIL, "it has no MFA device")
    if not access.has_password and not access.active_access_key_ids:
        return AccessPath(account_id, name, CheckVerdict.FAIL, "it has neither a password nor an active access key")
    tried = [*_try_directly(user, access, caller_policies), *_try_roles(user, access, roles, caller_policies)]
    permission, how = max(tried, key=lambda one: _GOODNESS[one[0].verdict])
    return AccessPath(account_id, name, _VERDICTS[permission.verdict], _describe_access_path(permission, how, access))


def _try_directly(
    user: IamUser, access: UserAccess, caller_policies: CallerAccountPolicies
) -> list[tuple[PermissionResult, str]]:
    tried = []
    if access.has_password:
        tasks = evaluate_tasks(identity_of_user(user, has_mfa=True), caller_policies)
        tried.append((combine(tasks[task] for task in WORK_TASKS), "signed in to the console"))
    if access.active_access_key_ids:
        tasks = evaluate_tasks(identity_of_user(user, is_long_term=True), caller_policies)
        tried.append((combine(tasks[task] for task in WORK_TASKS), "by its access key"))
    return tried


def _try_roles(
    user: IamUser, access: UserAccess, roles: Sequence[IamRole], caller_policies: CallerAccountPolicies
) -> list[tuple[PermissionResult, str]]:
    """A code of an MFA device goes with AssumeRole, which security keys don't give."""
    has_codes = any(":u2f/" not in number for number in access.mfa_serial_numbers)
    has_mfa = access.has_password or has_codes
    caller = identity_of_user(user, has_mfa=has_mfa, is_long_term=not access.has_password)
    tried = []
    for role in roles:
        if role.is_service_linked or role.is_of_identity_center:
            continue
        tasks = evaluate_tasks(identity_of_role(role), caller_policies)
        work = combine(tasks[task] for task in WORK_TASKS)
        if work.verdict is not AccessVerdict.BLOCKED:
            tried.append(
                (
                    combine((work, evaluate_role_assumption(caller, role, caller_policies))),
                    f"through role {role.role_name}",
                )
            )
    return tried


_GOODNESS = {AccessVerdict.BLOCKED: 0, AccessVerdict.UNKNOWN: 1, AccessVerdict.DEPENDS: 2, AccessVerdict.ALLOWED: 3}

_VERDICTS = {
    AccessVerdict.ALLOWED: CheckVerdict.PASS,
    AccessVerdict.BLOCKED: CheckVerdict.FAIL,
    AccessVerdict.DEPENDS: CheckVerdict.UNKNOWN,
    AccessVerdict.UNKNOWN: CheckVerdict.UNKNOWN,
}


def _describe_access_path(permission: PermissionResult, how: str, access: UserAccess) -> str:
    devices = f"{len(access.mfa_serial_numbers)} MFA device{'s' if len(access.mfa_serial_numbers) > 1 else ''}"
    match permission.verdict:
        case AccessVerdict.ALLOWED:
            return f"may audit, create and delete {how}; {devices}"
        case AccessVerdict.BLOCKED:
            return "may not open root sessions to audit, create and delete"
        case AccessVerdict.DEPENDS:
            return f"may audit, create and delete {how}, depending on {', '.join(permission.conditions)}; {devices}"
        case _:
            return f"it isn't known whether it may: not read: {', '.join(permission.conditions)}"


def evaluate_root_path(account_id: AccountId, login: Sequence[Check], work: PermissionResult) -> AccessPath:
    """Whether a failsafe's root user can sign in and make an IAM user that may.

    :param login: the checks of its password, MFA devices and registration.
    :param work: what SCPs make of the root user's work and of the new user's AssumeRoot.
    """
    worst = min((check.verdict for check in login), key=_BADNESS.index)
    said = "; ".join(check.evidence.rstrip(".") for check in login if check.verdict is worst)
    if worst is not CheckVerdict.PASS:
        return AccessPath(account_id, "root user", worst, said)
    match work.verdict:
        case AccessVerdict.ALLOWED:
            return AccessPath(
                account_id, "root user", CheckVerdict.PASS, "can sign in with MFA and make an IAM user that may"
            )
        case AccessVerdict.BLOCKED:
            why = "an SCP denies its work, or AssumeRoot in its account"
            return AccessPath(account_id, "root user", CheckVerdict.FAIL, why)
        case _:
            return AccessPath(account_id, "root user", CheckVerdict.UNKNOWN, f"hangs on {', '.join(work.conditions)}")


_BADNESS = (CheckVerdict.FAIL, CheckVerdict.UNKNOWN, CheckVerdict.PASS)


def check_access_paths(
    access_paths: Iterable[AccessPath], unread: Iterable[str], drills: Sequence[Drill], now: datetime
) -> Check:
    """Whether some way is left without Identity Center, and somebody has lately come in by its account.

    :param unread: what couldn't be read, where a way might be.
    """
    found, missing = tuple(access_paths), tuple(unread)
    good = [way for way in found if way.verdict is CheckVerdict.PASS]
    if good:
        said = "; ".join(f"{way.name} in {way.account_id} {way.evidence}" for way in good)
        held = [check_drills(drills, now, way.account_id) for way in good]
        drill = next((one for one in held if one.verdict is CheckVerdict.PASS), held[0])
        if drill.verdict is CheckVerdict.PASS:
            return passed("way_in", f"{said}. {drill.evidence}")
        return Check("way_in", drill.verdict, f"{said}. But: {drill.evidence}", drill.hint)
    perhaps = [way for way in found if way.verdict is CheckVerdict.UNKNOWN]
    if perhaps or missing:
        reported = (*(f"{way.name} in {way.account_id}: {way.evidence}" for way in perhaps), *missing)
        return unknown("way_in", f"No way in is shown. {'; '.join(reported)}.", _MAKE_ONE)
    reported = tuple(f"{way.name} in {way.account_id}: {way.evidence}" for way in found)
    return failed(
        "way_in", f"There is none. {'; '.join(reported) or 'No failsafe, and no IAM user who may'}.", _MAKE_ONE
    )


_MAKE_ONE = (
    "Give a failsafe its root login (rootkeeper failsafe set-up ID), or keep an IAM user with MFA that may open root "
    "sessions (rootkeeper failsafe runbook)."
)

MANAGEMENT_KINDS = ("management_mfa", "management_access_keys", "management_signing_certificates")
"""The checks of ``check_management_root``, for where it can't be read."""


def check_management_root(account_id: AccountId, found: RootCredentialsSummary) -> tuple[Check, ...]:
    """The management account's own root user, which root sessions never reach."""
    return (
        passed("management_mfa", "MFA guards it.", account_id=account_id)
        if found.has_mfa_devices
        else failed("management_mfa", "No MFA device guards it.", _SIGN_IN, account_id=account_id),
        failed("management_access_keys", "It has an access key.", _SIGN_IN, account_id=account_id)
        if found.has_access_keys
        else passed("management_access_keys", "No access key.", account_id=account_id),
        failed("management_signing_certificates", "It has a signing certificate.", _SIGN_IN, account_id=account_id)
        if found.has_signing_certificates
        else passed("management_signing_certificates", "No signing certificate.", account_id=account_id),
    )


def check_management_use(account_id: AccountId, use: RootUse, now: datetime) -> Check:
    """When it was last used: told, not judged."""
    last = use.last_used_at
    read_at = f"{use.generated_at:%Y-%m-%d %H:%M} UTC"
    if last is None:
        said = f"AWS knows of no use (credential report of {read_at})."
    else:
        said = f"Last used {last:%Y-%m-%d}, {(now - last).days} days ago (credential report of {read_at})."
    return passed("management_last_use", said, account_id=account_id)


_SIGN_IN = "Sign in as the management account's root user and mend it; no root session reaches it."
