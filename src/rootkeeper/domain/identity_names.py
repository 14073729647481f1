"""What identities of a server may be called, and what a password must be.

A name goes into the ledger, into approvals and, as SourceIdentity, into CloudTrail: so it holds only what STS takes
there, and two names that differ in their case alone are one.
"""

from __future__ import annotations

import re

from rootkeeper.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")
"""Source: STS AssumeRole, API version 2011-06-15, SourceIdentity; of its word characters only the ASCII ones."""

SERVER_NAME = "rootkeeper"
"""In whose name a server does what nobody asked for at that moment, in the ledger and in AWS; nobody else has it."""

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
"""In characters."""


def parse_identity_name(text: str) -> str:
    """A name that an identity may have.

    :raises InputError: if it isn't one.
    """
    if not _NAME.fullmatch(text):
        raise InputError(
            f"{text!r} can't be the name of a user or token.",
            hint="Take 2 to 64 of A-Z, a-z, 0-9 and _ + = , . @ -: the name also goes into CloudTrail.",
        )
    if fold_name(text) == SERVER_NAME:
        raise InputError(f"{text!r} is what the program calls itself.", hint="Take another name.")
    return text


def fold_name(name: str) -> str:
    """By this two names are compared."""
    return name.casefold()


def require_password(password: str, name: str) -> None:
    """Check that a new password is long enough and isn't the name.

    :raises InputError: if it isn't; the message doesn't show it.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InputError(
            f"The password has {len(password)} characters.",
            hint=f"Take {SHORTEST_PASSWORD} to {LONGEST_PASSWORD}: a few unrelated words make a good one.",
        )
    if fold_name(name) in fold_name(password):
        raise InputError("The password holds the user's name.", hint="Take one that doesn't.")
