"""The key by which second factors are encrypted, and the check that all servers have the same one."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from rootkeeper.access.factor_store import FactorStore, KeyFileCipher, open_cipher
from rootkeeper.access.rules import Factor, FactorKind, Identity, IdentityKind, ServerRole
from rootkeeper.access.store import IdentityStore
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import DatabaseError, SettingsError
from rootkeeper.ledger.database import Database
from tests.fakes.clock import START, FakeClock
from tests.unit.database.samples import ORGANIZATION_ID, Stage

SEED = "JBSWY3DPEHPK3PXPCANARYSEEDCANARY"
ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.OPERATOR, "test", START)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "rootkeeper.key"


def keep_factor(database: Database, cipher: KeyFileCipher) -> FactorStore:
    database.get_store(IdentityStore, ORGANIZATION_ID, FakeClock()).add_user(ANA, "correct horse battery")
    factors = database.get_store(FactorStore, ORGANIZATION_ID, cipher)
    factors.begin_totp(Factor("f-1", ANA.identity_id, FactorKind.TOTP, None, START), SEED)
    factors.confirm_totp("f-1", 1, START)
    return factors


def make_sealing(key: bytes = bytes(32)) -> KeyFileCipher:
    return KeyFileCipher(key, ORGANIZATION_ID, Path("key"))


def test_the_key_is_made_once_whole_and_for_no_one_else(database: Database, key_file: Path) -> None:
    open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    content = key_file.read_bytes()
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(content)) == 32
    open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    assert key_file.read_bytes() == content
    assert list(key_file.parent.iterdir()) == [key_file]


def test_p08_neither_the_seed_nor_the_key_is_in_the_database(database: Database, stage: Stage, key_file: Path) -> None:
    cipher = open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    (found,) = keep_factor(database, cipher).list_totp(ANA.identity_id)
    assert found.secret == SEED
    key = key_file.read_text().strip()
    rows = str([stage.query("SELECT * FROM factors"), stage.query("SELECT * FROM key_checks")])
    assert all(secret not in rows for secret in (SEED, key, base64.b64decode(key).hex()))
    files = [path for path in stage.folder.rglob("*") if path.is_file() and path != key_file]
    assert all(SEED.encode() not in path.read_bytes() and key.encode() not in path.read_bytes() for path in files)


def test_a_server_with_another_key_refuses_to_start_and_says_what_to_do(database: Database, key_file: Path) -> None:
    open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    other = key_file.with_name("other.key")
    other.write_bytes(base64.b64encode(bytes(32)))
    other.chmod(0o600)
    with pytest.raises(SettingsError, match="isn't the one") as caught:
        open_cipher(database.store, database.commits, ORGANIZATION_ID, other)
    assert "Copy the key file" in (caught.value.hint or "")


def test_a_key_that_went_missing_isnt_made_again(database: Database, key_file: Path) -> None:
    factors = keep_factor(database, open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file))
    key_file.unlink()
    with pytest.raises(SettingsError, match="is missing") as caught:
        open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    assert "reset-factors" in (render_hint(caught.value.hint) or "")
    assert not key_file.exists()
    factors.remove_all(ANA.identity_id)
    open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    assert key_file.exists()


def test_a_server_that_runs_with_an_old_key_keeps_no_factor_by_it(database: Database, key_file: Path) -> None:
    cipher = open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    old = database.get_store(FactorStore, ORGANIZATION_ID, cipher)
    old.remove_all(ANA.identity_id)
    key_file.unlink()
    cipher = open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    database.get_store(IdentityStore, ORGANIZATION_ID, FakeClock()).add_user(ANA, "correct horse battery")
    with pytest.raises(SettingsError, match="isn't the one"):
        old.begin_totp(Factor("f-1", ANA.identity_id, FactorKind.TOTP, None, START), SEED)
    new = database.get_store(FactorStore, ORGANIZATION_ID, cipher)
    assert new.find_waiting_totp(ANA.identity_id, START) is None


@pytest.mark.parametrize("content", [b"", b"short", b"!" * 44, base64.b64encode(bytes(31))])
def test_a_file_that_holds_no_key_is_refused_and_left_alone(database: Database, key_file: Path, content: bytes) -> None:
    key_file.parent.mkdir()
    key_file.write_bytes(content)
    key_file.chmod(0o600)
    with pytest.raises(SettingsError, match="contains no key"):
        open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    assert key_file.read_bytes() == content


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o640])
def test_a_group_may_read_a_key(database: Database, key_file: Path, mode: int) -> None:
    open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    key_file.chmod(mode)
    open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)


@pytest.mark.parametrize("mode", [0o604, 0o660, 0o666])
def test_a_key_that_others_can_read_is_refused(database: Database, key_file: Path, mode: int) -> None:
    open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    key_file.chmod(mode)
    with pytest.raises(SettingsError, match="Other users can read") as caught:
        open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    assert caught.value.hint == f"Run: chmod 600 {key_file}"


def test_a_place_where_no_key_can_be_is_reported(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="can't be used"):
        open_cipher(database.store, database.commits, ORGANIZATION_ID, tmp_path / "file" / "key")


def test_what_was_sealed_is_read_by_the_same_key_for_the_same_row_and_unchanged() -> None:
    sealing = make_sealing()
    sealed = sealing.seal(SEED, "f-1")
    assert sealing.seal(SEED, "f-1") != sealed
    assert sealing.unseal(sealed, "f-1") == SEED
    changed = sealed[:-4] + ("AAA=" if sealed[-4:] != "AAA=" else "BBB=")
    for other, text, context in (
        (sealing, sealed, "f-2"),
        (sealing, changed, "f-1"),
        (sealing, "", "f-1"),
        (sealing, "not base64!", "f-1"),
        (make_sealing(b"\x01" * 32), sealed, "f-1"),
        (KeyFileCipher(bytes(32), "o-otherorgid00", Path("key")), sealed, "f-1"),
    ):
        with pytest.raises(DatabaseError, match="can't decrypt a second factor") as caught:
            other.unseal(text, context)
        assert SEED not in str(caught.value)


def test_p21_an_organization_has_a_check_of_its_own(database: Database, stage: Stage, key_file: Path) -> None:
    open_cipher(database.store, database.commits, ORGANIZATION_ID, key_file)
    open_cipher(database.store, database.commits, "o-otherorgid00", key_file)
    values = [row[0] for row in stage.query("SELECT check_value FROM key_checks")]
    assert len(set(values)) == len(values) == 2
