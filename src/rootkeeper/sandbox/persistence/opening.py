"""Where a sandbox goes on: from its state file, if there is one, or else from the scenario's start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rootkeeper.sandbox.clock import Clock
from rootkeeper.sandbox.origin import Origin
from rootkeeper.sandbox.persistence.keeper import Keeper, NothingKept, StateKeeper
from rootkeeper.sandbox.persistence.state_file import StateFile, StateFileError
from rootkeeper.sandbox.state import World


@dataclass(frozen=True, slots=True)
class Opened:
    """The world to go on with."""

    origin: Origin
    world: World
    keeper: Keeper


def open_world(asked: Origin, path: Path | None, clock: Clock) -> Opened:
    """Read the world from its file, or build it and, with a path, write it there.

    :raises StateFileError: if the file can't be read or written, or holds another scenario than was asked for.
    :raises ValueError: if the scenario can't be built.
    """
    if path is None:
        origin = asked.settled()
        return Opened(origin, origin.build(clock.now), NothingKept())
    file = StateFile(path)
    return _read(asked, file, clock) if file.exists() else _begin(asked.settled(), file, clock)


def _begin(origin: Origin, file: StateFile, clock: Clock) -> Opened:
    keeper = StateKeeper(file, origin.as_stored(), origin.build(clock.now), clock)
    keeper.write_whole()
    return Opened(origin, keeper.world, keeper)


def _read(asked: Origin, file: StateFile, clock: Clock) -> Opened:
    stored = file.read(clock)
    try:
        origin = Origin(**stored.origin)
        contradiction = asked.find_contradiction(stored.origin)
    except TypeError as error:
        contradiction = f"what another version of the sandbox has written ({error})"
    if contradiction:
        file.close()
        message = f"{file.path} holds {contradiction}. Leave that option out to go on, or name another file."
        raise StateFileError(message)
    keeper = StateKeeper(file, stored.origin, stored.world, clock)
    keeper.take_as_written()
    return Opened(origin, stored.world, keeper)
