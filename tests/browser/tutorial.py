"""A tutorial as its reader follows it: passage by passage, in order, none with a label left out."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.database.samples import REPOSITORY

_LABEL = re.compile(r"(?<![*\w])\*(?!\*)[^*]+\*(?!\*)|`[^`]+`")
_LEFT_OUT = re.compile(r"^```.*?^```$|^!\[.*?\]\(.*?\)$|^#.*?$", re.MULTILINE | re.DOTALL)
"""Console blocks, which another test types; pictures and headings."""


class Tutorial:
    """The text of a page, from one heading to another."""

    def __init__(self, path: str, first: str, last: str) -> None:
        page = Path(REPOSITORY, path).read_text(encoding="utf-8")
        between = page[page.index(first) : page.index(last)]
        self._text = " ".join(_LEFT_OUT.sub("", between).split())
        self._followed_up_to = 0

    def follow(self, passage: str) -> None:
        """Find the next passage that is done. Before it is nothing with a label, which would be done, too.

        :raises AssertionError: if the page doesn't have the passage, or has a label before it.
        """
        begin = self._text.find(passage, self._followed_up_to)
        assert begin >= 0, f"not in the page after {self._text[: self._followed_up_to][-80:]!r}: {passage!r}"
        self._require_nothing_to_do(self._text[self._followed_up_to : begin])
        self._followed_up_to = begin + len(passage)

    def finish(self) -> None:
        """:raises AssertionError: if something is left to do."""
        self._require_nothing_to_do(self._text[self._followed_up_to :])

    def _require_nothing_to_do(self, text: str) -> None:
        assert _LABEL.findall(text) == [], f"the test leaves this out: {text!r}"
