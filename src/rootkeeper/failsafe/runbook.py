"""The runbook of the failsafe: AWS CLI steps for an organization, for an emergency in which nothing else works.

It needs no Rootkeeper, no database and no identity provider, only the root user's sign-in, a command line, and codes of
an MFA device. It contains ids but no secret; a person types secrets, and variables hold them.

A root user can't call AssumeRoot or assume a role, so it creates an IAM user. That user gives its MFA code to
AssumeRole, because credentials of GetSessionToken can't call AssumeRoot.

Source: STS AssumeRoot, AssumeRole and GetSessionToken, API version 2011-06-15.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.organization.accounts import Account, AccountId

USER_NAME = "break-glass"
ROLE_NAME = "break-glass-root-access"
AWS_SIGN_IN_PAGE = "https://signin.aws.amazon.com/"
_CREDENTIALS = "--query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text"
_TASKS = (TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE)


class CommandLineKind(StrEnum):
    """The command line in which a step is typed."""

    CLOUDSHELL = "cloudshell"
    """AWS CloudShell, as the failsafe's root user."""
    OWN = "own"
    """The operator's own terminal, as the break-glass user."""


@dataclass(frozen=True, slots=True)
class RunbookStep:
    """A step."""

    title: str
    text: str
    terminal: CommandLineKind | None = None
    """Where the commands are typed; ``None`` where none are."""
    commands: tuple[str, ...] = ()
    """Lines of bash."""


@dataclass(frozen=True, slots=True)
class RunbookFacts:
    """The organization of a runbook."""

    organization_id: str
    management_account_id: AccountId
    failsafe: Account
    partition: str
    region: str
    endpoint_url: str | None = None
    """Of the sandbox; ``None`` for AWS."""

    @property
    def root_user_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.failsafe.account_id}:root"

    @property
    def user_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.failsafe.account_id}:user/{USER_NAME}"

    @property
    def role_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.failsafe.account_id}:role/{ROLE_NAME}"

    @property
    def mfa_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.failsafe.account_id}:mfa/{USER_NAME}"

    @property
    def sign_in_page(self) -> str:
        return f"{self.endpoint_url}/signin" if self.endpoint_url else AWS_SIGN_IN_PAGE


def write_runbook(facts: RunbookFacts) -> tuple[RunbookStep, ...]:
    return (*_make_identity(facts), *_use_root_sessions(facts), *_clean_up(facts))


def _surroundings(facts: RunbookFacts) -> tuple[str, ...]:
    """Use Regional STS endpoints: the global endpoint doesn't support AssumeRoot."""
    lines = (f"export AWS_REGION={facts.region} AWS_DEFAULT_REGION={facts.region} AWS_STS_REGIONAL_ENDPOINTS=regional",)
    return (*lines, f"export AWS_ENDPOINT_URL={facts.endpoint_url}") if facts.endpoint_url else lines


def _document(**statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def _make_identity(facts: RunbookFacts) -> tuple[RunbookStep, ...]:
    """As the failsafe's root user: create the user and role that can open root sessions."""
    # IAM doesn't accept a new user as principal yet, so the role trusts the account, restricted to the user.
    trust_policy = _document(
        Principal={"AWS": facts.root_user_arn},
        Action="sts:AssumeRole",
        Condition={
            "ArnEquals": {"aws:PrincipalArn": facts.user_arn},
            "Bool": {"aws:MultiFactorAuthPresent": "true"},
        },
    )
    role_policy = _document(
        Action="sts:AssumeRoot",
        Resource=f"arn:{facts.partition}:iam::*:root",
        Condition={"ArnEquals": {"sts:TaskPolicyArn": [task.arn(facts.partition) for task in _TASKS]}},
    )
    user_policy = _document(Action="sts:AssumeRole", Resource=facts.role_arn)
    return (
        RunbookStep(
            "Sign in as the failsafe's root user",
            f"Get the password and the MFA device from their safe places. Open {facts.sign_in_page}, choose Root user, "
            f"and sign in as {facts.failsafe.email} (account {facts.failsafe.account_id}). Open CloudShell. The output "
            f"of the last command must be {facts.root_user_arn}.",
            CommandLineKind.CLOUDSHELL,
            (*_surroundings(facts), "aws sts get-caller-identity --query Arn --output text"),
        ),
        RunbookStep(
            "Create the break-glass user with MFA",
            f"Skip this step and the next one if {facts.user_arn} already exists. Add the seed that is shown to an "
            "authenticator app. Then type two consecutive codes.",
            CommandLineKind.CLOUDSHELL,
            (
                f"aws iam create-user --user-name {USER_NAME}",
                (
                    f"aws iam create-virtual-mfa-device --virtual-mfa-device-name {USER_NAME}"
                    " --bootstrap-method Base32StringSeed --outfile mfa-seed.txt"
                ),
                "cat mfa-seed.txt; echo",
                'read -r -p "First code: " CODE1',
                'read -r -p "The code after it: " CODE2',
                (
                    f"aws iam enable-mfa-device --user-name {USER_NAME} --serial-number {facts.mfa_arn}"
                    ' --authentication-code1 "$CODE1" --authentication-code2 "$CODE2"'
                ),
                "rm mfa-seed.txt",
            ),
        ),
        RunbookStep(
            "Create the role that can open root sessions",
            "The user can assume the role only with a code of its MFA device. The role allows only root sessions that "
            "audit, allow a recovery, and delete.",
            CommandLineKind.CLOUDSHELL,
            (
                f"aws iam create-role --role-name {ROLE_NAME} --assume-role-policy-document '{trust_policy}'",
                (
                    f"aws iam put-role-policy --role-name {ROLE_NAME} --policy-name root-tasks"
                    f" --policy-document '{role_policy}'"
                ),
                (
                    f"aws iam put-user-policy --user-name {USER_NAME} --policy-name assume-{ROLE_NAME}"
                    f" --policy-document '{user_policy}'"
                ),
            ),
        ),
        RunbookStep(
            "Create an access key for the user",
            "AWS shows the key once. A later step deletes it. Leave CloudShell open.",
            CommandLineKind.CLOUDSHELL,
            (
                (
                    f"aws iam create-access-key --user-name {USER_NAME}"
                    " --query 'AccessKey.[AccessKeyId,SecretAccessKey]' --output text"
                ),
            ),
        ),
    )


_SUMMARY = (
    f"( open_root {TaskPolicy.AUDIT.value} && aws iam get-account-summary --query"
    " 'SummaryMap.{Password:AccountPasswordPresent,AccessKeys:AccountAccessKeysPresent,"
    "Certificates:AccountSigningCertificatesPresent,Mfa:AccountMFAEnabled}' )"
)


def _use_root_sessions(facts: RunbookFacts) -> tuple[RunbookStep, ...]:
    """As the break-glass user: do the work in a member account, and delete its credentials again."""
    recovery_page = f"{facts.endpoint_url}/signin/forgot-password" if facts.endpoint_url else AWS_SIGN_IN_PAGE
    return (
        RunbookStep(
            "Use the user's access key in your own terminal",
            f"The output of the last command must be {facts.user_arn}.",
            CommandLineKind.OWN,
            (
                *_surroundings(facts),
                "unset AWS_PROFILE AWS_SESSION_TOKEN",
                'read -r -p "Access key id: " AWS_ACCESS_KEY_ID',
                'read -r -s -p "Secret access key: " AWS_SECRET_ACCESS_KEY; echo',
                "export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY",
                "aws sts get-caller-identity --query Arn --output text",
            ),
        ),
        RunbookStep(
            "Assume the role with a code of the MFA device",
            "AWS may refuse a new access key for some seconds. Try again. The role's session lasts one hour.",
            CommandLineKind.OWN,
            (
                "become() {",
                "  local id secret token",
                "  read -r id secret token &&",
                "    export AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=$secret AWS_SESSION_TOKEN=$token",
                "}",
                'read -r -p "A new code: " CODE',
                (
                    f"become < <(aws sts assume-role --role-arn {facts.role_arn} --role-session-name {USER_NAME}"
                    f' --serial-number {facts.mfa_arn} --token-code "$CODE" {_CREDENTIALS})'
                ),
                "aws sts get-caller-identity --query Arn --output text",
            ),
        ),
        RunbookStep(
            "Choose the member account",
            f"Choose any ACTIVE account of {facts.organization_id} except the management account "
            f"{facts.management_account_id}. A root session lasts 15 minutes. Each step below opens its own session in "
            "parentheses; the session's credentials are gone after the closing parenthesis.",
            CommandLineKind.OWN,
            (
                'read -r -p "Account id: " TARGET',
                "open_root() {",
                (
                    '  become < <(aws sts assume-root --target-principal "$TARGET"'
                    f' --task-policy-arn "arn=arn:{facts.partition}:iam::aws:policy/root-task/$1"'
                    f" --duration-seconds 900 {_CREDENTIALS}) &&"
                ),
                (
                    '    [ "$(aws sts get-caller-identity --query Arn --output text)" = '
                    f'"arn:{facts.partition}:iam::$TARGET:root" ]'
                ),
                "}",
            ),
        ),
        RunbookStep(
            "Show the root user credentials of the account",
            "If AssumeRoot works and this call is denied, a service control policy blocks root sessions in that "
            "account.",
            CommandLineKind.OWN,
            (_SUMMARY,),
        ),
        RunbookStep(
            "Allow its root user to recover the password",
            f"After this, a person who reads the account's root mailbox resets the password ({recovery_page}, Forgot "
            "password), signs in, registers MFA and does the work. Write down who and when. Nothing ends this "
            "automatically; do the next steps.",
            CommandLineKind.OWN,
            (f"( open_root {TaskPolicy.CREATE_PASSWORD.value} && aws iam create-login-profile )",),
        ),
        RunbookStep(
            "Delete access keys, signing certificates and the password",
            "Do this as soon as the work is done. NoSuchEntity for the login profile means that there was no password.",
            CommandLineKind.OWN,
            (
                f"( open_root {TaskPolicy.DELETE.value} &&",
                "  for id in $(aws iam list-access-keys --query 'AccessKeyMetadata[].AccessKeyId' --output text); do",
                '    aws iam delete-access-key --access-key-id "$id"; done &&',
                (
                    "  for id in $(aws iam list-signing-certificates"
                    " --query 'Certificates[].CertificateId' --output text); do"
                ),
                '    aws iam delete-signing-certificate --certificate-id "$id"; done &&',
                "  aws iam delete-login-profile )",
            ),
        ),
        RunbookStep(
            "Delete the MFA devices",
            "This deletes them only if no password and no access key is left, so that no credential ever loses its "
            "second factor.",
            CommandLineKind.OWN,
            (
                f"( open_root {TaskPolicy.DELETE.value} &&",
                "  aws iam get-login-profile 2>&1 | grep -q NoSuchEntity &&",
                """  [ "$(aws iam list-access-keys --query 'length(AccessKeyMetadata)' --output json)" = 0 ] &&""",
                "  for id in $(aws iam list-mfa-devices --query 'MFADevices[].SerialNumber' --output text); do",
                '    aws iam deactivate-mfa-device --serial-number "$id"; done )',
            ),
        ),
        RunbookStep("Show the credentials again", "All four numbers must be 0.", CommandLineKind.OWN, (_SUMMARY,)),
    )


def _clean_up(facts: RunbookFacts) -> tuple[RunbookStep, ...]:
    """Delete the resources of the first steps, and report."""
    return (
        RunbookStep(
            "Delete the user's access key",
            "Then close your own terminal.",
            CommandLineKind.CLOUDSHELL,
            (
                (
                    f"for id in $(aws iam list-access-keys --user-name {USER_NAME}"
                    " --query 'AccessKeyMetadata[].AccessKeyId' --output text); do"
                ),
                f'  aws iam delete-access-key --user-name {USER_NAME} --access-key-id "$id"; done',
            ),
        ),
        RunbookStep(
            "Delete the user and the role, or keep them",
            "The user has no access key and no password now, so no one can sign in as it. Skip this step to keep the "
            "user, its MFA device and the role; the next emergency then needs fewer steps.",
            CommandLineKind.CLOUDSHELL,
            (
                f"aws iam delete-user-policy --user-name {USER_NAME} --policy-name assume-{ROLE_NAME}",
                f"aws iam deactivate-mfa-device --user-name {USER_NAME} --serial-number {facts.mfa_arn}",
                f"aws iam delete-virtual-mfa-device --serial-number {facts.mfa_arn}",
                f"aws iam delete-user --user-name {USER_NAME}",
                f"aws iam delete-role-policy --role-name {ROLE_NAME} --policy-name root-tasks",
                f"aws iam delete-role --role-name {ROLE_NAME}",
            ),
        ),
        RunbookStep(
            "Sign out, and report",
            "Return the password and the MFA device to their places. Write down who did what, when and why. CloudTrail "
            "records these calls; Rootkeeper's ledger doesn't. When Rootkeeper runs again, record the use: "
            f"rootkeeper failsafe record-drill {facts.failsafe.account_id} --by NAME --at DATE --outcome passed",
        ),
    )
