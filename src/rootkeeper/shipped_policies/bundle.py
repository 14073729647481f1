"""Makes the alarms, and the bundle of roles, guardrails and alarms that fits an organization. Changes nothing.

A pattern sees a single record and no ledger. So two of the four alarms alert at once. The other two select records that
must be matched with the ledger (``watching``): a known role's root session is ours only if the ledger names its access
key id. Each record matches at most one of the four.

Source: CloudWatch Logs User Guide, "Filter pattern syntax"; EventBridge User Guide, "Event patterns"; CloudTrail User
Guide, "CloudTrail userIdentity element".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import AwsAccessDeniedError, Hint, InputError
from rootkeeper.organization.accounts import AccountId, Caller, Organization, ServiceControlPolicies, Setup
from rootkeeper.shipped_policies.documents import require_fits
from rootkeeper.shipped_policies.rules import (
    DEFAULT_CAP,
    SERVER_ROLES,
    GuardrailKind,
    RoleTargets,
    ShippedCallerRole,
    ShippedGuardrail,
    ShippedRole,
    make_delegate_cap,
    make_deny_long_term_root,
    make_role,
)
from rootkeeper.shipped_policies.trust import RoleTrust, TrustedPrincipal, find_permission_set, parse_principal
from rootkeeper.windows.rules import LONGEST_DURATION, OWING_STATES

if TYPE_CHECKING:
    from rootkeeper.aws.organizations import OrganizationReader
    from rootkeeper.windows.store import RecoveryWindowStore

METRIC_FILTER_CHARACTERS = 1_024
"""Source: CloudWatch Logs PutMetricFilter, filterPattern."""

METRIC_NAMESPACE = "Rootkeeper"

_ISSUER = "$.userIdentity.sessionContext.sessionIssuer.arn"
_ASSUMED_ROOT = "$.userIdentity.sessionContext.assumedRoot"
_BY_API = "AWS API Call via CloudTrail"
_BY_SIGN_IN = "AWS Console Sign In via CloudTrail"


class AlarmKind(StrEnum):
    """What a record shows."""

    LONG_TERM_ROOT = "long-term-root"
    """A root user that signed in, or a root access key."""
    STRANGE_CALLER = "strange-caller"
    """AssumeRoot by any principal except the known roles."""
    KNOWN_ROLE = "known-role"
    """AssumeRoot by a known role: by Rootkeeper, or by another use of the role."""
    ROOT_SESSION = "root-session"
    """A call in a root session of any principal."""


class Receiver(StrEnum):
    """Who gets the records that an EventBridge rule picks, in the rule's own Region.

    In the rule's own account the receiver's policy lets EventBridge send, and a role may stop the delivery. In another
    account it takes both: that policy and a role of the rule's account. Source: EventBridge User Guide, "Using
    resource-based policies" and "Sending events to an AWS service in another account".
    """

    QUEUE = "queue"
    """Of SQS; its events are matched with the ledger."""
    TOPIC = "topic"
    """Of SNS; it alerts a person."""

    @property
    def sending_action(self) -> str:
        return "sqs:SendMessage" if self is Receiver.QUEUE else "sns:Publish"

    @property
    def role_name(self) -> str:
        """Of the role that sends to it from another account."""
        return f"rootkeeper-{self.value}-delivery"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A kind of record, and the two patterns that pick it."""

    kind: AlarmKind
    description: str
    needs_matching: bool
    """Whether to check the ledger before anyone is alerted."""
    # The accounts with such records in their CloudTrail.
    seen_in: str
    metric_filter: str
    """For CloudWatch Logs, on the log group of an organization trail."""
    # For an EventBridge rule in the account with the record in its CloudTrail.
    event_pattern: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"rootkeeper-{self.kind.value}"

    @property
    def receiver(self) -> Receiver:
        return Receiver.QUEUE if self.needs_matching else Receiver.TOPIC

    @property
    def receivers(self) -> tuple[Receiver, ...]:
        """The queue gets every record: a server decides with the ledger which are ours."""
        return (Receiver.QUEUE,) if self.needs_matching else (Receiver.TOPIC, Receiver.QUEUE)

    @property
    def is_of_callers(self) -> bool:
        """Whether only the accounts that may open root sessions have such records."""
        return self.kind in {AlarmKind.STRANGE_CALLER, AlarmKind.KNOWN_ROLE}

    @property
    def metric_name(self) -> str:
        """``LongTermRoot``, …"""
        return "".join(word.capitalize() for word in self.kind.value.split("-"))


def make_alarms(known_role_arns: Iterable[str]) -> tuple[Alarm, ...]:
    """Make the four alarms for an organization in which these roles open root sessions.

    :raises InputError: if a filter is longer than AWS takes.
    """
    known = sorted(set(known_role_arns))
    callers = "the management account and the delegated administrator"
    others = " && ".join(f'{_ISSUER} != "{arn}"' for arn in known)
    ours = " || ".join(f'{_ISSUER} = "{arn}"' for arn in known)
    alarms = (
        Alarm(
            kind=AlarmKind.LONG_TERM_ROOT,
            description="A root user signed in, tried to, asked for a new password, or used an access key",
            needs_matching=False,
            seen_in="every account; sign-ins in us-east-1",
            metric_filter=_all_of(
                '$.userIdentity.type = "Root"',
                "$.userIdentity.invokedBy NOT EXISTS",
                '$.eventType != "AwsServiceEvent"',
                f'({_ASSUMED_ROOT} NOT EXISTS || {_ASSUMED_ROOT} != "true")',
            ),
            event_pattern={
                "detail-type": [_BY_API, _BY_SIGN_IN],
                "detail": {
                    "eventType": [{"anything-but": "AwsServiceEvent"}],
                    "userIdentity": {
                        "type": ["Root"],
                        "invokedBy": [{"exists": False}],
                        "sessionContext": {"assumedRoot": [{"exists": False}, {"anything-but": "true"}]},
                    },
                },
            },
        ),
        Alarm(
            kind=AlarmKind.STRANGE_CALLER,
            description="A principal that isn't a known role opened a root session, or tried to",
            needs_matching=False,
            seen_in=callers,
            metric_filter=_all_of(*_ASSUME_ROOT_FILTER, f"({_ISSUER} NOT EXISTS || ({others}))"),
            event_pattern=_assume_root_pattern([{"exists": False}, {"anything-but": known}]),
        ),
        Alarm(
            kind=AlarmKind.KNOWN_ROLE,
            description="A known role opened a root session, or tried to: ours only if the ledger names its access key"
            " id",
            needs_matching=True,
            seen_in=callers,
            metric_filter=_all_of(*_ASSUME_ROOT_FILTER, f"({ours})"),
            event_pattern=_assume_root_pattern(known),
        ),
        Alarm(
            kind=AlarmKind.ROOT_SESSION,
            description="A call in a root session: ours only if the ledger names its access key id",
            needs_matching=True,
            seen_in="every member account",
            metric_filter=_all_of('$.userIdentity.type = "Root"', f'{_ASSUMED_ROOT} = "true"'),
            event_pattern={
                "detail-type": [_BY_API],
                "detail": {"userIdentity": {"type": ["Root"], "sessionContext": {"assumedRoot": ["true"]}}},
            },
        ),
    )
    for alarm in alarms:
        subject = f"The metric filter {alarm.name}"
        require_fits(len(alarm.metric_filter), METRIC_FILTER_CHARACTERS, subject, "Name fewer known roles.")
    return alarms


_ASSUME_ROOT_FILTER = (
    '$.eventSource = "sts.amazonaws.com"',
    '$.eventName = "AssumeRoot"',
    '$.userIdentity.type != "Root"',
)


def _assume_root_pattern(issuers: list[Any]) -> Mapping[str, Any]:
    return {
        "detail-type": [_BY_API],
        "detail": {
            "eventSource": ["sts.amazonaws.com"],
            "eventName": ["AssumeRoot"],
            "userIdentity": {
                "type": [{"anything-but": "Root"}],
                "sessionContext": {"sessionIssuer": {"arn": issuers}},
            },
        },
    }


def _all_of(*terms: str) -> str:
    return f"{{ {' && '.join(terms)} }}"


@dataclass(frozen=True, slots=True)
class PolicyInputs:
    """The wishes of a user; missing values are taken from the organization."""

    role_account_id: AccountId | None = None
    """The account in which the roles are; else the delegated administrator, else the management account."""
    trusted_principals: tuple[str, ...] = ()
    """ARNs or account ids of people; else the caller's permission set, or the account in which the roles are."""
    server_role: str | None = None
    """ARN of the principal that a Rootkeeper server runs as."""
    target_ids: tuple[AccountId, ...] = ()
    """Accounts on which root sessions may be opened; empty for every member account."""
    failsafe_ids: tuple[AccountId, ...] = ()
    """Kept beside the delegated administrators, or instead of them where they can't be read."""
    known_roles: tuple[str, ...] = ()
    """Further roles that open root sessions on purpose, such as a role of IAM Identity Center."""
    cap: tuple[TaskPolicy, ...] = DEFAULT_CAP
    """The task policies that the delegated administrator may use."""
    report_place: tuple[str, str] | None = None
    """Bucket and prefix to which reports are sent."""


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """The facts of the organization that policies must fit."""

    organization: Organization
    setup: Setup
    open_window_ids: tuple[AccountId, ...]
    """Accounts with an open recovery window, in which a person may need to sign in as the root user."""
    service_control_policies: ServiceControlPolicies | None
    """``None`` if the caller can't read whether they are enabled."""
    caller: Caller
    """Who asks for policies; trusted by default if it comes from IAM Identity Center."""
    longest_window: timedelta = LONGEST_DURATION
    """The longest recovery window that the settings allow."""

    @property
    def partition(self) -> str:
        return self.organization.partition

    @property
    def has_scp(self) -> bool:
        """Whether service control policies are known to be enabled."""
        return self.service_control_policies is not None and self.service_control_policies.is_enabled

    @property
    def delegate_ids(self) -> tuple[AccountId, ...]:
        """Known delegated administrators; empty if there are none or they couldn't be read."""
        return tuple(sorted(self.setup.delegated_administrators or ()))


@dataclass(frozen=True, slots=True)
class PolicyBundle:
    """Roles, guardrails and alarms that fit an organization."""

    ground: PolicyFacts
    role_account_id: AccountId
    roles: tuple[ShippedCallerRole, ...]
    """The five that a server may assume."""
    set_up_role: ShippedCallerRole
    """For people in the management account."""
    guardrails: tuple[ShippedGuardrail, ...]
    alarms: tuple[Alarm, ...]
    known_role_arns: tuple[str, ...]
    remarks: tuple[str, ...]
    """Facts that the user should know before using any of it."""

    @property
    def caller_account_ids(self) -> tuple[AccountId, ...]:
        """The accounts that may open root sessions, and the account of the roles."""
        management_account_id = self.ground.organization.management_account_id
        return tuple(sorted({management_account_id, self.role_account_id, *self.ground.delegate_ids}))

    @property
    def not_covered(self) -> tuple[str, ...]:
        """Events that EventBridge rules see only where rules are deployed; a sentence each."""
        callers, management_id = ", ".join(self.caller_account_ids), self.ground.organization.management_account_id
        return (
            f"AssumeRoot is recorded only in the Region that was called: each enabled Region of {callers} needs rules.",
            f"A service-managed StackSet never reaches the management account {management_id}: it needs own stacks.",
            "Root users and root sessions are recorded in their own account: every member account needs rules.",
        )

    def get_role(self, role: ShippedRole) -> ShippedCallerRole:
        return next(shipped for shipped in (*self.roles, self.set_up_role) if shipped.role is role)

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
            f"There is no policy {kind.value}, because no delegated administrator for IAM is known.",
            hint=Hint("Register a delegated administrator for IAM first.", "failsafe.register"),
        )


def make_bundle(ground: PolicyFacts, wishes: PolicyInputs) -> PolicyBundle:
    """Make all roles, guardrails and alarms for an organization.

    :raises InputError: if an ARN is of another partition, a policy would be too large, or a guardrail can't exempt the
        failsafe because the delegated administrators couldn't be read.
    """
    management_account_id = ground.organization.management_account_id
    targets = make_targets(ground, wishes)
    home = _find_home(ground, wishes)
    trust = _make_trust(ground, wishes, home)
    set_up_trust = replace(_make_trust(ground, wishes, management_account_id), server=None)
    longest = ground.longest_window
    roles = tuple(make_role(role, targets, trust, longest) for role in SERVER_ROLES)
    known = [role.arn(ground.partition, home) for role in roles if role.grant.task_policies]
    for text in wishes.known_roles:
        principal = parse_principal(text, ground.partition, "The known role")
        if principal.can_show_mfa or principal.is_pattern:
            raise InputError(
                f"The known role {text} isn't a role.", hint="Give the ARN of one role, without wildcards."
            )
        known.append(principal.arn)
    return PolicyBundle(
        ground=ground,
        role_account_id=home,
        roles=roles,
        set_up_role=make_role(ShippedRole.SET_UP, targets, set_up_trust, longest),
        guardrails=_make_guardrails(ground, wishes),
        alarms=make_alarms(known),
        known_role_arns=tuple(known),
        remarks=_list_remarks(ground, wishes, trust),
    )


def make_targets(ground: PolicyFacts, wishes: PolicyInputs) -> RoleTargets:
    """Make the accounts on which roles can open root sessions, and the places of reports."""
    return RoleTargets(
        ground.partition,
        wishes.target_ids,
        _list_failsafes(ground, wishes),
        _find_home(ground, wishes),
        wishes.report_place,
    )


def _find_home(ground: PolicyFacts, wishes: PolicyInputs) -> AccountId:
    """Find the account in which the roles are."""
    management_account_id = ground.organization.management_account_id
    return wishes.role_account_id or next(iter(ground.delegate_ids), management_account_id)


def _make_trust(ground: PolicyFacts, wishes: PolicyInputs, home: AccountId) -> RoleTrust:
    server, permission_set = wishes.server_role, find_permission_set(ground.caller)
    if wishes.trusted_principals or permission_set is None:
        named = wishes.trusted_principals or (home,)
        people = tuple(parse_principal(text, ground.partition, "The trusted principal") for text in named)
    else:
        people = (permission_set,)
    return RoleTrust(
        people=people,
        server=None if server is None else parse_principal(server, ground.partition, "The server's role"),
    )


def _list_failsafes(ground: PolicyFacts, wishes: PolicyInputs) -> tuple[AccountId, ...]:
    return tuple(sorted({*ground.delegate_ids, *wishes.failsafe_ids}))


def _make_guardrails(ground: PolicyFacts, wishes: PolicyInputs) -> tuple[ShippedGuardrail, ...]:
    failsafes = _list_failsafes(ground, wishes)
    if ground.setup.delegated_administrators is None and not failsafes:
        raise InputError(
            "The delegated administrators can't be read, so a policy that denies root can't exempt the failsafe.",
            hint=Hint(
                "Use credentials of the management account or a delegated administrator, or name the failsafe.",
                "policies.failsafe",
            ),
        )
    guardrails = [make_deny_long_term_root(ground.partition, failsafes, ground.open_window_ids)]
    if failsafes:
        guardrails.append(make_delegate_cap(ground.partition, failsafes, wishes.cap))
    return tuple(guardrails)


def _list_remarks(ground: PolicyFacts, wishes: PolicyInputs, trust: RoleTrust) -> tuple[str, ...]:
    remarks = [f"Unknown: {sentence}" for sentence in ground.setup.unknown]
    if ground.service_control_policies is None:
        remarks.append(
            "Unknown: whether service control policies are enabled, because organizations:ListRoots was denied."
        )
    elif disabled := ground.service_control_policies.remark:
        remarks.append(disabled)
    if not _list_failsafes(ground, wishes):
        remarks.append(
            "No failsafe: there is no delegated administrator for IAM, so no root login is exempt, "
            "and rootkeeper-set-up can't set one up. Make the policies again when there is one."
        )
    if ground.open_window_ids:
        ids = ", ".join(ground.open_window_ids)
        remarks.append(f"Exempt because of an open recovery window: {ids}. Make the policy again after it is closed.")
    remarks.extend(_remark_on(principal) for principal in trust.people if not principal.can_show_mfa)
    return tuple(remarks)


def _remark_on(principal: TrustedPrincipal) -> str:
    if principal.is_permission_set:
        return (
            f"{principal.arn} is a permission set of IAM Identity Center. AWS makes the roles' session name and source"
            " identity the name of the Identity Center session. It can't check MFA there: require MFA in Identity"
            " Center."
        )
    return (
        f"{principal.arn} is a role. AWS can't check which person uses it: the roles' sessions have the name of the"
        " caller's session, which may be any name that its trust policy allows. So such a caller can't set a source"
        " identity. Require MFA and a fixed session name where people assume that role."
    )


@dataclass(frozen=True, slots=True)
class PolicyBundleBuilder:
    """Reads the facts of the organization, and makes policies for it."""

    reader: OrganizationReader
    windows: RecoveryWindowStore
    longest_window: timedelta

    def make(self, wishes: PolicyInputs) -> PolicyBundle:
        """Read caller, organization and set-up (six calls), and make the bundle; ``remarks`` name failed readings.

        :raises InputError: if an input can't be used.
        :raises AwsError: if the organization can't be read.
        :raises DatabaseError: if the recovery windows can't be read, because then none would be exempt.
        """
        unfinished = self.windows.list_windows(unfinished_only=True)
        ground = PolicyFacts(
            organization=self.reader.read_organization(),
            setup=self.reader.read_setup(),
            open_window_ids=tuple(sorted({window.account_id for window in unfinished if window.state in OWING_STATES})),
            service_control_policies=self._read_service_control_policies(),
            caller=self.reader.read_caller(),
            longest_window=self.longest_window,
        )
        return make_bundle(ground, wishes)

    def _read_service_control_policies(self) -> ServiceControlPolicies | None:
        try:
            return self.reader.read_service_control_policies()
        except AwsAccessDeniedError:
            return None
