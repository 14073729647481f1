"""The contract of IdentityStore, in memory and in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.access.links import LINK_LASTS, PasswordLink, make_link
from rootkeeper.access.rules import Identity, IdentityKind, Permission, ServerRole, SignInWay, TokenScope
from rootkeeper.access.store import IdentityStore
from rootkeeper.errors import InputError, NotFoundError
from rootkeeper.ledger.database import open_database
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.access import InMemoryIdentities
from tests.fakes.clock import START, FakeClock
from tests.fakes.sessions import new_session

ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.APPROVER, "operator", START)
TOKEN = Identity("t-1", IdentityKind.TOKEN, "ci", ServerRole.AUDITOR, "operator", START, START + timedelta(days=1))
PASSWORD = "correct horse battery"

MIA = Identity("u-4", IdentityKind.USER, "mia.b@example.com", ServerRole.APPROVER, "operator", START)
BEN = Identity("u-2", IdentityKind.USER, "ben", ServerRole.VIEWER, "operator", START)
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


def test_a_token_is_found_by_what_proves_it_and_by_nothing_else(store: IdentityStore) -> None:
    store.add_token(TOKEN, "rk_right")
    found = store.find_by_token("rk_right")
    assert found is not None
    assert replace(found, last_used_at=None) == TOKEN
    assert store.find_by_token("rk_wrong") is None
    assert store.find_by_token("") is None


def test_a_token_ends(store: IdentityStore, clock: FakeClock) -> None:
    store.add_token(TOKEN, "rk_right")
    clock.advance(86400 - 1)
    assert store.find_by_token("rk_right") is not None
    clock.advance(1)
    assert store.find_by_token("rk_right") is None


def test_a_user_is_known_by_the_password_regardless_of_the_names_case(store: IdentityStore) -> None:
    store.add_user(ANA, PASSWORD)
    assert store.sign_in("ANA", PASSWORD, new_session("rk_one")) == ANA
    assert store.sign_in("ana", PASSWORD + "x", new_session("rk_new")) is None
    assert store.sign_in("unknown", PASSWORD, new_session("rk_new")) is None


def test_a_token_is_no_password_and_a_password_no_token(store: IdentityStore) -> None:
    store.add_token(TOKEN, "rk_right")
    store.add_user(ANA, PASSWORD)
    assert store.sign_in("ci", "rk_right", new_session("rk_new")) is None
    assert store.find_by_token(PASSWORD) is None


@pytest.mark.parametrize("name", ["ana", "Ana", "ANA"])
def test_a_name_is_taken_by_users_and_tokens_together(store: IdentityStore, name: str) -> None:
    store.add_user(ANA, PASSWORD)
    with pytest.raises(InputError, match=r"(?i)ana"):
        store.add_token(replace(TOKEN, name=name), "rk_right")
    with pytest.raises(InputError, match=r"(?i)ana"):
        store.add_user(replace(ANA, identity_id="u-2", name=name), PASSWORD)
    assert store.list_identities() == (ANA,)


def test_p29_a_disabled_identity_acts_no_more_and_keeps_its_name(store: IdentityStore, clock: FakeClock) -> None:
    store.add_user(ANA, PASSWORD)
    store.add_token(TOKEN, "rk_right")
    assert store.disable("Ana", clock.now()).disabled_at == START
    clock.advance(5)
    assert store.disable("ana", clock.now()).disabled_at == START
    store.disable("ci", clock.now())
    assert store.sign_in("ana", PASSWORD, new_session("rk_new")) is None
    assert store.find_by_token("rk_right") is None
    assert [one.name for one in store.list_identities()] == ["ci", "ana"]
    with pytest.raises(InputError):
        store.add_user(replace(ANA, identity_id="u-2"), PASSWORD)


def test_a_new_password_replaces_the_old_one(store: IdentityStore) -> None:
    store.add_user(ANA, PASSWORD)
    store.set_password("ana", "another horse battery")
    assert store.sign_in("ana", PASSWORD, new_session("rk_new")) is None
    assert store.sign_in("ana", "another horse battery", new_session("rk_new")) is not None


def test_a_token_stays_as_it_was_made(store: IdentityStore) -> None:
    store.add_token(TOKEN, "rk_right")
    with pytest.raises(InputError):
        store.set_role("ci", ServerRole.ADMINISTRATOR)
    with pytest.raises(InputError):
        store.set_password("ci", PASSWORD)
    assert store.get("ci") == TOKEN


def test_a_user_who_isnt_there_is_reported_as_such(store: IdentityStore, clock: FakeClock) -> None:
    asks: tuple[Callable[[], Identity], ...] = (
        lambda: store.get("unknown"),
        lambda: store.disable("unknown", clock.now()),
        lambda: store.set_role("unknown", ServerRole.VIEWER),
        lambda: store.set_password("unknown", PASSWORD),
    )
    for ask in asks:
        with pytest.raises(NotFoundError, match="unknown"):
            ask()


def test_a_user_of_an_identity_provider_is_found_by_that_alone(store: IdentityStore) -> None:
    eva = replace(ANA, identity_id="u-9", name="eva", signs_in_by=SignInWay.OIDC)
    store.add_provider_user(eva, "hash-of-eva")
    store.add_user(ANA, PASSWORD)
    assert store.find_person("hash-of-eva") == eva
    assert store.find_person("hash-of-another") is None
    assert store.find_by_token("hash-of-eva") is None
    assert store.get("EVA") == eva
    with pytest.raises(InputError):
        store.add_provider_user(replace(eva, identity_id="u-8", name="Ana"), "hash-of-another")


def test_a_user_of_an_identity_provider_has_no_password_and_gets_none(store: IdentityStore, clock: FakeClock) -> None:
    eva = replace(ANA, identity_id="u-9", name="eva", signs_in_by=SignInWay.OIDC)
    store.add_provider_user(eva, "hash-of-eva")
    assert store.sign_in("eva", "hash-of-eva", new_session("rk_new")) is None
    with pytest.raises(InputError):
        store.set_password("eva", PASSWORD)
    assert store.disable("eva", clock.now()).disabled_at == START
    found = store.find_person("hash-of-eva")
    assert found is not None
    assert found.disabled_at == START


def test_a_tokens_limits_are_kept(store: IdentityStore) -> None:
    scope = TokenScope(frozenset({Permission.WINDOWS_READ}), ("Workloads/Prod", "ou-1234-abcdefgh"))
    limited = replace(TOKEN, scope=scope)
    store.add_token(limited, "rk_right")
    assert store.get("ci") == limited


# Links for passwords, and own changes of passwords.


def invite(store: IdentityStore, identity: Identity = MIA) -> PasswordLink:
    link = make_link(identity.identity_id, identity.name, START)
    store.add_invited(replace(identity, link_ends_at=link.ends_at), link)
    return link


def test_a_link_sets_one_password_and_then_the_password_signs_in(store: IdentityStore) -> None:
    link = invite(store)
    owner = store.find_link_owner(link.token)
    assert owner == replace(MIA, link_ends_at=START + LINK_LASTS)
    assert store.list_identities() == (owner,)
    for guess in (PASSWORD, link.token, link.proof_hash, ""):
        assert store.sign_in(MIA.name, guess, new_session("rk_early")) is None
    assert store.use_link(link.token, PASSWORD)
    assert store.sign_in(MIA.name, PASSWORD, new_session("rk_one")) == MIA
    assert store.find_link_owner(link.token) is None
    assert not store.use_link(link.token, ANOTHER)
    assert store.sign_in(MIA.name, PASSWORD, new_session("rk_two")) == MIA


def test_of_uses_of_a_link_at_the_same_time_one_succeeds(store: IdentityStore) -> None:
    link = invite(store)
    passwords = [f"{PASSWORD} {number}" for number in range(6)]
    with ThreadPoolExecutor(6) as people:
        used = list(people.map(lambda password: store.use_link(link.token, password), passwords))
    assert used.count(True) == 1
    signed_in = [store.sign_in(MIA.name, password, new_session(f"rk_{password}")) for password in passwords]
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
    second = make_link(MIA.identity_id, MIA.name, START)
    store.replace_password(MIA.name, second)
    assert not store.use_link(first.token, PASSWORD)
    assert store.use_link(second.token, PASSWORD)


def test_a_reset_ends_password_and_sign_ins_before_the_link_is_used(store: IdentityStore, clock: FakeClock) -> None:
    store.add_user(MIA, PASSWORD)
    store.sign_in(MIA.name, PASSWORD, new_session("rk_one"))
    link = make_link(MIA.identity_id, MIA.name, clock.now())
    assert store.replace_password(MIA.name, link).link_ends_at == link.ends_at
    assert store.sign_in(MIA.name, PASSWORD, new_session("rk_two")) is None
    assert store.find_proof(MIA.name, PASSWORD) is None
    assert store.use_link(link.token, ANOTHER)
    assert store.get(MIA.name).link_ends_at is None
    assert store.sign_in(MIA.name, ANOTHER, new_session("rk_three")) == MIA


def test_p29_a_link_of_a_disabled_user_opens_nothing(store: IdentityStore, clock: FakeClock) -> None:
    link = invite(store)
    assert store.disable(MIA.name, clock.now()).link_ends_at is None
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
    assert store.find_link_owner(link.token.replace("mia", "MIA")) is not None


def test_a_user_of_an_identity_provider_gets_no_link(store: IdentityStore) -> None:
    eva = replace(MIA, identity_id="u-9", name="eva", signs_in_by=SignInWay.OIDC)
    store.add_provider_user(eva, "hash-of-eva")
    with pytest.raises(InputError):
        store.replace_password("eva", make_link("u-9", "eva", START))
    assert store.find_proof("eva", "hash-of-eva") is None


def test_a_password_is_changed_while_it_is_the_same(store: IdentityStore, clock: FakeClock) -> None:
    store.add_user(MIA, PASSWORD)
    known = store.find_proof(MIA.name, PASSWORD)
    assert known is not None
    assert store.find_proof(MIA.name, ANOTHER) is None
    assert store.find_proof("unknown", PASSWORD) is None
    assert store.change_password(MIA.name, known, ANOTHER, "s-1")
    assert store.sign_in(MIA.name, PASSWORD, new_session("rk_new")) is None
    assert store.sign_in(MIA.name, ANOTHER, new_session("rk_new")) == MIA
    assert not store.change_password(MIA.name, known, PASSWORD, "s-1")
    newer = store.find_proof(MIA.name, ANOTHER)
    assert newer is not None
    store.disable(MIA.name, clock.now())
    assert not store.change_password(MIA.name, newer, PASSWORD, "s-1")
