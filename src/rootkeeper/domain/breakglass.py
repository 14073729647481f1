"""Who could open a member account's root today, and which way in is left when Identity Center is down.

Being on the list of those who could isn't a fault. That the list may be incomplete is what the checks say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rootkeeper.domain.caller_permissions import (
    WORK_TASKS,
    CallerAccountPolicies,
    PermissionResult,
    combine,
    evaluate_role_assumption,
    evaluate_tasks,
    identity_of_permission_set,
    identity_of_role,
    identity_of_user,
    list_trusted,
)
from rootkeeper.domain.checks import Check, CheckVerdict, failed, passed, unknown
from rootkeeper.domain.drills import Drill, check_drills
from rootkeeper.domain.identities import (
    AccountIdentities,
    Holder,
    IamRole,
    IamUser,
    PermissionSet,
    RootUse,
    UserAccess,
)
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.policies.evaluation import AccessVerdict
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.domain.task_policies import TaskPolicy


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
