"""Policy variables: ``${aws:PrincipalAccount}``, with a default ``${aws:username, 'nobody'}``, and the escapes
``${*}``, ``${?}`` and ``${$}``.

Source: IAM User Guide, "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rootkeeper.sandbox.authorization.patterns import Fragment, Fragments

ContextValue = str | tuple[str, ...]
Context = Mapping[str, ContextValue]
"""Condition keys of a request, by lower-case name; several values for multivalued keys."""


class DeferredContext(Mapping[str, ContextValue]):
    """A context that is gathered once a policy asks for its first key: most calls are decided without."""

    def __init__(self, gather: Callable[[], Context]) -> None:
        self._gather = gather
        self._gathered: Context | None = None

    def _all(self) -> Context:
        if self._gathered is None:
            self._gathered = self._gather()
        return self._gathered

    def __getitem__(self, key: str) -> ContextValue:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_WITH_DEFAULT = re.compile(r"\s*([^,]+?)\s*,\s*'([^']*)'\s*")
_ESCAPES = frozenset("*?$")


@dataclass(frozen=True, slots=True)
class Variable:
    """A place in a text that a request's condition key fills."""

    key: str
    """In lower case."""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A policy's text, cut into fragments and variables."""

    parts: tuple[Fragment | Variable, ...]

    @property
    def is_constant(self) -> bool:
        return not any(isinstance(part, Variable) for part in self.parts)

    def expand(self, context: Context) -> Fragments | None:
        """Fill the variables in; ``None`` when one has neither a single value nor a default."""
        fragments = []
        for part in self.parts:
            fragment = _expand_variable(part, context) if isinstance(part, Variable) else part
            if fragment is None:
                return None
            fragments.append(fragment)
        return tuple(fragments)


def _expand_variable(variable: Variable, context: Context) -> Fragment | None:
    value = context.get(variable.key, variable.default)
    return Fragment(value, is_literal=True) if isinstance(value, str) else None


def parse_template(text: str, *, has_variables: bool) -> Template:
    """Cut a text at its variables; documents of version 2008-10-17 have none."""
    if not has_variables or "${" not in text:
        return Template((Fragment(text),))
    parts: list[Fragment | Variable] = []
    position = 0
    for match in _VARIABLE.finditer(text):
        if match.start() > position:
            parts.append(Fragment(text[position : match.start()]))
        parts.append(_parse_variable(match.group(1)))
        position = match.end()
    if position < len(text):
        parts.append(Fragment(text[position:]))
    return Template(tuple(parts))


def _parse_variable(inside: str) -> Fragment | Variable:
    if inside in _ESCAPES:
        return Fragment(inside, is_literal=True)
    with_default = _WITH_DEFAULT.fullmatch(inside)
    if with_default:
        return Variable(with_default.group(1).lower(), with_default.group(2))
    return Variable(inside.strip().lower())
