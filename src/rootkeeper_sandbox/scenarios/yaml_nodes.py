"""Reads YAML field by field, and knows the line of each, so that an error gives its place and the right text.

Values stay as they are written: an account id with a leading zero or a policy version isn't taken for a number or
date.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from rootkeeper_sandbox.partitions import AWS, Partition

_MAX_BYTES = 64 << 20
_MAX_NODES = 5_000_000
"""Aliases can make much of little; a file that unfolds to more isn't a scenario."""
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_MAX_CHARACTERS = 400
"""How much of a message is shown: values can be of any length."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader in C, where it exists."""


class ScenarioError(ValueError):
    """A scenario file that isn't in order; the message names file, line and place."""


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """A place in a file."""

    file: Path
    line: int
    path: str

    def error(self, message: str) -> ScenarioError:
        """Make an error that names this place."""
        found = f"{self.path}: {message}" if self.path else message
        return ScenarioError(f"{self.file}:{self.line}: {textwrap.shorten(found, _MAX_CHARACTERS, placeholder=' …')}")

    def below(self, name: str, node: yaml.Node) -> SourceLocation:
        path = f"{self.path}.{name}" if self.path and not name.startswith("[") else f"{self.path}{name}"
        return SourceLocation(self.file, node.start_mark.line + 1, path)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the file, of any kind."""

    node: yaml.Node
    place: SourceLocation

    def text(self) -> str:
        """Read a text that isn't empty, as it is written.

        :raises ScenarioError: if it is something else.
        """
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value:
            raise self.place.error("must be a text that isn't empty.")
        return str(self.node.value)

    def flag(self) -> bool:
        """Read ``true`` or ``false``."""
        found = _BOOLEANS.get(str(self.node.value).lower()) if isinstance(self.node, yaml.ScalarNode) else None
        if found is None:
            raise self.place.error("must be true or false.")
        return found

    def choice(self, *choices: str) -> str:
        """Read a text that must be among ``choices``."""
        found = self.text()
        if found not in choices:
            raise self.place.error(f"must be one of {', '.join(choices)}, not {found!r}.")
        return found

    def moment(self, now: datetime) -> datetime:
        """Read a time: ISO 8601, or ``30 days ago``."""
        found = self.text()
        try:
            return parse_moment(found, now)
        except ValueError:
            raise self.place.error(
                f"must be a time such as 2026-01-31T12:00:00Z or 30 days ago, not {found!r}."
            ) from None

    def items(self) -> list[Value]:
        """Read a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.place.error("must be a list: lines that begin with a dash.")
        return [Value(item, self.place.below(f"[{index}]", item)) for index, item in enumerate(self.node.value)]

    def texts(self) -> dict[str, str]:
        """Read a mapping of texts, such as tags."""
        return {name: value.text() for name, value in self._entries()}

    def fields(self, *known: str) -> Fields:
        """Read a mapping with known fields.

        :raises ScenarioError: if it is none, or has others.
        """
        found = dict(self._entries())
        for name, value in found.items():
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"Did you mean {close[0]!r}?" if close else f"Known here: {', '.join(known)}."
                raise value.place.error(f"there is no such field. {hint}")
        return Fields(found, self.place)

    def _entries(self) -> Iterator[tuple[str, Value]]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.place.error("must be a mapping: lines of the form `name: value`.")
        seen = set()
        for key, item in self.node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            place = self.place.below(name, key)
            if not name:
                raise place.error("names of fields must be texts.")
            if name in seen:
                raise place.error("is there twice.")
            seen.add(name)
            yield name, Value(item, place)

    def plain(self) -> Any:
        """Give the value as JSON would hold it: mappings, lists, texts, true, false and null."""
        if isinstance(self.node, yaml.MappingNode):
            return {name: value.plain() for name, value in self._entries()}
        if isinstance(self.node, yaml.SequenceNode):
            return [item.plain() for item in self.items()]
        if self.node.tag == "tag:yaml.org,2002:null":
            return None
        is_flag = self.node.tag == "tag:yaml.org,2002:bool"
        return _BOOLEANS[self.node.value.lower()] if is_flag else str(self.node.value)


@dataclass(frozen=True, slots=True)
class Fields:
    found: Mapping[str, Value]
    place: SourceLocation

    def get(self, name: str) -> Value:
        """Get a field that must be there.

        :raises ScenarioError: if it is missing.
        """
        value = self.find(name)
        if value is None:
            raise self.place.error(f"the field {name!r} is missing.")
        return value

    def find(self, name: str) -> Value | None:
        """Find a field; an empty field counts as left out."""
        value = self.found.get(name)
        return None if value is None or value.node.tag == "tag:yaml.org,2002:null" else value

    def text(self, name: str, default: str) -> str:
        value = self.find(name)
        return value.text() if value else default

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.find(name)
        return value.flag() if value else default

    def items(self, name: str) -> list[Value]:
        value = self.find(name)
        return value.items() if value else []

    def texts(self, name: str) -> dict[str, str]:
        value = self.find(name)
        return value.texts() if value else {}


def parse_moment(text: str, now: datetime) -> datetime:
    """Parse a time, or how many days ago it was.

    :raises ValueError: if it is neither.
    """
    days, separator, rest = text.partition(" day")
    if separator:
        if rest.removeprefix("s") != " ago" or not 0 <= float(days) <= 36_500:
            raise ValueError(text)
        return (now - timedelta(days=float(days))).replace(microsecond=0)
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_yaml(path: Path, partition: Partition = AWS) -> Value:
    """Read a file; ARNs of the partition ``aws`` become those of ``partition``."""
    top = SourceLocation(path, 1, "")
    node = _compose(path, top, partition)
    if node is None:
        raise top.error("the file is empty; `rootkeeper sandbox init` writes one to start from.")
    _check_size(node, top)
    return Value(node, SourceLocation(path, node.start_mark.line + 1, ""))


def _compose(path: Path, top: SourceLocation, partition: Partition) -> yaml.Node | None:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise top.error(f"the file is larger than {_MAX_BYTES} bytes.")
        node: yaml.Node | None = yaml.compose(partition.translate(raw.decode("utf-8")), _LOADER)
    except OSError as error:
        raise ScenarioError(f"can't read the scenario {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError:
        raise top.error("the file isn't UTF-8 text.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SourceLocation(path, line, "").error(f"this isn't YAML: {error.problem or error.context}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise top.error(f"this isn't YAML: {str(error).splitlines()[0]}.") from error
    return node


def _check_size(node: yaml.Node, top: SourceLocation) -> None:
    """Refuse a file that contains itself or unfolds without measure."""
    count, open_nodes = 0, [(node, 0)]
    while open_nodes:
        found, depth = open_nodes.pop()
        count += 1
        if count > _MAX_NODES or depth > 100:
            raise top.error("aliases make this file too large or let it contain itself; write it out.")
        if isinstance(found, yaml.MappingNode):
            open_nodes += [(part, depth + 1) for pair in found.value for part in pair]
        elif isinstance(found, yaml.SequenceNode):
            open_nodes += [(part, depth + 1) for part in found.value]
