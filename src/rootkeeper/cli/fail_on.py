"""``--fail-on``: what makes the answer of a reading command a bad one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from rootkeeper.cli.option_sets import OptionSet
from rootkeeper.domain.statuses import FAIL_ON_FINDINGS, FailOn
from rootkeeper.errors import InputError


@dataclass(frozen=True, slots=True)
class FailOnOptions(OptionSet):
    """The option of ``audit``, ``plan`` and ``status``."""

    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="present,unknown,none",
            help="What makes the exit status 1. Default: present,unknown.",
            show_default=False,
        ),
    ] = None

    def to_set(self) -> frozenset[FailOn]:
        """Several may be given, with commas or by repeating the option.

        :raises InputError: if a word is unknown, or ``none`` stands beside others.
        """
        if not self.fail_on:
            return FAIL_ON_FINDINGS
        words = {word.strip() for text in self.fail_on for word in text.split(",")}
        known = {entry.value: entry for entry in FailOn}
        if words - known.keys() or (FailOn.NONE.value in words and len(words) > 1):
            raise InputError(
                f"--fail-on {','.join(self.fail_on)} can't be understood.",
                hint="Write present, unknown or both with a comma; or none alone.",
            )
        return frozenset(known[word] for word in words)
