from __future__ import annotations

import pytest

from rootkeeper.unlock.rules import has_wildcard, matches_any


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("s3:getobject", "s3:*"),
        ("s3:getobject", "s3:get?bject"),
        ("a\nb", "*"),
        ("a[b]", "a[b]"),
        ("", "*"),
        ("a.b", "a.b"),
    ],
)
def test_a_pattern_covers(text: str, pattern: str) -> None:
    assert matches_any(text, ["nothing", pattern])


@pytest.mark.parametrize(
    ("text", "pattern"), [("s3:GetObject", "s3:get*"), ("ab", "a?b"), ("axb", "a.b"), ("a", "[a]")]
)
def test_a_pattern_covers_nothing_else(text: str, pattern: str) -> None:
    assert not matches_any(text, [pattern])


def test_a_pattern_that_is_meant_to_take_for_ever_takes_no_longer_than_others() -> None:
    """The owner of a bucket writes its policy; trying every way to split the name would take years."""
    assert not matches_any("a" * 255, ["*a" * 60 + "*b"])


def test_wildcards_are_seen() -> None:
    assert [has_wildcard(text) for text in ("a*", "a?", "a.b")] == [True, True, False]
