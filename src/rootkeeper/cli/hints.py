"""Hints in the words of the command line: the next command to run, or the option to add."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rootkeeper.errors import Hint

COMMAND_HINTS: Mapping[str, str] = {
    "access.role": "Ask a user with the role {roles}. The permission is {permission}.",
    "account.refresh": "An audit lists the organization again: rootkeeper audit --refresh.",
    "audit.accounts": "List the accounts and their states: rootkeeper audit --output table.",
    "audit.caller": "Use credentials of one of these accounts: --profile, or the AWS_* variables.",
    "audit.refresh": "{message} To wait for the whole listing: --refresh.",
    "aws.credentials_missing": "Set the AWS_* variables, or choose a profile with --profile.",
    "aws.credentials_partial": "Set it, or choose another profile with --profile.",
    "aws.login": "Run `aws login --profile {profile}`.",
    "aws.login_package": "Install it: {command}",
    "aws.region": "Add --region, such as --region {region}, or set AWS_REGION.",
    "aws.sso_login": "Run `aws sso login --profile {profile}`.",
    "controls.attest_purpose": "For each of them: rootkeeper failsafe attest ACCOUNT --claim purpose.",
    "database.check": "See what is missing: rootkeeper database check",
    "database.own_backup": (
        "{message} Or make a backup of your own, such as on the database's machine: pg_dump --format=custom "
        "--file=rootkeeper.dump {name}. Then upgrade with --no-backup."
    ),
    "database.upgrade": "Stop the server, then run: rootkeeper database upgrade",
    "deletion.again": "Delete again: rootkeeper delete SELECTION.",
    "deletion.kinds": "Add password and access_keys to --only, or remove mfa_devices from it.",
    "deletion.reason": "Add --reason TEXT.",
    "deletion.retry_failed": "Correct the cause, then: rootkeeper jobs resume {job_id} --retry-failed",
    "doctor.region": "Enable it in every account, or use another one: --region us-east-1",
    "doctor.roles": "Allow them. The roles that do: rootkeeper policies roles",
    "emails.approve": (
        "Ask another person to approve it: on the console's page Root e-mails, Approve for {account_id}, with "
        "the address {address}."
    ),
    "emails.attest_or_override": (
        "Choose another address, or attest that a group reads this one: rootkeeper emails attest {address} --by "
        "NAME --until DATE. Without a server, --override is possible too; it is recorded with the reason."
    ),
    "emails.attested_by": "Name the person: --by NAME.",
    "emails.attested_until": "Give a date in the future: --until YYYY-MM-DD.",
    "emails.check_later": "{problem} AWS may take up to 4 hours. Check later: rootkeeper emails list {account_id}.",
    "emails.other_address_or_override": (
        "Choose another address. Without a server, --override is possible too; it is recorded with the reason."
    ),
    "emails.override": "Without a server, add --override; it is recorded with the reason.",
    "emails.read_tags": "An audit with these tags reads them: rootkeeper audit --tag KEY=VALUE.",
    "emails.reason": "Give a reason: --reason TEXT.",
    "emails.restart": "{sent} one. To send another one, add --restart.",
    "emails.set_domains": (
        "{problem} Set emails.allowed_domains in the settings file, or ROOTKEEPER_EMAILS_ALLOWED_DOMAINS."
    ),
    "emails.start": "Start the change: leave out --otp-from.",
    "emails.start_again": "No change to this address is pending. Start it again with --restart.",
    "emails.trusted_access": (
        "In the management account, run: aws organizations enable-aws-service-access --service-principal {principal}"
    ),
    "evidence.audit": "Run rootkeeper audit first.",
    "evidence.organization": "Name one: --organization ID.",
    "evidence.period": "Give an earlier --from, or a later --to.",
    "exception.list": "See rootkeeper exceptions list.",
    "exception.owner": "Name who is responsible: --owner NAME.",
    "exception.reason": "Add --reason TEXT.",
    "exception.until": "Choose a later end: --until YYYY-MM-DD.",
    "factors.key_file": (
        "Copy the key file of the other servers, or of the backup, to the path in server.key_file. If it is lost, "
        "run rootkeeper users reset-factors NAME for each user with an authenticator app, then start again."
    ),
    "factors.reset": "Reset them: rootkeeper users reset-factors NAME.",
    "factors.wait": "Wait an hour, or ask an administrator to run: rootkeeper users reset-factors NAME.",
    "failsafe.alarm": "See rootkeeper policies alarms. In the next drill, record --alarm seen.",
    "failsafe.attest": "Attest it: rootkeeper emails attest {address} --by NAME --until DATE.",
    "failsafe.check": "Check it: rootkeeper failsafe check.",
    "failsafe.complete": (
        "Reset the password by its root e-mail address, sign in, and register MFA devices. Then run rootkeeper "
        "failsafe check."
    ),
    "failsafe.delete_kinds": (
        "Delete them: rootkeeper delete {account_id} --include-failsafe {account_id} --only {kinds}."
    ),
    "failsafe.drill": (
        "Follow rootkeeper failsafe runbook, then record the drill: rootkeeper failsafe record-drill {account_id} "
        "--by NAME --at DATE --outcome passed."
    ),
    "failsafe.held_at": "Give the day on which the drill was held: --at YYYY-MM-DD.",
    "failsafe.held_by": "Name the person who signed in: --by NAME.",
    "failsafe.include": "To delete the failsafe's root user credentials, add --include-failsafe with its account id.",
    "failsafe.mailboxes": "See rootkeeper audit and rootkeeper emails list.",
    "failsafe.make_access_path": (
        "Set up the root login of a failsafe (rootkeeper failsafe set-up ID), or create an IAM user with MFA that "
        "can open root sessions (rootkeeper failsafe runbook)."
    ),
    "failsafe.preflight": "Run rootkeeper preflight {account_id}.",
    "failsafe.record_device": "Sign in with it in a drill, and record the drill with --device hardware.",
    "failsafe.register": "Register one: rootkeeper enable --delegated-administrator ID.",
    "failsafe.register_account": "Register it: rootkeeper enable --delegated-administrator {account_id}.",
    "failsafe.register_another": "Register another account: rootkeeper enable --delegated-administrator ID.",
    "failsafe.set_up": "Set up its root login: rootkeeper failsafe set-up {account_id}.",
    "failsafe.set_up_by_command": (
        "AWS refuses it to the roles of a server. With the role rootkeeper-set-up: rootkeeper failsafe set-up "
        "{account_id}."
    ),
    "failsafe.show_window": "View the recovery window: rootkeeper windows show {window_id}.",
    "history.audit": "Audit the account first: rootkeeper audit.",
    "history.audit_again": "Run rootkeeper audit, then rootkeeper diff again.",
    "history.list_audits": "List the stored audits: rootkeeper diff --list.",
    "identity.add": "Add {name} first: rootkeeper users add {name} --role {role}",
    "identity.add_administrator": "Add one, with the server's settings: rootkeeper users add NAME --role administrator",
    "identity.at_server": "Leave out --organization: without it, the command is about the people of the server.",
    "identity.list": "See them: rootkeeper users list, rootkeeper token list",
    "identity_center.region": "Add --region with the home Region of IAM Identity Center.",
    "job.cancel": "Cancel it, and make a new plan: rootkeeper jobs cancel {job_id}.",
    "job.interrupted": "Job {job_id} is interrupted. Resume it: rootkeeper jobs resume {job_id}",
    "job.list": "List them: rootkeeper jobs list.",
    "job.other_endpoint": "Set AWS_ENDPOINT_URL as it was then, or cancel the job: rootkeeper jobs cancel {job_id}.",
    "job.resume": "Resume it: rootkeeper jobs resume {job_id}.",
    "job.resume_locally": "Resume it there, without a server: rootkeeper jobs resume {job_id}.",
    "job.show": "See it: rootkeeper jobs show {job_id}.",
    "ledger.adopt": (
        "Look at it with rootkeeper ledger verify. If it was restored on purpose, record that: rootkeeper ledger adopt"
    ),
    "ledger.list": "Look at the entries: rootkeeper ledger list",
    "ledger.verify": "To see what happened: rootkeeper ledger verify",
    "ledger.verify_backup": "Restore a backup, then run: rootkeeper ledger verify",
    "ledger.verify_file": "Keep the file as it is. Check its ledger: rootkeeper ledger verify",
    "notification.test": "Fix the target, then send a test: rootkeeper notifications test.",
    "organization.add": "Add it first: rootkeeper organizations add NAME --profile PROFILE.",
    "organization.audit": "Audit it: rootkeeper audit --organization {name}",
    "organization.close": "Close them: rootkeeper windows close WINDOW_ID --organization {name}.",
    "organization.credentials": "Use --profile, or aws.profile in the organization's table of the settings file.",
    "organization.list": "Use another token, or list the organization again: rootkeeper audit",
    "organization.token": "Name its organization: --organization NAME. Or sign in: rootkeeper login.",
    "organization.unnamed": "Name the organization: --organization NAME.",
    "organization.name": "Name one: --organization NAME.",
    "organization.resume": "Read the rest: rootkeeper jobs resume {job_id} --organization {name}",
    "plan.again": "Create a new plan: rootkeeper plan SELECTION --out FILE.",
    "plan.later_end": "Choose a later --not-after.",
    "plan.make": "Make one: rootkeeper plan SELECTION --out FILE.",
    "plan.on_server": "Create a new plan on the server: rootkeeper --server URL plan SELECTION --out FILE.",
    "policies.failsafe": "Run it with credentials of the management account or a delegated administrator, or name the "
    "failsafe: --failsafe ID.",
    "policies.roles": "Write it as arn:aws:iam::111122223333:role/NAME. `rootkeeper policies roles` prints the roles.",
    "preflight.blocking_policies": (
        "Exempt root sessions (aws:AssumedRoot) in policy {policy}. `rootkeeper preflight` shows every policy that"
        " blocks."
    ),
    "preflight.selection": "Select by account, --ou, --tag or --account-state.",
    "reports.format": "Add --format, one of {formats}.",
    "request.invalid": "See the command's --help.",
    "selection.empty": "Name accounts, or use --ou, --tag, --status, --from-file or --all.",
    "selection.list_accounts": "List the accounts: rootkeeper audit --output table.",
    "server.route": (
        "Check the address, and that server and command line have the same version. A server of one organization needs "
        "no --organization."
    ),
    "server.login": "Sign in: rootkeeper login --server {url}. Or set {variable}.",
    "server.silent": (
        "Close its windows: rootkeeper windows close WINDOW_ID. Then end that process and start the server again."
    ),
    "server.use": "Let the server do it: add --server {url}.",
    "setting.change": "{message} The setting: {setting}.",
    "settings.path": "Check the path given with --config.",
    "setup.close_windows": "Close them first: rootkeeper windows close WINDOW_ID.",
    "setup.enable": "Run `rootkeeper enable`.",
    "setup.enable_all_features": "aws organizations enable-all-features",
    "setup.enable_delegate": "rootkeeper enable --delegated-administrator ID",
    "setup.enable_feature": "rootkeeper enable --feature {feature}",
    "setup.enable_sessions": "Enable root sessions alone: rootkeeper enable --feature sessions",
    "setup.enable_trusted_access": "rootkeeper enable",
    "setup.list_accounts": "List its accounts: rootkeeper audit --all.",
    "setup.register_failsafe": "No failsafe. Next: rootkeeper enable --delegated-administrator ID",
    "setup.status": "Run rootkeeper status; it shows what can't be read, and why.",
    "setup.trusted_access_on": "Trusted access is still on. To disable it: rootkeeper disable --trusted-access",
    "token.list": "Use a token with the permission {permission}. See what each may do: rootkeeper token list",
    "unlock.except_or_restore": (
        "Add an exception for a principal that exists, or put back a saved copy with --restore."
    ),
    "unlock.include_failsafe": "If you mean this account, add --include-failsafe with its id.",
    "unlock.list": "Give the bare name, not an ARN or a URL. `rootkeeper unlock {service} ACCOUNT` lists the names.",
    "unlock.list_account": "List them: rootkeeper unlock {service} {account_id}.",
    "unlock.one_region": "Choose one Region with --regions.",
    "unlock.regions": "Name Regions such as --regions {regions}.",
    "unlock.replace": "To put any other policy, use --replace.",
    "window.approve": "It waits for approvals: rootkeeper windows approve {window_id}",
    "window.cancel": "Cancel it: rootkeeper windows cancel {window_id}",
    "window.close": "Close it: rootkeeper windows close {window_id}",
    "window.close_first": "Close the window: rootkeeper windows close ACCOUNT.",
    "window.credentials_end": (
        "Say when they end: --credentials-end TIME. Or, if you know that they are valid until the window is closed: "
        "--credentials-outlive-window."
    ),
    "window.credentials_end_or_shorter": (
        "Choose a shorter window: --for {longest}. Or say when they end: --credentials-end TIME. Or, if you know that "
        "they are valid until the window is closed: --credentials-outlive-window."
    ),
    "window.enable": "Turn it on: rootkeeper enable",
    "window.exception": "Remove the exception first: rootkeeper exceptions remove {account_id}",
    "window.list": "List them: rootkeeper windows list",
    "window.no_login": "Leave out --existing-login.",
    "window.password": (
        "To govern the existing login until the window closes: --existing-login. To delete it now: rootkeeper delete "
        "{account_id}"
    ),
    "window.reason": "Add --reason TEXT.",
    "window.reopened": (
        "{message} A server closes it at once. Without a server, close it: rootkeeper windows close {window_id}"
    ),
    "window.request": "Request a new window: rootkeeper windows request {account_id}",
    "window.retry": (
        "Every command that changes something tries again. To close it now: rootkeeper windows close {window_id}"
    ),
    "window.server": "Use a server: rootkeeper login, or --server URL with ROOTKEEPER_TOKEN.",
    "window.shorter": (
        "Choose a shorter window: --for {longest}. Or sign in again for longer, or use credentials that renew "
        "themselves."
    ),
    "window.show": "Look at it: rootkeeper windows show {window_id}",
}
"""By the hint's code, in alphabetical order; ``{name}`` is a fact of the hint."""


_COMMAND = re.compile(r"\brootkeeper (?!(?:demo|login|logout|organizations|sandbox|serve|worker)\b)(?=[a-z])")
"""The beginning of a command about an organization."""
_OPTION = "--organization"


@dataclass(slots=True)
class _CommandLine:
    """The running command line."""

    organization: str | None = None
    """As ``--organization`` named it."""


_RUNNING = _CommandLine()


@contextmanager
def naming_organization(name: str | None) -> Iterator[None]:
    """Let the commands of all hints name the same organization meanwhile, in each thread: without its name, they would
    be refused, or would be about another organization.
    """
    _RUNNING.organization = name
    try:
        yield
    finally:
        _RUNNING.organization = None


def render_hint(hint: str | None) -> str | None:
    """The hint as a person at a terminal can follow it."""
    if isinstance(hint, Hint) and hint.code in COMMAND_HINTS:
        hint = COMMAND_HINTS[hint.code].format_map(hint.facts)
    if hint is None or _RUNNING.organization is None or _OPTION in hint:
        return hint
    return _COMMAND.sub(lambda _: f"rootkeeper {_OPTION} {shlex.quote(_RUNNING.organization or '')} ", hint)
