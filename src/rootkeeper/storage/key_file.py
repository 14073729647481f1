"""The key by which second factors are encrypted: a file beside the database, never in it.

Whoever gets hold of the database or of a backup of it alone can make no codes. The database knows of the key only a
value by which a server finds out that it has another one: several servers on one database need the same file.
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
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, insert, select

from rootkeeper.errors import DatabaseError, SettingsError
from rootkeeper.storage import access_schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.line_files import sync_folder
from rootkeeper.storage.reading import reading

_KEY_BYTES = 32
_NONCE_BYTES = 12
"""Source: NIST SP 800-38D, section 8.2."""
_LARGEST_FILE = 1024
_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_CHECK_PURPOSE = "rootkeeper key check "

_checks = access_schema.key_checks.c


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
            connection.execute(insert(access_schema.key_checks).values(row))
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
