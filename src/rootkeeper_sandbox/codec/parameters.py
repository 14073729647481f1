"""Texts of single values on the wire, and the checks of parsed parameters against the model's constraints.

AWS's front ends check length, range, pattern and enumeration before they authorize, and word violations alike.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from rootkeeper_sandbox.codec.errors import Refusal, RefusalError, Violation


def format_iso8601(moment: datetime) -> str:
    """Write a timestamp as the query protocol does, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:-6] + "Z"


def format_iso8601_precisely(moment: datetime) -> str:
    """Write a timestamp as S3 does, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def format_epoch(moment: datetime) -> float:
    """Write a timestamp as the JSON protocols do, to the millisecond."""
    return round(moment.timestamp(), 3)


def parse_timestamp(value: str | float) -> datetime:
    """Parse a timestamp in any of AWS's three forms."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if value[:4].isdigit() and value[4:5] == "-":
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if value[:1].isalpha():
            return parsedate_to_datetime(value).astimezone(UTC)
        return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError):
        raise malformed(str(value), "a timestamp") from None


def parse_integer(text: str) -> int:
    """Parse an integer of the query protocol."""
    if len(text) > 20 or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        raise malformed(text, "an integer")
    return int(text)


def parse_boolean(text: str) -> bool:
    """Parse a boolean of the query protocol."""
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise malformed(text, "a boolean")
    return lowered == "true"


def parse_blob(text: str) -> bytes:
    """Parse base64 text."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise malformed(text, "base64") from None


def format_blob(value: bytes | str) -> str:
    """Write bytes as base64 text."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


def malformed(shown: str, kind: str) -> RefusalError:
    """Word a value that can't be read as its type."""
    return RefusalError(Refusal.MALFORMED_BODY, f"Value '{shown[:100]}' is not {kind}.")


QUERY_PARSERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": parse_integer,
    "long": parse_integer,
    "boolean": parse_boolean,
    "timestamp": parse_timestamp,
    "blob": parse_blob,
}
"""By botocore's type name."""

QUERY_FORMATTERS: dict[str, Callable[[Any], str]] = {
    "string": str,
    "integer": str,
    "long": str,
    "boolean": lambda value: "true" if value else "false",
    "timestamp": format_iso8601,
    "blob": format_blob,
}
"""By botocore's type name."""

Check = Callable[[Any, str], Iterator[Violation]]
"""Yields the violations of a value at a path."""
_JAVA_ONLY = re.compile(r"\\[pP]\{|&&|\[\[")
"""Constructs of the models' patterns that Python's ``re`` doesn't know or reads otherwise."""


def compile_constraints(shape: StructureShape | None) -> Callable[[dict[str, Any]], None]:
    """Make the check of an operation's input.

    The returned function raises RefusalError (invalid parameter) naming every violation.
    """
    if shape is None:
        return lambda _parameters: None
    check = _structure_check(shape)

    def check_input(parameters: dict[str, Any]) -> None:
        violations = tuple(check(parameters, ""))
        if violations:
            raise RefusalError(Refusal.INVALID_PARAMETER, render_violations(violations), violations)

    return check_input


def render_violations(violations: tuple[Violation, ...]) -> str:
    """Word violations as AWS's front ends do."""
    count = "1 validation error" if len(violations) == 1 else f"{len(violations)} validation errors"
    return f"{count} detected: {'; '.join(str(violation) for violation in violations)}"


def _compile(shape: Shape) -> Check:
    if isinstance(shape, StructureShape):
        return _structure_check(shape)
    if isinstance(shape, ListShape):
        return _list_check(shape)
    if isinstance(shape, MapShape):
        return _map_check(shape)
    if shape.type_name == "string":
        return _string_check(shape)
    if shape.type_name in ("integer", "long"):
        return _bounds_check(shape, "value")
    return lambda _value, _path: iter(())


def _structure_check(shape: StructureShape) -> Check:
    required = set(shape.required_members)
    members: list[tuple[str, str, Check]] = []

    def check_structure(value: Any, path: str) -> Iterator[Violation]:
        if not members:
            members.extend(
                (name, name[:1].lower() + name[1:], _compile(inner)) for name, inner in shape.members.items()
            )
        for name, shown, check in members:
            item = value.get(name)
            if item is not None:
                yield from check(item, path + shown)
            elif name in required:
                yield Violation(path + shown, "null", "not be null", "INPUT_REQUIRED")

    return lambda value, path: check_structure(value, f"{path}." if path else "")


def _list_check(shape: ListShape) -> Check:
    check_size = _bounds_check(shape)
    check_item = _compile(shape.member)

    def check_list(value: Any, path: str) -> Iterator[Violation]:
        yield from check_size(value, path)
        for number, item in enumerate(value, start=1):
            yield from check_item(item, f"{path}.{number}.member")

    return check_list


def _map_check(shape: MapShape) -> Check:
    check_size = _bounds_check(shape)
    check_value = _compile(shape.value)

    def check_map(value: Any, path: str) -> Iterator[Violation]:
        yield from check_size(value, path)
        for key, item in value.items():
            yield from check_value(item, f"{path}.{key}.member")

    return check_map


def _bounds_check(shape: Shape, what: str = "length") -> Check:
    """Make the check of a value's length, or of the ``value`` itself."""
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    reason = what.upper()

    def check_bounds(value: Any, path: str) -> Iterator[Violation]:
        size = value if what == "value" else len(value)
        if minimum is not None and size < minimum:
            yield _violation(shape, value, path, f"have {what} greater than or equal to {minimum}", f"MIN_{reason}")
        if maximum is not None and size > maximum:
            yield _violation(shape, value, path, f"have {what} less than or equal to {maximum}", f"MAX_{reason}")

    return check_bounds


def _string_check(shape: Shape) -> Check:
    check_size = _bounds_check(shape)
    allowed = list(shape.metadata.get("enum", ()))
    pattern = _compile_pattern(shape.metadata.get("pattern"))

    def check_string(value: Any, path: str) -> Iterator[Violation]:
        yield from check_size(value, path)
        if allowed and value not in allowed:
            yield _violation(shape, value, path, f"satisfy enum value set: [{', '.join(allowed)}]", "INVALID_ENUM")
        if pattern and not pattern.fullmatch(value):
            expression = f"satisfy regular expression pattern: {shape.metadata['pattern']}"
            yield _violation(shape, value, path, expression, "INVALID_PATTERN")

    return check_string


def _compile_pattern(pattern: str | None) -> re.Pattern[str] | None:
    if not pattern or _JAVA_ONLY.search(pattern):
        return None
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _violation(shape: Shape, value: Any, path: str, constraint: str, reason: str) -> Violation:
    shown = None if shape.metadata.get("sensitive") else f"'{str(value)[:200]}'"
    reason = reason if reason.startswith("INVALID") else f"{reason}_EXCEEDED"
    return Violation(path, shown, constraint, reason)
