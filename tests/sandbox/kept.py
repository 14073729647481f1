"""A sandbox in this process whose state is kept, and what its file would bring back."""

from __future__ import annotations

import copy
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from rootkeeper.sandbox.clock import Clock
from rootkeeper.sandbox.instance import SandboxInstance, start_instance
from rootkeeper.sandbox.origin import Origin
from rootkeeper.sandbox.persistence.keeper import StateKeeper
from rootkeeper.sandbox.persistence.opening import open_world
from rootkeeper.sandbox.persistence.pieces import COMPARED_WHOLE, Pieces
from rootkeeper.sandbox.persistence.state_file import StateFile
from rootkeeper.sandbox.services import SERVICES
from rootkeeper.sandbox.state import World


def open_kept(
    path: Path, origin: Origin | None = None, *, compared_whole: int = COMPARED_WHOLE, rewritten_at: int = 4 << 20
) -> SandboxInstance:
    """Go on from the file, or begin it."""
    clock = Clock()
    opened = open_world(origin or Origin(), path, clock)
    assert isinstance(opened.keeper, StateKeeper)
    keeper = StateKeeper(
        opened.keeper.file,
        opened.keeper.origin,
        opened.world,
        clock,
        compared_whole=compared_whole,
        rewritten_at_least_bytes=rewritten_at,
    )
    keeper.take_as_written()
    instance = start_instance(partial(opened.origin.build, clock.now), SERVICES, clock, world=opened.world)
    instance.keeper = keeper
    return instance


def close_kept(instance: SandboxInstance) -> None:
    assert isinstance(instance.keeper, StateKeeper)
    instance.keeper.file.close()


def list_pieces(world: World, clock: Clock) -> list[Any]:
    """Everything that is kept of a world, in a form that can be compared; of a copy, as pieces watch their world."""
    return sorted(Pieces(copy.deepcopy(world), copy.deepcopy(clock)).take_all(), key=repr)


def read_copy(path: Path) -> tuple[World, Clock]:
    """Read the file as after a crash, while the one who writes it has it locked."""
    copied = path.with_name("copied")
    shutil.copyfile(path, copied)
    file, clock = StateFile(copied), Clock()
    try:
        return file.read(clock).world, clock
    finally:
        file.close()
        copied.unlink()


def differences(instance: SandboxInstance, path: Path) -> list[Any]:
    """What the file would bring back otherwise than it is."""
    kept = list_pieces(*read_copy(path))
    live = list_pieces(instance.world, instance.clock)
    return [piece for piece in (*kept, *live) if piece not in kept or piece not in live]
