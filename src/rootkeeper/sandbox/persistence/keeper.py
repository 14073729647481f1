"""Sees to it that what a call changed is on the disk before anybody hears of it.

Changes are taken synchronously after each call and written in a thread; calls that come meanwhile share the next sync.
An answer waits for all changes up to its own, so that a read doesn't tell what a crash would still undo.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rootkeeper.sandbox.clock import Clock
from rootkeeper.sandbox.persistence.pieces import COMPARED_WHOLE, Pieces
from rootkeeper.sandbox.persistence.state_file import StateFile, StateFileError, write_changes
from rootkeeper.sandbox.state import World


class Keeper(Protocol):
    """Keeps what calls have changed."""

    def keep(self, *, is_mutating: bool) -> Awaitable[None] | None:
        """Take what has changed since the last time; what it gives must be awaited before anything is answered.

        ``is_mutating`` tells whether anything at all may have changed, or sessions only.

        :raises StateFileError: at once or when awaited, if it can't be kept; the next call tries again.
        """

    def start_over(self, world: World) -> None:
        """Go on with another world."""


class NothingKept:
    """Keeps nothing: without ``--state`` everything ends with the process."""

    def keep(self, *, is_mutating: bool) -> Awaitable[None] | None:  # noqa: ARG002 - of a Keeper
        return None

    def start_over(self, world: World) -> None:
        """Do nothing."""


@dataclass
class StateKeeper:
    """Keeps changes in a state file."""

    file: StateFile
    origin: Mapping[str, Any]
    world: World
    clock: Clock
    compared_whole: int = COMPARED_WHOLE
    rewritten_at_least_bytes: int = 4 << 20
    """Appended changes are folded into a new whole file once they are larger than this and than the whole."""
    _waiting: list[bytes] = field(default_factory=list)
    _taken: int = 0
    """How many changes were taken."""
    _kept: int = 0
    """How many of them are on the disk."""
    _writing: asyncio.Task[None] | None = None
    _has_started_over: bool = False
    """Whether there is another world, that has to be written whole."""

    def __post_init__(self) -> None:
        self._pieces = Pieces(self.world, self.clock, self.compared_whole)

    def write_whole(self) -> None:
        """Write everything.

        :raises StateFileError: if it can't be written.
        """
        self.file.write_whole(self.origin, self._pieces.take_all())
        self._has_started_over = False
        self._waiting.clear()
        self._kept = self._taken

    def take_as_written(self) -> None:
        """Start from a state that was just read."""
        for _ in self._pieces.take_all():
            pass

    def start_over(self, world: World) -> None:
        self._pieces = Pieces(world, self.clock, self.compared_whole)
        self._has_started_over = True

    def keep(self, *, is_mutating: bool) -> Awaitable[None] | None:
        if self._has_started_over:
            self.write_whole()
        changes = self._pieces.take_changes(is_mutating=is_mutating)
        if changes:
            self._waiting.append(write_changes(changes))
            self._taken += 1
        return self._wait_until_kept(self._taken) if self._kept < self._taken else None

    async def _wait_until_kept(self, number: int) -> None:
        while self._kept < number:
            if self._writing is None:
                self._writing = asyncio.create_task(self._write())
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        lines, number, generation = self._waiting[:], self._taken, self.file.generation
        try:
            await asyncio.to_thread(self.file.append, lines, generation)
            if generation != self.file.generation:
                return
            del self._waiting[: len(lines)]
            self._kept = max(self._kept, number)
            if self.file.appended_bytes > max(self.rewritten_at_least_bytes, self.file.whole_bytes):
                self.write_whole()
        finally:
            self._writing = None


__all__ = ["Keeper", "NothingKept", "StateFileError", "StateKeeper"]
