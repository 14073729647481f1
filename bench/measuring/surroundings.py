"""The machine and the versions that a measurement belongs to."""

from __future__ import annotations

import os
import platform
import textwrap
from importlib.metadata import version
from pathlib import Path

from measuring.tables import WIDTH

_PACKAGES = ("rootkeeper", "botocore", "boto3", "aiohttp", "SQLAlchemy", "uvicorn", "uvloop")


def describe_surroundings() -> str:
    """Both, and how busy the machine is with other things."""
    sentences = (f"{describe_machine()}; {describe_load()}.", f"{describe_versions()}.")
    return "\n".join(textwrap.fill(sentence, WIDTH) for sentence in sentences)


def describe_machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{_processor_name()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}"


def describe_versions() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return f"Python {platform.python_version()}, {packages}"


def describe_load() -> str:
    return f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _processor_name() -> str:
    found = Path("/proc/cpuinfo")
    lines = found.read_text(encoding="utf-8").splitlines() if found.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
