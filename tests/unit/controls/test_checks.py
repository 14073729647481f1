"""Each check has an example for every verdict that it can give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.controls.assessment import CHECKS
from rootkeeper.controls.rules import CheckName, CheckResult
from rootkeeper.failsafe.rules import AlarmObservation, DrillOutcome
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId, Feature, Organization
from rootkeeper.organization.statuses import (
    LoginProfile,
    MfaKind,
)
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.controls import (
    ALTERED,
    CERTIFICATES,
    DRILL,
    HISTORY,
    INTACT,
    NO_LOGIN,
    PASSWORD,
    list_accounts,
    make_facts,
    make_statuses,
    read_details,
)
from tests.fakes.evidence import (
    CLEAN,
    END,
    FAILSAFE,
    GUARDED,
    KEYS,
    MANAGEMENT,
    NOTHING,
    READ,
    START,
    make_entry,
    make_guardrail,
    make_inventory,
    make_report,
    make_state,
    make_window,
)

PASS, FAIL, UNKNOWN, MANUAL = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.MANUAL


def run(check: CheckName, **changes: object) -> CheckResult:
    return CHECKS[check](make_report(make_facts(**changes)))


def approved(window: RecoveryWindow) -> RecoveryWindow:
    return replace(window, approved_by=("john@example.com",))


CLOSED = approved(make_window(CLEAN))
EXAMPLES: list[tuple[CheckName, Verdict, dict[str, object]]] = [
    (CheckName.AUDIT_INTEGRITY, PASS, {}),
    (CheckName.AUDIT_INTEGRITY, FAIL, {"ledger": ALTERED}),
    (CheckName.AUDIT_INTEGRITY, UNKNOWN, {"ledger": replace(INTACT, entries=0, head_sequence=0)}),
    (CheckName.BREAKGLASS, PASS, {"windows": (CLOSED,)}),
    (CheckName.BREAKGLASS, FAIL, {"windows": (CLOSED, make_window(CLEAN))}),
    (CheckName.BREAKGLASS, FAIL, {"windows": (replace(CLOSED, approved_by=(CLOSED.requested_by,)),)}),
    (CheckName.BREAKGLASS, FAIL, {"windows": (replace(CLOSED, state=WindowState.CLOSE_FAILED, closed_at=None),)}),
    (CheckName.BREAKGLASS, UNKNOWN, {"windows": (approved(make_window(CLEAN, WindowState.OPEN, requested_at=END)),)}),
    (CheckName.BREAKGLASS, UNKNOWN, {"windows": (CLOSED,), "ledger": ALTERED}),
    (CheckName.BREAKGLASS, MANUAL, {}),
    (
        CheckName.BREAKGLASS,
        MANUAL,
        {"windows": (replace(make_window(CLEAN), is_emergency=True, reviewed_by="john@example.com"),)},
    ),
    (CheckName.BREAKGLASS, MANUAL, {"windows": (replace(CLOSED, state=WindowState.KEPT, closed_at=None),)}),
    (CheckName.CENTRALIZED, PASS, {}),
    (CheckName.CENTRALIZED, FAIL, {"setup": make_state(trusted_access=False)}),
    (CheckName.CENTRALIZED, UNKNOWN, {"setup": None}),
    (CheckName.CENTRALIZED, MANUAL, {"confirmations": ()}),
    (CheckName.DELEGATED, PASS, {}),
    (CheckName.DELEGATED, FAIL, {"setup": make_state(delegates=())}),
    (CheckName.DELEGATED, UNKNOWN, {"setup": make_state(delegates=None)}),
    (CheckName.DELEGATED, UNKNOWN, {"setup": None}),
    (CheckName.DELEGATED, MANUAL, {"confirmations": ()}),
    (CheckName.DRILL, PASS, {}),
    (CheckName.DRILL, FAIL, {"history": replace(HISTORY, drills=())}),
    (CheckName.DRILL, FAIL, {"history": replace(HISTORY, drills=(replace(DRILL, outcome=DrillOutcome.FAILED),))}),
    (CheckName.DRILL, FAIL, {"history": replace(HISTORY, drills=(replace(DRILL, held_at=START),))}),
    (CheckName.DRILL, UNKNOWN, {"ledger": ALTERED}),
    (
        CheckName.DRILL,
        UNKNOWN,
        {"inventory": replace(make_inventory(list_accounts()), delegated_administrator_ids=None)},
    ),
    (
        CheckName.DRILL,
        MANUAL,
        {"inventory": replace(make_inventory(list_accounts()), delegated_administrator_ids=frozenset())},
    ),
    (CheckName.INVENTORY, PASS, {}),
    (CheckName.INVENTORY, FAIL, {"inventory": make_inventory(list_accounts(), listed_at=END - timedelta(days=60))}),
    (CheckName.INVENTORY, UNKNOWN, {"inventory": make_inventory(list_accounts(), listed_at=END + timedelta(days=1))}),
    (CheckName.INVENTORY, UNKNOWN, {"statuses": make_statuses(None)}),
    (CheckName.INVENTORY, UNKNOWN, {"statuses": make_statuses(management=None)}),
    (CheckName.NO_ROOT_CERTIFICATE, PASS, {}),
    (CheckName.NO_ROOT_CERTIFICATE, FAIL, {"statuses": make_statuses(CERTIFICATES)}),
    (CheckName.NO_ROOT_CERTIFICATE, FAIL, {"statuses": make_statuses(management=CERTIFICATES)}),
    (CheckName.NO_ROOT_CERTIFICATE, UNKNOWN, {"statuses": make_statuses(None)}),
    (CheckName.NO_ROOT_CREDS, PASS, {}),
    (CheckName.NO_ROOT_CREDS, FAIL, {"statuses": make_statuses(KEYS)}),
    (CheckName.NO_ROOT_CREDS, FAIL, {"confirmations": ()}),
    (CheckName.NO_ROOT_CREDS, UNKNOWN, {"statuses": make_statuses(None)}),
    (CheckName.NO_ROOT_KEY, PASS, {}),
    (CheckName.NO_ROOT_KEY, FAIL, {"statuses": make_statuses(KEYS)}),
    (CheckName.NO_ROOT_KEY, FAIL, {"statuses": make_statuses(management=KEYS)}),
    (CheckName.NO_ROOT_KEY, UNKNOWN, {"statuses": make_statuses(None)}),
    (CheckName.NO_ROOT_KEY, UNKNOWN, {"statuses": make_statuses(management=None)}),
    (
        CheckName.NO_ROOT_KEY,
        UNKNOWN,
        {"inventory": make_inventory(list_accounts(), listed_at=END - timedelta(days=60))},
    ),
    (CheckName.NO_ROOT_KEY, UNKNOWN, {"windows": (make_window(CLEAN, WindowState.OPEN, requested_at=END),)}),
    (CheckName.PRIV_LOGGED, FAIL, {"ledger": ALTERED}),
    (CheckName.PRIV_LOGGED, UNKNOWN, {"history": replace(HISTORY, entries=0)}),
    (
        CheckName.PRIV_LOGGED,
        UNKNOWN,
        {"history": replace(HISTORY, open_intents=(make_entry(21, Action.ACCESS_KEY_DELETE),))},
    ),
    (CheckName.PRIV_LOGGED, MANUAL, {}),
    (
        CheckName.ROOT_ALERT,
        FAIL,
        {"history": replace(HISTORY, drills=(replace(DRILL, alarm=AlarmObservation.MISSED),))},
    ),
    (CheckName.ROOT_ALERT, MANUAL, {}),
    (CheckName.ROOT_ALERT, MANUAL, {"history": replace(HISTORY, drills=())}),
    (CheckName.ROOT_HW_MFA, PASS, {"statuses": make_statuses(management_kinds=(MfaKind.HARDWARE,))}),
    (
        CheckName.ROOT_HW_MFA,
        FAIL,
        {"statuses": make_statuses(kinds=(MfaKind.HARDWARE, MfaKind.VIRTUAL), management_kinds=(MfaKind.HARDWARE,))},
    ),
    (
        CheckName.ROOT_HW_MFA,
        MANUAL,
        {
            "statuses": make_statuses(
                kinds=(MfaKind.HARDWARE, MfaKind.SECURITY_KEY), management_kinds=(MfaKind.HARDWARE,)
            )
        },
    ),
    (CheckName.ROOT_HW_MFA, FAIL, {"statuses": NO_LOGIN}),
    (CheckName.ROOT_HW_MFA, FAIL, {"statuses": make_statuses(management=PASSWORD)}),
    (CheckName.ROOT_HW_MFA, UNKNOWN, {}),
    (CheckName.ROOT_MFA, PASS, {}),
    (CheckName.ROOT_MFA, FAIL, {"statuses": make_statuses(PASSWORD)}),
    (CheckName.ROOT_MFA, FAIL, {"statuses": NO_LOGIN}),
    (CheckName.ROOT_MFA, FAIL, {"setup": make_state(features=frozenset({Feature.ROOT_SESSIONS}))}),
    (CheckName.ROOT_MFA, UNKNOWN, {"setup": make_state(features=None)}),
    (CheckName.ROOT_MFA, UNKNOWN, {"setup": None}),
    (CheckName.ROOT_MFA, UNKNOWN, {"statuses": make_statuses(None)}),
    (CheckName.ROOT_MFA, UNKNOWN, {"statuses": make_statuses(management=None)}),
    (CheckName.ROOT_UNUSED, MANUAL, {"statuses": NO_LOGIN}),
    (CheckName.ROOT_UNUSED, UNKNOWN, {}),
    (CheckName.ROOT_UNUSED, UNKNOWN, {"statuses": {**NO_LOGIN, CLEAN: make_statuses(PASSWORD)[CLEAN]}}),
    (CheckName.SCP_GUARD, FAIL, {"setup": make_state(guardrails=())}),
    (CheckName.SCP_GUARD, FAIL, {"setup": make_state(guardrails=(make_guardrail(attached_to=()),))}),
    (CheckName.SCP_GUARD, UNKNOWN, {"setup": make_state(guardrails=None)}),
    (CheckName.SCP_GUARD, UNKNOWN, {"setup": None}),
    (CheckName.SCP_GUARD, MANUAL, {}),
    (CheckName.TIME_LIMIT, PASS, {"windows": (CLOSED,)}),
    (CheckName.TIME_LIMIT, FAIL, {"windows": (make_window(CLEAN, closed_at=READ - timedelta(days=19)),)}),
    (CheckName.TIME_LIMIT, FAIL, {"windows": (make_window(CLEAN, WindowState.CLOSE_FAILED),)}),
    (CheckName.TIME_LIMIT, UNKNOWN, {"windows": (make_window(CLEAN, WindowState.OPEN, requested_at=END),)}),
    (CheckName.TIME_LIMIT, MANUAL, {}),
]

CAN_NOT_PASS = {CheckName.PRIV_LOGGED, CheckName.ROOT_ALERT, CheckName.ROOT_UNUSED, CheckName.SCP_GUARD}
"""What they show is never enough without a person."""

CAN_NOT_FAIL = {CheckName.ROOT_UNUSED}
"""Whether a use was for a daily task, only a person can say."""

CAN_NOT_BE_UNKNOWN = {CheckName.ROOT_ALERT}
"""Rootkeeper reads no alarms, so without a drill it is for a person."""


@pytest.mark.parametrize(
    ("check", "verdict", "changes"), EXAMPLES, ids=[f"{one[0]}-{one[1]}-{place}" for place, one in enumerate(EXAMPLES)]
)
def test_a_check_gives_the_verdict_of_its_example(
    check: CheckName, verdict: Verdict, changes: dict[str, object]
) -> None:
    found = run(check, **changes)
    assert found.check is check
    assert found.verdict is verdict, found
    assert found.reasons


@pytest.mark.parametrize(
    ("verdict", "exempted"), [(PASS, CAN_NOT_PASS), (FAIL, CAN_NOT_FAIL), (UNKNOWN, CAN_NOT_BE_UNKNOWN)]
)
def test_every_check_has_an_example_of_each_verdict_that_it_can_give(
    verdict: Verdict, exempted: set[CheckName]
) -> None:
    shown = {check for check, found, _ in EXAMPLES if found is verdict}
    assert shown == set(CheckName) - exempted


def find(found: CheckResult, account_id: AccountId) -> tuple[Verdict, str]:
    return next((one.verdict, one.reason) for one in found.accounts if one.account_id == account_id)


def test_an_account_without_a_password_passes_apart_from_one_with_mfa() -> None:
    found = run(CheckName.ROOT_MFA)
    assert {one.account_id: one.has_no_password for one in found.accounts} == {
        MANAGEMENT: False,
        FAILSAFE: False,
        CLEAN: True,
    }


def test_the_management_account_and_the_failsafe_are_judged_like_others() -> None:
    found = run(CheckName.ROOT_HW_MFA)
    assert find(found, MANAGEMENT) == (UNKNOWN, "The root user has MFA. Which kind of device it is wasn't read.")
    assert find(found, FAILSAFE) == (PASS, "Each MFA device of the root user is a hardware token.")


def test_a_security_key_is_for_a_person_to_judge_because_aws_shows_passkeys_in_software_alike() -> None:
    found = run(CheckName.ROOT_HW_MFA, statuses=make_statuses(kinds=(MfaKind.SECURITY_KEY,)))
    verdict, reason = find(found, FAILSAFE)
    assert verdict is MANUAL
    assert "passkey" in reason


def test_a_use_in_the_period_is_for_a_person_to_judge() -> None:
    used = LoginProfile(START, READ - timedelta(days=3))
    statuses = make_statuses(GUARDED, management=NOTHING, details=read_details(CLEAN, profile=used))
    found = run(CheckName.ROOT_UNUSED, statuses=statuses)
    assert find(found, CLEAN) == (MANUAL, "Last used on 2026-10-27.")
    assert found.verdict is MANUAL
    assert found.latest_fact_at == READ - timedelta(days=3)


def test_a_recovery_in_the_period_may_have_been_a_use() -> None:
    found = run(CheckName.ROOT_UNUSED, statuses=NO_LOGIN, windows=(CLOSED,))
    assert find(found, CLEAN)[0] is MANUAL
    assert found.latest_fact_at == CLOSED.opened_at


def test_no_root_users_of_china_are_judged() -> None:
    inventory = make_inventory(list_accounts())
    china = replace(
        inventory,
        organization=Organization(
            inventory.organization.organization_id, MANAGEMENT, has_all_features=True, partition="aws-cn"
        ),
    )
    for check in (CheckName.NO_ROOT_KEY, CheckName.ROOT_MFA, CheckName.ROOT_HW_MFA, CheckName.ROOT_UNUSED):
        assert run(check, inventory=china).verdict is Verdict.NOT_APPLICABLE


def test_an_account_that_is_not_active_is_not_judged() -> None:
    found = CHECKS[CheckName.NO_ROOT_KEY](make_report())
    assert [one.name for one in found.accounts if one.verdict is Verdict.NOT_APPLICABLE] == ["Old Project"]


REOPENED = replace(
    CLOSED, state=WindowState.CLOSING, closed_at=None, first_closed_at=CLOSED.closed_at, reopened_at=READ
)


@pytest.mark.parametrize("check", [CheckName.BREAKGLASS, CheckName.TIME_LIMIT])
@pytest.mark.parametrize(
    ("window", "verdict", "said"),
    [
        (REOPENED, FAIL, "and it was not closed again."),
        (replace(REOPENED, state=WindowState.CLOSE_FAILED), FAIL, "someone else reopened it"),
        (
            replace(REOPENED, state=WindowState.CLOSED_VERIFIED, closed_at=READ + timedelta(hours=1)),
            FAIL,
            "and it was closed again",
        ),
        (replace(REOPENED, reopened_at=END + timedelta(hours=1)), PASS, "as a re-read proved"),
        (replace(CLOSED, next_reread_at=END - timedelta(minutes=61)), UNKNOWN, "and wasn't. Audit it."),
        (replace(CLOSED, next_reread_at=END - timedelta(minutes=60)), PASS, "as a re-read proved"),
        (replace(CLOSED, next_reread_at=END + timedelta(hours=1)), PASS, "as a re-read proved"),
        (
            replace(CLOSED, next_reread_at=END + timedelta(minutes=1), reread_owed_at=END - timedelta(hours=2)),
            UNKNOWN,
            "and wasn't. Audit it.",
        ),
        (replace(CLOSED, reread_owed_at=READ), UNKNOWN, "and wasn't. Audit it."),
    ],
    ids=[
        "reopened",
        "reopened, and closing fails",
        "reopened and closed again",
        "reopened after the period",
        "overdue",
        "not overdue beyond the grace",
        "due after the period",
        "postponed since",
        "given up",
    ],
)
def test_a_closed_windows_later_life_is_judged(
    check: CheckName, window: RecoveryWindow, verdict: Verdict, said: str
) -> None:
    found = run(check, windows=(window,))

    assert found.verdict is verdict
    assert said in found.accounts[0].reason


def test_windows_that_were_never_opened_are_no_recoveries() -> None:
    window = replace(make_window(CLEAN, WindowState.DENIED), opened_at=None)
    assert run(CheckName.BREAKGLASS, windows=(window,)).verdict is MANUAL


@pytest.mark.parametrize("check", sorted(CheckName))
def test_the_same_report_gives_the_same_result(check: CheckName) -> None:
    function: Callable[..., CheckResult] = CHECKS[check]
    assert function(make_report()) == function(make_report())
