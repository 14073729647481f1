"""Second factors and started sign-ins in the database.

The key by which second factors are encrypted: a file beside the database, never in it.

Whoever gets hold of the database or of a backup of it alone can make no codes. The database knows of the key only a
value by which a server finds out that it has another one: several servers on one database need the same file.

Second factors of users in the database.

What an authenticator app's codes are made from must be read again at each sign-in, so that it can't be hashed: it is
encrypted by a key that isn't in the database. Of a passkey only its public key is kept.

Sign-ins that somebody began at an identity provider, each taken once; of what proves them only hashes are kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select, update

from rootkeeper.access.provider import SignInStart
from rootkeeper.access.rules import ChallengePurpose, Factor, FactorKind, Passkey, TotpFactor
from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.database.files import sync_folder
from rootkeeper.errors import DatabaseError, InputError, SettingsError
from rootkeeper.ledger.writer import GroupCommit, WriteTransaction

_KEY_BYTES = 32


_NONCE_BYTES = 12
"""Source: NIST SP 800-38D, section 8.2."""


_LARGEST_FILE = 1024


_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


_CHECK_PURPOSE = "rootkeeper key check "


_checks = schema.key_checks.c


class KeyFileCipher:
    """Encrypts by AES-256-GCM; what is sealed for one row can't be read as another one's."""

    def __init__(self, key: bytes, organization_id: str, path: Path) -> None:
        self._cipher = AESGCM(key)
        self._organization_id = organization_id
        self._path = path
        purpose = f"{_CHECK_PURPOSE}{organization_id}".encode()
        self._check_value = hmac.new(key, purpose, hashlib.sha256).hexdigest()

    def seal(self, text: str, context: str) -> str:
        """:param context: whose it is; the same is needed to read it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), self._bind(context))
        return base64.b64encode(nonce + sealed).decode()

    def unseal(self, sealed: str, context: str) -> str:
        """:raises DatabaseError: if it was sealed by another key or for another row, or changed since."""
        try:
            content = base64.b64decode(sealed, validate=True)
            found = self._cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], self._bind(context))
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise DatabaseError(
                f"A second factor in the database can't be decrypted by the key in {self._path}.",
                hint="Have it reset: rootkeeper users reset-factors NAME",
            ) from error
        return found.decode()

    def require_known(self, connection: Connection) -> None:
        """Check that the database's factors are encrypted by this key, or will be from now on.

        :raises SettingsError: if it is another one.
        """
        known = connection.execute(select(_checks.check_value).where(_checks.organization_id == self._organization_id))
        value = known.scalar_one_or_none()
        if value is None:
            row = {"organization_id": self._organization_id, "check_value": self._check_value}
            connection.execute(insert(schema.key_checks).values(row))
        elif not hmac.compare_digest(value, self._check_value):
            raise SettingsError(
                f"The key in {self._path} isn't the one by which this database's second factors are encrypted.",
                hint=_COPY_HINT,
            )

    def _bind(self, context: str) -> bytes:
        return f"{self._organization_id} {context}".encode()


_COPY_HINT = (
    "Copy the key file of the other servers, or of the backup, to where server.key_file says. If it is lost, run "
    "rootkeeper users reset-factors NAME for everybody with an authenticator app, and start again."
)


def open_cipher(store: Store, commits: GroupCommit, organization_id: str, path: Path) -> KeyFileCipher:
    """The key in the file; the file is made where neither it nor anything encrypted by it is there.

    :raises SettingsError: if the file is missing, can't be used, or is another one than the database knows.
    """
    with reading(store) as connection:
        is_known = connection.execute(select(_checks.check_value).where(_checks.organization_id == organization_id))
        may_make = is_known.scalar_one_or_none() is None
    sealing = KeyFileCipher(_read_or_make(path, may_make=may_make), organization_id, path)
    commits.run(lambda transaction: sealing.require_known(transaction.connection))
    return sealing


def _read_or_make(path: Path, *, may_make: bool) -> bytes:
    try:
        if may_make and not path.exists():
            _make(path)
        return _read(path)
    except FileNotFoundError as error:
        raise SettingsError(f"The key file {path} is missing.", hint=_COPY_HINT) from error
    except OSError as error:
        raise SettingsError(
            f"The key file {path} can't be used: {error.strerror}.", hint="Check server.key_file and its folder."
        ) from error


def _make(path: Path) -> None:
    """Whole and with its permissions from the first moment on; of two processes at once one makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as new:
            new.write(base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
            new.flush()
            os.fsync(new.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(name)
    finally:
        Path(name).unlink()
    for folder in (path.parent, path.parent.parent):
        sync_folder(folder)  # before the database says that there is a key


def _read(path: Path) -> bytes:
    if os.name == "posix" and path.stat().st_mode & _OPEN_TO_OTHERS:
        raise SettingsError(f"The key file {path} can be read by others.", hint=f"Run: chmod 600 {path}")
    with path.open("rb") as source:
        content = source.read(_LARGEST_FILE)
    try:
        key = base64.b64decode(content.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SettingsError(f"The key file {path} holds no key.", hint=_COPY_HINT)
    return key


_factors = schema.factors.c


_challenges = schema.factor_challenges.c


class SecretCipher(Protocol):
    """Encrypts what mustn't be read from the database alone."""

    def require_known(self, connection: Connection) -> None: ...

    def seal(self, text: str, context: str) -> str: ...

    def unseal(self, sealed: str, context: str) -> str: ...


class SqlFactors:
    """The factors of one organization; implements the port FactorStore."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str, sealing: SecretCipher | None) -> None:
        """:param sealing: ``None`` where codes of authenticator apps are neither made nor checked."""
        self._store = store
        self._commits = commits
        self._organization_id = organization_id
        self._known_cipher = sealing

    def list_factors(self, identity_id: str) -> tuple[Factor, ...]:
        return tuple(_parse(row) for row in self._read(self._select_confirmed(identity_id)))

    # Authenticator apps.

    def begin_totp(self, factor: Factor, secret: str) -> None:
        sealing = self._cipher
        row = self._describe(factor) | {"sealed_seed": sealing.seal(secret, factor.factor_id), "last_step": 0}
        others = delete(schema.factors).where(self._is_of(factor.identity_id), _factors.confirmed_at.is_(None))

        def work(transaction: WriteTransaction) -> None:
            sealing.require_known(transaction.connection)
            transaction.connection.execute(others)
            transaction.connection.execute(insert(schema.factors).values(row))

        self._commits.run(work)

    def find_waiting_totp(self, identity_id: str, since: datetime) -> TotpFactor | None:
        statement = self._select(identity_id).where(_factors.confirmed_at.is_(None), _factors.created_at >= since)
        rows = self._read(statement)
        return self._parse_totp(rows[-1]) if rows else None

    def confirm_totp(self, factor_id: str, step: int, at: datetime) -> bool:
        waits = self._is_own & (_factors.factor_id == factor_id) & _factors.confirmed_at.is_(None)
        return self._update(waits, confirmed_at=at, last_used_at=at, last_step=step)

    def list_totp(self, identity_id: str) -> tuple[TotpFactor, ...]:
        statement = self._select_confirmed(identity_id).where(_factors.kind == FactorKind.TOTP.value)
        return tuple(self._parse_totp(row) for row in self._read(statement))

    def take_step(self, factor_id: str, step: int, at: datetime) -> bool:
        is_newer = self._is_own & (_factors.factor_id == factor_id) & (_factors.last_step < step)
        return self._update(is_newer & _factors.confirmed_at.is_not(None), last_step=step, last_used_at=at)

    # Passkeys.

    def add_passkey(self, passkey: Passkey) -> None:
        row = self._describe(passkey.factor) | {
            "confirmed_at": passkey.factor.created_at,
            "credential_id": passkey.credential_id.hex(),
            "public_key": passkey.public_key.hex(),
            "sign_count": passkey.sign_count,
        }
        same = select(_factors.factor_id).where(self._is_own, _factors.credential_id == row["credential_id"])

        def work(transaction: WriteTransaction) -> None:
            if transaction.connection.execute(same).first() is not None:
                raise InputError(
                    "This passkey is set up already.", hint="Use another device, or another passkey of it."
                )
            transaction.connection.execute(insert(schema.factors).values(row))

        self._commits.run(work)

    def list_passkeys(self, identity_id: str) -> tuple[Passkey, ...]:
        statement = self._select_confirmed(identity_id).where(_factors.kind == FactorKind.PASSKEY.value)
        return tuple(
            Passkey(_parse(row), bytes.fromhex(row.credential_id), bytes.fromhex(row.public_key), row.sign_count)
            for row in self._read(statement)
        )

    def take_sign_count(self, factor_id: str, known: int, new: int, at: datetime) -> bool:
        is_it = self._is_own & (_factors.factor_id == factor_id) & (_factors.sign_count == known)
        return self._update(is_it, sign_count=new, last_used_at=at)

    def add_challenge(self, session_id: str, purpose: ChallengePurpose, challenge: bytes, ends_at: datetime) -> None:
        """See the port; a sign-in has one of each purpose at most."""
        own = _challenges.organization_id == self._organization_id
        mine = own & (_challenges.session_id == session_id) & (_challenges.purpose == purpose.value)
        row = {
            "challenge_hash": hash_challenge(challenge),
            "organization_id": self._organization_id,
            "session_id": session_id,
            "purpose": purpose.value,
            "ends_at": ends_at,
        }

        def work(transaction: WriteTransaction) -> None:
            transaction.connection.execute(delete(schema.factor_challenges).where(mine))
            transaction.connection.execute(insert(schema.factor_challenges).values(row))

        self._commits.run(work)

    def take_challenge(self, session_id: str, purpose: ChallengePurpose, challenge: bytes, now: datetime) -> bool:
        is_it = (
            (_challenges.organization_id == self._organization_id)
            & (_challenges.challenge_hash == hash_challenge(challenge))
            & (_challenges.session_id == session_id)
            & (_challenges.purpose == purpose.value)
        )

        def work(transaction: WriteTransaction) -> bool:
            ends_at = transaction.connection.execute(select(_challenges.ends_at).where(is_it)).scalar_one_or_none()
            taken = transaction.connection.execute(delete(schema.factor_challenges).where(is_it)).rowcount
            return ends_at is not None and taken == 1 and now < ends_at

        return self._commits.run(work)

    # Of both kinds.

    def remove(self, identity_id: str, factor_id: str) -> Factor | None:
        is_it = self._is_of(identity_id) & (_factors.factor_id == factor_id) & _factors.confirmed_at.is_not(None)

        def work(transaction: WriteTransaction) -> Factor | None:
            row = transaction.connection.execute(select(schema.factors).where(is_it)).one_or_none()
            transaction.connection.execute(delete(schema.factors).where(is_it))
            return None if row is None else _parse(row)

        return self._commits.run(work)

    def remove_all(self, identity_id: str) -> int:
        """See the port; with the last one that is encrypted the database also forgets by which key."""
        sealed = select(_factors.factor_id).where(self._is_own, _factors.sealed_seed.is_not(None))

        def work(transaction: WriteTransaction) -> int:
            connection = transaction.connection
            confirmed = connection.execute(self._select_confirmed(identity_id)).all()
            connection.execute(delete(schema.factors).where(self._is_of(identity_id)))
            if connection.execute(sealed).first() is None:
                own = schema.key_checks.c.organization_id == self._organization_id
                connection.execute(delete(schema.key_checks).where(own))
            return len(confirmed)

        return self._commits.run(work)

    @property
    def _cipher(self) -> SecretCipher:
        assert self._known_cipher is not None, "no key was opened"  # noqa: S101 - a bug of ours
        return self._known_cipher

    def _read(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        with reading(self._store) as connection:
            return connection.execute(statement).all()

    def _update(self, which: ColumnElement[bool], **values: object) -> bool:
        statement = update(schema.factors).where(which).values(**values)
        return self._commits.run(lambda transaction: transaction.connection.execute(statement).rowcount) == 1

    @property
    def _is_own(self) -> ColumnElement[bool]:
        return _factors.organization_id == self._organization_id

    def _is_of(self, identity_id: str) -> ColumnElement[bool]:
        return self._is_own & (_factors.identity_id == identity_id)

    def _select(self, identity_id: str) -> Select[Any]:
        return select(schema.factors).where(self._is_of(identity_id)).order_by(_factors.created_at, _factors.factor_id)

    def _select_confirmed(self, identity_id: str) -> Select[Any]:
        return self._select(identity_id).where(_factors.confirmed_at.is_not(None))

    def _describe(self, factor: Factor) -> dict[str, object]:
        return {
            "factor_id": factor.factor_id,
            "organization_id": self._organization_id,
            "identity_id": factor.identity_id,
            "kind": factor.kind.value,
            "name": factor.name,
            "created_at": factor.created_at,
        }

    def _parse_totp(self, row: Row[Any]) -> TotpFactor:
        return TotpFactor(_parse(row), self._cipher.unseal(row.sealed_seed, row.factor_id), row.last_step)


def hash_challenge(challenge: bytes) -> str:
    """What is kept of a challenge."""
    return hashlib.sha256(challenge).hexdigest()


def _parse(row: Row[Any]) -> Factor:
    return Factor(row.factor_id, row.identity_id, FactorKind(row.kind), row.name, row.created_at, row.last_used_at)


MOST_KEPT = 10_000
"""Of more the ones that end first are forgotten."""


_starts = schema.sign_in_starts.c


class SqlSignInStarts:
    """Those of one organization; implements the port SignInStarts."""

    def __init__(self, commits: GroupCommit, organization_id: str, clock: Clock, most_kept: int = MOST_KEPT) -> None:
        self._commits = commits
        self._organization_id = organization_id
        self._clock = clock
        self._most_kept = most_kept

    def keep(self, secret: str, start: SignInStart) -> None:
        row = {
            "organization_id": self._organization_id,
            "secret_hash": _hash(secret),
            "started_at": start.started_at,
            "ends_at": start.ends_at,
            "return_to": start.return_to,
            "session_id": start.session_id,
        }

        def work(transaction: WriteTransaction) -> None:
            self._forget_old(transaction)
            transaction.connection.execute(insert(schema.sign_in_starts).values(row))

        self._commits.run(work)

    def take(self, secret: str) -> SignInStart | None:
        is_it = self._is_own & (_starts.secret_hash == _hash(secret))

        def work(transaction: WriteTransaction) -> SignInStart | None:
            row = transaction.connection.execute(select(schema.sign_in_starts).where(is_it)).one_or_none()
            transaction.connection.execute(delete(schema.sign_in_starts).where(is_it))
            if row is None or row.ends_at <= self._clock.now():
                return None
            return SignInStart(row.started_at, row.ends_at, row.return_to, row.session_id)

        return self._commits.run(work)

    @property
    def _is_own(self) -> ColumnElement[bool]:
        return _starts.organization_id == self._organization_id

    def _forget_old(self, transaction: WriteTransaction) -> None:
        connection = transaction.connection
        connection.execute(delete(schema.sign_in_starts).where(self._is_own, _starts.ends_at <= self._clock.now()))
        kept = connection.execute(select(func.count()).select_from(schema.sign_in_starts).where(self._is_own))
        surplus = kept.scalar_one() + 1 - self._most_kept
        if surplus > 0:
            oldest = select(_starts.secret_hash).where(self._is_own).order_by(_starts.ends_at).limit(surplus)
            connection.execute(delete(schema.sign_in_starts).where(self._is_own, _starts.secret_hash.in_(oldest)))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
