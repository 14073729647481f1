"""Where CloudTrail's events of root users come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class EventDelivery:
    """What came as one: a message, or a line."""

    receipt: str
    records: tuple[Mapping[str, Any], ...]
    """CloudTrail records; none in a message that has nothing to tell."""


class UnreadableEvents(Protocol):
    """Keeps aside what a source brought and nobody can understand, so that it blocks nothing and isn't lost."""

    def keep(self, source_name: str, text: str, problem: str) -> None:
        """Keep it, and remark it.

        :raises DatabaseError: if it can't be kept; it then stays where it was.
        """
        ...


class RootEventSource(Protocol):
    """Events, each delivered at least once: what isn't acknowledged comes again.

    :raises AwsError: if a queue can't be read.
    :raises DatabaseError: if a file can't be read, or what is kept beside the database can't be written.
    """

    @property
    def name(self) -> str:
        """As windows and messages name it."""
        ...

    def read(self, wait_seconds: float) -> tuple[EventDelivery, ...]:
        """What there is, at most one lot; waits for the first of it. What can't be understood is kept aside, remarked
        and left out.
        """
        ...

    def acknowledge(self, deliveries: Sequence[EventDelivery]) -> None:
        """They are recorded, and needn't come again."""
        ...
