"""The contract of IdentityStore, in memory and in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rootkeeper.domain.access import Identity, IdentityKind, ServerRole
from rootkeeper.errors import InputError, NotFoundError
from rootkeeper.ports.access import IdentityStore
from rootkeeper.storage.database import open_database
from tests.contracts.stores import ORGANIZATION_ID
from tests.fakes.access import InMemoryIdentities
from tests.fakes.clock import START, FakeClock

ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.APPROVER, "operator", START)
TOKEN = Identity("t-1", IdentityKind.TOKEN, "ci", ServerRole.AUDITOR, "operator", START, START + timedelta(days=1))
PASSWORD = "correct horse battery"
END = START + timedelta(hours=12)
"""Of a sign-in."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[IdentityStore]:
    if request.param == "fake":
        yield InMemoryIdentities(clock)
        return
    url = f"sqlite:///{tmp_path}/rootkeeper.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").create_current_database()
    with open_database(url) as database:
        yield database.identities(ORGANIZATION_ID, clock)


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


def test_a_user_is_known_by_the_password_whatever_the_names_case(store: IdentityStore) -> None:
    store.add_user(ANA, PASSWORD)
    assert store.sign_in("ANA", PASSWORD, "rk_one", END) == ANA
    assert store.sign_in("ana", PASSWORD + "x", "rk_new", END) is None
    assert store.sign_in("nobody", PASSWORD, "rk_new", END) is None
    assert store.find_by_token("rk_one") is not None
    assert store.find_by_token("rk_new") is None


def test_a_token_is_no_password_and_a_password_no_token(store: IdentityStore) -> None:
    store.add_token(TOKEN, "rk_right")
    store.add_user(ANA, PASSWORD)
    assert store.sign_in("ci", "rk_right", "rk_new", END) is None
    assert store.find_by_token(PASSWORD) is None


@pytest.mark.parametrize("name", ["ana", "Ana", "ANA"])
def test_a_name_is_taken_by_users_and_tokens_together(store: IdentityStore, name: str) -> None:
    store.add_user(ANA, PASSWORD)
    with pytest.raises(InputError, match=r"(?i)ana"):
        store.add_token(replace(TOKEN, name=name), "rk_right")
    with pytest.raises(InputError, match=r"(?i)ana"):
        store.add_user(replace(ANA, identity_id="u-2", name=name), PASSWORD)
    assert store.list_identities() == (ANA,)


def test_a_sign_in_ends_by_time_and_by_signing_out(store: IdentityStore, clock: FakeClock) -> None:
    store.add_user(ANA, PASSWORD)
    store.sign_in("ana", PASSWORD, "rk_one", END)
    store.sign_in("ana", PASSWORD, "rk_two", END)
    store.end_sign_in("rk_one")
    assert store.find_by_token("rk_one") is None
    assert store.find_by_token("rk_two") is not None
    clock.advance(12 * 3600)
    assert store.find_by_token("rk_two") is None
    store.end_sign_in("rk_never")


def test_a_disabled_identity_acts_no_more_and_keeps_its_name(store: IdentityStore, clock: FakeClock) -> None:
    store.add_user(ANA, PASSWORD)
    store.add_token(TOKEN, "rk_right")
    store.sign_in("ana", PASSWORD, "rk_one", END)
    assert store.disable("Ana", clock.now()).disabled_at == START
    clock.advance(5)
    assert store.disable("ana", clock.now()).disabled_at == START
    store.disable("ci", clock.now())
    assert store.sign_in("ana", PASSWORD, "rk_new", END) is None
    assert store.find_by_token("rk_one") is None
    assert store.find_by_token("rk_right") is None
    assert [one.name for one in store.list_identities()] == ["ci", "ana"]
    with pytest.raises(InputError):
        store.add_user(replace(ANA, identity_id="u-2"), PASSWORD)


def test_a_role_holds_from_the_next_look_on(store: IdentityStore) -> None:
    store.add_user(ANA, PASSWORD)
    store.sign_in("ana", PASSWORD, "rk_one", END)
    assert store.set_role("ana", ServerRole.VIEWER).role is ServerRole.VIEWER
    found = store.find_by_token("rk_one")
    assert found is not None
    assert found.role is ServerRole.VIEWER


def test_a_new_password_replaces_the_old_one_and_ends_sign_ins(store: IdentityStore) -> None:
    store.add_user(ANA, PASSWORD)
    store.sign_in("ana", PASSWORD, "rk_one", END)
    store.set_password("ana", "another horse battery")
    assert store.find_by_token("rk_one") is None
    assert store.sign_in("ana", PASSWORD, "rk_new", END) is None
    assert store.sign_in("ana", "another horse battery", "rk_new", END) is not None


def test_a_token_stays_as_it_was_made(store: IdentityStore) -> None:
    store.add_token(TOKEN, "rk_right")
    with pytest.raises(InputError):
        store.set_role("ci", ServerRole.ADMINISTRATOR)
    with pytest.raises(InputError):
        store.set_password("ci", PASSWORD)
    assert store.get("ci") == TOKEN


def test_whoever_isnt_there_is_told_as_such(store: IdentityStore, clock: FakeClock) -> None:
    asks: tuple[Callable[[], Identity], ...] = (
        lambda: store.get("nobody"),
        lambda: store.disable("nobody", clock.now()),
        lambda: store.set_role("nobody", ServerRole.VIEWER),
        lambda: store.set_password("nobody", PASSWORD),
    )
    for ask in asks:
        with pytest.raises(NotFoundError, match="nobody"):
            ask()
