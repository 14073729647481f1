"""What a server's process and its answers show over time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, quantiles


def read_memory(process_id: int) -> int:
    """The resident set now, in bytes. Source: proc_pid_statm(5)."""
    fields = Path(f"/proc/{process_id}/statm").read_text(encoding="utf-8").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


async def weigh(process_id: int, memory_bytes: list[int], ends: float) -> None:
    """Add a process's memory once a second.

    :param ends: when to stop, in seconds of the event loop's clock.
    """
    while asyncio.get_running_loop().time() < ends:
        memory_bytes.append(await asyncio.to_thread(read_memory, process_id))
        await asyncio.sleep(1)


def find_p95(milliseconds: Sequence[float]) -> float:
    return find_percentile(milliseconds, 95)


def find_percentile(milliseconds: Sequence[float], percent: int) -> float:
    """Infinite if too few requests were answered to know it."""
    return quantiles(milliseconds, n=100)[percent - 1] if len(milliseconds) > 1 else float("inf")


def find_thirds(memory_bytes: Sequence[int]) -> tuple[float, float]:
    """The mean of the second third and of the last; the first is the warming up."""
    third = len(memory_bytes) // 3
    return fmean(memory_bytes[third : 2 * third]), fmean(memory_bytes[-third:])


def find_growth(memory_bytes: Sequence[int]) -> float:
    """How much more the last third takes than the second."""
    before, after = find_thirds(memory_bytes)
    return after / before - 1
