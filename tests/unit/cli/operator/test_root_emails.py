"""Root e-mail addresses through a server: an answer that lacks something is no list."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.records import stored_account_to_record
from rootkeeper.organization.statuses import AccountRole, AccountStatus, Status
from rootkeeper.root_emails.records import email_to_record
from rootkeeper.root_emails.rules import EmailVerdict, RootEmail
from tests.fakes.remote_desk import ENDPOINT, NOW, RemoteDesk

ACCOUNT = Account(AccountId("222233334444"), "payments", "payments@example.com", AccountState.ACTIVE, (), "Root")
ORGANIZATION = {
    "organization_id": "o-exampleorgid",
    "management_account_id": "111122223333",
    "has_all_features": True,
    "partition": "aws",
    "organizational_units": [],
    "listed_at": NOW.isoformat(),
}
EMAILS: dict[str, Any] = {
    "accounts": [email_to_record(RootEmail(ACCOUNT, AccountRole.MEMBER, EmailVerdict.FAIL, ()))],
    "next": None,
    "listed_at": NOW.isoformat(),
    "endpoint": ENDPOINT,
    "rules": {"allowed_domains": [], "approved_pattern": None, "groups": []},
    "remarks": [],
}


def list_emails(desk: RemoteDesk, organization: dict[str, Any], emails: dict[str, Any]) -> Any:
    status = AccountStatus(ACCOUNT, AccountRole.MEMBER, Status.PRESENT)
    desk.server.answer("GET accounts", {"accounts": [stored_account_to_record(status, details=False)], "next": None})
    desk.server.answer("GET organizations", {"organizations": [organization], "next": None})
    desk.server.answer("GET root-emails", emails)
    return desk.run("emails", "list", "-o", "json")


def test_the_addresses_are_those_of_the_server(desk: RemoteDesk) -> None:
    run = list_emails(desk, ORGANIZATION, EMAILS)
    assert run.status == 1, run.shown
    assert [(one["email"], one["verdict"]) for one in run.json["accounts"]] == [("payments@example.com", "fail")]


@pytest.mark.parametrize("missing", ["accounts", "endpoint", "rules", "remarks"])
def test_an_answer_without_a_part_of_it_is_no_list(desk: RemoteDesk, missing: str) -> None:
    run = list_emails(desk, ORGANIZATION, {name: value for name, value in EMAILS.items() if name != missing})
    assert run.status == 3, run.shown
    assert "can't be understood" in run.stderr


def test_a_list_without_an_account_of_the_organization_is_no_list(desk: RemoteDesk) -> None:
    run = list_emails(desk, ORGANIZATION, {**EMAILS, "accounts": []})
    assert run.status == 3, run.shown
    assert "can't be understood" in run.stderr


@pytest.mark.parametrize("missing", ["organization_id", "organizational_units", "listed_at"])
def test_an_organization_without_a_part_of_it_is_none(desk: RemoteDesk, missing: str) -> None:
    run = list_emails(desk, {name: value for name, value in ORGANIZATION.items() if name != missing}, EMAILS)
    assert run.status == 3, run.shown
    assert "can't be understood" in run.stderr
