"""The condition keys of a request as far as they are known beforehand, and policy variables that stand for them.

Source: IAM User Guide, "AWS global condition context keys" and "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from rootkeeper.domain.policies.patterns import PartialText, Tokens, known_text, wildcard_tokens

Values: TypeAlias = tuple[PartialText, ...]


class Presence(Enum):
    """What is known of a key whose value isn't."""

    ABSENT = auto()
    PRESENT = auto()
    """It is there, with a value that can't be known beforehand."""
    UNCERTAIN = auto()
    """Not even whether it is there can be known beforehand."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value that is one of these; which one can't be known beforehand."""

    values: Values


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """Condition keys by lower-case name. A key that isn't mentioned at all is uncertain."""

    values: Mapping[str, Values | OneOf] = field(default_factory=dict)
    """Several for multivalued keys."""
    present: frozenset[str] = frozenset()
    """There, with unknown values."""
    absent: frozenset[str] = frozenset()
    """Not there; a name that ends with ``:`` or ``/`` means all keys that begin so."""

    def find(self, key: str) -> Values | OneOf | Presence:
        """The values of a key, given by its lower-case name, or what else is known of it."""
        found = self.values.get(key)
        if found is not None:
            return found
        if key in self.present:
            return Presence.PRESENT
        beginnings = (key[: end + 1] for end, character in enumerate(key) if character in ":/")
        is_absent = key in self.absent or any(beginning in self.absent for beginning in beginnings)
        return Presence.ABSENT if is_absent else Presence.UNCERTAIN


def one_of(*values: str) -> OneOf:
    """One of these texts."""
    return OneOf(tuple(map(known_text, values)))


def known_values(values: Mapping[str, str | Sequence[str]]) -> dict[str, Values | OneOf]:
    """Plain texts as values of keys; a list is a multivalued key."""
    return {
        key.lower(): (known_text(value),) if isinstance(value, str) else tuple(map(known_text, value))
        for key, value in values.items()
    }


_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_WITH_DEFAULT = re.compile(r"\s*([^,]+?)\s*,\s*'([^']*)'\s*")


@dataclass(frozen=True, slots=True)
class Variable:
    """A place that the request fills."""

    key: str
    default: str | None = None

    def find_value(self, context: EvaluationContext) -> str | Presence:
        """The one text that it stands for; ``ABSENT`` if it stands for nothing."""
        found = context.find(self.key.lower())
        if isinstance(found, Presence):
            is_default = found is Presence.ABSENT and self.default is not None
            return self.default or "" if is_default else found
        if isinstance(found, OneOf):
            return Presence.PRESENT
        if len(found) != 1:
            return Presence.ABSENT
        value = found[0].known
        return Presence.PRESENT if value is None else value


@dataclass(frozen=True, slots=True)
class Template:
    """A text of a policy, cut into tokens and variables."""

    text: str
    parts: tuple[Tokens | Variable, ...]

    @property
    def constant(self) -> Tokens | None:
        """Its tokens, if it has no variables."""
        first = self.parts[0] if len(self.parts) == 1 else None
        return first if isinstance(first, tuple) else None

    def find_unknown(self, context: EvaluationContext) -> frozenset[str]:
        """The variables whose values can't be known beforehand."""
        return frozenset(
            part.key
            for part in self.parts
            if isinstance(part, Variable) and part.find_value(context) in (Presence.PRESENT, Presence.UNCERTAIN)
        )

    def fill(self, context: EvaluationContext) -> Tokens | None:
        """Its tokens for a request; ``None`` if a variable stands for nothing, so that it matches nothing."""
        tokens: list[Tokens] = []
        for part in self.parts:
            value = part.find_value(context) if isinstance(part, Variable) else part
            if isinstance(value, Presence):
                return None
            tokens.append(tuple(value))
        return tuple(token for some in tokens for token in some)


def parse_template(text: str, *, has_variables: bool) -> Template:
    """Cut a text at its variables; documents of version 2008-10-17 have none."""
    parts: list[Tokens | Variable] = []
    position = 0
    for found in _VARIABLE.finditer(text) if has_variables else ():
        parts.append(wildcard_tokens(text[position : found.start()]))
        parts.append(_parse_variable(found.group(1)))
        position = found.end()
    parts.append(wildcard_tokens(text[position:]))
    return Template(text, tuple(_join(parts)))


def _parse_variable(inside: str) -> Tokens | Variable:
    if inside in ("*", "?", "$"):
        return (inside,)
    with_default = _WITH_DEFAULT.fullmatch(inside)
    if with_default:
        return Variable(with_default.group(1), with_default.group(2))
    return Variable(inside.strip())


def _join(parts: Sequence[Tokens | Variable]) -> list[Tokens | Variable]:
    """Tokens that stand side by side become one part."""
    joined: list[Tokens | Variable] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, tuple) and isinstance(last, tuple):
            joined[-1] = last + part
        elif part != ():
            joined.append(part)
    return joined or [()]
