"""Decisions about a window: by whom, for what, until when, and how often each counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole, TokenScope, fold_name
from rootkeeper.approvals.rules import NameRule, People
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import ApprovalRefusedError, InputError, WindowConflictError
from rootkeeper.ledger.rules import Action, Actor, ActorKind
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.values import render_time
from rootkeeper.windows import approvals
from rootkeeper.windows.approvals import ApprovalTerms, WindowPolicy
from rootkeeper.windows.rules import WAITING_STATES, Approval, ApprovalPurpose, RecoveryWindow, WindowState
from tests.fakes.window_workers import make_person
from tests.unit.windows.test_windows import NOW, window_in

VALID = timedelta(hours=8)
LONGEST = timedelta(hours=4)
SIGNED_IN = ActorKind.SIGNED_IN


def requested(approvals_needed: int = 1, **changes: object) -> RecoveryWindow:
    values: dict[str, object] = {
        "approvals_needed": approvals_needed,
        "requested_by_kind": SIGNED_IN,
        "lapses_at": NOW + VALID,
        **changes,
    }
    return window_in(WindowState.REQUESTED, **values)


ACCOUNT = Account(AccountId("222233334444"), "payments", "", AccountState.ACTIVE, ("r-1", "ou-1"), "Root/Workloads")


def people(now: datetime = NOW, *changed: Identity, policy: WindowPolicy | None = None) -> People:
    """Alice may request, bob and carol may approve; ``changed`` replaces one of them."""
    roles = {"alice": ServerRole.OPERATOR, "bob": ServerRole.APPROVER, "carol": ServerRole.APPROVER}
    known = [make_person(name, role) for name, role in roles.items()]
    identities = {fold_name(one.name): one for one in (*known, *changed)}
    return People(identities, policy or WindowPolicy(approvals=1), ACCOUNT, now)


def consent(
    window: RecoveryWindow, name: str, now: datetime = NOW, kind: ActorKind = SIGNED_IN, valid: timedelta = VALID
) -> Approval:
    return approvals.make_approval(window, ApprovalPurpose.OPENING, Actor(name, kind), now, valid)


def approve(
    window: RecoveryWindow, name: str, now: datetime = NOW, terms: ApprovalTerms = approvals.ANY_TERMS
) -> RecoveryWindow:
    return approvals.approve(window, consent(window, name, now), now, people(now), terms)


def opened(approvals_needed: int = 1, **changes: object) -> RecoveryWindow:
    window = window_in(
        WindowState.OPEN,
        approvals_needed=approvals_needed,
        requested_by_kind=SIGNED_IN,
        opened_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )
    return replace(window, **changes)  # type: ignore[arg-type]  # the values are the fields


def extend(window: RecoveryWindow, name: str, seconds: int = 600, now: datetime = NOW) -> RecoveryWindow:
    consented = approvals.make_approval(window, ApprovalPurpose.EXTENDING, Actor(name, SIGNED_IN), now, VALID, seconds)
    return approvals.extend(window, consented, now, LONGEST, people(now))


# Approving.


def test_one_approval_of_one_makes_it_approved_and_the_approval_lapses() -> None:
    window = approve(requested(1), "bob", NOW + timedelta(hours=1))

    assert window.state is WindowState.APPROVED
    assert window.approved_by == ("bob",)
    assert window.lapses_at == NOW + timedelta(hours=1) + VALID


def test_of_several_approvals_the_last_one_decides_and_the_first_to_expire_lapses_it() -> None:
    first = approve(requested(2), "bob")
    second = approve(first, "carol", NOW + timedelta(hours=2))

    assert first.state is WindowState.REQUESTED
    assert first.approved_by == ("bob",)
    assert second.state is WindowState.APPROVED
    assert second.approved_by == ("bob", "carol")
    assert second.lapses_at == NOW + VALID


@pytest.mark.parametrize("name", ["alice", "Alice", "ALICE"])
def test_p10_the_requester_never_approves(name: str) -> None:
    with pytest.raises(ApprovalRefusedError, match="requested") as caught:
        approve(requested(), name)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["bob", "BOB"])
def test_p10_no_one_approves_twice(name: str) -> None:
    window = approve(requested(2), "bob")

    with pytest.raises(ApprovalRefusedError, match="already"):
        approve(window, name)


def test_p10_the_last_approver_is_refused_as_such_and_not_because_it_is_approved() -> None:
    with pytest.raises(ApprovalRefusedError, match="already"):
        approve(approve(requested(1), "bob"), "bob")


def test_p10_an_approval_comes_too_late_once_the_request_has_lapsed() -> None:
    with pytest.raises(ApprovalRefusedError, match="lapsed") as caught:
        approve(requested(), "bob", NOW + VALID)
    assert "windows request" in (render_hint(caught.value.hint) or "")
    with pytest.raises(ApprovalRefusedError, match="lapsed"):
        approve(window_in(WindowState.LAPSED, approvals_needed=1), "bob")


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (ApprovalTerms(account_id=AccountId("999988887777")), "999988887777"),
        (ApprovalTerms(duration_seconds=7200), "1h, not 2h"),
        (ApprovalTerms(AccountId("222233334444"), 60), "not 1m"),
    ],
)
def test_p10_an_approval_for_another_account_or_length_is_refused(terms: ApprovalTerms, said: str) -> None:
    with pytest.raises(ApprovalRefusedError, match=said) as caught:
        approve(requested(), "bob", terms=terms)
    assert "windows show w-1" in (render_hint(caught.value.hint) or "")


def test_an_approval_for_the_very_window_is_taken() -> None:
    window = approve(requested(), "bob", terms=ApprovalTerms(AccountId("222233334444"), 3600))

    assert window.state is WindowState.APPROVED


CHANGES: list[Callable[[Approval], Approval]] = [
    lambda one: replace(one, account_id=AccountId("999988887777")),
    lambda one: replace(one, duration_seconds=60),
    lambda one: replace(one, task="drill"),
    lambda one: replace(one, purpose=ApprovalPurpose.EXTENDING),
    lambda one: replace(one, approver_kind=ActorKind.SELF_ASSERTED),
    lambda one: replace(one, approver_kind=ActorKind.SERVER),
]


@pytest.mark.parametrize("change", CHANGES)
def test_p10_an_approval_is_bound_to_account_task_and_length(change: Callable[[Approval], Approval]) -> None:
    window = requested()
    foreign = change(consent(window, "bob"))

    with pytest.raises(ApprovalRefusedError, match="isn't for"):
        approvals.approve(window, foreign, NOW, people())
    smuggled = replace(window, approvals=(foreign,))
    assert approvals.list_counting_of(smuggled, ApprovalPurpose.OPENING, 3600, NOW, people()) == ()


def test_p10_approvals_that_got_into_the_row_in_another_way_do_not_count_either() -> None:
    window = requested(2)
    mine, theirs = consent(window, "alice"), consent(window, "bob")
    again = consent(window, "BOB", NOW + timedelta(minutes=1))
    stuffed = replace(window, approvals=(mine, theirs, again))

    counting = approvals.list_counting_of(stuffed, ApprovalPurpose.OPENING, 3600, NOW, people())
    assert [(one.approver, one.expires_at) for one in counting] == [("bob", theirs.expires_at)]
    counting = approvals.list_counting_of(stuffed, ApprovalPurpose.OPENING, 3600, NOW + VALID, people())
    assert [(one.approver, one.expires_at) for one in counting] == [("BOB", again.expires_at)]


@pytest.mark.parametrize("state", sorted(set(WindowState) - {WindowState.REQUESTED, WindowState.LAPSED}))
def test_a_window_that_waits_for_no_approval_takes_none(state: WindowState) -> None:
    with pytest.raises(WindowConflictError, match=state.value):
        approve(window_in(state, approvals_needed=1), "bob")


@pytest.mark.parametrize("kind", [ActorKind.SELF_ASSERTED, ActorKind.SERVER])
def test_an_actor_who_is_only_asserted_is_sent_to_a_server(kind: ActorKind) -> None:
    with pytest.raises(InputError, match="isn't authenticated") as caught:
        approvals.require_known(Actor("eve", kind))
    assert "--server" in (render_hint(caught.value.hint) or "")


@pytest.mark.parametrize("kind", [ActorKind.SIGNED_IN, ActorKind.TOKEN])
def test_users_and_tokens_are_known(kind: ActorKind) -> None:
    approvals.require_known(Actor("bob", kind))


# Denying, cancelling, lapsing.


def test_a_denial_needs_a_reason_and_keeps_it() -> None:
    denied = approvals.deny(requested(), "bob", NOW, " not today ")

    assert denied.state is WindowState.DENIED
    assert denied.failure == "Denied by bob: not today"
    with pytest.raises(InputError, match="reason"):
        approvals.deny(requested(), "bob", NOW, "  ")


def test_an_approval_that_was_not_used_can_be_taken_back() -> None:
    assert approvals.deny(approve(requested(), "bob"), "bob", NOW, "second thoughts").state is WindowState.DENIED


def test_a_request_is_cancelled_with_or_without_a_reason() -> None:
    assert approvals.cancel(requested(), "alice", NOW).failure == "Cancelled by alice."
    assert approvals.cancel(approve(requested(), "bob"), "alice", NOW, "solved").failure == "Cancelled by alice: solved"


@pytest.mark.parametrize("state", sorted(set(WindowState) - WAITING_STATES))
def test_what_does_not_wait_can_be_neither_denied_nor_cancelled(state: WindowState) -> None:
    for step in (approvals.deny, approvals.cancel):
        with pytest.raises(WindowConflictError, match=state.value):
            step(window_in(state), "bob", NOW, "late")


@pytest.mark.parametrize(("state", "why"), [(WindowState.REQUESTED, "approved"), (WindowState.APPROVED, "activated")])
def test_what_waits_too_long_lapses(state: WindowState, why: str) -> None:
    window = window_in(state, lapses_at=NOW)

    assert approvals.lapse(window, NOW).state is WindowState.LAPSED
    assert why in (approvals.lapse(window, NOW).failure or "")
    with pytest.raises(WindowConflictError):
        approvals.lapse(window, NOW - timedelta(seconds=1))


@pytest.mark.parametrize("state", sorted(set(WindowState) - WAITING_STATES))
def test_what_does_not_wait_never_lapses(state: WindowState) -> None:
    assert not approvals.is_lapsing(window_in(state, lapses_at=NOW), NOW)
    assert not approvals.is_lapsing(requested(lapses_at=None), NOW)


# Activating.


def test_p10_an_approval_serves_once() -> None:
    window = approve(requested(), "bob")
    opening = approvals.activate(window, "alice", NOW, people())

    assert opening.state is WindowState.OPENING
    assert opening.activated_by == "alice"
    assert [one.used_at for one in opening.approvals] == [NOW]
    assert approvals.list_counting_of(opening, ApprovalPurpose.OPENING, 3600, NOW, people()) == ()
    with pytest.raises(WindowConflictError):
        approvals.activate(opening, "alice", NOW, people())
    forged = replace(opening, state=WindowState.APPROVED)
    with pytest.raises(ApprovalRefusedError, match="0 approvals that count"):
        approvals.activate(forged, "alice", NOW, people())


def test_p10_an_approval_that_expired_opens_nothing() -> None:
    window = approve(requested(), "bob")

    with pytest.raises(ApprovalRefusedError, match="lapsed"):
        approvals.activate(window, "alice", NOW + VALID, people())
    with pytest.raises(ApprovalRefusedError, match="approvals that count"):
        approvals.activate(replace(window, lapses_at=None), "alice", NOW + VALID, people())


def test_what_needs_no_approval_or_is_an_emergency_is_activated_without() -> None:
    free = window_in(WindowState.APPROVED, requested_by_kind=SIGNED_IN, lapses_at=NOW + VALID)
    urgent = replace(free, approvals_needed=2, is_emergency=True)

    assert approvals.activate(free, "alice", NOW, people()).state is WindowState.OPENING
    assert approvals.activate(urgent, "alice", NOW, people()).state is WindowState.OPENING


def test_a_request_that_waits_for_approval_says_what_is_next() -> None:
    with pytest.raises(WindowConflictError, match="REQUESTED") as caught:
        approvals.require_activatable(requested(), NOW, people())
    assert "windows approve" in (render_hint(caught.value.hint) or "")


# Extending.


def test_an_extension_by_one_approver_moves_the_end() -> None:
    window = extend(opened(1), "bob", 600)

    assert window.expires_at == NOW + timedelta(hours=1, minutes=10)
    assert window.duration_seconds == 4200
    assert window.opening_started_at == NOW
    assert [one.used_at for one in window.approvals] == [NOW]


def test_p10_an_extension_needs_as_many_approvals_for_the_same_length() -> None:
    first = extend(opened(2), "bob", 600)
    other = extend(first, "carol", 900)

    assert first.duration_seconds == other.duration_seconds == 3600
    assert extend(other, "carol", 600).duration_seconds == 4200


def test_p10_the_requester_consents_to_no_extension_where_others_must() -> None:
    with pytest.raises(ApprovalRefusedError, match="requested"):
        extend(opened(1), "Alice")
    assert extend(opened(0), "alice").duration_seconds == 4200


def test_p10_no_one_consents_twice_to_one_extension_but_to_a_later_one() -> None:
    window = extend(opened(2), "bob")
    with pytest.raises(ApprovalRefusedError, match="already"):
        extend(window, "bob")

    prolonged = extend(window, "carol")
    again = extend(prolonged, "bob")
    assert (prolonged.duration_seconds, again.duration_seconds) == (4200, 4200)
    assert extend(again, "carol").duration_seconds == 4800


def test_p10_a_consent_that_expired_does_not_count() -> None:
    window = extend(opened(2), "bob")
    later = replace(window, expires_at=NOW + 2 * VALID)

    assert extend(later, "carol", now=NOW + VALID).duration_seconds == 3600


def test_a_window_never_lasts_longer_than_the_policy_allows_altogether() -> None:
    assert extend(opened(), "bob", 3 * 3600).duration_seconds == 4 * 3600
    with pytest.raises(InputError, match="4h") as caught:
        extend(opened(), "bob", 3 * 3600 + 1)
    assert caught.value.hint
    with pytest.raises(InputError):
        extend(opened(), "bob", 0)


def test_only_an_open_window_before_its_end_is_prolonged() -> None:
    for state in set(WindowState) - {WindowState.OPEN}:
        with pytest.raises(WindowConflictError):
            extend(replace(opened(), state=state), "bob")
    with pytest.raises(WindowConflictError):
        extend(opened(), "bob", now=NOW + timedelta(hours=1))


# Reviewing.


def test_an_emergency_is_reviewed_once_by_a_second_person() -> None:
    window = opened(1, is_emergency=True, activated_by="dave")

    assert approvals.review(window, "bob").reviewed_by == "bob"
    for name in ("Alice", "dave"):
        with pytest.raises(ApprovalRefusedError, match="can't review"):
            approvals.review(window, name)
    with pytest.raises(WindowConflictError, match="bob"):
        approvals.review(approvals.review(window, "bob"), "carol")
    with pytest.raises(WindowConflictError, match="no emergency"):
        approvals.review(opened(), "bob")


# What a settlement asks.


def test_the_window_shows_whether_a_decision_took_effect() -> None:
    window = approve(requested(2), "bob")
    at = render_time(NOW)

    assert approvals.shows_decision(window, Action.WINDOW_APPROVE, "bob", at) is True
    assert approvals.shows_decision(window, Action.WINDOW_APPROVE, "carol", at) is False
    assert approvals.shows_decision(window, Action.WINDOW_APPROVE, "bob", "2020-01-01T00:00:00.000000Z") is False
    assert approvals.shows_decision(window, Action.WINDOW_DENY, "bob", at) is False
    denied = approvals.deny(window, "carol", NOW, "no")
    assert approvals.shows_decision(denied, Action.WINDOW_DENY, "carol", at) is True
    assert approvals.shows_decision(replace(window, reviewed_by="bob"), Action.WINDOW_REVIEW, "bob", at) is True
    assert approvals.shows_decision(window, Action.WINDOW_CLOSE, "bob", at) is None


# Who counts today.

UNCOUNTED = [
    (replace(make_person("bob", ServerRole.APPROVER), disabled_at=NOW), "The user bob was disabled"),
    (make_person("bob", ServerRole.OPERATOR), "the role operator"),
    (make_person("bob", ServerRole.APPROVER, IdentityKind.TOKEN), "no user or token bob"),
]


@pytest.mark.parametrize(("bob", "why"), UNCOUNTED)
def test_p29_an_approval_of_a_person_who_may_not_approve_any_more_opens_nothing(bob: Identity, why: str) -> None:
    window = approve(requested(), "bob")

    with pytest.raises(ApprovalRefusedError, match=rf"0 approvals that count; it needs 1.*{why}") as caught:
        approvals.activate(window, "alice", NOW, people(NOW, bob))
    assert "windows cancel w-1" in (render_hint(caught.value.hint) or "")


@pytest.mark.parametrize(("bob", "why"), UNCOUNTED)
def test_p29_it_does_not_count_towards_the_next_persons_approval_either(bob: Identity, why: str) -> None:
    window = approve(requested(2), "bob")

    after = approvals.approve(window, consent(window, "carol"), NOW, people(NOW, bob))

    assert (after.state, after.approved_by) == (WindowState.REQUESTED, ("carol",))


ALICES = [
    (replace(make_person("alice", ServerRole.OPERATOR), disabled_at=NOW), "The user alice was disabled"),
    (make_person("alice", ServerRole.VIEWER), "the role viewer"),
]


@pytest.mark.parametrize(("alice", "why"), ALICES)
def test_p29_a_request_of_a_person_who_may_not_request_any_more_is_neither_approved_nor_opened(
    alice: Identity, why: str
) -> None:
    window = requested()
    with pytest.raises(ApprovalRefusedError, match=why):
        approvals.approve(window, consent(window, "bob"), NOW, people(NOW, alice))
    for ready in (approve(window, "bob"), replace(window_in(WindowState.APPROVED, requested_by_kind=SIGNED_IN))):
        with pytest.raises(ApprovalRefusedError, match=why):
            approvals.activate(ready, "carol", NOW, people(NOW, alice))


def test_p29_an_emergency_of_a_disabled_person_opens_nothing() -> None:
    urgent = window_in(
        WindowState.APPROVED, requested_by_kind=SIGNED_IN, is_emergency=True, approvals_needed=1, lapses_at=NOW + VALID
    )
    assert approvals.activate(urgent, "alice", NOW, people()).state is WindowState.OPENING
    with pytest.raises(ApprovalRefusedError, match="was disabled"):
        approvals.activate(urgent, "carol", NOW, people(NOW, ALICES[0][0]))


def test_p29_neither_side_of_an_extension_counts_after_it_was_disabled() -> None:
    first = extend(opened(2), "bob")
    bob = replace(make_person("bob", ServerRole.APPROVER), disabled_at=NOW)
    consented = approvals.make_approval(first, ApprovalPurpose.EXTENDING, Actor("carol", SIGNED_IN), NOW, VALID, 600)

    assert extend(first, "carol").duration_seconds == first.duration_seconds + 600
    lone = approvals.extend(first, consented, NOW, LONGEST, people(NOW, bob))
    assert lone.duration_seconds == first.duration_seconds
    with pytest.raises(ApprovalRefusedError, match="was disabled"):
        approvals.extend(first, consented, NOW, LONGEST, people(NOW, ALICES[0][0]))


def test_p29_the_settings_of_today_say_who_may_request_and_approve() -> None:
    window = approve(requested(), "bob")
    others = WindowPolicy(approvals=1, approvers=(NameRule("carol"),))
    with pytest.raises(ApprovalRefusedError, match=r"0 approvals that count.*bob may not approve"):
        approvals.activate(window, "alice", NOW, people(policy=others))
    others = WindowPolicy(approvals=1, requesters=(NameRule("dora"),))
    with pytest.raises(ApprovalRefusedError, match="alice may not request"):
        approvals.activate(window, "alice", NOW, people(policy=others))


def test_p29_a_token_counts_only_within_its_units_and_until_its_end() -> None:
    token = replace(
        make_person("bot", ServerRole.APPROVER, IdentityKind.TOKEN), scope=TokenScope(None, ("Root/Workloads",))
    )
    given = approvals.make_approval(requested(), ApprovalPurpose.OPENING, Actor("bot", ActorKind.TOKEN), NOW, VALID)
    window = approvals.approve(requested(), given, NOW, people(NOW, token))
    moved = replace(token, scope=TokenScope(None, ("Root/Sandbox",)))

    assert approvals.activate(window, "alice", NOW, people(NOW, token)).state is WindowState.OPENING
    for changed in (moved, replace(token, expires_at=NOW)):
        with pytest.raises(ApprovalRefusedError, match="0 approvals that count"):
            approvals.activate(window, "alice", NOW, people(NOW, changed))
