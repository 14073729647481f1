"""Patterns with ``*`` and ``?``, compared with texts of which only a part may be known.

Before a call is made the Region of a queue or the name of a bucket isn't known. A pattern then matches always, never,
or it depends. A pattern is a sequence of tokens, and all positions that a text can have reached in it are followed at
once: no pattern, however hostile, takes more than its length times the text's.

Source: IAM User Guide, "IAM JSON policy elements: Resource" and "Amazon Resource Name (ARN) condition operators".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import TypeAlias

_ARN_COLONS = 5
"""In ``arn:partition:service:region:account:resource``; what follows belongs to the resource."""


class Wildcard(Enum):
    """What isn't a character of its own in a pattern."""

    RUN = auto()
    """``*``: any characters, or none."""
    RUN_IN_SEGMENT = auto()
    """``*`` that stays between two colons of an ARN."""
    ONE = auto()
    """``?``: any one character."""
    ONE_IN_SEGMENT = auto()


Token: TypeAlias = str | Wildcard
"""One character, or a wildcard."""
Tokens: TypeAlias = tuple[Token, ...]

_ThroughGap: TypeAlias = Callable[[Tokens, frozenset[int]], frozenset[int]]

EVERYTHING: Tokens = (Wildcard.RUN,)

_RUNS = frozenset({Wildcard.RUN, Wildcard.RUN_IN_SEGMENT})
_IN_SEGMENT = {Wildcard.RUN: Wildcard.RUN_IN_SEGMENT, Wildcard.ONE: Wildcard.ONE_IN_SEGMENT}
_CHARACTERS = {Wildcard.RUN: "*", Wildcard.ONE: "?"}


@dataclass(frozen=True, slots=True)
class PartialText:
    """A text of which something may be unknown."""

    pieces: tuple[str, ...]
    """What is known, in order. Between each two stands something unknown, perhaps nothing, but never a colon."""

    @property
    def known(self) -> str | None:
        """The whole text, if all of it is known."""
        return self.pieces[0] if len(self.pieces) == 1 else None


def known_text(text: str) -> PartialText:
    """A text of which everything is known."""
    return PartialText((text,))


def wildcard_tokens(text: str) -> Tokens:
    """``*`` and ``?`` as wildcards."""
    wildcards = {"*": Wildcard.RUN, "?": Wildcard.ONE}
    return tuple(wildcards.get(character, character) for character in text)


def literal_tokens(tokens: Iterable[Token]) -> Tokens:
    """``*`` and ``?`` as the characters that they are, for operators that know no wildcards."""
    return tuple(_CHARACTERS[token] if isinstance(token, Wildcard) else token for token in tokens)


def resource_tokens(tokens: Tokens) -> Tokens:
    """As the Resource element takes them: within the first five segments of an ARN only a ``*`` that ends its segment
    reaches over the colon.
    """
    return _bound(tokens, keeps_ends=True)


def arn_tokens(tokens: Tokens) -> Tokens:
    """As the Arn operators take them: each of the six segments stands for itself; a lone ``*`` is everything."""
    return tokens if tokens == EVERYTHING else _bound(tokens, keeps_ends=False)


def _bound(tokens: Tokens, *, keeps_ends: bool) -> Tokens:
    bound: list[Token] = []
    colons = 0
    for index, part in enumerate(tokens):
        colons += part == ":"
        is_free = colons >= _ARN_COLONS or (keeps_ends and part is Wildcard.RUN and _ends_segment(tokens, index))
        bound.append(part if is_free or isinstance(part, str) else _IN_SEGMENT[part])
    return tuple(bound)


def _ends_segment(tokens: Tokens, index: int) -> bool:
    return index + 1 == len(tokens) or tokens[index + 1] == ":"


@lru_cache(maxsize=65_536)
def match(tokens: Tokens, text: PartialText) -> bool | None:
    """Whether the pattern matches the text: always, never, or ``None`` where it hangs on what is unknown of it."""
    if tokens == EVERYTHING:
        return True
    if text.known is not None:
        return _reaches_end(tokens, text, _through_gap_never)
    if _reaches_end(tokens, text, _through_gap_always):
        return True
    return None if _reaches_end(tokens, text, _through_gap_perhaps) else False


def _through_gap_never(_tokens: Tokens, _positions: frozenset[int]) -> frozenset[int]:
    return frozenset()


def _through_gap_always(tokens: Tokens, positions: frozenset[int]) -> frozenset[int]:
    """Only a ``*`` takes whatever stands there."""
    return frozenset(position for position in positions if position < len(tokens) and tokens[position] in _RUNS)


def _through_gap_perhaps(tokens: Tokens, positions: frozenset[int]) -> frozenset[int]:
    """Everything that fits up to the next colon may stand there."""
    reached = set(positions)
    for position in positions:
        following = position
        while following < len(tokens) and tokens[following] != ":":
            following += 1
            reached.add(following)
    return frozenset(reached)


def _reaches_end(tokens: Tokens, text: PartialText, through_gap: _ThroughGap) -> bool:
    positions = _over_runs(tokens, frozenset({0}))
    for number, piece in enumerate(text.pieces):
        if number:
            positions = _over_runs(tokens, through_gap(tokens, positions))
        for character in piece:
            positions = _over_runs(tokens, _take(tokens, positions, character))
            if not positions:
                return False
    return len(tokens) in positions


def _take(tokens: Tokens, positions: Iterable[int], character: str) -> frozenset[int]:
    """The positions after one more character."""
    reached: set[int] = set()
    for position in positions:
        if position == len(tokens):
            continue
        token = tokens[position]
        if isinstance(token, str):
            if token == character:
                reached.add(position + 1)
        elif character != ":" or token in (Wildcard.RUN, Wildcard.ONE):
            reached.add(position if token in _RUNS else position + 1)
    return frozenset(reached)


def _over_runs(tokens: Tokens, positions: frozenset[int]) -> frozenset[int]:
    """A ``*`` may be empty, so that what follows it is reached, too."""
    reached = set(positions)
    for position in positions:
        following = position
        while following < len(tokens) and tokens[following] in _RUNS:
            following += 1
            reached.add(following)
    return frozenset(reached)
