"""Root e-mail addresses as people and programs see them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.root_emails import show_emails
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.accounts import Inventory
from rootkeeper.organization.statuses import AccountRole
from rootkeeper.root_emails.records import email_to_record
from rootkeeper.root_emails.rules import EmailReason, EmailVerdict, GroupBasis, RootEmail, parse_rules
from rootkeeper.root_emails.service import EmailReport
from tests.unit.cli.rendering.samples import ENDPOINT, NOW, ORGANIZATION, account

GOOD = RootEmail(
    account(),
    AccountRole.MEMBER,
    EmailVerdict.PASS,
    (),
    group_basis=GroupBasis.ATTESTATION,
    attested_by="Nikki Wolf",
    attested_until=NOW + timedelta(days=30),
)
BAD = RootEmail(
    replace(account("111122223333"), email="=cmd()@example.com"),
    AccountRole.MANAGEMENT,
    EmailVerdict.FAIL,
    (EmailReason.DUPLICATE, EmailReason.NOT_A_GROUP),
    shared_with=(account().account_id,),
)
UNREAD = RootEmail(
    replace(account("222233334444"), email=""), AccountRole.FAILSAFE, EmailVerdict.UNKNOWN, (EmailReason.UNREAD,)
)


def show(output: OutputFormat, *emails: RootEmail) -> None:
    inventory = Inventory(ORGANIZATION, tuple(one.account for one in (GOOD, BAD, UNREAD)), (), NOW)
    report = EmailReport(inventory, ENDPOINT, parse_rules(["example.com"], "aws.*", []), emails, ("A remark.",))
    show_emails(report, output, Terminal({}))


def test_a_table_says_why_who_attests_and_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputFormat.TABLE, GOOD, BAD, UNREAD)
    shown = capsys.readouterr()
    for said in (
        "Nikki Wolf, until 2026-12-25",
        "another account has it too (444455556666); no group is known to read it",
        "? Unknown",
        "AWS returned no address",
        "3 accounts: 1 pass, 1 fail, 1 unknown.",
        "organizations:ListAccounts",
    ):
        assert said in shown.out
    assert shown.err == "A remark.\n"


def test_a_part_of_the_organization_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputFormat.TABLE, GOOD)
    assert "1 account of 3 in the organization: 1 pass." in capsys.readouterr().out


def test_json_says_source_rules_and_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputFormat.JSON, GOOD, UNREAD)
    document = json.loads(capsys.readouterr().out)
    assert document["source"] == "organizations:ListAccounts"
    assert document["rules"] == {"allowed_domains": ["example.com"], "approved_pattern": "aws.*", "groups": []}
    assert document["summary"] == {"accounts": 2, "fail": 0, "not_applicable": 0, "pass": 1, "unknown": 1}
    good, unread = document["accounts"]
    assert (good["group"], good["attested_by"], good["attested_until"]) == (
        "attestation",
        "Nikki Wolf",
        "2026-12-25T12:00:00Z",
    )
    assert (unread["email"], unread["verdict"], unread["reasons"]) == (None, "unknown", ["unread"])


def test_p26_an_address_that_a_spreadsheet_would_run_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputFormat.CSV, BAD)
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["email"].startswith("'=cmd()")


def test_an_account_has_all_fields_regardless_of_its_verdict() -> None:
    assert email_to_record(GOOD).keys() == email_to_record(BAD).keys() == email_to_record(UNREAD).keys()
