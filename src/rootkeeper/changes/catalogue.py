"""The catalogue of the ledger's actions: the AWS calls and permissions of each, and how a person starts it. Pure data.

Shipped roles, the doctor's simulations, the preflight, reference pages and tests read it, so a new action is described
here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.ledger.rules import Action

OPEN_ROOT_SESSION = "sts:AssumeRoot"

_PERMISSIONS = {"s3:HeadObject": "s3:GetObject"}
"""The permission of an operation, where it has another name. Source: Service Authorization Reference."""


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """An action of the ledger."""

    commands: tuple[str, ...] = ()
    """The commands that do it, as typed, without ``rootkeeper``."""
    pages: tuple[str, ...] = ()
    """The titles of the console's pages on which a person starts it. Without commands and pages only the program itself
    does it.
    """
    subject: str = ""
    """Of a change in AWS: what is changed there, for a person."""
    operations: tuple[str, ...] = ()
    """The privileged calls that its intent covers, ``service:Operation``, each in CloudTrail's spelling."""
    reads: tuple[str, ...] = ()
    """The operations that its re-read needs."""
    task_policy: TaskPolicy | None = None
    """Of the root session that makes the calls; ``None`` for the caller's own credentials."""
    reread_policy: TaskPolicy | None = None
    """Of the root session that re-reads, if it is another."""
    parameters: tuple[str, ...] = ()
    """The parameters of its intent that name the target, beside the account."""
    changes_organization: bool = False
    """Whether it changes the set-up of the organization."""

    @property
    def changes_aws(self) -> bool:
        return bool(self.subject)

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The operations without their services."""
        return tuple(operation.partition(":")[2] for operation in self.operations)

    @property
    def permissions(self) -> frozenset[str]:
        """The permissions that the caller's own credentials need, sts:AssumeRoot apart."""
        calls = () if self.task_policies else (*self.operations, *self.reads)
        return frozenset(_PERMISSIONS.get(call, call) for call in calls) - {OPEN_ROOT_SESSION}

    @property
    def task_policies(self) -> frozenset[TaskPolicy]:
        """The task policies of its root sessions."""
        return frozenset(policy for policy in (self.task_policy, self.reread_policy) if policy is not None)


def _removal(operation: str, *parameters: str) -> CatalogueRow:
    return CatalogueRow(
        commands=("apply", "delete", "failsafe set-up", "jobs resume", "recover", "windows close"),
        pages=("Delete root user credentials", "Recovery windows"),
        subject="Root user credentials of member accounts",
        operations=(operation,),
        reads=TaskPolicy.AUDIT.actions,
        task_policy=TaskPolicy.DELETE,
        reread_policy=TaskPolicy.AUDIT,
        parameters=parameters,
    )


def _unlock(service: str, operation: str, read: str, task_policy: TaskPolicy, resource: str) -> CatalogueRow:
    return CatalogueRow(
        commands=(f"unlock {service}",),
        pages=("Unlock",),
        subject="A bucket's or queue's policy that locks everyone out, after saving it",
        operations=(f"{service}:{operation}",),
        reads=(f"{service}:{read}",),
        task_policy=task_policy,
        parameters=(resource, "region", "partition"),
    )


def _email_change(operation: str, *reads: str) -> CatalogueRow:
    return CatalogueRow(
        commands=("emails change",),
        pages=("Root e-mails",),
        subject="An account's root e-mail address",
        operations=(operation,),
        reads=reads,
        parameters=("email",),
    )


def _setup_change(command: str, *operations: str, parameters: tuple[str, ...] = ()) -> CatalogueRow:
    """Without organizations:ListAWSServiceAccessForOrganization the re-read infers trusted access."""
    return CatalogueRow(
        commands=(command,),
        pages=("Set up root access management",) if command == "enable" else (),
        subject="Trusted access for `iam.amazonaws.com`, the two features, the delegated administrator",
        operations=operations,
        reads=("iam:ListOrganizationsFeatures", "organizations:ListDelegatedAdministrators"),
        parameters=parameters,
        changes_organization=True,
    )


def _delivery(operation: str, read: str, *parameters: str) -> CatalogueRow:
    return CatalogueRow(
        commands=("report send",),
        subject="Findings in Security Hub, and reports in a bucket or a file",
        operations=(operation,),
        reads=(read,),
        parameters=("target", *parameters),
    )


_WINDOWS, _SETTINGS = ("Recovery windows",), ("Settings",)

CATALOGUE: Mapping[Action, CatalogueRow] = MappingProxyType(
    {
        Action.ACCESS_KEY_DELETE: _removal("iam:DeleteAccessKey", "access_key_id"),
        Action.ACCOUNTS_AUDIT: CatalogueRow(
            commands=("audit", "breakglass", "delete", "failsafe check", "jobs resume", "plan"),
            pages=("Accounts", "Delete root user credentials", "Emergency access"),
            operations=(OPEN_ROOT_SESSION,),
            task_policy=TaskPolicy.AUDIT,
            parameters=("account_ids",),
        ),
        Action.BUCKET_POLICY_DELETE: _unlock(
            "s3", "DeleteBucketPolicy", "GetBucketPolicy", TaskPolicy.UNLOCK_BUCKET, "bucket"
        ),
        Action.BUCKET_POLICY_PUT: _unlock(
            "s3", "PutBucketPolicy", "GetBucketPolicy", TaskPolicy.UNLOCK_BUCKET, "bucket"
        ),
        Action.BUCKET_POLICY_SAVE: CatalogueRow(("unlock s3",), ("Unlock",)),
        Action.CONTROL_ATTEST: CatalogueRow(("controls attest",), ("Controls",)),
        Action.DELEGATED_ADMINISTRATOR_DEREGISTER: _setup_change(
            "disable", "organizations:DeregisterDelegatedAdministrator"
        ),
        Action.DELEGATED_ADMINISTRATOR_REGISTER: _setup_change(
            "enable", "organizations:RegisterDelegatedAdministrator"
        ),
        Action.EMAIL_ATTEST: CatalogueRow(("emails attest",), ("Root e-mails",)),
        Action.EMAIL_UPDATE_ACCEPT: _email_change(
            "account:AcceptPrimaryEmailUpdate", "account:GetPrimaryEmail", "account:GetPrimaryEmailUpdateStatus"
        ),
        Action.EMAIL_UPDATE_APPROVE: CatalogueRow(pages=("Root e-mails",)),
        Action.EMAIL_UPDATE_START: _email_change(
            "account:StartPrimaryEmailUpdate", "account:GetPrimaryEmailUpdateStatus"
        ),
        Action.EXCEPTION_ADD: CatalogueRow(("exceptions add",), ("Exceptions",)),
        Action.EXCEPTION_REMOVE: CatalogueRow(("exceptions remove",), ("Exceptions",)),
        Action.FAILSAFE_ATTEST: CatalogueRow(("failsafe attest",), ("Emergency access",)),
        Action.FAILSAFE_CHECK: CatalogueRow(("failsafe check",), ("Emergency access",)),
        Action.FAILSAFE_DRILL: CatalogueRow(("failsafe record-drill",), ("Emergency access",)),
        Action.FEATURE_DISABLE: _setup_change(
            "disable",
            "iam:DisableOrganizationsRootCredentialsManagement",
            "iam:DisableOrganizationsRootSessions",
            parameters=("feature",),
        ),
        Action.FEATURE_ENABLE: _setup_change(
            "enable",
            "iam:EnableOrganizationsRootCredentialsManagement",
            "iam:EnableOrganizationsRootSessions",
            parameters=("feature",),
        ),
        Action.FINDINGS_IMPORT: _delivery(
            "securityhub:BatchImportFindings", "securityhub:GetFindings", "product_arn", "batch"
        ),
        Action.IDENTITY_ADD: CatalogueRow(("token create", "users add", "users invite"), _SETTINGS),
        Action.IDENTITY_CHANGE: CatalogueRow(
            (
                *("token revoke", "users disable", "users reset", "users reset-factors"),
                *("users set-password", "users set-role", "users sign-out"),
            ),
            _SETTINGS,
        ),
        Action.JOB_CANCEL: CatalogueRow(("jobs cancel",), ("Jobs",)),
        Action.JOB_REQUEST: CatalogueRow(
            (
                *("audit", "breakglass", "delete", "failsafe check", "jobs resume", "ledger verify"),
                *("plan", "preflight", "report send", "unlock s3", "unlock sqs"),
            ),
            (
                *("Accounts", "Delete root user credentials", "Emergency access"),
                *("Guardrails", "Jobs", "Ledger", "Unlock"),
            ),
        ),
        Action.LEDGER_ADOPT: CatalogueRow(("ledger adopt",)),
        Action.LEDGER_IMPORT: CatalogueRow(("ledger import",)),
        Action.LOGIN_PROFILE_CREATE: CatalogueRow(
            commands=("failsafe set-up", "recover", "windows activate"),
            pages=_WINDOWS,
            subject="The permission to recover a root password, in an account for a set time",
            operations=("iam:CreateLoginProfile",),
            reads=("iam:GetLoginProfile",),
            task_policy=TaskPolicy.CREATE_PASSWORD,
            parameters=("window_id",),
        ),
        Action.LOGIN_PROFILE_DELETE: _removal("iam:DeleteLoginProfile"),
        Action.MFA_DEVICE_DEACTIVATE: _removal("iam:DeactivateMFADevice", "mfa_serial_number"),
        Action.ORGANIZATION_ADD: CatalogueRow(pages=("All organizations",)),
        Action.ORGANIZATION_REMOVE: CatalogueRow(pages=("All organizations",)),
        Action.QUEUE_POLICY_SAVE: CatalogueRow(("unlock sqs",), ("Unlock",)),
        Action.QUEUE_POLICY_SET: _unlock(
            "sqs", "SetQueueAttributes", "GetQueueAttributes", TaskPolicy.UNLOCK_QUEUE, "queue"
        ),
        Action.REPORT_SEND: _delivery("s3:PutObject", "s3:HeadObject", "place"),
        Action.ROOT_SESSION_OPEN: CatalogueRow(operations=(OPEN_ROOT_SESSION,), parameters=("task_policy",)),
        Action.SETTING_CHANGE: CatalogueRow(pages=_SETTINGS),
        Action.SETUP_ACCEPT: CatalogueRow(("status",)),
        Action.SIGNING_CERTIFICATE_DELETE: _removal("iam:DeleteSigningCertificate", "signing_certificate_id"),
        Action.SPILL_MERGE: CatalogueRow(),
        Action.TRUSTED_ACCESS_DISABLE: _setup_change("disable", "organizations:DisableAWSServiceAccess"),
        Action.TRUSTED_ACCESS_ENABLE: _setup_change("enable", "organizations:EnableAWSServiceAccess"),
        Action.WINDOW_ACTIVATE: CatalogueRow(("windows activate",), _WINDOWS),
        Action.WINDOW_APPROVE: CatalogueRow(("windows approve",), _WINDOWS),
        Action.WINDOW_CANCEL: CatalogueRow(("windows cancel",), _WINDOWS),
        Action.WINDOW_CLOSE: CatalogueRow(("failsafe set-up", "recover", "windows close"), _WINDOWS),
        Action.WINDOW_DENY: CatalogueRow(("windows deny",), _WINDOWS),
        Action.WINDOW_EVENT: CatalogueRow(),
        Action.WINDOW_EXTEND: CatalogueRow(("windows extend",), _WINDOWS),
        Action.WINDOW_KEEP: CatalogueRow(("failsafe set-up",), _WINDOWS),
        Action.WINDOW_LAPSE: CatalogueRow(),
        Action.WINDOW_OPEN: CatalogueRow(("failsafe set-up", "recover", "windows activate"), _WINDOWS),
        Action.WINDOW_REQUEST: CatalogueRow(
            ("failsafe set-up", "recover", "windows request"), ("Emergency access", *_WINDOWS)
        ),
        Action.WINDOW_REREAD: CatalogueRow(("audit", "jobs resume"), ("Accounts",)),
        Action.WINDOW_REVIEW: CatalogueRow(("windows review",), _WINDOWS),
    }
)
"""Every action, alphabetical. A row without operations is a fact or a decision, not a call to AWS."""
