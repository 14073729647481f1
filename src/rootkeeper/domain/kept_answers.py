"""An answer that is given again to whoever asks again: a value alone."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered."""

    status: int
    media_type: str | None
    body: str | None = field(repr=False)
    """``None`` if it isn't kept: it held a secret, or was too long."""
