"""The breaks of ``breaks.yaml`` as values."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


class _BreakLoader(yaml.CSafeLoader):
    """Refuses a key that a break has twice: PyYAML would take the last one and forget the other."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value]
        if len(set(names)) != len(names):
            raise ValueError(f"The break in line {node.start_mark.line + 1} has a key twice: {', '.join(names)}.")
        return super().construct_mapping(node, deep=deep)


def parse_breaks(text: str) -> tuple[Break, ...]:
    """Read the breaks of a YAML text.

    :raises ValueError: if one of them has a key twice.
    """
    return tuple(Break(**row) for row in yaml.load(text, _BreakLoader))  # noqa: S506 - it extends a safe one


def read_breaks() -> tuple[Break, ...]:
    """All breaks, in the order of the file."""
    return parse_breaks(Path(__file__).with_name("breaks.yaml").read_text())
