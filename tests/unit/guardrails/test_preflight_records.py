"""A preflight as JSON: the same as the command line's."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.preflights import show_preflight
from rootkeeper.cli.terminal import Terminal
from rootkeeper.guardrails.records import preflight_to_record, row_from_record, row_to_record
from rootkeeper.guardrails.service import Preflight
from rootkeeper.organization.accounts import AccountId
from tests.fakes.desk import CLEAN, PROD, Desk
from tests.fakes.policies import DENY_ROOT


def test_it_is_as_the_command_line_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk()
    for account_id in (PROD, CLEAN):
        desk.organization.add_account(account_id, f"account {account_id}")
    desk.policies.attach("p-denyroot", DENY_ROOT, PROD)
    report = Preflight(desk.inventory, desk.policies, desk.clock).run(desk.progress)
    record = preflight_to_record(report)
    show_preflight(report, OutputFormat.JSON, Terminal({}))
    assert json.loads(json.dumps(record)) == json.loads(capsys.readouterr().out)
    blocked = [row for row in report.rows if row.account.account_id == PROD and row.policies]
    by_id = {account.account_id: account for account in report.accounts}
    again = [row_from_record(json.loads(json.dumps(row_to_record(row))), by_id) for row in report.rows]
    assert again == [replace(row, fix=None) if row.is_intended else row for row in report.rows]
    assert AccountId(str(row_to_record(blocked[0])["account_id"])) == PROD
