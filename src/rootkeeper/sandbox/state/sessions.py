"""Temporary credentials that STS has issued. Nothing revokes them: they last until they expire.

Source: observed of root sessions, which outlived the features, the delegate and the trust (aws-facts B8).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rootkeeper.sandbox.exchange import Credential

_KEPT_AFTER_EXPIRY = timedelta(minutes=15)
_SWEPT_FIRST_AT = 4096
"""Afterwards whenever there are twice as many as the last sweep left: each session is looked at seldom, if ever."""


@dataclass
class Sessions:
    """Issued sessions by access key id. Expired ones are answered as expired for a while, then forgotten."""

    _credentials: dict[str, Credential] = field(default_factory=dict)
    _swept_at: int = field(default=_SWEPT_FIRST_AT, metadata={"is_kept": False})

    def __len__(self) -> int:
        return len(self._credentials)

    def add(self, credential: Credential, now: datetime) -> None:
        self._credentials[credential.access_key_id] = credential
        if len(self._credentials) >= self._swept_at:
            self._forget_expired(now)
            self._swept_at = max(_SWEPT_FIRST_AT, 2 * len(self._credentials))

    def find(self, access_key_id: str) -> Credential | None:
        return self._credentials.get(access_key_id)

    def _forget_expired(self, now: datetime) -> None:
        limit = now - _KEPT_AFTER_EXPIRY
        for key, credential in list(self._credentials.items()):
            if credential.expires_at is not None and credential.expires_at <= limit:
                del self._credentials[key]
