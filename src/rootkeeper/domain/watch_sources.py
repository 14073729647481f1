"""Where events of root users come from, as the setting ``watching.source`` says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.errors import SettingsError

_QUEUE_URL = re.compile(r"https?://[^/\s?#]+/(?P<account_id>[0-9]{12})/(?P<name>[A-Za-z0-9_-]{1,80}(\.fifo)?)")
"""Source: SQS Developer Guide, "Queue and message identifiers"."""
_REGION = re.compile(r"https?://(?:sqs(?:-fips)?\.|(?=[a-z0-9-]+\.queue\.))(?P<region>[a-z]{2,4}(?:-[a-z]+)+-[0-9])\.")


class WatchSourceKind(StrEnum):
    """What events are read from."""

    FILE = "file"
    QUEUE = "sqs"


@dataclass(frozen=True, slots=True)
class WatchSource:
    """A source that was configured."""

    kind: WatchSourceKind
    address: str
    """A queue's URL, or a file's path."""

    @property
    def name(self) -> str:
        """As a window says by what it is watched, and as messages name it."""
        shown = self.address.rpartition("/")[2] if self.kind is WatchSourceKind.QUEUE else self.address
        return f"{self.kind.value}:{shown}"

    @property
    def region(self) -> str | None:
        """Of a queue, where its URL tells it."""
        found = _REGION.match(self.address)
        return None if found is None else found["region"]


def parse_watch_source(text: str) -> WatchSource | None:
    """The source that the setting names; ``None`` if it is empty.

    :raises SettingsError: if it can't be understood.
    """
    if not text:
        return None
    kind, _, address = text.partition(":")
    is_queue = kind == WatchSourceKind.QUEUE.value and _QUEUE_URL.fullmatch(address) is not None
    if not is_queue and not (kind == WatchSourceKind.FILE.value and address):
        raise SettingsError(
            f"watching.source is {text[:120]!r}, which names no source of events.",
            hint="Write sqs:https://sqs.us-east-1.amazonaws.com/111122223333/QUEUE, or file:/path/to/events.jsonl.",
        )
    return WatchSource(WatchSourceKind(kind), address)


def find_watch_source_name(text: str) -> str | None:
    """The name of the source that the setting names; ``None`` if it is empty.

    :raises SettingsError: if it can't be understood.
    """
    source = parse_watch_source(text)
    return None if source is None else source.name
