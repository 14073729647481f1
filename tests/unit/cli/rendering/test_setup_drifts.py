"""Set-up drift as ``status`` shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.setups import (
    accepted_lines,
    drift_parts,
    remark_drift,
    show_accepted,
    show_drift,
    show_report,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import count_root_logins_left
from rootkeeper.setup.records import AuditDriftRecord
from rootkeeper.setup.rules import SetupDrift, compare_setup
from rootkeeper.setup.service import SetupReader
from rootkeeper.shapes import fill_record
from rootkeeper.untrusted_text import printable
from rootkeeper.watching.coverage import RuleCoverage
from tests.fakes.clock import FakeClock
from tests.fakes.evidence import accept, make_guardrail, make_state
from tests.fakes.hostile_texts import HOSTILE_TEXTS
from tests.fakes.organization import FakeOrganization

ACCEPTED = accept(make_state(guardrails=(make_guardrail(),)))
CLEAN = SetupDrift(ACCEPTED, (), ())
DRIFTED = compare_setup(ACCEPTED, make_state(features=frozenset(), guardrails=(make_guardrail(),)))
UNKNOWN = compare_setup(
    ACCEPTED, make_state(guardrails=None, guardrails_unknown="It needs organizations:ListPolicies.")
)
NEVER = SetupDrift(None, (), ())


@pytest.mark.parametrize(
    ("drift", "state"),
    [(CLEAN, "no drift"), (DRIFTED, "2 differences"), (UNKNOWN, "unknown"), (NEVER, "never accepted")],
)
def test_the_state_of_drift_is_one_row(drift: SetupDrift, state: str) -> None:
    first, *more = list(drift_parts(drift))
    assert (first["part"], first["state"]) == ("Drift", state)
    assert len(more) == len(drift.differences)


def test_drift_as_json_names_what_was_accepted_what_differs_and_what_could_have_done_it() -> None:
    record = fill_record(AuditDriftRecord, DRIFTED)
    assert record["accepted"] == {
        "accepted_at": "2026-08-01T00:00:00Z",
        "accepted_by": "mary@desk",
        "ledger_sequence": 7,
    }
    assert [one["subject"] for one in record["differences"]] == ["RootCredentialsManagement", "RootSessions"]
    assert all(one["could_be"] for one in record["differences"])
    assert fill_record(AuditDriftRecord, NEVER) == {"accepted": None, "differences": [], "unknown": []}


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        (DRIFTED, ["Drift: The feature RootSessions: off", "possible cause:", "status --accept"]),
        (UNKNOWN, ["Drift unknown: Guardrails couldn't be compared. It needs organizations:ListPolicies."]),
        (CLEAN, []),
    ],
)
def test_people_read_each_difference_and_each_unknown(
    drift: SetupDrift, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    show_drift(drift, Terminal({}))
    shown = capsys.readouterr().out
    assert all(words in shown for words in said), shown
    assert bool(shown) == bool(said)


@pytest.mark.parametrize(
    ("drift", "said"),
    [(DRIFTED, ["RootSessions: off", "possible cause:", "status --accept"]), (UNKNOWN, ["Drift unknown"])],
)
def test_an_audit_shows_the_same_beside_its_data(
    drift: SetupDrift, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    remark_drift(drift, Terminal({}))
    streams = capsys.readouterr()
    assert all(words in streams.err for words in said), streams.err
    assert streams.out == ""


@pytest.mark.parametrize("drift", [CLEAN, NEVER])
def test_an_audit_says_nothing_where_nothing_drifted_or_was_accepted(
    drift: SetupDrift, capsys: pytest.CaptureFixture[str]
) -> None:
    remark_drift(drift, Terminal({}))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
@pytest.mark.parametrize("show", [show_drift, remark_drift])
def test_a_policys_name_cant_steer_the_terminal(
    text: str, show: Callable[[SetupDrift, Terminal], None], capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = compare_setup(
        ACCEPTED, make_state(guardrails=(replace(make_guardrail(content_hash="b" * 64), name=text),))
    )
    show(hostile, Terminal({}))
    streams = capsys.readouterr()
    shown = (streams.out + streams.err).splitlines()
    assert all(line == printable(line) for line in shown)
    assert shown[0].startswith("✗ Drift: Policy p-examplescp (")


def test_a_prompt_shows_everything_that_would_be_accepted() -> None:
    shown = "\n".join(accepted_lines(make_state(guardrails=(make_guardrail(),))))
    for words in ("Trusted access for IAM: on", "RootSessions: on", "222233334444", "p-examplescp", "r-exam"):
        assert words in shown


def test_a_prompt_says_what_couldnt_be_read() -> None:
    unread = make_state(trusted_access=None, features=None, delegates=None, guardrails=None, unknown=("Denied.",))
    shown = "\n".join(accepted_lines(unread))
    assert shown.count("couldn't be read") == 5
    assert "Denied." in shown


def test_what_couldnt_be_read_as_it_was_accepted_is_unknown_and_never_no_drift(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unread = accept(make_state(guardrails=None, guardrails_unknown="It needs organizations:ListPolicies."))
    report = SetupReader(FakeOrganization(FakeClock())).read()
    show_accepted(report, count_root_logins_left(()), None, unread, OutputFormat.JSON, Terminal({}))
    drift = json.loads(capsys.readouterr().out)["drift"]
    assert drift["unknown"] == ["Guardrails couldn't be compared. It needs organizations:ListPolicies."]
    assert drift["differences"] == []


def test_regions_that_werent_read_are_never_shown_as_regions_without_the_rule(
    capsys: pytest.CaptureFixture[str],
) -> None:
    denied = "The rule rootkeeper-strange-caller in us-east-1 couldn't be read: denied"
    coverage = RuleCoverage(AccountId("111122223333"), (), (), ("eu-north-1",), (denied,), ())
    report = SetupReader(FakeOrganization(FakeClock())).read()
    show_report(report, count_root_logins_left(()), NEVER, coverage, OutputFormat.TABLE, Terminal({}))
    shown = capsys.readouterr().out
    assert f"? Unknown: {denied}" in shown
    assert "the first Region doesn't show the rule: eu-north-1." in shown
    assert "lacks" not in shown
    assert "has no rule" not in shown


def test_many_regions_that_werent_read_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    unread = tuple(f"eu-north-{number}" for number in range(1, 17))
    coverage = RuleCoverage(AccountId("111122223333"), (), (), unread, (), ())
    report = SetupReader(FakeOrganization(FakeClock())).read()
    show_report(report, count_root_logins_left(()), NEVER, coverage, OutputFormat.TABLE, Terminal({}))
    assert "the first Region doesn't show the rule: 16 other Regions." in capsys.readouterr().out
