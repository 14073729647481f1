"""How sign-ins begin and are ended, and the token against forged requests."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole, SessionKind
from rootkeeper.access.service import (
    AuthenticatedSession,
    ClientOrigin,
    SessionEnder,
    derive_csrf_token,
    is_csrf_token,
    make_secret,
    make_session,
)
from rootkeeper.errors import LedgerUnavailableError, NotFoundError
from tests.fakes.clock import START, FakeClock
from tests.fakes.sessions import SignInDesk, new_session

ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.VIEWER, "test", START)
BROWSER = SessionKind.BROWSER


class Desk(SignInDesk):
    """One user, signed in twice by a browser, and what ends a sign-in."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ending = SessionEnder(self.sessions, self.identities, self.ledger)
        self.identities.add_user(ANA, "correct horse battery")
        self.first, self.second = (self.sessions.begin("u-1", new_session(one, BROWSER)) for one in ("one", "two"))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_new_sign_in_is_random_lasts_twelve_hours_and_shows_its_secret_to_no_one() -> None:
    clock = FakeClock()
    first = make_session(BROWSER, ClientOrigin("127.0.0.1", "Browser"), clock)
    second = make_session(BROWSER, ClientOrigin("127.0.0.1", "Browser"), clock)
    assert len({first.secret, second.secret, first.session_id, second.session_id}) == 4
    assert len(first.secret) > 40
    assert first.expires_at - first.started_at == timedelta(hours=12)
    assert first.secret not in repr(first)
    assert make_secret(SessionKind.TOKEN).startswith("rk_")


@pytest.mark.parametrize(
    ("given", "kept"),
    [(None, None), ("", None), ("a\r\nb\x1b[2J", "a??b?[2J"), ("x" * 1_000, "x" * 256)],
)
def test_what_a_visitor_says_of_itself_is_kept_printable_and_short(given: str | None, kept: str | None) -> None:
    assert make_session(BROWSER, ClientOrigin(given, given), FakeClock()).user_agent == kept
    assert make_session(BROWSER, ClientOrigin(given, given), FakeClock()).address == kept


def test_the_token_against_forged_requests_belongs_to_one_secret_and_doesnt_tell_it(desk: Desk) -> None:
    token = derive_csrf_token("secret")
    assert token != derive_csrf_token("another")
    assert "secret" not in token
    assert is_csrf_token(token, "secret")
    for wrong in ("", token.upper(), token[:-1], token + "0", "\ud800", "\xe9" * 64, derive_csrf_token("another")):
        assert not is_csrf_token(wrong, "secret")
    assert desk.first is not None
    proven = AuthenticatedSession(desk.first, "secret")
    assert proven.csrf_token == token
    assert "'secret'" not in repr(proven)


def test_one_ends_ones_own_sign_in_unrecorded_and_no_one_elses(desk: Desk) -> None:
    assert desk.first is not None
    other = Identity("u-2", IdentityKind.USER, "ben", ServerRole.VIEWER, "test", START)
    with pytest.raises(NotFoundError):
        desk.ending.end_own(desk.first.session_id, other)
    assert desk.ending.end_own(desk.first.session_id, ANA).identity == ANA
    assert desk.sessions.find("one", BROWSER) is None
    assert desk.database.entries == []


def test_an_administrator_ends_any_users_sign_in_and_the_ledger_says_whose(desk: Desk) -> None:
    assert desk.first is not None
    desk.ending.end_any(desk.first.session_id)
    with pytest.raises(NotFoundError):
        desk.ending.end_any(desk.first.session_id)
    assert desk.sessions.find("two", BROWSER) is not None
    assert desk.ending.sign_out("ANA") == 1
    with pytest.raises(NotFoundError):
        desk.ending.sign_out("unknown")
    facts = [(one.parameters["name"], one.parameters["change"]) for one in desk.database.entries]
    assert facts == [("ana", "signed_out")] * 2


def test_without_a_ledger_no_ones_sign_in_is_ended_by_others(desk: Desk) -> None:
    assert desk.first is not None
    desk.database.is_ledger_writable = False
    with pytest.raises(LedgerUnavailableError):
        desk.ending.end_any(desk.first.session_id)
    with pytest.raises(LedgerUnavailableError):
        desk.ending.sign_out("ana")
    assert len(desk.sessions.list_sessions()) == 2
