"""The contract of FactorStore, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rootkeeper.access.factor_store import FactorStore, open_cipher
from rootkeeper.access.rules import ChallengePurpose, Factor, FactorKind, Identity, IdentityKind, Passkey, ServerRole
from rootkeeper.access.store import IdentityStore
from rootkeeper.errors import InputError
from rootkeeper.ledger.database import open_database
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.clock import START, FakeClock
from tests.fakes.sessions import InMemoryFactors

ANA, BEN = "u-1", "u-2"
LATER = START + timedelta(minutes=1)
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FactorStore]:
    if request.param == "fake":
        yield InMemoryFactors()
        return
    with open_database(find_url(request.param, request)) as database:
        identities = database.get_store(IdentityStore, ORGANIZATION_ID, FakeClock())
        for identity_id, name in ((ANA, "ana"), (BEN, "ben")):
            user = Identity(identity_id, IdentityKind.USER, name, ServerRole.OPERATOR, "test", START)
            identities.add_user(user, "correct horse battery")
        cipher = open_cipher(database.store, database.commits, ORGANIZATION_ID, tmp_path / "key")
        yield database.get_store(FactorStore, ORGANIZATION_ID, cipher)


def app(factor_id: str = "f-1", identity_id: str = ANA) -> Factor:
    return Factor(factor_id, identity_id, FactorKind.TOTP, None, START)


def passkey(factor_id: str = "f-9", credential: bytes = b"\x00key", identity_id: str = ANA) -> Passkey:
    factor = Factor(factor_id, identity_id, FactorKind.PASSKEY, "blue key", LATER)
    return Passkey(factor, credential, b"\xffpublic", 0)


def test_an_authenticator_app_counts_from_its_first_code_on(store: FactorStore) -> None:
    store.begin_totp(app(), SEED)
    assert store.list_factors(ANA) == ()
    assert store.list_totp(ANA) == ()
    waiting = store.find_waiting_totp(ANA, START)
    assert waiting is not None
    assert waiting.secret == SEED
    assert SEED not in repr(waiting)
    assert store.confirm_totp("f-1", 100, LATER)
    assert not store.confirm_totp("f-1", 101, LATER)
    assert store.find_waiting_totp(ANA, START) is None
    (found,) = store.list_totp(ANA)
    assert (found.secret, found.last_step, found.factor.last_used_at) == (SEED, 100, LATER)
    assert store.list_totp(BEN) == ()


def test_of_apps_that_wait_the_newest_one_counts_and_none_waits_for_long(store: FactorStore) -> None:
    store.begin_totp(app("f-1"), SEED)
    store.begin_totp(app("f-2"), SEED[::-1])
    waiting = store.find_waiting_totp(ANA, START)
    assert waiting is not None
    assert waiting.factor.factor_id == "f-2"
    assert not store.confirm_totp("f-1", 100, LATER)
    assert store.find_waiting_totp(ANA, LATER) is None


def test_no_code_is_taken_twice_and_none_from_before_the_last_one(store: FactorStore) -> None:
    store.begin_totp(app(), SEED)
    assert not store.take_step("f-1", 99, LATER)
    store.confirm_totp("f-1", 100, START)
    assert not store.take_step("f-1", 100, LATER)
    assert not store.take_step("f-1", 99, LATER)
    assert store.take_step("f-1", 102, LATER)
    assert not store.take_step("f-1", 101, LATER)
    assert not store.take_step("f-none", 103, LATER)


def test_a_passkey_is_kept_once_and_its_count_follows_only_a_caller_that_knew_it(store: FactorStore) -> None:
    store.add_passkey(passkey())
    with pytest.raises(InputError, match="already"):
        store.add_passkey(passkey("f-8", identity_id=BEN))
    assert store.list_passkeys(ANA) == (passkey(),)
    assert store.take_sign_count("f-9", 0, 4_000_000_000, LATER)
    assert not store.take_sign_count("f-9", 0, 5, LATER)
    (found,) = store.list_passkeys(ANA)
    assert (found.sign_count, found.factor.last_used_at) == (4_000_000_000, LATER)
    assert store.list_passkeys(BEN) == ()


def test_a_factor_is_removed_by_its_own_user_alone(store: FactorStore) -> None:
    store.begin_totp(app(), SEED)
    store.confirm_totp("f-1", 100, START)
    store.add_passkey(passkey())
    assert [one.factor_id for one in store.list_factors(ANA)] == ["f-1", "f-9"]
    assert store.remove(BEN, "f-1") is None
    removed = store.remove(ANA, "f-1")
    assert removed is not None
    assert removed.kind is FactorKind.TOTP
    assert store.remove(ANA, "f-1") is None
    assert [one.factor_id for one in store.list_factors(ANA)] == ["f-9"]
    assert not store.take_step("f-1", 103, LATER)


def test_all_of_a_users_factors_are_removed_those_that_wait_too(store: FactorStore) -> None:
    store.begin_totp(app(), SEED)
    store.confirm_totp("f-1", 100, START)
    store.begin_totp(app("f-2"), SEED)
    store.add_passkey(passkey())
    store.add_passkey(passkey("f-7", b"other", BEN))
    assert store.remove_all(ANA) == 2
    assert store.list_factors(ANA) == ()
    assert store.find_waiting_totp(ANA, START) is None
    assert len(store.list_factors(BEN)) == 1


PROVE, REGISTER = ChallengePurpose.PROVE, ChallengePurpose.REGISTER


def test_a_challenge_is_answered_once_in_time_by_the_sign_in_and_for_the_purpose_it_was_made_for(
    store: FactorStore,
) -> None:
    ends_at = START + timedelta(minutes=5)
    store.add_challenge("s-1", PROVE, b"one", ends_at)
    store.add_challenge("s-1", REGISTER, b"two", ends_at)
    assert not store.take_challenge("s-2", PROVE, b"one", START)
    assert not store.take_challenge("s-1", REGISTER, b"one", START)
    assert not store.take_challenge("s-1", PROVE, b"none", START)
    assert store.take_challenge("s-1", PROVE, b"one", START)
    assert not store.take_challenge("s-1", PROVE, b"one", START)
    assert not store.take_challenge("s-1", REGISTER, b"two", ends_at)
    assert not store.take_challenge("s-1", REGISTER, b"two", START)
