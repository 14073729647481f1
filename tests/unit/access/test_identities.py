"""Users and tokens in the database; what the fake shares is in the contract."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole
from rootkeeper.access.store import IdentityStore
from rootkeeper.errors import InputError
from rootkeeper.ledger.database import Database
from tests.fakes.clock import START, FakeClock
from tests.fakes.sessions import new_session
from tests.unit.database.samples import ORGANIZATION_ID, Stage

ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.APPROVER, "operator", START)
TOKEN = Identity("t-1", IdentityKind.TOKEN, "ci", ServerRole.AUDITOR, "operator", START)
SECRETS = ("rk_canary-of-a-token", "canary of a password", "rk_canary-of-a-sign-in")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(database: Database, clock: FakeClock) -> IdentityStore:
    return database.get_store(IdentityStore, ORGANIZATION_ID, clock)


def test_p08_no_token_or_password_is_in_the_database(store: IdentityStore, stage: Stage) -> None:
    token, password, sign_in = SECRETS
    store.add_token(TOKEN, token)
    store.add_user(ANA, password)
    assert store.sign_in("ana", password, new_session(sign_in)) is not None
    assert store.find_by_token(token) is not None
    rows = str([stage.query("SELECT * FROM identities"), stage.query("SELECT * FROM sign_ins")])
    files = b"".join(path.read_bytes() for path in stage.folder.rglob("*") if path.is_file())
    assert "argon2id" in rows
    assert all(secret not in rows and secret.encode() not in files for secret in SECRETS)


def test_a_password_is_hashed_by_argon2id_with_a_salt_of_its_own(store: IdentityStore, stage: Stage) -> None:
    store.add_user(ANA, SECRETS[1])
    store.add_user(replace(ANA, identity_id="u-2", name="ben"), SECRETS[1])
    first, second = (row[0] for row in stage.query("SELECT proof_hash FROM identities"))
    assert first.startswith("$argon2id$")
    assert first != second


def test_a_password_costs_what_rfc_9106_recommends() -> None:
    program = "from rootkeeper.access.store import hash_password; print(hash_password('canary'))"
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_the_last_use_is_written_at_most_once_a_minute(store: IdentityStore, clock: FakeClock) -> None:
    store.add_token(TOKEN, SECRETS[0])
    store.find_by_token(SECRETS[0])
    clock.advance(59)
    store.find_by_token(SECRETS[0])
    assert store.get("ci").last_used_at == START
    clock.advance(1)
    store.find_by_token(SECRETS[0])
    assert store.get("ci").last_used_at == START + timedelta(minutes=1)


def test_p21_identities_of_another_organization_arent_seen(
    store: IdentityStore, database: Database, clock: FakeClock
) -> None:
    elsewhere = database.get_store(IdentityStore, "o-otherorgid00", clock)
    store.add_token(TOKEN, SECRETS[0])
    store.add_user(ANA, SECRETS[1])
    store.sign_in("ana", SECRETS[1], new_session(SECRETS[2]))
    assert elsewhere.list_identities() == ()
    assert elsewhere.find_by_token(SECRETS[0]) is None
    assert elsewhere.sign_in("ana", SECRETS[1], new_session("rk_new")) is None
    elsewhere.add_user(replace(ANA, identity_id="u-9"), "another password")


def test_text_that_isnt_valid_unicode_proves_nothing_and_breaks_nothing(store: IdentityStore) -> None:
    store.add_user(ANA, SECRETS[1])
    assert store.sign_in("ana", "\ud800", new_session("rk_new")) is None
    assert store.find_by_token("\ud800") is None


def test_a_password_that_is_replaced_during_a_sign_in_lets_no_one_in(
    store: IdentityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify_slowly(*_: str) -> bool:
        store.set_password("ana", "another horse battery")
        return True

    store.add_user(ANA, SECRETS[1])
    monkeypatch.setattr("rootkeeper.access.store._verify", verify_slowly)
    assert store.sign_in("ana", SECRETS[1], new_session(SECRETS[2])) is None


def test_of_two_who_take_a_name_at_once_one_gets_it(store: IdentityStore) -> None:
    store.add_user(ANA, SECRETS[1])
    with pytest.raises(InputError, match="already"):
        store.add_token(replace(TOKEN, name="ANA"), SECRETS[0])
    assert store.find_by_token(SECRETS[0]) is None
