"""What an overview needs that takes long: the set-up, which AWS tells, and what changed between two audits.

Both are kept for a while, so that many people may look at it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.api.services import ActorServices, ServerServices
from rootkeeper.domain.aws_roles import AwsWork
from rootkeeper.domain.ledger import Actor
from rootkeeper.errors import AwsError, InputError
from rootkeeper.workflows.history import ComparedAudits
from rootkeeper.workflows.setup import SetupReport

KEPT_SECONDS = 30.0
FAILURE_KEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SetupSnapshot:
    """One reading of the set-up, or why there is none."""

    report: SetupReport | None
    failure: AwsError | None
    good_until: float
    """Monotonic seconds."""


class SetupCache:
    """The last reading; safe in many threads. While one of them asks AWS, others get the last one and don't wait, so
    that an AWS that doesn't answer holds up nobody else's requests.
    """

    def __init__(self) -> None:
        self._last: SetupSnapshot | None = None
        self._changes = 0
        self._asking = threading.Lock()

    def take(self, services: ServerServices, actor: Actor) -> SetupSnapshot:
        """The last reading if it is young, else a new one in the name of ``actor``; AWS's refusal is kept as well."""
        last, now = self._last, services.clock.monotonic()
        if last is not None and now < last.good_until:
            return last
        if not self._asking.acquire(blocking=False):
            return last or _BEING_ASKED
        try:
            changes, taken = self._changes, _look(services, actor)
            # What was read while the set-up was changed may be from before.
            self._last = taken if changes == self._changes else None
            return taken
        finally:
            self._asking.release()

    def forget(self) -> None:
        """Have the next one ask AWS, since the set-up was changed."""
        self._changes += 1
        self._last = None


_BEING_ASKED = SetupSnapshot(None, AwsError("AWS is being asked.", hint="Look again in a moment."), 0.0)


def _look(services: ServerServices, actor: Actor) -> SetupSnapshot:
    try:
        with services.act_as(actor, AwsWork.AUDIT) as acting:
            report = acting.setup_reader.read()
    except AwsError as error:
        return SetupSnapshot(None, error, services.clock.monotonic() + FAILURE_KEPT_SECONDS)
    return SetupSnapshot(report, None, services.clock.monotonic() + KEPT_SECONDS)


class AuditComparisonCache:
    """What changed between the last two audits of the whole organization; safe in many threads. While one of them
    compares, others get the last comparison.
    """

    def __init__(self) -> None:
        self._last: tuple[str, ComparedAudits | None] | None = None
        self._comparing = threading.Lock()

    def take(self, services: ServerServices, acting: ActorServices) -> ComparedAudits | None:
        """``None`` if there aren't two that are kept whole.

        :raises DatabaseError: if the database can't be read.
        """
        newest, last = services.history.list_audits(limit=1), self._last
        if not newest:
            return None
        if last is not None and last[0] == newest[0].audit_id:
            return last[1]
        if not self._comparing.acquire(blocking=False):
            return None if last is None else last[1]
        try:
            compared = _compare(services, acting)
            self._last = newest[0].audit_id, compared
            return compared
        finally:
            self._comparing.release()


def _compare(services: ServerServices, acting: ActorServices) -> ComparedAudits | None:
    try:
        return acting.history_reader(services.organization_id).compare(None, None, _no_moment)
    except InputError:
        return None


def _no_moment(text: str) -> datetime:
    raise InputError(f"{text!r} isn't asked for.")
