"""The anchor: heads of the ledger in another place, so that a person who rewrites the database can't change them.

An anchor is a file or a bucket. It only grows. An adoption replaces the heads after the last head that anchor and
database agree on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from rootkeeper.database.files import (
    cut_torn_end,
    find_last_line,
    open_locked,
    read_last_line,
    read_lines,
    sync_folder,
    write_line,
)
from rootkeeper.ledger.writer import Head
from rootkeeper.shapes import parse_facts
from rootkeeper.values import JsonValue, canonical_json

BUSY_SECONDS = 1.0
"""How long to wait for another process that writes to a copy; the next copy catches up."""
ADOPTION_SECONDS = 10.0
"""The same for an adoption, which isn't tried again."""


class CopyMissingError(ValueError):
    """A copy lacks entries that were copied to it: it was removed, emptied or cut."""


class CopyDamagedError(ValueError):
    """A copy contains something that isn't Rootkeeper's."""


@contextmanager
def open_copy(path: Path, wait_seconds: float, *, holds: int | None) -> Iterator[BinaryIO]:
    """Open a copy for reading and appending, and lock out other writers.

    :param holds: the last entry that it is known to have; ``None`` if it may be missing, and is then created.
    :raises CopyMissingError: if it is missing, and must not be.
    """
    if holds is not None and not path.exists():
        raise CopyMissingError(describe_missing(str(path)))
    with open_locked(path, wait_seconds) as handle:
        yield handle


def require_complete(place: str, last: Head | None, holds: int | None) -> None:
    """Check that a copy has the entries that it is known to have.

    :raises CopyMissingError: if it was emptied or cut.
    """
    if holds is not None and last is None:
        raise CopyMissingError(f"{place} is empty, although entries were copied to it")
    if holds is not None and last is not None and last.sequence < holds:
        raise CopyMissingError(f"{place} ends at entry {last.sequence}, although entry {holds} was copied to it")


def describe_missing(place: str) -> str:
    return f"{place} is missing, although entries were copied to it"


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """A head in the anchor."""

    at: str
    head: Head
    agreed_sequence: int | None = None
    """For an adoption: the last anchored sequence at which anchor and database agree."""
    adopted_over: Head | None = None
    """For an adoption: the head in the anchor or the mirror."""

    @property
    def is_adoption(self) -> bool:
        return self.agreed_sequence is not None

    def render(self) -> str:
        content: dict[str, JsonValue] = {"at": self.at, **asdict(self.head)}
        if self.agreed_sequence is not None:
            content["agreed_sequence"] = self.agreed_sequence
            content["adopted_over"] = None if self.adopted_over is None else asdict(self.adopted_over)
        return canonical_json(content)


def parse_anchored(text: bytes) -> AnchoredHead:
    """Read a head that :meth:`AnchoredHead.render` wrote.

    :raises ValueError: if it isn't a head.
    """
    try:
        fields = json.loads(text)
        adopted_over = fields.get("adopted_over")
        agreed_sequence = fields.get("agreed_sequence")
        return AnchoredHead(
            at=str(fields["at"]),
            head=parse_facts(Head, fields),
            agreed_sequence=None if agreed_sequence is None else int(agreed_sequence),
            adopted_over=None if adopted_over is None else parse_facts(Head, adopted_over),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("This is no head of a ledger.") from error


def drop_replaced(anchored: Iterable[AnchoredHead]) -> tuple[AnchoredHead, ...]:
    """Leave out the heads that an adoption replaced; the rest is in order of its sequence.

    :param anchored: in the order in which they were anchored.
    """
    heads: list[AnchoredHead] = []
    for anchored_head in anchored:
        agreed = anchored_head.agreed_sequence
        if agreed is not None:
            heads = [head for head in heads if head.head.sequence <= agreed]
        heads.append(anchored_head)
    return tuple(heads)


class Anchor(Protocol):
    """An anchor, shared by all processes that write to the database."""

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        ...

    @property
    def path(self) -> Path | None:
        """Its file, if it is a file."""
        ...

    def is_missing(self) -> bool:
        """Whether there is nothing of it.

        :raises OSError: if that can't be found out.
        """
        ...

    @property
    def pause_seconds(self) -> float:
        """How long to wait between two heads."""
        ...

    @property
    def entry_limit(self) -> int | None:
        """After how many entries the next head doesn't wait; ``None`` if it always waits."""
        ...

    def find_last(self) -> AnchoredHead | None:
        """Find the last head.

        :raises OSError: if the anchor can't be read.
        :raises CopyDamagedError: if the last line isn't a head.
        """
        ...

    def append(self, anchored: AnchoredHead, *, holds: int | None = None) -> None:
        """Add a head durably, if it is after the last head.

        :param holds: the last entry that the anchor is known to have; ``None`` if it may be empty or missing.
        :raises CopyMissingError: if it lacks that entry.
        :raises CopyDamagedError: if the last line isn't a head.
        :raises OSError: if it can't be written.
        """
        ...

    def read_heads(self) -> tuple[AnchoredHead, ...]:
        """Read the heads, in order of their sequence, without those that an adoption replaced.

        :raises OSError: if it can't be read.
        :raises CopyDamagedError: if a line isn't a head.
        """
        ...

    def set_aside(self, suffix: str) -> None:
        """Let a new anchor follow a damaged anchor."""
        ...


class FileAnchor:
    """An anchor in a file: a head in each line."""

    pause_seconds = 10.0
    entry_limit: int | None = 100

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = str(path)

    def is_missing(self) -> bool:
        return not self.path.exists()

    def find_last(self) -> AnchoredHead | None:
        line = find_last_line(self.path)
        return None if line is None else self._parse(line, "the last line")

    def append(self, anchored: AnchoredHead, *, holds: int | None = None) -> None:
        wait_seconds = ADOPTION_SECONDS if anchored.is_adoption else BUSY_SECONDS
        with open_copy(self.path, wait_seconds, holds=holds) as handle:
            cut_torn_end(handle)
            line = read_last_line(handle)
            last = None if line is None else self._parse(line, "the last line")
            require_complete(self.place, None if last is None else last.head, holds)
            if last is not None and not anchored.is_adoption and anchored.head.sequence <= last.head.sequence:
                return
            cut_torn_end(handle)
            write_line(handle, anchored.render())
            if line is None:
                sync_folder(self.path.parent)

    def read_heads(self) -> tuple[AnchoredHead, ...]:
        lines = enumerate(read_lines(self.path), start=1)
        return drop_replaced(self._parse(line, f"line {number}") for number, line in lines)

    def set_aside(self, suffix: str) -> None:
        self.path.rename(self.path.with_name(f"{self.path.name}.{suffix}"))
        sync_folder(self.path.parent)

    def _parse(self, line: bytes, which: str) -> AnchoredHead:
        try:
            return parse_anchored(line)
        except ValueError as error:
            raise CopyDamagedError(f"{which} of {self.place} isn't a head of the ledger") from error
