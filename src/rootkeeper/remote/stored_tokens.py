"""Tokens that ``rootkeeper login`` keeps: a file for each server, which nobody but its owner can read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rootkeeper.errors import InputError

_FOREIGN_BITS = 0o077


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What proves to one server who somebody is."""

    url: str
    name: str
    token: str = field(repr=False)
    expires_at: datetime | None = None


def parse_token(text: str, source: str) -> str:
    """A token as a header takes it.

    :param source: where it was given.
    :raises InputError: if it can't be one; what it was isn't shown.
    """
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"{source} holds no API token.", hint="Such as: rootkeeper login --token-stdin < token-file")
    return token


@dataclass(frozen=True, slots=True)
class StoredTokens:
    """The tokens of one person on this machine."""

    folder: Path

    def find(self, url: str) -> StoredToken | None:
        """:raises InputError: if the file can't be read, or others can read it."""
        path = self._path_of(url)
        try:
            with path.open("rb") as source:
                mode = os.fstat(source.fileno()).st_mode
                content = source.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{path} can't be read: {error.strerror}.", hint="Sign in: rootkeeper login") from error
        if mode & _FOREIGN_BITS:
            raise InputError(
                f"{path} holds a token, and others can read it.",
                hint=f"Have the token revoked if they may have, then: chmod 600 {path}",
            )
        return _parse(content, path)

    def keep(self, stored: StoredToken) -> Path:
        """Replace what was kept for that server; the file.

        :raises InputError: if it can't be written.
        """
        path = self._path_of(stored.url)
        ends = stored.expires_at.isoformat() if stored.expires_at else None
        record = {"url": stored.url, "name": stored.name, "token": stored.token, "expires_at": ends}
        name = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.chmod(0o700)
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self.folder, delete=False) as target:
                name = target.name  # made with mode 0600
                target.write(json.dumps(record) + "\n")
            Path(name).replace(path)
        except OSError as error:
            if name is not None:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
            raise InputError(f"The token can't be kept in {path}: {error.strerror}.") from error
        return path

    def forget(self, url: str) -> bool:
        """Whether there was one.

        :raises InputError: if the file can't be removed.
        """
        path = self._path_of(url)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise InputError(f"{path} can't be removed: {error.strerror}.") from error
        return True

    def _path_of(self, url: str) -> Path:
        host = re.sub(r"[^a-z0-9.-]", "_", urlsplit(url).netloc)
        return self.folder / f"{host}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.json"


def _parse(content: bytes, path: Path) -> StoredToken:
    try:
        record: Mapping[str, Any] = json.loads(content)
        ends = record["expires_at"]
        return StoredToken(
            record["url"], record["name"], record["token"], datetime.fromisoformat(ends) if ends is not None else None
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} isn't a kept token.", hint="Sign in again: rootkeeper login") from error
