"""Writes the sandbox's own values as JSON and reads them back: dataclasses, enumerations, and what Python has.

Values name their classes, and reading makes none but the sandbox's own, so that a file can't run anything. Fields that
equal their default are left out. A field with the metadata ``is_kept=False`` follows from others and isn't written.
"""

from __future__ import annotations

import base64
import importlib
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

_PACKAGE = "rootkeeper.sandbox."
_CLASS = "~"
_NAME = re.compile(r"([a-z_][a-z0-9_.]*):([A-Za-z_]\w*)")

Encoder = Callable[[Any], Any]


class UnknownValueError(ValueError):
    """A value that can't be written, or that can't be read."""


def encode(value: Any) -> Any:
    """Turn a value into what JSON knows.

    :raises UnknownValueError: for values of foreign classes.
    """
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        encoder = _ENCODERS[type(value)] = _compile_encoder(type(value))
    return encoder(value)


def _compile_encoder(cls: type) -> Encoder:
    if not cls.__module__.startswith(_PACKAGE):
        raise UnknownValueError(f"values of {cls.__module__}.{cls.__qualname__} can't be kept.")
    name = f"{cls.__module__.removeprefix(_PACKAGE)}:{cls.__qualname__}"
    if issubclass(cls, dict):
        return _encode_dict
    if issubclass(cls, Enum):
        return lambda value: {_CLASS: name, "value": value.value}
    if is_dataclass(cls):
        return _compile_dataclass_encoder(cls, name)
    return lambda value: {_CLASS: name} | {key: encode(item) for key, item in vars(value).items()}


def _compile_dataclass_encoder(cls: type, name: str) -> Encoder:
    kept = [(field.name, _default(field)) for field in kept_fields(cls)]

    def encode_fields(value: Any) -> dict[str, Any]:
        encoded = {_CLASS: name}
        for field_name, default in kept:
            item = getattr(value, field_name)
            if default is MISSING or item != default:
                encoded[field_name] = encode(item)
        return encoded

    return encode_fields


def kept_fields(cls: type) -> list[Field[Any]]:
    """List the fields of a dataclass that are written."""
    return [field for field in fields(cls) if field.metadata.get("is_kept", True)]


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _encode_dict(value: dict[Any, Any]) -> dict[str, Any]:
    if all(type(key) is str and not key.startswith(_CLASS) for key in value):
        return {key: encode(item) for key, item in value.items()}
    return {"~map": [[encode(key), encode(item)] for key, item in value.items()]}


def _encode_items(name: str) -> Encoder:
    return lambda value: {name: [encode(item) for item in value]}


def _encode_set(name: str) -> Encoder:
    return lambda value: {name: sorted((encode(item) for item in value), key=repr)}


def _itself(value: Any) -> Any:
    return value


_ENCODERS: dict[type, Encoder] = {
    bool: _itself,
    bytes: lambda value: {"~bytes": base64.b64encode(value).decode()},
    datetime: lambda value: {"~time": value.astimezone(UTC).isoformat()},
    deque: lambda value: {"~deque": [encode(item) for item in value], "max": value.maxlen},
    dict: _encode_dict,
    float: _itself,
    frozenset: _encode_set("~frozenset"),
    int: _itself,
    list: lambda value: [encode(item) for item in value],
    set: _encode_set("~set"),
    str: _itself,
    timedelta: lambda value: {"~seconds": value.total_seconds()},
    tuple: _encode_items("~tuple"),
    type(None): _itself,
}
_DECODERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "~bytes": lambda body: base64.b64decode(body["~bytes"], validate=True),
    "~deque": lambda body: deque((decode(item) for item in body["~deque"]), body["max"]),
    "~frozenset": lambda body: frozenset(decode(item) for item in body["~frozenset"]),
    "~map": lambda body: {decode(key): decode(item) for key, item in body["~map"]},
    "~seconds": lambda body: timedelta(seconds=body["~seconds"]),
    "~set": lambda body: {decode(item) for item in body["~set"]},
    "~time": lambda body: datetime.fromisoformat(body["~time"]),
    "~tuple": lambda body: tuple(decode(item) for item in body["~tuple"]),
}
"""By the first key of an object."""


def decode(value: Any) -> Any:
    """Turn what ``encode`` gave into the value that it was.

    :raises UnknownValueError: if a class or a field of it isn't known here, or the value isn't of that form.
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    first = next(iter(value), "")
    if first == _CLASS:
        return _decode_instance(value)
    if first in _DECODERS:
        try:
            return _DECODERS[first](value)
        except (ValueError, TypeError, KeyError) as error:
            raise UnknownValueError(f"a value {first} can't be read: {error}.") from error
    return {key: decode(item) for key, item in value.items()}


def _decode_instance(body: Mapping[str, Any]) -> Any:
    cls = _find_class(body[_CLASS])
    found = {name: decode(item) for name, item in body.items() if name != _CLASS}
    if issubclass(cls, Enum):
        try:
            return cls(found.get("value"))
        except ValueError as error:
            raise UnknownValueError(str(error)) from error
    return make_instance(cls, found)


def make_instance(cls: type, found: Mapping[str, Any]) -> Any:
    """Make an instance of one of the sandbox's classes from its fields.

    :raises UnknownValueError: if a field isn't known or one without a default is missing.
    """
    if not is_dataclass(cls):
        instance: Any = object.__new__(cls)
        vars(instance).update(found)
        return instance
    try:
        return cls(**found)
    except TypeError as error:
        raise UnknownValueError(f"{cls.__qualname__}: {error}.") from error


def _find_class(name: Any) -> type:
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    cls = None
    if match:
        try:
            cls = getattr(importlib.import_module(_PACKAGE + match[1]), match[2], None)
        except ImportError:
            cls = None
    if not isinstance(cls, type) or not cls.__module__.startswith(_PACKAGE):
        raise UnknownValueError(f"there is no class {name!r}.")
    return cls
