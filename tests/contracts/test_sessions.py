"""The contract of SessionStore, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from rootkeeper.access.factor_store import FactorStore, open_cipher
from rootkeeper.access.rules import (
    Factor,
    FactorKind,
    Identity,
    IdentityKind,
    ServerRole,
    Session,
    SessionKind,
    SessionNeed,
)
from rootkeeper.access.store import IdentityStore, SessionStore
from rootkeeper.ledger.database import open_database
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.access import InMemoryIdentities
from tests.fakes.clock import START, FakeClock
from tests.fakes.sessions import InMemoryFactors, InMemorySessions, new_session

ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.APPROVER, "operator", START)
BEN = replace(ANA, identity_id="u-2", name="ben", role=ServerRole.VIEWER)
PASSWORD = "correct horse battery"
BROWSER, TOKEN = SessionKind.BROWSER, SessionKind.TOKEN


@dataclass
class Stores:
    """What is kept of people who sign in."""

    identities: IdentityStore
    sessions: SessionStore
    factors: FactorStore
    clock: FakeClock

    def sign_in(self, secret: str, kind: SessionKind = BROWSER, name: str = "ana") -> None:
        new = new_session(secret, kind, self.clock.now())
        assert self.identities.sign_in(name, PASSWORD, new) is not None

    def find(self, secret: str, kind: SessionKind = BROWSER) -> Session:
        found = self.sessions.find(secret, kind)
        assert found is not None
        return found


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    clock = FakeClock()
    if request.param == "fake":
        identities, factors = InMemoryIdentities(clock), InMemoryFactors()
        yield fill(Stores(identities, InMemorySessions(identities, factors, clock), factors, clock))
        return
    with open_database(find_url(request.param, request)) as database:
        cipher = open_cipher(database.store, database.commits, ORGANIZATION_ID, tmp_path / "key")
        yield fill(
            Stores(
                database.get_store(IdentityStore, ORGANIZATION_ID, clock),
                database.get_store(SessionStore, ORGANIZATION_ID, clock),
                database.get_store(FactorStore, ORGANIZATION_ID, cipher),
                clock,
            )
        )


def fill(stores: Stores) -> Stores:
    stores.identities.add_user(ANA, PASSWORD)
    stores.identities.add_user(BEN, PASSWORD)
    return stores


def test_a_sign_in_is_found_by_its_secret_and_kind_and_by_nothing_else(stores: Stores) -> None:
    stores.sign_in("one")
    stores.sign_in("rk_two", TOKEN)
    found = stores.find("one")
    assert (found.identity.name, found.kind, found.need) == ("ana", BROWSER, SessionNeed.ENROLMENT)
    assert (found.started_at, found.expires_at) == (START, START + timedelta(hours=12))
    assert stores.find("rk_two", TOKEN).identity.name == "ana"
    assert stores.sessions.find("one", TOKEN) is None
    assert stores.sessions.find("rk_two", BROWSER) is None
    assert stores.sessions.find(found.session_id, BROWSER) is None
    assert stores.sessions.find("", BROWSER) is None
    assert stores.sessions.find("\ud800", BROWSER) is None


def test_a_sign_in_of_a_browser_ends_when_it_is_idle_and_one_of_the_command_line_doesnt(stores: Stores) -> None:
    stores.sign_in("one")
    stores.sign_in("rk_two", TOKEN)
    for _ in range(4):
        stores.clock.advance(29 * 60)
        stores.find("one")
    stores.clock.advance(30 * 60)
    assert stores.sessions.find("one", BROWSER) is None
    stores.find("rk_two", TOKEN)
    assert stores.sessions.list_sessions() == ()


@pytest.mark.parametrize("kind", SessionKind)
def test_a_sign_in_ends_after_twelve_hours_however_it_is_used(stores: Stores, kind: SessionKind) -> None:
    stores.sign_in("one", kind)
    for _ in range(12 * 3 - 1):
        stores.clock.advance(20 * 60)
        stores.find("one", kind)
    stores.clock.advance(20 * 60)
    assert stores.sessions.find("one", kind) is None


def test_what_continues_without_a_person_doesnt_keep_a_sign_in_from_ending(stores: Stores) -> None:
    stores.sign_in("one")
    for _ in range(29):
        stores.clock.advance(60)
        assert stores.sessions.find("one", BROWSER, is_use=False) is not None
    stores.clock.advance(60)
    assert stores.sessions.find("one", BROWSER, is_use=False) is None


def test_the_last_use_is_noted_to_the_minute(stores: Stores) -> None:
    stores.sign_in("one")
    stores.clock.advance(90)
    stores.find("one")
    assert stores.find("one").last_used_at == START + timedelta(seconds=90)


def test_a_renewed_sign_in_has_another_secret_and_the_old_one_is_worth_nothing(stores: Stores) -> None:
    stores.sign_in("one")
    before = stores.find("one")
    stores.clock.advance(60)
    renewed = stores.sessions.renew("one", "two", stores.clock.now())
    assert renewed is not None
    assert (renewed.session_id, renewed.need) == (before.session_id, None)
    assert renewed.factor_at == START + timedelta(seconds=60)
    assert stores.sessions.find("one", BROWSER) is None
    assert stores.sessions.renew("one", "three", stores.clock.now()) is None
    assert renewed.expires_at == START + timedelta(hours=12)


def test_a_sign_in_that_has_ended_isnt_renewed(stores: Stores) -> None:
    stores.sign_in("one")
    stores.clock.advance(3600)
    assert stores.sessions.renew("one", "two", stores.clock.now()) is None
    assert stores.sessions.renew("never", "two", stores.clock.now()) is None
    assert stores.sessions.find("two", BROWSER) is None


def test_p29_what_a_sign_in_needs_follows_factors_and_roles_at_once(stores: Stores) -> None:
    stores.sign_in("one", name="ben")
    assert stores.find("one").need is None
    stores.identities.set_role("ben", ServerRole.OPERATOR)
    assert stores.find("one").need is SessionNeed.ENROLMENT
    stores.factors.begin_totp(Factor("f-1", BEN.identity_id, FactorKind.TOTP, None, START), "SEED")
    assert stores.find("one").enrolled == frozenset()
    stores.factors.confirm_totp("f-1", 7, START)
    found = stores.find("one")
    assert (found.enrolled, found.need) == (frozenset({FactorKind.TOTP}), SessionNeed.FACTOR)
    stores.identities.set_role("ben", ServerRole.VIEWER)
    assert stores.find("one").need is SessionNeed.FACTOR


def test_sign_ins_are_ended_by_their_secret_by_their_id_and_by_their_user(stores: Stores) -> None:
    for secret in ("one", "two", "three"):
        stores.sign_in(secret)
    stores.sign_in("bens", name="ben")
    stores.sign_in("rk_four", TOKEN)
    stores.sessions.end("one")
    stores.sessions.end("one")
    assert stores.sessions.find("one", BROWSER) is None
    two = stores.find("two")
    assert stores.sessions.end_session(two.session_id, BEN.identity_id) is None
    ended = stores.sessions.end_session(two.session_id, ANA.identity_id)
    assert ended is not None
    assert ended.identity.name == "ana"
    assert stores.sessions.end_session(two.session_id) is None
    assert stores.sessions.end_all(ANA.identity_id) == 2
    assert stores.sessions.find("rk_four", TOKEN) is None
    stores.find("bens")


def test_the_list_shows_sign_ins_of_browsers_the_newest_first(stores: Stores) -> None:
    stores.sign_in("one")
    stores.clock.advance(60)
    stores.sign_in("bens", name="ben")
    stores.sign_in("rk_three", TOKEN)
    assert [one.identity.name for one in stores.sessions.list_sessions()] == ["ben", "ana"]
    (mine,) = stores.sessions.list_sessions(ANA.identity_id)
    assert mine.session_id == stores.find("one").session_id


def test_p29_a_disabled_user_or_a_new_password_ends_sign_ins(stores: Stores) -> None:
    stores.sign_in("one")
    stores.sign_in("bens", name="ben")
    stores.identities.set_password("ana", "another horse battery")
    stores.identities.disable("ben", stores.clock.now())
    assert stores.sessions.find("one", BROWSER) is None
    assert stores.sessions.find("bens", BROWSER) is None
    assert stores.sessions.list_sessions() == ()


def test_a_user_who_has_proven_elsewhere_who_it_is_may_begin_unless_disabled(stores: Stores) -> None:
    new = replace(new_session("one", BROWSER), factor_at=START)
    begun = stores.sessions.begin(ANA.identity_id, new)
    assert begun is not None
    assert begun.need is None
    assert begun.is_alive(START)
    assert stores.find("one") == begun
    stores.identities.disable("ben", stores.clock.now())
    assert stores.sessions.begin(BEN.identity_id, new_session("two", BROWSER)) is None
    assert stores.sessions.begin("u-none", new_session("three", BROWSER)) is None
