"""A server's certificate and key: read at the start, so that what is wrong is told then, and again once renewed."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from rootkeeper.errors import InputError

_HINT = (
    "Give PEM files: --tls-cert with the certificate and its chain, --tls-key with the key, if that is another file."
)


class TlsFiles:
    """What a server shows that it is who it is."""

    def __init__(self, certificate: Path, key: Path | None) -> None:
        """:param key: ``None`` if the certificate's file holds it too.

        :raises InputError: if they can't be read, don't belong together, or the key needs a password.
        """
        self._certificate = certificate
        self._key = key
        self._read_as = self._look()
        self.context = self._load(_make_context())

    def renew(self) -> bool:
        """Take the files up if they were replaced; connections that are open keep what they have.

        :returns: whether they were.
        :raises InputError: if they can't be used; what was read before stays, until they change again.
        """
        seen = self._look()
        if seen == self._read_as:
            return False
        self._read_as = seen
        self._load(_make_context())  # a failure half-way would leave a context without a key
        self._load(self.context)
        return True

    def _load(self, context: ssl.SSLContext) -> ssl.SSLContext:
        try:
            context.load_cert_chain(self._certificate, self._key, _refuse_password)
        except ssl.SSLError as error:
            raise InputError(f"{self._names} can't be used for TLS: {_explain(error)}.", hint=_HINT) from error
        except OSError as error:
            raise InputError(f"{self._names} can't be read: {error.strerror}.", hint=_HINT) from error
        return context

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        found = []
        for path in (self._certificate, self._key):
            with suppress(OSError):
                if path is not None:
                    status = path.stat()
                    found.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(found)

    @property
    def _names(self) -> str:
        return str(self._certificate) if self._key is None else f"{self._certificate} with {self._key}"


def find_tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """What the options name; ``None`` if they name nothing.

    :raises InputError: if they can't be used.
    """
    if certificate is None:
        if key is not None:
            raise InputError("--tls-key needs --tls-cert.", hint=_HINT)
        return None
    return TlsFiles(certificate, key)


def _make_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _refuse_password() -> NoReturn:
    """Nobody is there to type one."""
    raise InputError(
        "The key for TLS is encrypted.", hint="Give a key without a password, in a file that only the server can read."
    )


def _explain(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key isn't the certificate's"
    return "no certificate or no key is in it"
