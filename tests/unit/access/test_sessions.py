"""What a sign-in still needs, how long it lasts, and when its factor is fresh: as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.access.rules import (
    FactorKind,
    Identity,
    IdentityKind,
    ServerRole,
    Session,
    SessionKind,
    SessionNeed,
    needs_factor,
)
from rootkeeper.errors import FactorNeededError, SignInUnfinishedError

START = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
VERA = Identity("u-1", IdentityKind.USER, "vera", ServerRole.VIEWER, "test", START)
OLGA = replace(VERA, name="olga", role=ServerRole.OPERATOR)
SESSION = Session("s-1", SessionKind.BROWSER, VERA, START, START, START + timedelta(hours=12))
APP = frozenset({FactorKind.TOTP})


def test_every_role_above_auditor_needs_a_factor() -> None:
    assert [role.value for role in ServerRole if needs_factor(role)] == ["operator", "approver", "administrator"]


@pytest.mark.parametrize(
    ("session", "need"),
    [
        (SESSION, None),
        (replace(SESSION, enrolled=APP), SessionNeed.FACTOR),
        (replace(SESSION, identity=OLGA), SessionNeed.ENROLMENT),
        (replace(SESSION, identity=OLGA, enrolled=APP), SessionNeed.FACTOR),
        (replace(SESSION, identity=OLGA, enrolled=APP, factor_at=START), None),
        (replace(SESSION, identity=OLGA, factor_at=START), None),
    ],
)
def test_what_a_sign_in_needs_follows_role_and_factors(session: Session, need: SessionNeed | None) -> None:
    assert session.need is need
    if need is None:
        session.require_finished()
        return
    with pytest.raises(SignInUnfinishedError):
        session.require_finished()


@pytest.mark.parametrize(
    ("session", "seconds", "is_alive"),
    [
        (SESSION, 0, True),
        (SESSION, 30 * 60 - 1, True),
        (SESSION, 30 * 60, False),
        (replace(SESSION, kind=SessionKind.TOKEN), 12 * 3600 - 1, True),
        (replace(SESSION, kind=SessionKind.TOKEN), 12 * 3600, False),
        (replace(SESSION, last_used_at=START + timedelta(hours=12)), 12 * 3600, False),
    ],
)
def test_a_sign_in_ends_at_its_end_and_in_a_browser_when_it_is_idle(
    session: Session, seconds: int, is_alive: bool
) -> None:
    assert session.is_alive(START + timedelta(seconds=seconds)) is is_alive


@pytest.mark.parametrize(
    ("session", "seconds", "is_fresh"),
    [
        (replace(SESSION, identity=OLGA, enrolled=APP, factor_at=START), 299, True),
        (replace(SESSION, identity=OLGA, enrolled=APP, factor_at=START), 300, False),
        (replace(SESSION, identity=OLGA, factor_at=START), 300, False),
        (replace(SESSION, identity=OLGA, enrolled=APP), 0, False),
        (SESSION, 300, True),
    ],
)
def test_a_factor_is_fresh_for_five_minutes_and_a_user_without_one_isnt_asked(
    session: Session, seconds: int, is_fresh: bool
) -> None:
    now = START + timedelta(seconds=seconds)
    if is_fresh:
        session.require_fresh(now)
        return
    with pytest.raises(FactorNeededError, match="5 minutes"):
        session.require_fresh(now)
