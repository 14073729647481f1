"""Changes of a root e-mail address: how far one is, and what a re-read proves.

AWS sends a one-time password to the new address, waits up to 24 hours for it, and may take up to 4 hours to show the
change everywhere. So "not shown yet" is no proof of anything for a while.

Source: Account Management guide, "Update the root user email address"; API version 2021-02-01.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.domain.ledger import Action, JsonValue, LedgerEntry, Phase, Result
from rootkeeper.domain.root_emails import fold_address
from rootkeeper.domain.windows import CLOCK_SKEW
from rootkeeper.errors import InputError

ACCOUNT_SERVICE_PRINCIPAL = "account.amazonaws.com"
"""Whose delegated administrator may read and change addresses, with trusted access for it."""
ONE_TIME_PASSWORD_LASTS = timedelta(hours=24)
PROPAGATION_TAKES = timedelta(hours=4)

EMAIL_PARAMETER = "email"
"""What ledger entries of a change call the new address."""

_ONE_TIME_PASSWORD = re.compile(r"[a-zA-Z0-9]{6}")


@dataclass(frozen=True, slots=True)
class OneTimePassword:
    """What AWS has sent to the new address. It is never shown, logged or kept."""

    value: str = field(repr=False)


def parse_one_time_password(text: str) -> OneTimePassword:
    """Read a one-time password.

    :raises InputError: if it isn't 6 letters and digits; the message doesn't repeat it.
    """
    if not _ONE_TIME_PASSWORD.fullmatch(text.strip()):
        raise InputError(
            "This isn't a one-time password: it has 6 letters and digits.",
            hint="Copy it from the mail that AWS has sent to the new address.",
        )
    return OneTimePassword(text.strip())


class EmailUpdateStatus(StrEnum):
    """How far AWS says that the newest change of an account's address is."""

    ACCEPTED = "ACCEPTED"
    """The one-time password was right; the change is on its way."""
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    PENDING = "PENDING"
    """The one-time password is awaited."""
    UNKNOWN = "UNKNOWN"
    """A word that we don't know."""


@dataclass(frozen=True, slots=True)
class EmailUpdate:
    """The newest change of an account's address, whoever began it. AWS doesn't tell to which address."""

    status: EmailUpdateStatus
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class EmailUpdateSnapshot:
    """What AWS told of an account's newest change at one moment."""

    was_read: bool
    update: EmailUpdate | None = None

    @property
    def updated_at(self) -> datetime | None:
        return self.update.updated_at if self.update else None

    def describe(self) -> dict[str, JsonValue]:
        """What an intent keeps of the reading before it, so that a later one shows what the call did."""
        at = self.updated_at
        return {"update_before_was_read": self.was_read, "update_before_at": at.isoformat() if at else None}


@dataclass(frozen=True, slots=True)
class EmailReread:
    """What a re-read showed."""

    email: str | None
    """The account's address; ``None`` if it couldn't be read."""
    update: EmailUpdate | None
    """``None`` if AWS knows of no change, or it couldn't be read: neither proves anything."""

    def shows(self, address: str) -> bool:
        return self.email is not None and fold_address(self.email) == fold_address(address)


@dataclass(frozen=True, slots=True)
class StartedEmailUpdate:
    """A change that this ledger knows to have been started, and whose one-time password may still be accepted."""

    email: str
    started_at: datetime
    is_certain: bool
    """Whether AWS answered clearly that it had started."""


def find_started_update(entries: Iterable[LedgerEntry], now: datetime) -> StartedEmailUpdate | None:
    """The newest start that isn't refused, accepted or too old, from one account's ledger entries in their order."""
    started: dict[int, StartedEmailUpdate] = {}
    for entry in entries:
        if entry.action is Action.EMAIL_UPDATE_START and entry.phase is Phase.INTENT:
            email = str(entry.parameters.get(EMAIL_PARAMETER, ""))
            started[entry.sequence] = StartedEmailUpdate(email, entry.at, is_certain=False)
        elif entry.action is Action.EMAIL_UPDATE_START and entry.intent_sequence in started:
            known = started.pop(entry.intent_sequence)
            if entry.result is not Result.FAILED:
                started[entry.intent_sequence] = StartedEmailUpdate(
                    known.email, known.started_at, entry.result is Result.DONE
                )
        elif entry.action is Action.EMAIL_UPDATE_ACCEPT and entry.result is Result.DONE:
            started.clear()
    newest = max(started.values(), key=lambda one: one.started_at, default=None)
    return newest if newest and now < newest.started_at + ONE_TIME_PASSWORD_LASTS else None


def is_overtaken(started: StartedEmailUpdate, newest: EmailUpdate | None) -> bool:
    """Whether AWS shows that the start's one-time password isn't awaited any more."""
    if newest is None or newest.updated_at is None:
        return False
    is_older = newest.updated_at < started.started_at - CLOCK_SKEW
    is_another = newest.status is EmailUpdateStatus.PENDING and newest.updated_at > started.started_at + CLOCK_SKEW
    return is_older or is_another or newest.status is EmailUpdateStatus.FAILED


def was_started(intent_parameters: Mapping[str, JsonValue], after: EmailUpdateSnapshot) -> bool | None:
    """Whether the start of that intent acted: AWS's newest change isn't the one of before. No clocks are compared.

    ``None`` if one of the two couldn't be read.
    """
    if not intent_parameters.get("update_before_was_read") or not after.was_read:
        return None
    if after.update is None:
        return False
    if after.updated_at is None:
        return None
    return after.updated_at.isoformat() != intent_parameters.get("update_before_at")


def evaluate_acceptance(
    reread: EmailReread, address: str, sent_at: datetime, now: datetime, *, was_answered: bool
) -> Result | None:
    """What came of an acceptance that was sent, from a re-read; ``None`` while that isn't shown.

    :param was_answered: whether AWS clearly answered success; then only the address itself proves anything.
    """
    if reread.shows(address):
        return Result.DONE
    if reread.email is None:
        return None
    if not was_answered and reread.update is not None and _is_refused(reread.update, sent_at):
        return Result.FAILED
    return Result.FAILED if now >= sent_at + PROPAGATION_TAKES else None


def _is_refused(newest: EmailUpdate, sent_at: datetime) -> bool:
    """Whether AWS shows that the acceptance had no effect. A change that was started after it tells nothing of it."""
    if newest.status is EmailUpdateStatus.PENDING:
        return newest.updated_at is None or newest.updated_at <= sent_at + CLOCK_SKEW
    return newest.status is EmailUpdateStatus.FAILED
