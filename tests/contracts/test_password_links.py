"""The contract of IdentityStore on links for passwords and own changes of passwords, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.access.links import LINK_LASTS, PasswordLink, make_link
from rootkeeper.access.rules import Identity, IdentityKind, ServerRole, SignInWay
from rootkeeper.access.store import IdentityStore
from rootkeeper.errors import InputError
from rootkeeper.ledger.database import open_database
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.access import InMemoryIdentities
from tests.fakes.clock import START, FakeClock
from tests.fakes.sessions import new_session

ANA = Identity("u-1", IdentityKind.USER, "ana.b@example.com", ServerRole.APPROVER, "operator", START)
BEN = Identity("u-2", IdentityKind.USER, "ben", ServerRole.VIEWER, "operator", START)
PASSWORD = "correct horse battery"
ANOTHER = "another horse battery"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[IdentityStore]:
    if request.param == "fake":
        yield InMemoryIdentities(clock)
        return
    with open_database(find_url(request.param, request)) as database:
        yield database.get_store(IdentityStore, ORGANIZATION_ID, clock)


def invite(store: IdentityStore, identity: Identity = ANA) -> PasswordLink:
    link = make_link(identity.identity_id, identity.name, START)
    store.add_invited(replace(identity, link_ends_at=link.ends_at), link)
    return link


def test_a_link_sets_one_password_and_then_the_password_signs_in(store: IdentityStore) -> None:
    link = invite(store)
    owner = store.find_link_owner(link.token)
    assert owner == replace(ANA, link_ends_at=START + LINK_LASTS)
    assert store.list_identities() == (owner,)
    for guess in (PASSWORD, link.token, link.proof_hash, ""):
        assert store.sign_in(ANA.name, guess, new_session("rk_early")) is None
    assert store.use_link(link.token, PASSWORD)
    assert store.sign_in(ANA.name, PASSWORD, new_session("rk_one")) == ANA
    assert store.find_link_owner(link.token) is None
    assert not store.use_link(link.token, ANOTHER)
    assert store.sign_in(ANA.name, PASSWORD, new_session("rk_two")) == ANA


def test_of_uses_of_a_link_at_the_same_time_one_succeeds(store: IdentityStore) -> None:
    link = invite(store)
    passwords = [f"{PASSWORD} {number}" for number in range(6)]
    with ThreadPoolExecutor(6) as people:
        used = list(people.map(lambda password: store.use_link(link.token, password), passwords))
    assert used.count(True) == 1
    signed_in = [store.sign_in(ANA.name, password, new_session(f"rk_{password}")) for password in passwords]
    assert [found is not None for found in signed_in] == used


def test_a_link_ends_after_its_day(store: IdentityStore, clock: FakeClock) -> None:
    link = invite(store)
    clock.advance(LINK_LASTS.total_seconds() - 1)
    assert store.find_link_owner(link.token) is not None
    clock.advance(1)
    assert store.find_link_owner(link.token) is None
    assert not store.use_link(link.token, PASSWORD)


def test_a_newer_link_ends_the_link_before_it(store: IdentityStore) -> None:
    first = invite(store)
    second = make_link(ANA.identity_id, ANA.name, START)
    store.replace_password(ANA.name, second)
    assert not store.use_link(first.token, PASSWORD)
    assert store.use_link(second.token, PASSWORD)


def test_a_reset_ends_password_and_sign_ins_before_the_link_is_used(store: IdentityStore, clock: FakeClock) -> None:
    store.add_user(ANA, PASSWORD)
    store.sign_in(ANA.name, PASSWORD, new_session("rk_one"))
    link = make_link(ANA.identity_id, ANA.name, clock.now())
    assert store.replace_password(ANA.name, link).link_ends_at == link.ends_at
    assert store.sign_in(ANA.name, PASSWORD, new_session("rk_two")) is None
    assert not store.change_password(ANA.name, PASSWORD, ANOTHER, "s-1")
    assert store.use_link(link.token, ANOTHER)
    assert store.get(ANA.name).link_ends_at is None
    assert store.sign_in(ANA.name, ANOTHER, new_session("rk_three")) == ANA


def test_p29_a_link_of_a_disabled_user_opens_nothing(store: IdentityStore, clock: FakeClock) -> None:
    link = invite(store)
    assert store.disable(ANA.name, clock.now()).link_ends_at is None
    assert store.find_link_owner(link.token) is None
    assert not store.use_link(link.token, PASSWORD)


def test_nothing_but_the_link_opens(store: IdentityStore) -> None:
    link = invite(store)
    invite(store, BEN)
    secret = link.token.rpartition(".")[2]
    store.add_token(replace(BEN, identity_id="t-1", kind=IdentityKind.TOKEN, name="ci"), "rk_right")
    store.add_user(replace(BEN, identity_id="u-3", name="cat"), PASSWORD)
    for token in ("", ".", secret, f".{secret}", f"ben.{secret}", f"ci.{secret}", f"cat.{PASSWORD}", "ci.rk_right"):
        assert store.find_link_owner(token) is None, token
        assert not store.use_link(token, PASSWORD)
    assert store.find_link_owner(link.token.replace("ana", "ANA")) is not None


def test_a_user_of_an_identity_provider_gets_no_link(store: IdentityStore) -> None:
    eva = replace(ANA, identity_id="u-9", name="eva", signs_in_by=SignInWay.OIDC)
    store.add_provider_user(eva, "hash-of-eva")
    with pytest.raises(InputError):
        store.replace_password("eva", make_link("u-9", "eva", START))
    assert not store.is_password("eva", "hash-of-eva")


def test_a_password_is_changed_with_the_old_one(store: IdentityStore, clock: FakeClock) -> None:
    store.add_user(ANA, PASSWORD)
    assert store.is_password(ANA.name, PASSWORD)
    assert not store.is_password(ANA.name, ANOTHER)
    assert not store.is_password("unknown", PASSWORD)
    assert not store.change_password(ANA.name, ANOTHER, ANOTHER, "s-1")
    assert store.change_password(ANA.name, PASSWORD, ANOTHER, "s-1")
    assert store.sign_in(ANA.name, PASSWORD, new_session("rk_new")) is None
    assert store.sign_in(ANA.name, ANOTHER, new_session("rk_new")) == ANA
    store.disable(ANA.name, clock.now() + timedelta(0))
    assert not store.change_password(ANA.name, ANOTHER, PASSWORD, "s-1")
