"""Second factors in the database; what the fake shares is in the contract."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rootkeeper.access.factor_store import FactorStore, open_cipher
from rootkeeper.access.rules import ChallengePurpose, Factor, FactorKind, Identity, IdentityKind, Passkey, ServerRole
from rootkeeper.access.store import IdentityStore
from rootkeeper.ledger.database import Database
from tests.fakes.clock import START, FakeClock
from tests.unit.database.samples import ORGANIZATION_ID, Stage

ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.OPERATOR, "test", START)
APP = Factor("f-1", ANA.identity_id, FactorKind.TOTP, None, START)
PASSKEY = Passkey(Factor("f-2", ANA.identity_id, FactorKind.PASSKEY, "key", START), b"credential", b"public", 1)


@pytest.fixture
def factors(database: Database, tmp_path: Path) -> FactorStore:
    database.get_store(IdentityStore, ORGANIZATION_ID, FakeClock()).add_user(ANA, "correct horse battery")
    cipher = open_cipher(database.store, database.commits, ORGANIZATION_ID, tmp_path / "key")
    return database.get_store(FactorStore, ORGANIZATION_ID, cipher)


def test_without_the_key_factors_are_listed_and_removed_but_no_code_is_checked(
    factors: FactorStore, database: Database
) -> None:
    factors.begin_totp(APP, "SEED")
    factors.confirm_totp(APP.factor_id, 1, START)
    keyless = FactorStore(factors._store, factors._commits, ORGANIZATION_ID, None)
    assert [one.factor_id for one in keyless.list_factors(ANA.identity_id)] == [APP.factor_id]
    with pytest.raises(AssertionError, match="no key"):
        keyless.list_totp(ANA.identity_id)
    assert keyless.remove_all(ANA.identity_id) == 1


def test_p08_a_challenge_is_kept_as_a_hash_alone(factors: FactorStore, stage: Stage) -> None:
    factors.add_challenge("s-1", ChallengePurpose.PROVE, b"canary-challenge", START + timedelta(minutes=5))
    (row,) = stage.query("SELECT * FROM factor_challenges")
    assert "canary" not in str(row)
    assert b"canary-challenge".hex() not in str(row)


def test_a_sign_in_has_one_open_question_of_each_purpose(factors: FactorStore, stage: Stage) -> None:
    ends_at = START + timedelta(minutes=5)
    for number in range(3):
        factors.add_challenge("s-1", ChallengePurpose.PROVE, f"one-{number}".encode(), ends_at)
        factors.add_challenge("s-1", ChallengePurpose.REGISTER, f"two-{number}".encode(), ends_at)
    assert len(stage.query("SELECT purpose FROM factor_challenges")) == 2
    assert not factors.take_challenge("s-1", ChallengePurpose.PROVE, b"one-1", START)
    assert factors.take_challenge("s-1", ChallengePurpose.PROVE, b"one-2", START)


def test_p21_factors_of_another_organization_arent_seen(
    factors: FactorStore, database: Database, tmp_path: Path
) -> None:
    cipher = open_cipher(database.store, database.commits, "o-otherorgid00", tmp_path / "key")
    elsewhere = database.get_store(FactorStore, "o-otherorgid00", cipher)
    factors.begin_totp(APP, "SEED")
    assert elsewhere.find_waiting_totp(ANA.identity_id, START) is None
    assert not elsewhere.confirm_totp(APP.factor_id, 1, START)
    factors.confirm_totp(APP.factor_id, 1, START)
    factors.add_passkey(PASSKEY)
    assert elsewhere.list_factors(ANA.identity_id) == ()
    assert elsewhere.list_totp(ANA.identity_id) == ()
    assert elsewhere.list_passkeys(ANA.identity_id) == ()
    assert not elsewhere.take_step(APP.factor_id, 9, START)
    assert not elsewhere.take_sign_count("f-2", 1, 2, START)
    assert elsewhere.remove(ANA.identity_id, APP.factor_id) is None
    assert elsewhere.remove_all(ANA.identity_id) == 0
    factors.add_challenge("s-1", ChallengePurpose.PROVE, b"one", START + timedelta(minutes=5))
    assert not elsewhere.take_challenge("s-1", ChallengePurpose.PROVE, b"one", START)
    assert factors.take_challenge("s-1", ChallengePurpose.PROVE, b"one", START)
    assert len(factors.list_factors(ANA.identity_id)) == 2
