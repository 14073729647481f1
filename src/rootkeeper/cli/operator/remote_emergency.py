"""What a server found out about emergency access and root e-mail addresses, as the commands' own reports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rootkeeper.aws.rules import OneTimePassword
from rootkeeper.cli.operator.interface import EmailChange, describe_email_change
from rootkeeper.cli.operator.remote_jobs import list_statuses, parse_caller, read_inventory
from rootkeeper.errors import Hint, InputError
from rootkeeper.failsafe.rules import Check
from rootkeeper.failsafe.service import FailsafeReport
from rootkeeper.organization.accounts import Account, AccountId, Endpoint, Inventory
from rootkeeper.organization.selection import SelectionRequest, narrow_by_tags, require_not_empty, select_before_tags
from rootkeeper.organization.statuses import AccountStatus
from rootkeeper.remote.connections import PAGE, Connection
from rootkeeper.remote.server import RemoteServer
from rootkeeper.root_emails.records import EmailChangeOutcome, EmailChangeRecord
from rootkeeper.root_emails.rules import (
    EmailChangeRequest,
    RootEmail,
    parse_rules,
)
from rootkeeper.root_emails.service import EmailReport
from rootkeeper.shapes import fill_record, parse_facts


def read_failsafe_checks(server: RemoteServer, outcome: Any) -> FailsafeReport:
    """Read what a server's check of the failsafes found.

    :raises ServerUnreachableError: if the answer can't be understood.
    """
    inventory = read_inventory(server)
    by_id = {account.account_id: account for account in inventory.accounts}

    def parse(record: Mapping[str, Any]) -> FailsafeReport:
        return FailsafeReport(
            inventory=inventory,
            caller=parse_caller(record["caller_arn"]),
            endpoint=Endpoint(record["endpoint"]),
            observed_at=datetime.fromisoformat(record["observed_at"]),
            failsafes=tuple(by_id[AccountId(one)] for one in record["failsafe_account_ids"]),
            checks=tuple(_parse_check(one) for one in record["checks"]),
        )

    return server.connection.parse_answer(parse, outcome)


def _parse_check(record: Mapping[str, Any]) -> Check:
    hint, code = record["hint"], record["hint_code"]
    known_hint = hint if code is None else Hint(hint, code, **record["hint_facts"])
    return parse_facts(Check, {**record, "name": record["check"], "hint": known_hint})


def read_root_emails(server: RemoteServer, request: SelectionRequest) -> EmailReport:
    """Read the root e-mail addresses of the selected accounts, as the server's last listing has them.

    :raises InputError: if the organization was never listed, or the selection is wrong.
    :raises ServerUnreachableError: if an answer can't be understood.
    """
    connection = server.connection
    head = connection.get("root-emails", {"limit": 1})
    if connection.parse_answer(lambda page: page["listed_at"], head) is None:
        raise InputError("The organization hasn't been listed yet.", hint=Hint("Run an audit first.", "evidence.audit"))
    statuses = list_statuses(server)
    inventory = read_inventory(server, statuses)
    selected = _select(request, inventory, statuses)
    by_id = {account.account_id: account for account in inventory.accounts}

    def parse(record: Mapping[str, Any]) -> RootEmail:
        return _parse_email(record, by_id[AccountId(record["account_id"])])

    found = (
        connection.parse_answer(parse, one) for one in connection.list_pages("root-emails", "accounts", {"limit": PAGE})
    )
    by_account = {one.account.account_id: one for one in found}

    def parse_report(page: Mapping[str, Any]) -> EmailReport:
        rules = page["rules"]
        return EmailReport(
            inventory=inventory,
            endpoint=Endpoint(page["endpoint"]),
            rules=parse_rules(rules["allowed_domains"], rules["approved_pattern"] or "", rules["groups"]),
            emails=tuple(by_account[one.account_id] for one in inventory.accounts if one.account_id in selected),
            remarks=tuple(page["remarks"]),
        )

    return connection.parse_answer(parse_report, head)


def _select(request: SelectionRequest, inventory: Inventory, statuses: list[AccountStatus]) -> frozenset[AccountId]:
    """Select as on this machine, but by the tags that the server has read."""
    selection = select_before_tags(request, inventory)
    if request.tags:
        known = {one.account_id: one.tags for one in inventory.accounts if one.tags is not None}
        if any(one.account.account_id not in known for one in selection.accounts):
            raise InputError(
                "The server hasn't read the tags of every account.",
                hint=Hint("An audit with this selection reads them.", "emails.read_tags"),
            )
        selection = narrow_by_tags(selection, request.tags, known)
    require_not_empty(selection)
    fitting = {one.account.account_id for one in statuses if not request.statuses or one.status in request.statuses}
    return frozenset(one.account_id for one in selection.included if one.account_id in fitting)


def _parse_email(record: Mapping[str, Any], account: Account) -> RootEmail:
    return parse_facts(RootEmail, {**record, "account": account, "group_basis": record["group"]})


class RemoteEmailChange(EmailChange):
    """The server makes both calls to AWS."""

    def __init__(self, connection: Connection, account: str, request: EmailChangeRequest) -> None:
        """Have the server check the change.

        :raises InputError: if the rules are to be overridden.
        """
        if request.overrides:
            raise InputError(
                "A server overrides no rule, exception or failsafe.",
                hint="Leave out --override, or change the address with AWS credentials of your own, without --server.",
            )
        self._connection = connection
        self._wanted: Mapping[str, Any] = {
            "account": account,
            "address": request.address,
            "reason": request.reason,
            "ticket": request.ticket,
        }
        self._body = {**self._wanted, "restart": request.restarts}
        plan = connection.post("root-emails/changes/plan", self._body)
        self._planned = connection.parse_answer(
            lambda found: {name: str(found[name]) for name in ("account_id", "name", "email_before", "email")}, plan
        )
        self.account_id = self._planned["account_id"]
        self.is_unneeded = connection.parse_answer(lambda found: bool(found["is_unneeded"]), plan)
        self.is_started = connection.parse_answer(lambda found: found["started_at"] is not None, plan)
        remarks = connection.parse_answer(lambda found: list(map(str, found["remarks"])), plan)
        self.statement = describe_email_change(self.describe("started", ""), remarks)

    def describe(self, outcome: EmailChangeOutcome, explanation: str) -> EmailChangeRecord:
        return fill_record(EmailChangeRecord, None, **self._planned, outcome=outcome, explanation=explanation)

    def start(self) -> EmailChangeRecord:
        return self._connection.parse_answer(_parse_change, self._connection.post("root-emails/changes", self._body))

    def accept(self, otp: OneTimePassword) -> EmailChangeRecord:
        answer = self._connection.post("one-time-passwords", {**self._wanted, "otp": otp.value})
        return self._connection.parse_answer(_parse_change, answer)


def _parse_change(record: Mapping[str, Any]) -> EmailChangeRecord:
    return fill_record(EmailChangeRecord, None, **{name: record[name] for name in EmailChangeRecord.__annotations__})
