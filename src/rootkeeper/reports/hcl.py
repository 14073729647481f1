"""Terraform's language, written from data: blocks, attributes, comments and expressions.

Text is escaped, so that no value from outside can become an expression. Source: Terraform documentation, "Configuration
syntax" and "Strings and templates".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Expression:
    """Written as it is, such as ``var.region``."""

    text: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """``jsonencode(…)`` of a document."""

    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attribute:
    """``name = value``"""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Comment:
    """Lines that begin with ``#``."""

    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """``kind "label" { … }``"""

    kind: str
    labels: tuple[str, ...]
    body: Sequence[Item]


Item: TypeAlias = Attribute | Comment | Block


def attributes(**values: Any) -> tuple[Attribute, ...]:
    return tuple(Attribute(name, value) for name, value in values.items())


def render_hcl(items: Iterable[Item]) -> str:
    """A file; blocks are set off by empty lines, and a comment stays with what follows it."""
    return "".join(f"{line}\n".lstrip(" ") if not line.strip() else f"{line}\n" for line in _render_items(items, ""))


def _render_items(items: Iterable[Item], indent: str) -> Iterator[str]:
    last: Item | None = None
    for kind, run in groupby(items, key=type):
        for group in [list(run)] if kind is Attribute else [[item] for item in run]:
            if last is not None and not isinstance(last, Comment) and (kind is not Attribute or type(last) is Block):
                yield ""
            yield from _render_group(group, indent)
            last = group[-1]


def _render_group(group: Sequence[Any], indent: str) -> Iterator[str]:
    first = group[0]
    if isinstance(first, Comment):
        yield from (f"{indent}# {line}".rstrip() for line in first.text.splitlines())
    elif isinstance(first, Block):
        yield f"{indent}{' '.join([first.kind, *(_quote(label) for label in first.labels)])} {{"
        yield from _render_items(first.body, indent + _INDENT)
        yield f"{indent}}}"
    else:
        yield from _render_pairs([(item.name, item.value) for item in group], indent)


def _render_pairs(pairs: Iterable[tuple[str, Any]], indent: str) -> Iterator[str]:
    """``name = value`` lines; values of one line that follow one another are aligned, as ``terraform fmt`` does."""
    rendered = [(_key(name), _render_value(value, indent)) for name, value in pairs]
    for is_multiline, run in groupby(rendered, key=lambda pair: "\n" in pair[1]):
        aligned = list(run)
        width = 0 if is_multiline else max(len(name) for name, _ in aligned)
        for name, text in aligned:
            yield from f"{indent}{name:<{width}} = {text}".split("\n")


def _render_value(value: Any, indent: str) -> str:
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, Encoded):
        return f"jsonencode({_render_value(value.document, indent)})"
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, Mapping):
        return _render_object(value, indent)
    if isinstance(value, list | tuple):
        return _render_list(value, indent)
    return json.dumps(value)


def _render_object(value: Mapping[str, Any], indent: str) -> str:
    if not value:
        return "{}"
    lines = _render_pairs(value.items(), indent + _INDENT)
    return "\n".join(["{", *lines, f"{indent}}}"])


def _render_list(values: Sequence[Any], indent: str) -> str:
    texts = [_render_value(value, indent + _INDENT) for value in values]
    if len(texts) <= 1 and not any("\n" in text for text in texts):
        return f"[{', '.join(texts)}]"
    inner = indent + _INDENT
    return "\n".join(["[", *(f"{inner}{text}," for text in texts), f"{indent}]"])


def _key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else _quote(name)


def _quote(text: str) -> str:
    """A string in which nothing is evaluated."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
