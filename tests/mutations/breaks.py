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
    """The smallest test that must fail, as pytest names it: ``tests/unit/….py::test_…``."""

    def apply(self, text: str) -> str:
        """The text of the file with the break in it.

        :raises ValueError: if the place to break isn't in it exactly once.
        """
        if (count := text.count(self.old)) != 1:
            raise ValueError(
                f"{self.file} contains {self.old!r} {count} times, not once. Name the place again in breaks.yaml."
            )
        return text.replace(self.old, self.new)


def read_breaks() -> tuple[Break, ...]:
    """All breaks, by promise."""
    rows = yaml.safe_load(Path(__file__).with_name("breaks.yaml").read_text())
    return tuple(Break(**row) for row in rows)
