"""Caches of accounts, the set-up and the last comparison of audits, shared by all requests.

An organization of 10,000 accounts isn't read again for each page and each client: a cheap query says whether anything
has changed. While an audit changes much, a reading is reused for a few times as long as it took.

The compact listing is the whole organization in a single answer of some hundred kilobytes, with a column for each
field, so that a console can filter, count and expand without another request.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from rootkeeper.audit.rules import evaluate_stored
from rootkeeper.aws.rules import AwsWork
from rootkeeper.composition.serving import ActorUseCases, ServerRuntime
from rootkeeper.deletion.readiness import classify_readiness
from rootkeeper.errors import AwsError, Hint, InputError
from rootkeeper.history.service import ComparedAudits
from rootkeeper.ledger.rules import Actor
from rootkeeper.ledger.writer import Revisions
from rootkeeper.organization.accounts import Account, AccountId, Inventory
from rootkeeper.organization.records import RootLoginsLeftRecord
from rootkeeper.organization.statuses import (
    KIND_ORDER,
    AccountStatus,
    classify_root_login,
    count_root_logins_left,
    count_statuses,
)
from rootkeeper.server.request_path import make_tag
from rootkeeper.setup.service import SetupReport
from rootkeeper.shapes import SCHEMA_VERSION, fill_record
from rootkeeper.values import render_instant

KEPT_SECONDS = 30.0
"""How long later pages show the same state as the first."""

LONGEST_SECONDS = 60.0
"""After this time everything is read again, because an older version of the program doesn't count its changes."""

_REST = 4
"""A reading is reused for this many times as long as it took."""


@dataclass(frozen=True)
class KnownAccounts:
    """All accounts at a time; none if they were never listed."""

    inventory: Inventory | None
    statuses: tuple[AccountStatus, ...]
    taken_at: float
    """Monotonic seconds."""

    @cached_property
    def summary(self) -> dict[str, int]:
        return count_statuses(self.statuses)

    @cached_property
    def left_to_secure(self) -> RootLoginsLeftRecord:
        return fill_record(RootLoginsLeftRecord, count_root_logins_left(self.statuses))

    def narrow(self, fits: Callable[[AccountStatus], bool]) -> KnownAccounts:
        return KnownAccounts(self.inventory, tuple(status for status in self.statuses if fits(status)), self.taken_at)


@dataclass(frozen=True, slots=True)
class _CachedAccounts:
    """A reading, its revisions, and until when it is used without a check for changes."""

    known: KnownAccounts
    revisions: Revisions
    good_until: float
    ends_at: float


class AccountsCache:
    """Keeps the last reading. Thread-safe. Returns the same object as long as nothing has changed."""

    def __init__(self) -> None:
        self._last: _CachedAccounts | None = None
        self._guard = threading.Lock()

    def take(self, services: ServerRuntime, *, is_later_page: bool, includes_all_so_far: bool = False) -> KnownAccounts:
        """Return the accounts as they were at most a few reading times ago.

        :param includes_all_so_far: check for changes now, so that everything before the call is included.
        :raises DatabaseError: if the database can't be read.
        """
        last, now = self._last, services.clock.monotonic()
        is_good = last is not None and (
            now < last.good_until or (is_later_page and now - last.known.taken_at < KEPT_SECONDS)
        )
        if last is not None and is_good and not includes_all_so_far:
            return last.known
        with self._guard:
            if self._last is not last and self._last is not None:
                if not includes_all_so_far:
                    return self._last.known
                last = self._last
            began_at, revisions = services.clock.monotonic(), services.inventory_store.find_revisions()
            if last is not None and began_at < last.ends_at and revisions == last.revisions:
                return last.known
            is_new_listing = last is None or began_at >= last.ends_at or revisions.inventory != last.revisions.inventory
            inventory = services.inventory_store.find_last() if last is None or is_new_listing else last.known.inventory
            statuses: tuple[AccountStatus, ...] = ()
            if inventory is not None:
                accounts = {account.account_id: account for account in inventory.accounts}
                found = services.inventory_store.list_brief_statuses(accounts)
                statuses = _evaluate(services, inventory, found)
            ended_at = services.clock.monotonic()
            known = KnownAccounts(inventory, statuses, ended_at)
            if last is not None and (inventory, statuses) == (last.known.inventory, last.known.statuses):
                known = last.known
            good_until = ended_at + _REST * (ended_at - began_at)
            self._last = _CachedAccounts(known, revisions, good_until, ended_at + LONGEST_SECONDS)
            return known


def require_listed(services: ServerRuntime) -> Inventory:
    """Return the last listing of the organization. Makes no AWS call.

    :raises InputError: if it was never listed.
    """
    inventory = services.inventory_store.find_last()
    if inventory is None:
        raise InputError("The organization hasn't been listed yet.", hint=Hint("Run an audit first.", "evidence.audit"))
    return inventory


def read_in_detail(
    services: ServerRuntime, inventory: Inventory, accounts: Sequence[Account]
) -> tuple[AccountStatus, ...]:
    """Return the current status of some accounts, with the details of their credentials.

    :raises DatabaseError: if the database can't be read.
    """
    statuses = services.inventory_store.find_statuses([account.account_id for account in accounts])
    some = replace(inventory, accounts=tuple(accounts))
    return _evaluate(services, some, statuses)


def _evaluate(
    services: ServerRuntime, inventory: Inventory, found: Mapping[AccountId, AccountStatus]
) -> tuple[AccountStatus, ...]:
    now = services.clock.now()
    confirmed = services.confirmations.list_confirmed(in_sandbox=services.endpoint.is_sandbox, at=now)
    windows, stale_after = services.windows.list_windows(), services.settings.history.stale_after
    return evaluate_stored(inventory, found, windows, confirmed, now=now, stale_after=stale_after)


KIND_BITS = {kind: 1 << place for place, kind in enumerate(KIND_ORDER)}
"""The bit of each kind of credential in the column ``kinds``."""

_LARGE_FROM = 2_000
_OLD_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class EncodedListing:
    """An answer, ready to send."""

    plain: bytes
    compressed: bytes
    """With gzip. Source: RFC 1952."""
    etag: str


class CompactListingCache:
    """Keeps the last answer. Thread-safe.

    A single thread makes a new answer, which takes a second for 10,000 accounts. The first request waits for it, and
    others get the last answer meanwhile. In a large organization all get the last answer unless it is old; the next
    request shows the new state. A client that knows of a change, such as the end of an audit, requests an answer that
    includes it.
    """

    def __init__(self, large_from: int = _LARGE_FROM) -> None:
        """:param large_from: the number of accounts from which on an organization is large."""
        self._large_from = large_from
        self._last: _CachedListing | None = None
        self._coming: Future[EncodedListing] | None = None
        self._guard = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "compact-listing")

    def take(
        self, services: ServerRuntime, pages: AccountsCache, *, includes_all_so_far: bool = False
    ) -> EncodedListing:
        """Return the last answer or a new one.

        :param includes_all_so_far: wait for an answer that is begun after this call.
        :raises DatabaseError: if the database can't be read.
        """
        if includes_all_so_far:
            return self._thread.submit(self._make, services, pages, includes_all_so_far=True).result()
        with self._guard:
            last, coming = self._last, self._coming
            is_under_way = coming is not None and not coming.done()
            if coming is None or coming.done():
                coming = self._coming = self._thread.submit(self._make, services, pages)
        if last is not None and services.clock.monotonic() < last.looked_at + _OLD_SECONDS:
            is_large = len(last.of.statuses) >= self._large_from
            return last.listing if is_large or is_under_way else coming.result()
        return coming.result()

    def _make(
        self, services: ServerRuntime, pages: AccountsCache, *, includes_all_so_far: bool = False
    ) -> EncodedListing:
        last = self._last
        known = pages.take(services, is_later_page=False, includes_all_so_far=includes_all_so_far)
        is_same = last is not None and last.of is known
        listing = last.listing if last is not None and is_same else pack(describe_compactly(services, known))
        self._last = _CachedListing(listing, known, services.clock.monotonic())
        return listing


@dataclass(frozen=True, slots=True)
class _CachedListing:
    """An answer and its accounts."""

    listing: EncodedListing
    of: KnownAccounts
    looked_at: float
    """When the accounts were last checked for changes, in monotonic seconds."""


def pack(record: dict[str, Any]) -> EncodedListing:
    """Encode a record, plain and compressed, with its tag."""
    plain = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    compressed = gzip.compress(plain, 5, mtime=0)  # slower levels save little
    return EncodedListing(plain, compressed, make_tag(plain))


def describe_compactly(services: ServerRuntime, known: KnownAccounts) -> dict[str, Any]:
    """Describe everything that a tree of the organization shows.

    ``columns`` has one list for each field, all of equal length and in the order of the inventory. A column of words is
    ``{"words": […], "at": […]}``: the different words, and for each account the index of its word.
    """
    inventory, statuses = known.inventory, known.statuses
    accounts = [status.account for status in statuses]
    credentials = [status.details for status in statuses]
    recent, stale_after = find_deletion_limits(services)
    return {
        "schema_version": SCHEMA_VERSION,
        **describe_listing(services, inventory),
        "organizational_units": [
            asdict(unit) for unit in (() if inventory is None else inventory.organizational_units)
        ],
        "kinds": [kind.value for kind in KIND_ORDER],
        "summary": known.summary,
        "root_logins_left_to_secure": known.left_to_secure,
        "columns": {
            "account_id": [account.account_id for account in accounts],
            "name": [account.name for account in accounts],
            "email": [account.email for account in accounts],
            "ou_id": _share_words(account.ou_ids[-1] if account.ou_ids else None for account in accounts),
            "state": _share_words(account.state.value for account in accounts),
            "role": _share_words(status.role.value for status in statuses),
            "status": _share_words(status.status.value for status in statuses),
            "reason": _share_words(status.reason.value if status.reason else None for status in statuses),
            "detail": _share_words(status.detail for status in statuses),
            "is_in_order": [int(status.is_in_order) for status in statuses],
            "unread": [int(status.is_unread) for status in statuses],
            "failed_attempt": _share_words(
                None if status.failed_attempt is None else status.failed_attempt.sentence for status in statuses
            ),
            "left_to_secure": _share_words(classify_root_login(status) for status in statuses),
            # 0 means that the account has no credentials; ``None`` that it wasn't read.
            "kinds": [
                None if summary is None else sum(bit for kind, bit in KIND_BITS.items() if summary.has(kind))
                for summary in (status.summary for status in statuses)
            ],
            "has_details": [int(status.has_all_details) for status in statuses],
            "last_used_at": [_to_seconds(details.last_used_at if details else None) for details in credentials],
            "last_used_as": _share_words(details.last_used_as if details else None for details in credentials),
            "password_used_at": [_to_seconds(details.password_used_at if details else None) for details in credentials],
            "key_used_at": [_to_seconds(details.key_used_at if details else None) for details in credentials],
            "oldest_at": [_to_seconds(details.oldest_at if details else None) for details in credentials],
            "observed_at": [_to_seconds(status.observed_at) for status in statuses],
            "deletion": _share_words(classify_readiness(status, recent, stale_after) for status in statuses),
            "tags": [None if account.tags is None else dict(account.tags) for account in accounts],
        },
    }


def find_deletion_limits(services: ServerRuntime) -> tuple[timedelta, timedelta]:
    """Find how long ago a use is recent, and from when on a reading is too old."""
    settings = services.settings
    return timedelta(days=settings.deletion.recently_used_days), settings.history.stale_after


def describe_listing(services: ServerRuntime, inventory: Inventory | None) -> dict[str, Any]:
    """Describe the organization of the listed accounts."""
    return {
        "organization_id": services.organization_id,
        "management_account_id": None if inventory is None else inventory.organization.management_account_id,
        "endpoint": services.endpoint.label,
        "listed_at": None if inventory is None else render_instant(inventory.listed_at),
    }


def _to_seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _share_words(values: Iterable[Hashable]) -> dict[str, Any]:
    places: dict[Hashable, int] = {}
    at = [places.setdefault(value, len(places)) for value in values]
    return {"words": list(places), "at": at}


FAILURE_KEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SetupSnapshot:
    """A reading of the set-up, or the error that prevented it."""

    report: SetupReport | None
    failure: AwsError | None
    good_until: float
    """Monotonic seconds."""


class SetupCache:
    """Keeps the last reading. Thread-safe. While a thread reads from AWS, others get the last reading without
    waiting, so that AWS can't delay all requests.
    """

    def __init__(self) -> None:
        self._last: SetupSnapshot | None = None
        self._changes = 0
        self._asking = threading.Lock()

    def take(self, services: ServerRuntime, actor: Actor) -> SetupSnapshot:
        """Return the last reading if it is recent, else a new reading in the name of ``actor``; errors are kept too."""
        last, now = self._last, services.clock.monotonic()
        if last is not None and now < last.good_until:
            return last
        if not self._asking.acquire(blocking=False):
            return last or SetupSnapshot(
                None, AwsError("The set-up is being read from AWS.", hint="Try again in a moment."), 0.0
            )
        try:
            changes = self._changes
            try:
                with services.act_as(actor, AwsWork.AUDIT) as acting:
                    report = acting.setup_reader.read()
                taken = SetupSnapshot(report, None, services.clock.monotonic() + KEPT_SECONDS)
            except AwsError as error:
                taken = SetupSnapshot(None, error, services.clock.monotonic() + FAILURE_KEPT_SECONDS)
            # A reading during a change of the set-up may be from before the change.
            self._last = taken if changes == self._changes else None
            return taken
        finally:
            self._asking.release()

    def forget(self) -> None:
        """Read from AWS the next time, because the set-up was changed."""
        self._changes += 1
        self._last = None


class AuditComparisonCache:
    """Keeps the comparison of the last two audits of the whole organization. Thread-safe. While a thread compares,
    others get the last comparison.
    """

    def __init__(self) -> None:
        self._last: tuple[str, ComparedAudits | None] | None = None
        self._comparing = threading.Lock()

    def take(self, services: ServerRuntime, acting: ActorUseCases) -> ComparedAudits | None:
        """Return ``None`` if fewer than two complete audits are kept.

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
            compared = None
            with suppress(InputError):  # there aren't two complete audits
                history = acting.history_reader(services.organization_id)
                compared = history.compare(None, None, datetime.fromisoformat)
            self._last = newest[0].audit_id, compared
            return compared
        finally:
            self._comparing.release()
