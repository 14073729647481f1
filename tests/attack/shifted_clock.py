"""A library that shifts the wall clock of a whole process: Python, SQLite, OpenSSL and botocore alike."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SOURCE = Path(__file__).with_name("shifted_clock.c")


@dataclass(frozen=True, slots=True)
class ShiftedClock:
    """The clock of the processes that are started with ``environment``."""

    environment: Mapping[str, str]
    file: Path

    @classmethod
    def build(cls, folder: Path) -> ShiftedClock:
        """Compile the library. Its clock is right at first."""
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("without a C compiler the clock of a whole process can't be shifted")
        library, file = folder / "shifted_clock.so", folder / "shifted_clock"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, _SOURCE], check=True)
        file.write_bytes(struct.pack("=q", 0))
        environment = {
            "LD_PRELOAD": str(library),
            "SHIFTED_CLOCK_FILE": str(file),
            # It makes the server a process of its own: a forked one has no preloaded library.
            "PYTHONPATH": f"{_ROOT / 'src'}:{_ROOT}",
        }
        return cls(environment, file)

    def shift(self, seconds: int) -> None:
        """Let the wall clock be off by so much from now on."""
        with self.file.open("r+b", buffering=0) as shared:
            shared.write(struct.pack("=q", seconds))
