"""Everything that is shipped for one organization, made from what was asked for and what was read of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rootkeeper.domain.organizations import AccountId, Organization
from rootkeeper.domain.setup import Setup
from rootkeeper.domain.shipped_policies.alarms import Alarm, make_alarms
from rootkeeper.domain.shipped_policies.guardrails import (
    DEFAULT_CAP,
    GuardrailKind,
    ShippedGuardrail,
    make_delegate_cap,
    make_deny_long_term_root,
)
from rootkeeper.domain.shipped_policies.permissions import SERVER_ROLES, ShippedRole
from rootkeeper.domain.shipped_policies.principals import TrustedPrincipal, parse_principal
from rootkeeper.domain.shipped_policies.roles import RoleTargets, RoleTrust, ShippedCallerRole, make_role
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import InputError


@dataclass(frozen=True, slots=True)
class PolicyInputs:
    """What a user may ask for; what is left out is taken from the organization."""

    role_account_id: AccountId | None = None
    """The account in which the roles are; else the delegated administrator, else the management account."""
    trusted_principals: tuple[str, ...] = ()
    """ARNs or account ids of people; else the account in which the roles are."""
    server_role: str | None = None
    """ARN of what a Rootkeeper server runs as."""
    target_ids: tuple[AccountId, ...] = ()
    """Accounts on which root sessions may be opened; empty for every member account."""
    failsafe_ids: tuple[AccountId, ...] = ()
    """Kept beside the delegated administrators, or instead of them where they can't be read."""
    known_roles: tuple[str, ...] = ()
    """Further roles that open root sessions on purpose, such as one of IAM Identity Center."""
    cap: tuple[TaskPolicy, ...] = DEFAULT_CAP
    """What the delegated administrator may do."""


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What was read of the organization."""

    organization: Organization
    setup: Setup
    open_window_ids: tuple[AccountId, ...]
    """Accounts in which somebody may have to sign in as root now."""

    @property
    def partition(self) -> str:
        return self.organization.partition

    @property
    def delegate_ids(self) -> tuple[AccountId, ...]:
        """Known delegated administrators; empty if there are none or they couldn't be read."""
        return tuple(sorted(self.setup.delegated_administrators or ()))


@dataclass(frozen=True, slots=True)
class PolicyBundle:
    """Roles, guardrails and alarms that fit one organization."""

    ground: PolicyFacts
    role_account_id: AccountId
    roles: tuple[ShippedCallerRole, ...]
    """The four that a server may assume."""
    set_up_role: ShippedCallerRole
    """For people in the management account."""
    guardrails: tuple[ShippedGuardrail, ...]
    alarms: tuple[Alarm, ...]
    known_role_arns: tuple[str, ...]
    remarks: tuple[str, ...]
    """What the user should know before using any of it."""

    def get_role(self, role: ShippedRole) -> ShippedCallerRole:
        return next(one for one in (*self.roles, self.set_up_role) if one.role is role)

    def arn_of(self, role: ShippedCallerRole) -> str:
        """In the management account for setting up, else in the roles' account."""
        is_set_up = role.role is ShippedRole.SET_UP
        home = self.ground.organization.management_account_id if is_set_up else self.role_account_id
        return role.arn(self.ground.partition, home)

    def get_guardrail(self, kind: GuardrailKind) -> ShippedGuardrail:
        """:raises InputError: if there is nothing to attach it to, so that it wasn't made."""
        for guardrail in self.guardrails:
            if guardrail.kind is kind:
                return guardrail
        raise InputError(
            f"There is no policy {kind.value}: no delegated administrator for IAM is known.",
            hint="Register one first: rootkeeper enable --delegated-administrator ID",
        )


def make_bundle(ground: PolicyFacts, wishes: PolicyInputs) -> PolicyBundle:
    """Everything, for one organization.

    :raises InputError: if a wish can't be met: an ARN of another partition, a policy that would be too large, or a
        guardrail that can't spare the failsafe since the delegated administrators couldn't be read.
    """
    home = wishes.role_account_id or _choose_home(ground)
    targets = make_targets(ground, wishes)
    trust = _make_trust(ground, wishes, home)
    set_up_trust = replace(_make_trust(ground, wishes, ground.organization.management_account_id), server=None)
    roles = tuple(make_role(role, targets, trust) for role in SERVER_ROLES)
    known = (*(role.arn(ground.partition, home) for role in roles), *_parse_known_roles(ground, wishes))
    return PolicyBundle(
        ground=ground,
        role_account_id=home,
        roles=roles,
        set_up_role=make_role(ShippedRole.SET_UP, targets, set_up_trust),
        guardrails=_make_guardrails(ground, wishes),
        alarms=make_alarms(known),
        known_role_arns=known,
        remarks=_list_remarks(ground, wishes, trust),
    )


def make_targets(ground: PolicyFacts, wishes: PolicyInputs) -> RoleTargets:
    """On which accounts root sessions may be opened; a failsafe that is named as a target is meant."""
    kept = set(_list_failsafes(ground, wishes)) - set(wishes.target_ids)
    return RoleTargets(ground.partition, wishes.target_ids, tuple(sorted(kept)))


def _choose_home(ground: PolicyFacts) -> AccountId:
    return next(iter(ground.delegate_ids), ground.organization.management_account_id)


def _make_trust(ground: PolicyFacts, wishes: PolicyInputs, home: AccountId) -> RoleTrust:
    people = [
        parse_principal(text, ground.partition, "--trusted-principal") for text in wishes.trusted_principals or (home,)
    ]
    server = wishes.server_role
    return RoleTrust(
        people=tuple(people),
        server=None if server is None else parse_principal(server, ground.partition, "--server-role-arn"),
    )


def _parse_known_roles(ground: PolicyFacts, wishes: PolicyInputs) -> tuple[str, ...]:
    return tuple(_parse_known_role(text, ground).arn for text in wishes.known_roles)


def _parse_known_role(text: str, ground: PolicyFacts) -> TrustedPrincipal:
    principal = parse_principal(text, ground.partition, "--known-role")
    if principal.can_show_mfa or principal.is_pattern:
        raise InputError(f"--known-role {text} is no role.", hint="Give the ARN of one role, without wildcards.")
    return principal


def _list_failsafes(ground: PolicyFacts, wishes: PolicyInputs) -> tuple[AccountId, ...]:
    return tuple(sorted({*ground.delegate_ids, *wishes.failsafe_ids}))


def _make_guardrails(ground: PolicyFacts, wishes: PolicyInputs) -> tuple[ShippedGuardrail, ...]:
    failsafes = _list_failsafes(ground, wishes)
    if ground.setup.delegated_administrators is None and not failsafes:
        raise InputError(
            "The delegated administrators can't be read, so a policy that denies root can't spare the failsafe.",
            hint="Run it in the management account or a delegated administrator, or name it: --failsafe ID",
        )
    guardrails = [make_deny_long_term_root(ground.partition, failsafes, ground.open_window_ids)]
    if failsafes:
        guardrails.append(make_delegate_cap(ground.partition, failsafes, wishes.cap))
    return tuple(guardrails)


def _list_remarks(ground: PolicyFacts, wishes: PolicyInputs, trust: RoleTrust) -> tuple[str, ...]:
    remarks = [f"Unknown: {sentence}" for sentence in ground.setup.unknown]
    if not _list_failsafes(ground, wishes):
        remarks.append("No failsafe: there is no delegated administrator for IAM, so no root login is spared.")
    if ground.open_window_ids:
        ids = ", ".join(ground.open_window_ids)
        remarks.append(f"Spared for their open recovery window: {ids}. Make the policy anew when it is closed.")
    remarks.extend(
        f"{principal.arn} is a role: AWS can't see in its sessions whether MFA was used. Demand MFA where it signs in."
        for principal in trust.people
        if not principal.can_show_mfa
    )
    return tuple(remarks)
