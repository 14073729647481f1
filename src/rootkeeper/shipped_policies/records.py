"""Shipped roles, policies and alarms as JSON."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from typing_extensions import TypedDict

from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    Count,
    JsonRecord,
    JsonSchema,
    fill_record,
    filled_from,
    record,
    record_of,
)
from rootkeeper.shipped_policies.bundle import METRIC_NAMESPACE, Alarm, PolicyBundle
from rootkeeper.shipped_policies.rules import ShippedCallerRole, ShippedGuardrail, ShippedRole


@record
class PolicyDocumentRecord(TypedDict):
    """An AWS policy document."""

    Version: Literal["2012-10-17"]
    Statement: list[dict[str, Any]]


@filled_from(role_name="name", task_policies="grant.task_policies")
@record_of(
    ShippedCallerRole,
    without=("grant",),
    before={
        "role_name": "description",
        "role_arn": "description",
        "task_policies": "permission_policy",
        "permission_policy_characters": "trust_policy",
        "trust_policy_characters": "max_session_seconds",
    },
)
class ShippedRoleRecord(JsonRecord):
    """A role with its policies."""

    role_name: str
    role_arn: str
    """In the account ``role_account_id``; that of ``set-up`` in the management account."""
    commands: list[str]
    """The commands that need no other role."""
    task_policies: list[str]
    """The tasks for which it opens root sessions."""
    permission_policy: PolicyDocumentRecord
    permission_policy_characters: Count
    """As IAM counts: without white space."""
    trust_policy: PolicyDocumentRecord
    trust_policy_characters: Count
    max_session_seconds: Count
    """Its MaxSessionDuration. A role assumed by the session of another role lasts an hour at most."""


@record_of(ShippedGuardrail, renamed={"kind": "policy"}, before={"name": "description", "characters": "content"})
class GuardrailRecord(JsonRecord):
    """A service control policy."""

    name: str
    characters: Count
    """Of the document as ``--policy`` prints it."""
    content: PolicyDocumentRecord


@record_of(
    Alarm,
    renamed={"kind": "alarm"},
    before={"name": "description", "metric_namespace": "metric_filter", "metric_name": "metric_filter"},
)
class AlarmRecord(JsonRecord):
    """An alarm."""

    name: str
    metric_namespace: str
    metric_name: str
    metric_filter: Annotated[str, JsonSchema(maxLength=1024)]


@record
class ShippedPoliciesRecord(Answer):
    """What every output about policies has."""

    organization_id: str
    management_account_id: AccountNumber
    partition: str
    role_account_id: AccountNumber
    """The account in which the roles are."""
    remarks: list[str]
    """What to know before you use it."""


@record
class RolesDocument(ShippedPoliciesRecord):
    """Roles."""

    roles: list[ShippedRoleRecord]


@record
class GuardrailsDocument(ShippedPoliciesRecord):
    """Service control policies."""

    policies: list[GuardrailRecord]


@record
class AlarmsDocument(ShippedPoliciesRecord):
    """Alarms."""

    known_role_arns: list[str]
    """Roles that open root sessions on purpose."""
    alarms: list[AlarmRecord]
    not_covered: list[str]
    """What the rules don't see unless they are deployed there."""


class PolicyForm(StrEnum):
    """What a document is."""

    ALARMS = "alarms"
    CLOUDFORMATION = "cloudformation"
    PERMISSIONS = "permissions"
    SCP = "scp"
    TERRAFORM = "terraform"
    TRUST = "trust"


@record
class PolicyTextRecord(TypedDict):
    """One document, ready to copy."""

    file_name: str
    title: str
    description: str
    form: PolicyForm
    role: ShippedRole | None
    """The role whose policy it is; ``null`` for every other document."""
    language: Literal["hcl", "json", "yaml"]
    content: str


@record
class PolicyTextsDocument(ShippedPoliciesRecord):
    """All shipped policies of an organization, as text."""

    documents: list[PolicyTextRecord]
    not_covered: list[str]
    """What the alarms don't see unless they are deployed there."""


def describe_bundle(bundle: PolicyBundle) -> dict[str, Any]:
    """Return the fields with which every answer about policies begins."""
    organization = bundle.ground.organization
    return {
        "organization_id": organization.organization_id,
        "management_account_id": organization.management_account_id,
        "partition": bundle.ground.partition,
        "role_account_id": bundle.role_account_id,
    }


def alarms_to_records(bundle: PolicyBundle) -> list[AlarmRecord]:
    return [fill_record(AlarmRecord, alarm, metric_namespace=METRIC_NAMESPACE) for alarm in bundle.alarms]
