"""Evaluates who can open root sessions today, and which access paths work without Identity Center.

A policy that can't be read or parsed makes the result unknown, unless another policy certainly denies. A principal on
the list isn't a fault; the checks show whether the list is complete.

Source: IAM User Guide, "Policy evaluation logic"; Service Authorization Reference, STS.
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
from rootkeeper.errors import Hint, PolicyDocumentError
from rootkeeper.failsafe.rules import CHECK_VERDICTS, Check, CheckVerdict, Drill, check_drills, failed, passed, unknown
from rootkeeper.guardrails.tasks import AccountPlace
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import RootCredentialsSummary
from rootkeeper.policy_language.conditions import EvaluationContext, OneOf, Values, known_values
from rootkeeper.policy_language.documents import AccessRequest, Policy, PolicyKind, PolicyLabel, parse_policy
from rootkeeper.policy_language.evaluation import (
    AccessVerdict,
    ApplicablePolicies,
    Decision,
    PolicyLevel,
    evaluate,
    merge,
)
from rootkeeper.policy_language.patterns import PartialText, known_text

WORK_TASKS = (TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE)
"""The tasks of emergency access: audit, allow a recovery, and delete."""


@dataclass(frozen=True, slots=True)
class PermissionResult:
    """Whether a call is allowed, and the conditions that it depends on."""

    verdict: AccessVerdict
    conditions: tuple[str, ...] = ()
    """Condition keys, or policies that weren't read."""


@dataclass(frozen=True, slots=True)
class CallerAccountPolicies:
    """The account of the callers, and the SCPs over it."""

    place: AccountPlace
    levels: Sequence[PolicyLevel] | None
    """``None`` if they couldn't be read; empty for the management account, which no SCP restricts."""


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """A caller, for the evaluation of its policies."""

    arn: PartialText
    is_user: bool
    policies: tuple[PolicySource, ...]
    boundary: PolicySource | None
    tags: Mapping[str, str] | None = None
    """``None`` if the tags of its sessions aren't known."""
    user_name: str | None = None
    has_mfa: bool | None = None
    """Whether its credentials carry MFA; ``None`` if that isn't known."""
    is_long_term: bool = False
    """Whether it calls with an access key, whose requests carry no MFA."""


def identity_of_user(user: IamUser, *, has_mfa: bool | None = None, is_long_term: bool = False) -> CallerIdentity:
    """Make the identity of a user: in the console (``has_mfa``), with an access key (``is_long_term``), or either."""
    return CallerIdentity(
        known_text(user.arn), True, user.policies, user.boundary, user.tags, user.user_name, has_mfa, is_long_term
    )


def identity_of_role(role: IamRole) -> CallerIdentity:
    """Make the identity of a role session; whether it carries MFA isn't known."""
    return CallerIdentity(known_text(role.arn), False, role.policies, role.boundary)


def identity_of_permission_set(permission_set: PermissionSet, partition: str) -> CallerIdentity:
    """Make the identity of a permission set's role, whose ARN has an unknown Region and suffix."""
    account_id, name = permission_set.account_id, permission_set.name
    beginning = f"arn:{partition}:iam::{account_id}:role/aws-reserved/sso.amazonaws.com/"
    arn = PartialText((beginning, f"AWSReservedSSO_{name}_", ""))
    return CallerIdentity(arn, False, permission_set.policies, permission_set.boundary)


def evaluate_tasks(
    caller: CallerIdentity, caller_policies: CallerAccountPolicies
) -> dict[TaskPolicy, PermissionResult]:
    """Evaluate for each task whether the caller can open root sessions on member accounts.

    The request is for any member account; with a policy that names accounts the result depends on the account.
    """
    partition = caller_policies.place.partition
    target = PartialText((f"arn:{partition}:iam::", ":root"))
    context = _context(caller, caller_policies.place)
    found: dict[TaskPolicy, PermissionResult] = {}
    for task in TaskPolicy:
        values = {**context.values, **known_values({"sts:TaskPolicyArn": task.arn(partition)})}
        request = AccessRequest("sts:AssumeRoot", target, replace(context, values=values))
        found[task] = _evaluate(caller, caller_policies, request)
    return found


def evaluate_work(caller: CallerIdentity, caller_policies: CallerAccountPolicies) -> PermissionResult:
    """Evaluate whether the caller can open root sessions for all of ``WORK_TASKS``."""
    tasks = evaluate_tasks(caller, caller_policies)
    return combine(tasks[task] for task in WORK_TASKS)


def combine(permissions: Iterable[PermissionResult]) -> PermissionResult:
    """Return the worst of several results: blocked before unknown before depends."""
    found = tuple(permissions)
    for verdict in (AccessVerdict.BLOCKED, AccessVerdict.UNKNOWN, AccessVerdict.DEPENDS):
        if any(permission.verdict is verdict for permission in found):
            return PermissionResult(
                verdict, tuple(dict.fromkeys(text for permission in found for text in permission.conditions))
            )
    return PermissionResult(AccessVerdict.ALLOWED)


def evaluate_role_assumption(
    caller: CallerIdentity, role: IamRole, caller_policies: CallerAccountPolicies
) -> PermissionResult:
    """Evaluate whether a user can assume a role of its own account, by its policies and the role's trust policy.

    A trust policy that names the user is enough. If it names the account, the user's own policies must allow it, too.
    """
    request = AccessRequest("sts:AssumeRole", known_text(role.arn), _context(caller, caller_policies.place))
    trust = _read_trust(role, caller)
    if trust is None:
        return PermissionResult(AccessVerdict.UNKNOWN, (f"the trust policy of {role.role_name}",))
    policies, names_caller = trust
    decision = evaluate(request, ApplicablePolicies(identity_policies=policies))
    if decision.verdict is AccessVerdict.BLOCKED:
        return PermissionResult(AccessVerdict.BLOCKED)
    own = _evaluate(caller, caller_policies, request, needs_allow=not names_caller)
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
        is_denied = decision.verdict is AccessVerdict.BLOCKED and any(denial.is_explicit for denial in decision.denials)
        return (
            PermissionResult(AccessVerdict.BLOCKED) if is_denied else PermissionResult(AccessVerdict.UNKNOWN, missing)
        )
    return PermissionResult(decision.verdict, decision.conditions)


def _without_missing_allow(decision: Decision) -> Decision:
    """Remove the denial that the caller's own policies don't allow the call."""
    left = tuple(
        denial
        for denial in decision.denials
        if denial.kind is not PolicyKind.IDENTITY or denial.is_explicit or denial.policy
    )
    certain = tuple(denial for denial in left if not denial.unknown)
    if certain:
        return Decision(AccessVerdict.BLOCKED, certain)
    return Decision(AccessVerdict.DEPENDS, left) if left else Decision(AccessVerdict.ALLOWED)


def _read_policies(sources: Iterable[PolicySource]) -> tuple[tuple[Policy, ...], tuple[str, ...]]:
    """Parse policies; return those that can be evaluated, and the names of the others."""
    policies: list[Policy] = []
    unread: list[str] = []
    for source in sources:
        try:
            label = PolicyLabel(source.policy_id, source.name)
            policies.append(parse_policy(source.text or "", label, PolicyKind.IDENTITY))
        except PolicyDocumentError:
            unread.append(f"the policy {source.name}")
    return tuple(policies), tuple(unread)


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


def _read_trust(role: IamRole, caller: CallerIdentity) -> tuple[tuple[Policy, ...], bool] | None:
    """Parse the statements of a role's trust policy about the caller, and whether an Allow names the caller itself.

    ``None`` if its principals can't be determined.
    """
    source = role.trust_policy
    try:
        document, listed = _parse_statements(source)
        if any("NotPrincipal" in statement for statement in listed):
            return None
        mine = [statement for statement in listed if _list_matches(statement, caller)]
        # As statements of an identity policy, which has no Principal.
        statements = [
            {**{key: statement[key] for key in statement if key != "Principal"}, "Resource": "*"} for statement in mine
        ]
        text = json.dumps({"Version": document.get("Version", "2012-10-17"), "Statement": statements})
        policies = (parse_policy(text, PolicyLabel(role.arn, source.name), PolicyKind.IDENTITY),) if mine else ()
    except (AttributeError, KeyError, TypeError, ValueError, PolicyDocumentError):
        return None
    own = caller.arn.known
    return policies, any(
        own in _list_matches(statement, caller) for statement in mine if statement.get("Effect") == "Allow"
    )


def _parse_statements(source: PolicySource) -> tuple[dict[str, Any], list[Any]]:
    document = json.loads(source.text or "")
    statements = document["Statement"]
    return document, statements if isinstance(statements, list) else [statements]


def _list_matches(statement: Mapping[str, Any], caller: CallerIdentity) -> list[str]:
    """List the principals of a statement that include the caller: itself, its account, or all."""
    principal = statement.get("Principal", {})
    named = principal if isinstance(principal, str) else principal.get("AWS", ())
    names = [named] if isinstance(named, str) else list(named)
    arn = caller.arn.known or ""
    account = arn.split(":user/", 1)[0].split(":role/", 1)[0]
    meant = {"*", arn, f"{account}:root", account.rpartition(":")[2]}
    return [name for name in names if name in meant]


def list_trusted(role: IamRole) -> tuple[str, ...]:
    """List the principals that a role's trust policy names, for people; empty if it can't be read."""
    try:
        _, listed = _parse_statements(role.trust_policy)
        found = [
            name
            for statement in listed
            if statement.get("Effect") == "Allow"
            for name in _render_principal(statement.get("Principal"))
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        return ()
    return tuple(dict.fromkeys(found))


def _render_principal(principal: object) -> list[str]:
    if not isinstance(principal, Mapping):
        return ["everyone" if principal in (None, "*") else str(principal)]
    names: list[str] = []
    for named in principal.values():
        names.extend(map(str, [named] if isinstance(named, str) else named))
    return ["everyone" if name == "*" else name for name in names]


def evaluate_root_permissions(
    requests: Iterable[AccessRequest], levels: Sequence[PolicyLevel] | None
) -> PermissionResult:
    """Evaluate whether SCPs allow a signed-in root user all of these requests."""
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
    """A principal whose policies allow root sessions, or may allow them."""

    account_id: AccountId
    kind: RootSessionCallerKind
    name: str
    arn: str
    """Of the user, the role or the permission set."""
    tasks: Mapping[TaskPolicy, PermissionResult]
    people: tuple[str, ...]
    """Who can use it: the holders of a permission set, the trusted principals of a role; empty for a user."""
    is_complete: bool = True
    """Whether ``people`` is complete."""

    @property
    def conditions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for permission in self.tasks.values() for text in permission.conditions))


def list_root_session_callers(
    identities: AccountIdentities | None,
    permission_sets: Sequence[PermissionSet],
    caller_policies: CallerAccountPolicies,
) -> tuple[RootSessionCaller, ...]:
    """List the principals of an account that may open a root session; service-linked roles can't."""
    found: list[RootSessionCaller] = []
    account_id = caller_policies.place.account_id
    for user in identities.users if identities else ():
        tasks = evaluate_tasks(identity_of_user(user), caller_policies)
        found.append(RootSessionCaller(account_id, RootSessionCallerKind.USER, user.user_name, user.arn, tasks, ()))
    for role in identities.roles if identities else ():
        if role.is_service_linked or (role.is_of_identity_center and permission_sets):
            continue
        tasks, trusted = evaluate_tasks(identity_of_role(role), caller_policies), list_trusted(role)
        kind = RootSessionCallerKind.ROLE
        found.append(RootSessionCaller(account_id, kind, role.role_name, role.arn, tasks, trusted, bool(trusted)))
    for permission_set in permission_sets:
        caller = RootSessionCaller(
            permission_set.account_id,
            RootSessionCallerKind.PERMISSION_SET,
            permission_set.name,
            permission_set.arn,
            evaluate_tasks(
                identity_of_permission_set(permission_set, caller_policies.place.partition), caller_policies
            ),
            tuple(_render_holder(holder) for holder in permission_set.holders),
            is_complete=all(holder.members is not None for holder in permission_set.holders),
        )
        found.append(caller)
    return tuple(
        principal
        for principal in found
        if any(task.verdict is not AccessVerdict.BLOCKED for task in principal.tasks.values())
    )


def _render_holder(holder: Holder) -> str:
    if holder.members is None:
        return f"{holder.name} (members not read)"
    return f"{holder.name} ({', '.join(holder.members)})" if holder.members else holder.name


@dataclass(frozen=True, slots=True)
class AccessPath:
    """A path to a root session that needs no identity provider."""

    account_id: AccountId
    name: str
    """``root user``, or ``IAM user NAME``."""
    verdict: CheckVerdict
    evidence: str


def evaluate_user_path(
    user: IamUser, access: UserAccess | None, roles: Sequence[IamRole], caller_policies: CallerAccountPolicies
) -> AccessPath:
    """Evaluate whether an IAM user with MFA can audit, create and delete, itself or through a role of its account.

    :param access: ``None`` if its credentials couldn't be read.
    """
    name, account_id = f"IAM user {user.user_name}", caller_policies.place.account_id
    if access is None:
        return AccessPath(account_id, name, CheckVerdict.UNKNOWN, "its password, keys and MFA couldn't be read")
    if not access.mfa_serial_numbers:
        return AccessPath(account_id, name, CheckVerdict.FAIL, "it has no MFA device")
    if not access.has_password and not access.active_access_key_ids:
        return AccessPath(account_id, name, CheckVerdict.FAIL, "it has neither a password nor an active access key")
    tried = []
    if access.has_password:
        tried.append((evaluate_work(identity_of_user(user, has_mfa=True), caller_policies), "in the console"))
    if access.active_access_key_ids:
        tried.append((evaluate_work(identity_of_user(user, is_long_term=True), caller_policies), "with its access key"))
    tried += _try_roles(user, access, roles, caller_policies)
    permission, how = max(tried, key=lambda attempt: _WORST_FIRST.index(attempt[0].verdict))
    evidence = _describe_access_path(permission, how, access)
    return AccessPath(account_id, name, CHECK_VERDICTS[permission.verdict], evidence)


def _try_roles(
    user: IamUser, access: UserAccess, roles: Sequence[IamRole], caller_policies: CallerAccountPolicies
) -> list[tuple[PermissionResult, str]]:
    """AssumeRole takes the code of an MFA device; security keys have no codes."""
    has_codes = any(":u2f/" not in number for number in access.mfa_serial_numbers)
    has_mfa = access.has_password or has_codes
    caller = identity_of_user(user, has_mfa=has_mfa, is_long_term=not access.has_password)
    tried = []
    for role in roles:
        if role.is_service_linked or role.is_of_identity_center:
            continue
        work = evaluate_work(identity_of_role(role), caller_policies)
        if work.verdict is not AccessVerdict.BLOCKED:
            permission = combine((work, evaluate_role_assumption(caller, role, caller_policies)))
            tried.append((permission, f"through role {role.role_name}"))
    return tried


_WORST_FIRST = (AccessVerdict.BLOCKED, AccessVerdict.UNKNOWN, AccessVerdict.DEPENDS, AccessVerdict.ALLOWED)


def _describe_access_path(permission: PermissionResult, how: str, access: UserAccess) -> str:
    devices = f"{len(access.mfa_serial_numbers)} MFA device{'s' if len(access.mfa_serial_numbers) > 1 else ''}"
    match permission.verdict:
        case AccessVerdict.ALLOWED:
            return f"can audit, create and delete {how}; {devices}"
        case AccessVerdict.BLOCKED:
            return "can't open root sessions to audit, create and delete"
        case AccessVerdict.DEPENDS:
            return f"can audit, create and delete {how}, depending on {', '.join(permission.conditions)}; {devices}"
        case _:
            return f"its permissions aren't known: {', '.join(permission.conditions)} couldn't be read"


def evaluate_root_path(account_id: AccountId, login: Sequence[Check], work: PermissionResult) -> AccessPath:
    """Evaluate whether a failsafe's root user can sign in and create an IAM user that can open root sessions.

    :param login: the checks of its password, MFA devices and registration.
    :param work: whether SCPs allow the root user's work and the new user's AssumeRoot.
    """
    worst = min((check.verdict for check in login), key=_CHECKS_WORST_FIRST.index)
    if worst is not CheckVerdict.PASS:
        evidence = "; ".join(dict.fromkeys(check.evidence.rstrip(".") for check in login if check.verdict is worst))
        return AccessPath(account_id, "root user", worst, evidence)
    match work.verdict:
        case AccessVerdict.ALLOWED:
            evidence = "can sign in with MFA and create an IAM user that can open root sessions"
        case AccessVerdict.BLOCKED:
            evidence = "an SCP denies its work, or AssumeRoot in its account"
        case _:
            evidence = f"depends on {', '.join(work.conditions)}"
    return AccessPath(account_id, "root user", CHECK_VERDICTS[work.verdict], evidence)


_CHECKS_WORST_FIRST = (
    CheckVerdict.NOT_APPLICABLE,
    CheckVerdict.FAIL,
    CheckVerdict.UNKNOWN,
    CheckVerdict.PASS,
)
"""Without a console sign-in, no other check matters."""


def check_access_paths(
    access_paths: Iterable[AccessPath], unread: Iterable[str], drills: Sequence[Drill], now: datetime
) -> Check:
    """Check that an access path works without Identity Center, and that its account had a recent drill.

    :param unread: policies and identities that couldn't be read and may contain an access path.
    """
    found, missing = tuple(access_paths), tuple(unread)
    good = [path for path in found if path.verdict is CheckVerdict.PASS]
    if good:
        evidence = "; ".join(f"{path.name} in {path.account_id} {path.evidence}" for path in good)
        held = [check_drills(drills, now, path.account_id) for path in good]
        drill = next((check for check in held if check.verdict is CheckVerdict.PASS), held[0])
        if drill.verdict is CheckVerdict.PASS:
            return passed("way_in", f"{evidence}. {drill.evidence}")
        return Check("way_in", drill.verdict, f"{evidence}. But: {drill.evidence}", drill.hint)
    unsure = [path for path in found if path.verdict is CheckVerdict.UNKNOWN]
    is_unknown = bool(unsure or missing)
    listed = [f"{path.name} in {path.account_id}: {path.evidence}" for path in (unsure if is_unknown else found)]
    reasons = "; ".join((*listed, *missing)) or "no failsafe, and no IAM user that can open root sessions"
    if is_unknown:
        return unknown("way_in", f"No access path is proven: {reasons}.", _MAKE_ONE)
    return failed("way_in", f"No access path: {reasons}.", _MAKE_ONE)


_MAKE_ONE = Hint(
    "Set up the root login of a failsafe, or create an IAM user with MFA that can open root sessions.",
    "failsafe.make_access_path",
)

MANAGEMENT_KINDS = ("management_mfa", "management_access_keys", "management_signing_certificates")
"""The names of the checks of ``check_management_root``."""


def check_management_root(account_id: AccountId, found: RootCredentialsSummary) -> tuple[Check, ...]:
    """Check the management account's own root user, which root sessions can't reach."""
    results = (
        (found.has_mfa_devices, "It has an MFA device.", "It has no MFA device."),
        (not found.has_access_keys, "No access key.", "It has an access key."),
        (not found.has_signing_certificates, "No signing certificate.", "It has a signing certificate."),
    )
    return tuple(
        passed(name, good, account_id=account_id) if is_good else failed(name, bad, _SIGN_IN, account_id=account_id)
        for name, (is_good, good, bad) in zip(MANAGEMENT_KINDS, results, strict=True)
    )


def check_management_use(account_id: AccountId, use: RootUse, now: datetime) -> Check:
    """Report when it was last used; any answer passes."""
    last = use.last_used_at
    report = f"credential report of {use.generated_at:%Y-%m-%d %H:%M} UTC"
    if last is None:
        evidence = f"AWS reports no use ({report})."
    else:
        evidence = f"Last used {last:%Y-%m-%d}, {(now - last).days} days ago ({report})."
    return passed("management_last_use", evidence, account_id=account_id)


_SIGN_IN = "Sign in as the management account's root user and fix it there; root sessions can't reach it."
