from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.policy_language.patterns import (
    PartialText,
    arn_tokens,
    known_text,
    literal_tokens,
    match,
    resource_tokens,
    wildcard_tokens,
)

TEXT = st.text("ab:*?", max_size=8)
QUEUE = PartialText(("arn:aws:sqs:", ":111122223333:", ""))
"""Region and name aren't known."""
BUCKET = PartialText(("arn:aws:s3:::", ""))


def matches_slowly(pattern: str, text: str) -> bool:
    """The definition, by trying everything."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches_slowly(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and matches_slowly(pattern[1:], text[1:])


@given(TEXT, TEXT)
def test_wildcards_match_what_their_definition_says(pattern: str, text: str) -> None:
    assert match(wildcard_tokens(pattern), known_text(text)) is matches_slowly(pattern, text)


@given(TEXT, st.text("ab:", max_size=4), st.text("ab", max_size=4), st.text("ab:", max_size=4))
def test_what_is_certain_of_a_text_known_in_part_holds_for_the_whole(
    pattern: str, before: str, gap: str, after: str
) -> None:
    tokens = wildcard_tokens(pattern)
    answer = match(tokens, PartialText((before, after)))
    assert answer is None or answer is match(tokens, known_text(before + gap + after))


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", QUEUE, True),
        ("arn:aws:sqs:*:*:*", QUEUE, True),
        ("arn:aws:sqs:*:111122223333:*", QUEUE, True),
        ("arn:aws:sqs:*", QUEUE, True),
        ("arn:aws:sqs:us-east-1:111122223333:*", QUEUE, None),
        ("arn:aws:sqs:*:111122223333:orders-*", QUEUE, None),
        ("arn:aws:sqs:*:444455556666:*", QUEUE, False),
        ("arn:aws:sns:*:*:*", QUEUE, False),
        ("arn:aws:s3:::*", BUCKET, True),
        ("arn:aws:s3:::logs-*", BUCKET, None),
        ("arn:aws:s3:::*/*", BUCKET, None),
        ("arn:aws:iam::*:root", known_text("arn:aws:iam::111122223333:root"), True),
        ("arn:aws:iam::*:root", known_text("*"), False),
        ("arn:aws:iam::1*3:root", known_text("arn:aws:iam::1:3:root"), False),
    ],
)
def test_a_resource_pattern_matches_always_never_or_it_depends(
    pattern: str, text: PartialText, expected: bool | None
) -> None:
    assert match(resource_tokens(wildcard_tokens(pattern)), text) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", True),
        ("arn:aws:iam::*", False),
        ("arn:*:iam::*:root", True),
        ("arn:aws:iam:*:root", False),
        ("arn:aws:iam::1111*:r??t", True),
    ],
)
def test_arn_operators_match_segment_by_segment(pattern: str, expected: bool) -> None:
    assert match(arn_tokens(wildcard_tokens(pattern)), known_text("arn:aws:iam::111122223333:root")) is expected


def test_a_caller_of_whom_only_the_account_is_known_is_never_the_root_user() -> None:
    caller = PartialText(("arn:aws:iam::111122223333:", "/", ""))
    assert match(arn_tokens(wildcard_tokens("arn:*:iam::*:root")), caller) is False
    assert match(arn_tokens(wildcard_tokens("arn:*:iam::*:role/*")), caller) is None


def test_literal_wildcards_are_characters() -> None:
    tokens = literal_tokens(wildcard_tokens("a*?"))
    assert match(tokens, known_text("a*?")) is True
    assert match(tokens, known_text("abc")) is False


@pytest.mark.parametrize("text", [known_text("a" * 4000), PartialText(("a" * 2000, "a" * 2000))])
def test_hostile_patterns_take_no_time(text: PartialText) -> None:
    started = time.process_time()
    assert match(wildcard_tokens("*a" * 40 + "*b"), text) is not True
    assert time.process_time() - started < 5.0
