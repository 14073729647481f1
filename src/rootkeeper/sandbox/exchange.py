"""What travels along the request path: who calls, what is called, and how a service says no.

Services receive typed parameters and return what botocore's model of the operation describes; they never see HTTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rootkeeper.sandbox.state import World


class PrincipalKind(StrEnum):
    """The kinds of caller that AWS tells apart."""

    ROLE_SESSION = "role_session"
    ROOT_SESSION = "root_session"
    """The root user by AssumeRoot: Deny-only task policy, at most 900 s."""
    ROOT_USER = "root_user"
    """The root user by its own long-term access key or console sign-in."""
    USER = "user"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signed a request."""

    kind: PrincipalKind
    arn: str
    account_id: str
    user_id: str
    access_key_id: str
    identity_name: str | None = None
    """The IAM user's or role's name, whose identity policies decide; ``None`` for a root user."""
    role_arn: str | None = None
    """The role behind a role session, which is what aws:PrincipalArn means; without it the role has no path."""
    task_policy_arn: str | None = None
    source_identity: str | None = None
    session_issued_at: datetime | None = None
    has_mfa: bool = False
    """Whether a code of an MFA device was given when the session began."""


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key as the sandbox knows it: what a signature is checked against, and whom it proves."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    principal: Principal
    session_token: str | None = field(default=None, repr=False)
    """Required beside the key when set (temporary credentials)."""
    expires_at: datetime | None = None
    """Judged by the sandbox's clock; ``None`` for long-term keys."""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class AttachedPolicy:
    """An Organizations policy where it is attached."""

    arn: str
    name: str
    document: str
    """JSON text. The same text is compiled once, so hand out the stored string itself."""


class Authority(Protocol):
    """What the request path asks of the world, to know who calls and what they may do."""

    @property
    def organization_id(self) -> str: ...

    @property
    def management_account_id(self) -> str: ...

    def find_credential(self, access_key_id: str) -> Credential | None:
        """Find a key of any kind, active or not, expired or not; ``None`` when there is none (any more)."""

    def identity_policies(self, principal: Principal) -> Sequence[str]:
        """List the policy documents (JSON text) of a user or role; root users have none."""

    def service_control_policies(self, account_id: str) -> Sequence[Sequence[AttachedPolicy]]:
        """List the SCPs attached at each level, from the organization's root down to the account itself."""

    def resource_control_policies(self, account_id: str) -> Sequence[Sequence[AttachedPolicy]]:
        """List the RCPs attached at each level above the owner of a resource, in the same way."""

    def organization_path(self, account_id: str) -> str:
        """Give the account's place as aws:PrincipalOrgPaths spells it: ``o-…/r-…/ou-…/``, without the account."""

    def principal_tags(self, principal: Principal) -> Mapping[str, str]:
        """Give the tags of the user, role or session."""


@dataclass(frozen=True, slots=True)
class GuardedResource:
    """A resource that may have a policy of its own, and whose owner needn't be the caller: a bucket, a queue."""

    account_id: str
    """The owner, whose resource control policies decide, too."""
    policy: str | None
    """The resource policy as JSON text."""


class EventLog(Protocol):
    """What LookupEvents asks of the trail."""

    def newest_first(self, account_id: str, start: datetime, end: datetime) -> Iterator[Mapping[str, Any]]:
        """Give an account's events within a time, both ends included, in CloudTrail's form."""


@dataclass(slots=True)
class Call:
    """One authenticated and parsed call, as a service sees it."""

    world: World
    service: str
    operation: str
    """In CloudTrail's spelling, such as ``DeleteLoginProfile``."""
    region: str
    """The Region of the signature's credential scope; ``us-east-1`` for global services."""
    is_global_endpoint: bool
    principal: Principal
    parameters: Mapping[str, Any]
    now: datetime
    request_id: str
    source_ip: str
    user_agent: str
    event_details: dict[str, Any] = field(default_factory=dict)
    """What a service adds to the CloudTrail event: ``responseElements``, ``resources``, ``additionalEventData``."""
    host: str = ""
    """The Host header: S3 reads the endpoint's Region from it, SQS builds queue URLs of it."""
    response_headers: dict[str, str] = field(default_factory=dict)
    """Headers for the answer, be it a refusal or not."""
    event_log: EventLog | None = None
    wants_empty_page: bool = False
    """Whether a fault was ordered by which a listing answers nothing yet, and a token."""


@dataclass
class ServiceError(Exception):
    """A refusal in the service's own words; the codec gives it the protocol's form."""

    code: str
    message: str
    status: int = 400
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Further modelled members of the error, such as ``Reason``."""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def any_resource(call: Call) -> str:  # noqa: ARG001 - the signature of a resource function
    """The resource of actions that know no other than ``*``."""
    return "*"


@dataclass(frozen=True, slots=True)
class Operation:
    """One served operation: what permission it needs, on what, and what it does.

    The request path calls ``validate``, then authorizes ``action`` on ``resource`` (unless ``is_open``), then calls
    ``perform``, which does the checks that AWS makes after authorization and changes the state.
    """

    perform: Callable[[Call], dict[str, Any]]
    action: str
    """The IAM action, such as ``iam:DeleteLoginProfile``."""
    is_mutating: bool = False
    resource: Callable[[Call], str] = any_resource
    validate: Callable[[Call], None] | None = None
    condition_keys: Callable[[Call], Mapping[str, str]] | None = None
    """Condition keys of this service and request, such as ``sts:TaskPolicyArn``."""
    is_open: bool = False
    """Whether every authenticated caller may call it (sts:GetCallerIdentity)."""
    denial: Callable[[Call], ServiceError] | None = None
    """How the service words a refusal, where it differs from its protocol's usual form."""
    target_account: Callable[[Call], str] | None = None
    """The account that the recorded request concerns, where it isn't the caller's (sts:AssumeRoot)."""
    is_regional_only: bool = False
    """Whether a global endpoint doesn't know it, whatever its parameters (sts:AssumeRoot)."""
    guard: Callable[[Call], GuardedResource | None] | None = None
    """The resource's owner and policy, where resource policies and resource control policies decide (S3, SQS)."""
    is_open_to_owner_root: bool = False
    """Whether the resource's own policy can't stop its owner's root user, so that no lock-out lasts."""
    actions: Callable[[Call], Sequence[str]] | None = None
    """The actions that this call needs, where they depend on its parameters; all of them must be allowed."""
    wait: Callable[[Call], Awaitable[None]] | None = None
    """Waits, after authorization, until there is something to answer (sqs:ReceiveMessage)."""
    is_data_event: bool = False
    """Whether CloudTrail counts it as data, not management, and thus leaves it out of the event history."""
