"""Second factors and started sign-ins in the database, known devices, and the key file that encrypts for them.

The seed of an authenticator app is read at each sign-in, so it can't be hashed. The key is in a file beside the
database, never in it: a copy of the database alone can't make codes. The database has only a check value of the key, so
that a server notices a wrong file; several servers on the same database need the same file.
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
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, select, update

from rootkeeper.access.counts import delete_surplus
from rootkeeper.access.rules import ChallengePurpose, Factor, FactorKind, Passkey, TotpFactor, fold_name, hash_text
from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.database.files import make_private_folder, sync_folder
from rootkeeper.database.schema import parse_row, to_row
from rootkeeper.errors import DatabaseError, Hint, InputError, SettingsError
from rootkeeper.ledger.writer import GroupCommit, OrganizationStore, WriteTransaction
from rootkeeper.values import render_time

_KEY_BYTES = 32

_NONCE_BYTES = 12
"""Source: NIST SP 800-38D, section 8.2."""

_LARGEST_FILE = 1024
_OPEN_TO_OTHERS = stat.S_IWGRP | stat.S_IRWXO
"""As for other secrets in files. A group may read: that is how Kubernetes gives a Secret to a user that isn't root."""
_checks = schema.key_checks.c


class KeyFileCipher:
    """Encrypts with AES-256-GCM; the encrypted text of a row can't be read as another row's."""

    def __init__(self, key: bytes, organization_id: str, path: Path) -> None:
        self._cipher = AESGCM(key)
        self._organization_id = organization_id
        self._path = path
        purpose = f"rootkeeper:key_check:{organization_id}".encode()
        self._check_value = hmac.new(key, purpose, hashlib.sha256).hexdigest()

    def seal(self, text: str, context: str) -> str:
        """:param context: identifies the row; ``unseal`` needs the same."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), self._bind(context))
        return base64.b64encode(nonce + sealed).decode()

    def unseal(self, sealed: str, context: str) -> str:
        """:raises DatabaseError: if it was sealed with another key or for another row, or was changed."""
        try:
            content = base64.b64decode(sealed, validate=True)
            found = self._cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], self._bind(context))
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise DatabaseError(
                f"The key in {self._path} can't decrypt a second factor in the database.",
                hint=Hint("Ask an administrator to reset your second factors.", "factors.reset"),
            ) from error
        return found.decode()

    def require_known(self, connection: Connection) -> None:
        """Check that this key encrypts the database's factors; record it if there is none yet.

        :raises SettingsError: if the database has another key.
        """
        known = connection.execute(select(_checks.check_value).where(_checks.organization_id == self._organization_id))
        value = known.scalar_one_or_none()
        if value is None:
            row = {"organization_id": self._organization_id, "check_value": self._check_value}
            connection.execute(insert(schema.key_checks).values(row))
        elif not hmac.compare_digest(value, self._check_value):
            raise SettingsError(
                f"The key in {self._path} isn't the one that encrypts this database's second factors.", hint=_COPY_HINT
            )

    def _bind(self, context: str) -> bytes:
        return f"{self._organization_id} {context}".encode()


_COPY_HINT = Hint(
    "Copy the key file of the other servers, or of the backup, to the path in server.key_file. If it is lost, reset "
    "the second factors of each user with an authenticator app, then start again.",
    "factors.key_file",
)


def open_cipher(store: Store, commits: GroupCommit, organization_id: str, path: Path) -> KeyFileCipher:
    """Open the key file; create it if neither the file nor anything encrypted with it exists.

    :raises SettingsError: if the file is missing or unusable, or has another key than the database knows.
    """
    with reading(store) as connection:
        known = connection.execute(select(_checks.check_value).where(_checks.organization_id == organization_id))
        is_known = known.scalar_one_or_none() is not None
    try:
        if not is_known and not path.exists():
            _make(path)
        sealing = KeyFileCipher(_read(path), organization_id, path)
    except FileNotFoundError as error:
        raise SettingsError(f"The key file {path} is missing.", hint=_COPY_HINT) from error
    except OSError as error:
        raise SettingsError(
            f"The key file {path} can't be used: {error.strerror}.", hint="Check server.key_file and its folder."
        ) from error
    if is_known:  # a server starts on a full disk too, because it has windows to close
        with reading(store) as connection:
            sealing.require_known(connection)
    else:
        commits.run(lambda transaction: sealing.require_known(transaction.connection))
    return sealing


def _make(path: Path) -> None:
    """Create the file with its whole content and permissions at once; of two processes, only the first creates it."""
    make_private_folder(path.parent)
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
        raise SettingsError(f"Other users can read the key file {path}.", hint=f"Run: chmod 600 {path}")
    with path.open("rb") as source:
        content = source.read(_LARGEST_FILE)
    try:
        key = base64.b64decode(content.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SettingsError(f"The key file {path} contains no key.", hint=_COPY_HINT)
    return key


_factors = schema.factors.c
_challenges = schema.factor_challenges.c


class FactorStore(OrganizationStore):
    """Second factors of an organization's users.

    A factor counts from its confirmation on. Seeds are kept encrypted, with a key that isn't in the database.

    :raises DatabaseError: if the database can't be read or written.
    """

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str, sealing: KeyFileCipher | None) -> None:
        """:param sealing: ``None`` if codes of authenticator apps are neither made nor checked."""
        super().__init__(store, commits, organization_id)
        self._known_cipher = sealing

    def list_factors(self, identity_id: str) -> tuple[Factor, ...]:
        """The confirmed factors, the oldest first."""
        return tuple(parse_row(Factor, row) for row in self._read(self._select_confirmed(identity_id)))

    # Authenticator apps.

    def begin_totp(self, factor: Factor, secret: str) -> None:
        """Keep an app that waits for its first code; replaces the user's other waiting app."""
        sealing = self._cipher
        row = self._row_of(factor) | {"sealed_seed": sealing.seal(secret, factor.factor_id), "last_step": 0}
        others = delete(schema.factors).where(self._is_of(factor.identity_id), _factors.confirmed_at.is_(None))

        def work(transaction: WriteTransaction) -> None:
            sealing.require_known(transaction.connection)
            transaction.connection.execute(others)
            transaction.connection.execute(insert(schema.factors).values(row))

        self._commits.run(work)

    def find_waiting_totp(self, identity_id: str, since: datetime) -> TotpFactor | None:
        """The app that waits for its first code, if it was made since then."""
        statement = self._select(identity_id).where(_factors.confirmed_at.is_(None), _factors.created_at >= since)
        rows = self._read(statement)
        return self._parse_totp(rows[-1]) if rows else None

    def confirm_totp(self, factor_id: str, step: int, at: datetime) -> bool:
        """Confirm an app; ``False`` if it doesn't wait any more."""
        waits = self._is_own & (_factors.factor_id == factor_id) & _factors.confirmed_at.is_(None)
        return self._update(waits, confirmed_at=at, last_used_at=at, last_step=step)

    def list_totp(self, identity_id: str) -> tuple[TotpFactor, ...]:
        """The confirmed apps."""
        statement = self._select_confirmed(identity_id).where(_factors.kind == FactorKind.TOTP.value)
        return tuple(self._parse_totp(row) for row in self._read(statement))

    def take_step(self, factor_id: str, step: int, at: datetime) -> bool:
        """Note that the code of a step was accepted; ``False`` if this step or a later step was accepted before."""
        is_newer = self._is_own & (_factors.factor_id == factor_id) & (_factors.last_step < step)
        return self._update(is_newer & _factors.confirmed_at.is_not(None), last_step=step, last_used_at=at)

    # Passkeys.

    def add_passkey(self, passkey: Passkey) -> None:
        """:raises InputError: if it is kept already."""
        row = self._row_of(passkey.factor) | {
            "confirmed_at": passkey.factor.created_at,
            "credential_id": passkey.credential_id.hex(),
            "public_key": passkey.public_key.hex(),
            "sign_count": passkey.sign_count,
        }
        same = select(_factors.factor_id).where(self._is_own, _factors.credential_id == row["credential_id"])

        def work(transaction: WriteTransaction) -> None:
            if transaction.connection.execute(same).first() is not None:
                raise InputError(
                    "This passkey is already set up.", hint="Use another device, or another passkey of this device."
                )
            transaction.connection.execute(insert(schema.factors).values(row))

        self._commits.run(work)

    def list_passkeys(self, identity_id: str) -> tuple[Passkey, ...]:
        statement = self._select_confirmed(identity_id).where(_factors.kind == FactorKind.PASSKEY.value)
        return tuple(
            Passkey(
                parse_row(Factor, row), bytes.fromhex(row.credential_id), bytes.fromhex(row.public_key), row.sign_count
            )
            for row in self._read(statement)
        )

    def take_sign_count(self, factor_id: str, known: int, new: int, at: datetime) -> bool:
        """Note a use; ``False`` if the count isn't ``known`` any more, or the passkey is gone."""
        is_it = self._is_own & (_factors.factor_id == factor_id) & (_factors.sign_count == known)
        return self._update(is_it, sign_count=new, last_used_at=at)

    def add_challenge(self, session_id: str, purpose: ChallengePurpose, challenge: bytes, ends_at: datetime) -> None:
        """Replaces the sign-in's challenge of the same purpose."""
        own = _challenges.organization_id == self._organization_id
        mine = own & (_challenges.session_id == session_id) & (_challenges.purpose == purpose.value)
        row = {
            "challenge_hash": hashlib.sha256(challenge).hexdigest(),
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
        """Whether this sign-in has this open challenge for this purpose; it is removed."""
        is_it = (
            (_challenges.organization_id == self._organization_id)
            & (_challenges.challenge_hash == hashlib.sha256(challenge).hexdigest())
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
        """``None`` if the user has no such factor."""
        is_it = self._is_of(identity_id) & (_factors.factor_id == factor_id) & _factors.confirmed_at.is_not(None)

        def work(transaction: WriteTransaction) -> Factor | None:
            row = transaction.connection.execute(select(schema.factors).where(is_it)).one_or_none()
            transaction.connection.execute(delete(schema.factors).where(is_it))
            return None if row is None else parse_row(Factor, row)

        return self._commits.run(work)

    def remove_all(self, identity_id: str) -> int:
        """With the last encrypted factor, also deletes the check value of the key."""
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
    def _cipher(self) -> KeyFileCipher:
        assert self._known_cipher is not None, "no key file is open"  # noqa: S101 - a bug of ours
        return self._known_cipher

    def _update(self, which: ColumnElement[bool], **values: object) -> bool:
        return self._execute(update(schema.factors).where(which).values(**values)) == 1

    @property
    def _is_own(self) -> ColumnElement[bool]:
        return _factors.organization_id == self._organization_id

    def _is_of(self, identity_id: str) -> ColumnElement[bool]:
        return self._is_own & (_factors.identity_id == identity_id)

    def _select(self, identity_id: str) -> Select[Any]:
        return select(schema.factors).where(self._is_of(identity_id)).order_by(_factors.created_at, _factors.factor_id)

    def _select_confirmed(self, identity_id: str) -> Select[Any]:
        return self._select(identity_id).where(_factors.confirmed_at.is_not(None))

    def _row_of(self, factor: Factor) -> dict[str, Any]:
        return to_row(factor) | {"organization_id": self._organization_id}

    def _parse_totp(self, row: Row[Any]) -> TotpFactor:
        return TotpFactor(parse_row(Factor, row), self._cipher.unseal(row.sealed_seed, row.factor_id), row.last_step)


MOST_KEPT = 10_000
_starts = schema.sign_in_starts.c


@dataclass(frozen=True, slots=True)
class SignInStart:
    """A sign-in at the provider that began in a browser."""

    started_at: datetime
    ends_at: datetime
    return_to: str
    session_id: str | None = None
    """The sign-in here that it confirms again; ``None`` for a new sign-in."""


class SignInStartStore:
    """Sign-ins that were begun, of an organization. Their secrets go in and never come out.

    :raises DatabaseError: if the database can't be read or written.
    """

    def __init__(self, commits: GroupCommit, organization_id: str, clock: Clock, most_kept: int = MOST_KEPT) -> None:
        self._commits = commits
        self._organization_id = organization_id
        self._clock = clock
        self._most_kept = most_kept

    def keep(self, secret: str, start: SignInStart) -> None:
        row = to_row(start) | {"secret_hash": hash_text(secret)}

        def work(transaction: WriteTransaction) -> None:
            connection, now = transaction.connection, self._clock.now()
            own = delete_surplus(connection, _starts.secret_hash, self._organization_id, now, 1, self._most_kept)
            connection.execute(insert(schema.sign_in_starts).values(own | row))

        self._commits.run(work)

    def take(self, secret: str) -> SignInStart | None:
        """Return and remove the start of that secret; ``None`` if there is none, or it has ended."""
        is_it = (_starts.organization_id == self._organization_id) & (_starts.secret_hash == hash_text(secret))

        def work(transaction: WriteTransaction) -> SignInStart | None:
            row = transaction.connection.execute(select(schema.sign_in_starts).where(is_it)).one_or_none()
            transaction.connection.execute(delete(schema.sign_in_starts).where(is_it))
            if row is None or row.ends_at <= self._clock.now():
                return None
            return parse_row(SignInStart, row)

        return self._commits.run(work)


DEVICE_LASTS = timedelta(days=90)
"""Since the last sign-in from the device."""

_LONGEST_COOKIE = 256


@dataclass(frozen=True, slots=True)
class KnownDevices:
    """Makes and recognizes the cookies of devices from which a user has signed in before.

    After too many wrong passwords for a name, sign-ins from unknown devices must wait. A known device needn't, so that
    an attacker's failures don't lock the right person out. Its cookie proves nothing else: the password and the second
    factor are still needed, and it allows no more guesses than the limit of its own device.

    The cookie is sealed with the key of the key file for a single user: nothing is stored, and no one can forge it.
    """

    cipher: KeyFileCipher
    clock: Clock

    def make_cookie(self, name: str, device_id: str | None = None) -> str:
        """Make the cookie for a device from which the user has just signed in.

        :param device_id: of a device that is known already; it keeps its id.
        """
        made_at = render_time(self.clock.now())
        sealed = self.cipher.seal(f"{device_id or secrets.token_hex(8)} {made_at}", _make_context(name))
        return sealed.translate(_TO_COOKIE).rstrip("=")

    def recognize(self, name: str, cookie: str | None) -> str | None:
        """Return the device's id; ``None`` if the user isn't known to have signed in from it."""
        if not cookie or len(cookie) > _LONGEST_COOKIE or not cookie.isascii():
            return None
        padded = cookie.translate(_FROM_COOKIE) + "=" * (-len(cookie) % 4)
        try:
            content = self.cipher.unseal(padded, _make_context(name))
        except DatabaseError:
            return None
        device_id, _, made_at = content.partition(" ")
        return device_id if self.clock.now() < datetime.fromisoformat(made_at) + DEVICE_LASTS else None


_TO_COOKIE, _FROM_COOKIE = str.maketrans("+/", "-_"), str.maketrans("-_", "+/")


def name_cookie(name: str) -> str:
    """Name the cookie of a user, because several may use one browser. The name of the user isn't in it."""
    return f"rootkeeper-device-{hash_text(fold_name(name))[:12]}"


def _make_context(name: str) -> str:
    return f"device of {hash_text(fold_name(name))}"
