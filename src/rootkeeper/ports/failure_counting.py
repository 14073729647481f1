"""Where failures are counted by all servers of one database together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rootkeeper.domain.attempt_limits import AttemptLimit


class FailureCounter(Protocol):
    """Counts failed attempts of one organization.

    An attempt counts as failed from its beginning on, until it is forgiven: so attempts that come at once, at however
    many servers, are counted as if one came after the other.

    :raises DatabaseError: if the database can't be written: nobody tries anything uncounted.
    """

    def begin_attempt(self, limits: Sequence[AttemptLimit]) -> str | None:
        """The attempt's id; ``None`` if one of its limits is reached, and then it isn't counted either."""
        ...

    def remove_attempt(self, attempt_id: str) -> None:
        """It succeeded, and doesn't count; nothing if it isn't known any more."""
        ...
