"""Patterns with the wildcards ``*`` and ``?``: for actions, resource ARNs, and the String and Arn operators.

A pattern is a sequence of fragments, so that it can contain the value of a policy variable without its own ``*`` or
``?`` becoming a wildcard. Patterns become regular expressions that don't backtrack: each ``*`` takes the shortest run
that lets the next literal follow, which is enough, and keeps hostile patterns from taking exponential time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

Predicate = Callable[[str], bool]
_WILDCARDS = re.compile(r"\*+|\?")
_ARN_COLONS = 5


@dataclass(frozen=True, slots=True)
class Fragment:
    """A run of a pattern's text."""

    text: str
    is_literal: bool = False
    """Whether ``*`` and ``?`` are plain characters here."""


Fragments = tuple[Fragment, ...]


class Wildcard(Enum):
    """A part of a pattern that isn't literal."""

    ANY = "*"
    ONE = "?"


Token = str | Wildcard


def join_fragments(fragments: Iterable[Fragment]) -> str:
    """Give the text, for operators that know no wildcards."""
    return "".join(fragment.text for fragment in fragments)


def compile_wildcards(fragments: Fragments) -> Predicate:
    """Make the test for a pattern in which ``*`` and ``?`` match anything."""
    return _compile(fragments, is_segmented=False)


def compile_resource(fragments: Fragments) -> Predicate:
    """Make the test for a pattern of the Resource element.

    Within the first five segments of an ARN, only a ``*`` at a segment's end reaches beyond its colon.

    Source: IAM User Guide, "IAM JSON policy elements: Resource".
    """
    return _compile(fragments, is_segmented=True)


def compile_arn(fragments: Fragments) -> Predicate:
    """Make the test of the Arn operators: each of the six segments is matched on its own.

    Source: IAM User Guide, "Amazon Resource Name (ARN) condition operators".
    """
    open_segments: list[list[Fragment]] = [[]]
    for fragment in fragments:
        first, *others = fragment.text.split(":", _ARN_COLONS + 1 - len(open_segments))
        open_segments[-1].append(Fragment(first, fragment.is_literal))
        open_segments.extend([Fragment(other, fragment.is_literal)] for other in others)
    segments = [tuple(segment) for segment in open_segments]
    if segments == [(Fragment("*"),)]:
        return _match_anything
    tests = [compile_wildcards(segment) for segment in segments]

    def matches_arn(value: str) -> bool:
        parts = value.split(":", _ARN_COLONS)
        return len(parts) == len(tests) and all(test(part) for test, part in zip(tests, parts, strict=True))

    return matches_arn


def _compile(fragments: Fragments, *, is_segmented: bool) -> Predicate:
    tokens = list(_tokenize(fragments))
    if tokens == [Wildcard.ANY]:
        return _match_anything
    if not any(isinstance(token, Wildcard) for token in tokens):
        text = join_fragments(fragments)
        return lambda value: value == text
    fullmatch = re.compile(_to_expression(tokens, is_segmented), re.DOTALL).fullmatch
    return lambda value: fullmatch(value) is not None


def _match_anything(_value: str) -> bool:
    return True


def _tokenize(fragments: Fragments) -> Iterator[Token]:
    for fragment in fragments:
        position = 0
        for wildcard in () if fragment.is_literal else _WILDCARDS.finditer(fragment.text):
            if wildcard.start() > position:
                yield fragment.text[position : wildcard.start()]
            yield Wildcard(wildcard.group()[0])
            position = wildcard.end()
        if position < len(fragment.text):
            yield fragment.text[position:]


def _to_expression(tokens: list[Token], is_segmented: bool) -> str:
    parts: list[str] = []
    colons, index = 0, 0
    while index < len(tokens):
        is_bounded = is_segmented and colons < _ARN_COLONS
        token = tokens[index]
        if token is Wildcard.ANY:
            run = _run_before_next_star(tokens, index + 1)
            parts.append(_star_expression(tokens, index, run, is_bounded))
            index += 1 + len(run)
        else:
            run = [token]
            parts.append(_one_expression(token, is_bounded))
            index += 1
        colons += sum(literal.count(":") for literal in run if isinstance(literal, str))
    return "".join(parts)


def _run_before_next_star(tokens: list[Token], start: int) -> list[Token]:
    """Give the tokens up to the next ``*``; none if this was the last ``*``, which may take all that is left."""
    for end in range(start, len(tokens)):
        if tokens[end] is Wildcard.ANY:
            return tokens[start:end]
    return []


def _star_expression(tokens: list[Token], index: int, run: list[Token], is_bounded: bool) -> str:
    filler = "[^:]*" if is_bounded and not _ends_segment(tokens, index) else ".*"
    if not run:
        return filler
    return f"(?>{filler}?{''.join(_one_expression(token, is_bounded) for token in run)})"


def _ends_segment(tokens: list[Token], index: int) -> bool:
    following = tokens[index + 1] if index + 1 < len(tokens) else ":"
    return isinstance(following, str) and following.startswith(":")


def _one_expression(token: Token, is_bounded: bool) -> str:
    if isinstance(token, str):
        return re.escape(token)
    return "[^:]" if is_bounded else "."
