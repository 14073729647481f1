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
    Permission,
    Standpoint,
    combine,
    identity_of_permission_set,
    identity_of_role,
    identity_of_user,
    judge_role_assumption,
    judge_tasks,
    list_trusted,
)
from rootkeeper.domain.checks import Check, CheckVerdict, failed, passed, unknown
from rootkeeper.domain.drills import Drill, judge_drills
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
from rootkeeper.domain.policies.evaluation import Verdict
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.domain.task_policies import TaskPolicy


class OpenerKind(StrEnum):
    """Kinds of principals that open root sessions."""

    PERMISSION_SET = "permission_set"
    ROLE = "role"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Opener:
    """Somebody, or some role, whose policies let root sessions be opened, or may."""

    account_id: AccountId
    kind: OpenerKind
    name: str
    arn: str
    tasks: Mapping[TaskPolicy, Permission]
    people: tuple[str, ...]
    """Who comes by it: a permission set's holders, a role's trusted principals; empty for a user."""
    is_complete: bool = True
    """Whether ``people`` is everybody."""

    @property
    def conditions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for one in self.tasks.values() for text in one.conditions))


def list_openers(
    identities: AccountIdentities | None,
    permission_sets: Sequence[PermissionSet],
    standpoint: Standpoint,
) -> tuple[Opener, ...]:
    """Everybody in one account who may open a root session of some task; service-linked roles can't."""
    found: list[Opener] = []
    account_id = standpoint.place.account_id
    if identities is not None:
        for user in identities.users:
            tasks = judge_tasks(identity_of_user(user), standpoint)
            found.append(Opener(account_id, OpenerKind.USER, user.user_name, user.arn, tasks, ()))
        shown = (one for one in identities.roles if not (one.is_of_identity_center and permission_sets))
        found.extend(_judge_role(role, standpoint) for role in shown if not role.is_service_linked)
    for permission_set in permission_sets:
        tasks = judge_tasks(identity_of_permission_set(permission_set, standpoint.place.partition), standpoint)
        found.append(_judge_permission_set(permission_set, tasks))
    return tuple(one for one in found if any(task.verdict is not Verdict.BLOCKED for task in one.tasks.values()))


def _judge_role(role: IamRole, standpoint: Standpoint) -> Opener:
    trusted = list_trusted(role)
    tasks = judge_tasks(identity_of_role(role), standpoint)
    account_id = standpoint.place.account_id
    return Opener(account_id, OpenerKind.ROLE, role.role_name, role.arn, tasks, trusted, is_complete=bool(trusted))


def _judge_permission_set(permission_set: PermissionSet, tasks: Mapping[TaskPolicy, Permission]) -> Opener:
    people = tuple(_spell_holder(holder) for holder in permission_set.holders)
    return Opener(
        permission_set.account_id,
        OpenerKind.PERMISSION_SET,
        permission_set.name,
        permission_set.arn,
        tasks,
        people,
        is_complete=all(holder.members is not None for holder in permission_set.holders),
    )


def _spell_holder(holder: Holder) -> str:
    if holder.members is None:
        return f"{holder.name} (members not read)"
    return f"{holder.name} ({', '.join(holder.members)})" if holder.members else holder.name


@dataclass(frozen=True, slots=True)
class WayIn:
    """One way to a root session that needs no identity provider."""

    account_id: AccountId
    name: str
    """Such as ``IAM user break-glass``, or ``root user``."""
    verdict: CheckVerdict
    evidence: str


def judge_user_way(user: IamUser, access: UserAccess | None, roles: Sequence[IamRole], standpoint: Standpoint) -> WayIn:
    """Whether an IAM user with MFA may audit, create and delete, by itself or through a role of its account.

    :param access: ``None`` where its credentials couldn't be read.
    """
    name, account_id = f"IAM user {user.user_name}", standpoint.place.account_id
    if access is None:
        return WayIn(account_id, name, CheckVerdict.UNKNOWN, "its password, keys and MFA couldn't be read")
    if not access.mfa_serial_numbers:
        return WayIn(account_id, name, CheckVerdict.FAIL, "it has no MFA device")
    if not access.has_password and not access.active_access_key_ids:
        return WayIn(account_id, name, CheckVerdict.FAIL, "it has neither a password nor an active access key")
    tried = [*_try_directly(user, access, standpoint), *_try_roles(user, access, roles, standpoint)]
    permission, how = max(tried, key=lambda one: _GOODNESS[one[0].verdict])
    return WayIn(account_id, name, _VERDICTS[permission.verdict], _describe_way(permission, how, access))


def _try_directly(user: IamUser, access: UserAccess, standpoint: Standpoint) -> list[tuple[Permission, str]]:
    tried = []
    if access.has_password:
        tasks = judge_tasks(identity_of_user(user, has_mfa=True), standpoint)
        tried.append((combine(tasks[task] for task in WORK_TASKS), "signed in to the console"))
    if access.active_access_key_ids:
        tasks = judge_tasks(identity_of_user(user, is_long_term=True), standpoint)
        tried.append((combine(tasks[task] for task in WORK_TASKS), "by its access key"))
    return tried


def _try_roles(
    user: IamUser, access: UserAccess, roles: Sequence[IamRole], standpoint: Standpoint
) -> list[tuple[Permission, str]]:
    """A code of an MFA device goes with AssumeRole, which security keys don't give."""
    has_codes = any(":u2f/" not in number for number in access.mfa_serial_numbers)
    has_mfa = access.has_password or has_codes
    caller = identity_of_user(user, has_mfa=has_mfa, is_long_term=not access.has_password)
    tried = []
    for role in roles:
        if role.is_service_linked or role.is_of_identity_center:
            continue
        tasks = judge_tasks(identity_of_role(role), standpoint)
        work = combine(tasks[task] for task in WORK_TASKS)
        if work.verdict is not Verdict.BLOCKED:
            tried.append(
                (combine((work, judge_role_assumption(caller, role, standpoint))), f"through role {role.role_name}")
            )
    return tried


_GOODNESS = {Verdict.BLOCKED: 0, Verdict.UNKNOWN: 1, Verdict.DEPENDS: 2, Verdict.ALLOWED: 3}
_VERDICTS = {
    Verdict.ALLOWED: CheckVerdict.PASS,
    Verdict.BLOCKED: CheckVerdict.FAIL,
    Verdict.DEPENDS: CheckVerdict.UNKNOWN,
    Verdict.UNKNOWN: CheckVerdict.UNKNOWN,
}


def _describe_way(permission: Permission, how: str, access: UserAccess) -> str:
    devices = f"{len(access.mfa_serial_numbers)} MFA device{'s' if len(access.mfa_serial_numbers) > 1 else ''}"
    match permission.verdict:
        case Verdict.ALLOWED:
            return f"may audit, create and delete {how}; {devices}"
        case Verdict.BLOCKED:
            return "may not open root sessions to audit, create and delete"
        case Verdict.DEPENDS:
            return f"may audit, create and delete {how}, depending on {', '.join(permission.conditions)}; {devices}"
        case _:
            return f"it isn't known whether it may: not read: {', '.join(permission.conditions)}"


def judge_root_way(account_id: AccountId, login: Sequence[Check], work: Permission) -> WayIn:
    """Whether a failsafe's root user can sign in and make an IAM user that may.

    :param login: the checks of its password, MFA devices and registration.
    :param work: what SCPs make of the root user's work and of the new user's AssumeRoot.
    """
    worst = min((check.verdict for check in login), key=_BADNESS.index)
    said = "; ".join(check.evidence.rstrip(".") for check in login if check.verdict is worst)
    if worst is not CheckVerdict.PASS:
        return WayIn(account_id, "root user", worst, said)
    match work.verdict:
        case Verdict.ALLOWED:
            return WayIn(
                account_id, "root user", CheckVerdict.PASS, "can sign in with MFA and make an IAM user that may"
            )
        case Verdict.BLOCKED:
            why = "an SCP denies its work, or AssumeRoot in its account"
            return WayIn(account_id, "root user", CheckVerdict.FAIL, why)
        case _:
            return WayIn(account_id, "root user", CheckVerdict.UNKNOWN, f"hangs on {', '.join(work.conditions)}")


_BADNESS = (CheckVerdict.FAIL, CheckVerdict.UNKNOWN, CheckVerdict.PASS)


def judge_way_in(ways: Iterable[WayIn], unread: Iterable[str], drills: Sequence[Drill], now: datetime) -> Check:
    """Whether some way is left without Identity Center, and somebody has lately come in by its account.

    :param unread: what couldn't be read, where a way might be.
    """
    found, missing = tuple(ways), tuple(unread)
    good = [way for way in found if way.verdict is CheckVerdict.PASS]
    if good:
        said = "; ".join(f"{way.name} in {way.account_id} {way.evidence}" for way in good)
        held = [judge_drills(drills, now, way.account_id) for way in good]
        drill = next((one for one in held if one.verdict is CheckVerdict.PASS), held[0])
        if drill.verdict is CheckVerdict.PASS:
            return passed("way_in", f"{said}. {drill.evidence}")
        return Check("way_in", drill.verdict, f"{said}. But: {drill.evidence}", drill.hint)
    perhaps = [way for way in found if way.verdict is CheckVerdict.UNKNOWN]
    if perhaps or missing:
        told = (*(f"{way.name} in {way.account_id}: {way.evidence}" for way in perhaps), *missing)
        return unknown("way_in", f"No way in is shown. {'; '.join(told)}.", _MAKE_ONE)
    told = tuple(f"{way.name} in {way.account_id}: {way.evidence}" for way in found)
    return failed("way_in", f"There is none. {'; '.join(told) or 'No failsafe, and no IAM user who may'}.", _MAKE_ONE)


_MAKE_ONE = (
    "Give a failsafe its root login (rootkeeper failsafe set-up ID), or keep an IAM user with MFA that may open root "
    "sessions (rootkeeper failsafe runbook)."
)


MANAGEMENT_KINDS = ("management_mfa", "management_access_keys", "management_signing_certificates")
"""The checks of ``judge_management_root``, for where it can't be read."""


def judge_management_root(account_id: AccountId, found: RootCredentialsSummary) -> tuple[Check, ...]:
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


def judge_management_use(account_id: AccountId, use: RootUse, now: datetime) -> Check:
    """When it was last used: told, not judged."""
    last = use.last_used_at
    read_at = f"{use.generated_at:%Y-%m-%d %H:%M} UTC"
    if last is None:
        said = f"AWS knows of no use (credential report of {read_at})."
    else:
        said = f"Last used {last:%Y-%m-%d}, {(now - last).days} days ago (credential report of {read_at})."
    return passed("management_last_use", said, account_id=account_id)


_SIGN_IN = "Sign in as the management account's root user and mend it; no root session reaches it."
