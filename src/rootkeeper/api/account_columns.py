"""The whole organization in one answer: a column for each field, and words that repeat only once.

So 10,000 accounts are one request of some hundred kilobytes, and a console can filter, count and expand without asking
again. It is put together once for each state of the accounts, however many people look.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Hashable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rootkeeper.api.account_pages import AccountsCache, KnownAccounts
from rootkeeper.api.etags import make_tag
from rootkeeper.api.parameters import SCHEMA_VERSION
from rootkeeper.api.services import ServerServices
from rootkeeper.domain.plan_files import render_instant
from rootkeeper.domain.root_credentials import KIND_ORDER, RootCredentialsSummary
from rootkeeper.domain.statuses import AccountStatus

KIND_BITS = {kind: 1 << place for place, kind in enumerate(KIND_ORDER)}
"""What each kind of credential adds to an account's number in the column ``kinds``."""
_QUICK = 5
"""The level of compression: the slower ones make it hardly smaller."""
_LARGE_FROM = 2_000
_OLD_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class EncodedListing:
    """One answer, ready to be sent."""

    plain: bytes
    compressed: bytes
    """The same by gzip. Source: RFC 1952."""
    etag: str


class CompactListingCache:
    """The last answer; safe in many threads.

    A new one is put together by a thread of its own, which takes a second at 10,000 accounts and would take as long for
    each of many threads. Whoever asks first waits for it, and others get the last meanwhile. Of a large organization
    everybody does: the next look shows what is new. For an old one nobody is put off.
    """

    def __init__(self, large_from: int = _LARGE_FROM) -> None:
        """``large_from`` accounts make an organization a large one."""
        self._large_from = large_from
        self._last: _CachedListing | None = None
        self._coming: Future[EncodedListing] | None = None
        self._guard = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "compact-listing")

    def take(self, services: ServerServices, pages: AccountsCache) -> EncodedListing:
        """The answer about all accounts.

        :raises DatabaseError: if the database can't be read.
        """
        with self._guard:
            last, coming = self._last, self._coming
            is_under_way = coming is not None and not coming.done()
            if coming is None or coming.done():
                coming = self._coming = self._thread.submit(self._make, services, pages)
        if last is not None and services.clock.monotonic() < last.looked_at + _OLD_SECONDS:
            is_large = len(last.of.statuses) >= self._large_from
            return last.listing if is_large or is_under_way else coming.result()
        return coming.result()

    def _make(self, services: ServerServices, pages: AccountsCache) -> EncodedListing:
        last, known = self._last, pages.take(services, goes_on=False)
        is_same = last is not None and last.of is known
        listing = last.listing if last is not None and is_same else pack(describe_compactly(services, known))
        self._last = _CachedListing(listing, known, services.clock.monotonic())
        return listing


@dataclass(frozen=True, slots=True)
class _CachedListing:
    """An answer, and of which accounts it is."""

    listing: EncodedListing
    of: KnownAccounts
    looked_at: float
    """When it was seen last that they are so still, in monotonic seconds."""


def pack(record: dict[str, Any]) -> EncodedListing:
    """The record as bytes, plain and compressed, with its tag."""
    plain = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    return EncodedListing(plain, gzip.compress(plain, _QUICK, mtime=0), make_tag(plain))


def describe_compactly(services: ServerServices, known: KnownAccounts) -> dict[str, Any]:
    """Everything that a tree of the organization shows.

    ``columns`` has one list for each field, all of one length and in the order of the inventory. A column of words is
    ``{"words": […], "at": […]}``: the different words, and for each account the place of its word.
    """
    inventory = known.inventory
    return {
        "schema_version": SCHEMA_VERSION,
        "organization_id": services.organization_id,
        "management_account_id": None if inventory is None else inventory.organization.management_account_id,
        "endpoint": services.endpoint.label,
        "listed_at": None if inventory is None else render_instant(inventory.listed_at),
        "organizational_units": [
            {"ou_id": unit.ou_id, "name": unit.name, "parent_id": unit.parent_id}
            for unit in (() if inventory is None else inventory.organizational_units)
        ],
        "kinds": [kind.value for kind in KIND_ORDER],
        "summary": known.summary,
        "root_logins_left_to_secure": known.left_to_secure,
        "columns": _list_columns(known.statuses),
    }


def _list_columns(statuses: Sequence[AccountStatus]) -> dict[str, Any]:
    accounts = [status.account for status in statuses]
    return {
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
        "kinds": [_add_up(status.summary) for status in statuses],
        "observed_at": [int(status.observed_at.timestamp()) if status.observed_at else None for status in statuses],
        "tags": [None if account.tags is None else dict(account.tags) for account in accounts],
    }


def _share_words(values: Iterable[Hashable]) -> dict[str, Any]:
    places: dict[Hashable, int] = {}
    at = [places.setdefault(value, len(places)) for value in values]
    return {"words": list(places), "at": at}


def _add_up(summary: RootCredentialsSummary | None) -> int | None:
    """``None`` where it wasn't read: that isn't 0, which says that nothing is there."""
    if summary is None:
        return None
    return sum(bit for kind, bit in KIND_BITS.items() if summary.has(kind))
