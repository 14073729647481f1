"""The breaks of ``breaks.yaml`` as values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Break:
    """A change of one place that breaks a promise."""

    promise: str
    """Its number, such as ``P04``."""
    what: str
    """What the product does wrong then."""
    file: str
    """Below ``src``."""
    old: str
    """The file contains it once."""
    new: str
    test: str
    """The test, or the tests of a file or folder, of which one must fail."""


def read_breaks() -> tuple[Break, ...]:
    """All breaks, by promise."""
    rows = yaml.safe_load(Path(__file__).with_name("breaks.yaml").read_text())
    return tuple(Break(**row) for row in rows)
