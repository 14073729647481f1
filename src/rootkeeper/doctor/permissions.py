"""Simulates the permissions for each kind of work, of the caller or a server's roles. No call of the work is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rootkeeper.aws.identities import PermissionSimulator
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.catalogue import CATALOGUE, OPEN_ROOT_SESSION
from rootkeeper.delivery.targets import DeliveryTarget, TargetKind
from rootkeeper.doctor.rules import Check, CheckName, CheckVerdict, WorkPermissions, check_permissions
from rootkeeper.errors import AwsAccessDeniedError, AwsError, AwsRejectedError
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import Caller
from rootkeeper.shipped_policies.rules import PUT_REPORTS, ShippedRole, combine, list_commands

_CANNOT = (AwsAccessDeniedError, AwsRejectedError)
_FINDINGS = CATALOGUE[Action.FINDINGS_IMPORT]
_ON_PLACES = _FINDINGS.permissions.union(PUT_REPORTS)
_FIX = "Allow iam:SimulatePrincipalPolicy and iam:GetRole, or run the checks with credentials that have them."
_WORK = {
    ShippedRole.AUDIT: "audit",
    ShippedRole.DELETE: "delete",
    ShippedRole.RECOVER: "recover",
    ShippedRole.REPORT: "send reports",
    ShippedRole.UNLOCK: "unlock",
    ShippedRole.SET_UP: "set up",
}


@dataclass(frozen=True, slots=True)
class PermissionChecks:
    """The simulations for a caller."""

    simulator: PermissionSimulator
    caller: Caller
    target_id: str
    """A member account, in which a root session would be opened."""
    is_in_management_account: bool
    role_arns: Mapping[ShippedRole, str]
    """The roles of a server, from the settings; empty if it has none."""
    region: str
    """Of Security Hub, where a place of reports names none."""
    report_places: tuple[DeliveryTarget, ...] = ()
    """From the settings; empty for Security Hub alone."""

    def run(self) -> Iterator[Check]:
        """Simulate each kind of work; a single check without a kind if AWS doesn't simulate at all."""
        try:
            principal = self.simulator.find_principal(self.caller.arn)
            for role in self._list_roles():
                arn = self.role_arns.get(role, principal)
                yield check_permissions(self._simulate(role, arn))
        except _CANNOT as error:
            text = f"AWS doesn't simulate them for this caller: {error.reason}"
            yield Check(CheckName.PERMISSIONS, CheckVerdict.UNKNOWN, text, _FIX)
        except AwsError as error:
            yield Check(CheckName.PERMISSIONS, CheckVerdict.UNKNOWN, error.message, error.hint)

    def _list_roles(self) -> Iterator[ShippedRole]:
        for role in ShippedRole:
            if self.is_in_management_account or role is not ShippedRole.SET_UP:
                yield role

    def _simulate(self, role: ShippedRole, arn: str) -> WorkPermissions:
        grant = combine(list_commands(role))
        on_places = self._list_on_places(arn) if role is ShippedRole.REPORT else []
        actions = tuple(action for action in grant.actions if action not in _ON_PLACES)
        denied = [*self.simulator.list_denied(arn, actions, context={})]
        for resource, asked in on_places:
            denied += [
                f"{action} ({resource})"
                for action in self.simulator.list_denied(arn, asked, resource=resource, context={})
            ]
        denied += [_name_task(task) for task in grant.task_policies if not self._may_open(arn, task)]
        tasks = tuple(map(_name_task, grant.task_policies))
        sent = tuple(f"{action} ({resource})" for resource, asked in on_places for action in asked)
        return WorkPermissions(
            work=_WORK[role],
            needed=(*actions, *sent, *tasks),
            denied=tuple(denied),
            own=frozenset(sent) if role is ShippedRole.REPORT else _find_own(role) & {*actions, *tasks},
            is_required=role is ShippedRole.AUDIT or role in self.role_arns,
        )

    def _list_on_places(self, arn: str) -> list[tuple[str, tuple[str, ...]]]:
        """List the resources that reports are sent to, each with its actions."""
        account_id = arn.split(":")[4]
        found: dict[str, tuple[str, ...]] = {}
        for place in self.report_places or (DeliveryTarget(TargetKind.SECURITY_HUB),):
            if place.kind is TargetKind.BUCKET:
                found[f"arn:{self.caller.partition}:s3:::{place.bucket}/{place.prefix}rootkeeper"] = PUT_REPORTS
            elif place.kind is TargetKind.SECURITY_HUB:
                start = f"arn:{self.caller.partition}:securityhub:{place.region or self.region}:{account_id}"
                found[f"{start}:product/{account_id}/default"] = _FINDINGS.operations
                found[f"{start}:hub/default"] = _FINDINGS.reads
        return list(found.items())

    def _may_open(self, arn: str, task: TaskPolicy) -> bool:
        partition = self.caller.partition
        denied = self.simulator.list_denied(
            arn,
            (OPEN_ROOT_SESSION,),
            resource=f"arn:{partition}:iam::{self.target_id}:root",
            context={"sts:TaskPolicyArn": task.arn(partition)},
        )
        return not denied


def _name_task(task: TaskPolicy) -> str:
    return f"{OPEN_ROOT_SESSION} ({task.value})"


def _find_own(role: ShippedRole) -> frozenset[str]:
    """Find the changing permissions, which show that a caller is meant for this work."""
    rows = [CATALOGUE[action] for action in _OWN_ACTIONS.get(role, ())]
    tasks = (_name_task(row.task_policy) for row in rows if row.task_policy is not None)
    return frozenset(tasks).union(*(row.operations for row in rows if row.task_policy is None))


_OWN_ACTIONS = {
    ShippedRole.DELETE: (Action.LOGIN_PROFILE_DELETE,),
    ShippedRole.RECOVER: (Action.LOGIN_PROFILE_CREATE,),
    ShippedRole.UNLOCK: (Action.BUCKET_POLICY_PUT, Action.QUEUE_POLICY_SET),
    ShippedRole.SET_UP: (Action.TRUSTED_ACCESS_ENABLE,),
}
"""The changes that each kind of work is for."""
