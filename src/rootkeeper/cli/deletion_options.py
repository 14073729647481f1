"""The options that say what a deletion may do, for ``plan`` and ``delete``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from rootkeeper.cli.option_sets import OptionSet
from rootkeeper.domain.deletion import ALL_KINDS
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.errors import InputError
from rootkeeper.workflows.deletion import DeletionOptions

UNUSED_DAYS = 0
"""Of a request through a server, whose own setting says for how long a use counts as recent."""


@dataclass(frozen=True, slots=True)
class DeletionChoices(OptionSet):
    """Which kinds go, and which recently used ones go all the same."""

    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="KIND,…",
            help="Only these kinds: password, access_keys, signing_certificates, mfa_devices.",
            show_default=False,
        ),
    ] = None
    allow_recently_used: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-recently-used",
            metavar="ACCOUNT",
            help="Delete from this account though its password or a key was used lately; needs --reason.",
        ),
    ] = None
    reason: Annotated[
        list[str] | None,
        typer.Option("--reason", help="Why: one for all accounts of --allow-recently-used, or one for each."),
    ] = None

    def to_options(
        self,
        recently_used_days: int,
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> DeletionOptions:
        """What was asked for.

        :raises InputError: if a kind is unknown, or reasons and accounts don't match.
        """
        return DeletionOptions(
            only=_parse_kinds(self.only),
            allowed_uses=self._pair_reasons(),
            recent=timedelta(days=recently_used_days),
            not_before=not_before,
            not_after=not_after,
        )

    def _pair_reasons(self) -> dict[str, str]:
        accounts, reasons = self.allow_recently_used or [], [text.strip() for text in self.reason or []]
        if accounts and (not reasons or not all(reasons)):
            raise InputError("--allow-recently-used needs a reason.", hint="Add --reason TEXT.")
        if len(reasons) > 1 and len(reasons) != len(accounts):
            raise InputError(
                f"{len(accounts)} accounts of --allow-recently-used, but {len(reasons)} reasons.",
                hint="Give one --reason for all, or one for each in the same order.",
            )
        if reasons and not accounts:
            raise InputError("--reason belongs to --allow-recently-used.", hint="Name the account it is for.")
        return dict(zip(accounts, reasons * len(accounts) if len(reasons) == 1 else reasons, strict=True))


def _parse_kinds(texts: list[str] | None) -> frozenset[CredentialKind]:
    if not texts:
        return ALL_KINDS
    words = {word.strip() for text in texts for word in text.split(",")}
    known = {kind.value for kind in CredentialKind}
    if words - known:
        raise InputError(
            f"--only {','.join(texts)} names an unknown kind.", hint=f"The kinds are {', '.join(sorted(known))}."
        )
    return frozenset(CredentialKind(word) for word in words)
