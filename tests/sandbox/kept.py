"""A sandbox in this process whose state is kept, and what its file would bring back."""

from __future__ import annotations

import asyncio
import copy
import shutil
from collections.abc import Awaitable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from rootkeeper_sandbox.clock import Clock
from rootkeeper_sandbox.instance import SandboxInstance, start_instance
from rootkeeper_sandbox.scenarios.build import Origin
from rootkeeper_sandbox.services.registry import SERVICES
from rootkeeper_sandbox.state.world import World
from rootkeeper_sandbox.state_file import StateUnpickler, WorldChanges, open_world


def open_kept(path: Path, asked: Origin | None = None) -> SandboxInstance:
    """Continue from the file, or begin it."""
    clock = Clock()
    origin, world, keeper = open_world(asked or Origin(), path, clock)
    assert keeper is not None
    instance = start_instance(partial(origin.build, clock.now), SERVICES, clock, world=world)
    instance.keeper = keeper
    return instance


def close_kept(instance: SandboxInstance) -> None:
    assert instance.keeper is not None
    instance.keeper.close()


def keep(instance: SandboxInstance) -> None:
    """Wait until everything is kept, as the application does before it answers."""
    waiting = instance.keep(is_mutating=True)
    if waiting:
        asyncio.run(_wait(waiting))


async def _wait(waiting: Awaitable[None]) -> None:
    await waiting


def list_parts(world: World, clock: Clock) -> list[Any]:
    """List everything that is kept of a copy of the world, entries in their order."""
    parts = WorldChanges(copy.deepcopy(world), copy.deepcopy(clock)).take()
    ordered = sorted(parts.items(), key=lambda part: part[0][0])
    return [(place, StateUnpickler(BytesIO(value or b"")).load()) for place, value in ordered]


def read_copy(path: Path) -> tuple[World, Clock]:
    """Read the file as after a crash, while its sandbox has it locked."""
    copied = path.with_name("copied")
    shutil.copyfile(path, copied)
    instance = open_kept(copied)
    close_kept(instance)
    copied.unlink()
    return instance.world, instance.clock


def differences(instance: SandboxInstance, path: Path) -> list[Any]:
    """List what the file would bring back otherwise than it is, or in another order."""
    kept = list_parts(*read_copy(path))
    live = list_parts(instance.world, instance.clock)
    if kept == live:
        return []
    differing = [part for part in (*kept, *live) if part not in kept or part not in live]
    return differing or [[place for place, _ in kept], [place for place, _ in live]]
