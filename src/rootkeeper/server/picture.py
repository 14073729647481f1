"""The picture of all accounts on the overview: by unit and status, by kind and age of credentials, and for deletion."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.deletion.readiness import DeletionReadiness, classify_readiness
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import (
    KIND_ORDER,
    AccountStatus,
    CredentialKind,
    LeftToSecure,
    RootCredentials,
    Status,
    classify_root_login,
    count_statuses,
)
from rootkeeper.server.accounts import AccountsCache, KnownAccounts, find_deletion_limits

AGE_DAYS = (30, 90, 365)
"""The limits between the groups of ages."""

_LASTS = timedelta(hours=1)
"""How long the groups of ages stay, if nothing else changes."""


@dataclass(frozen=True, slots=True)
class _DrawnPicture:
    """The last answer, and what it was made from."""

    known: KnownAccounts
    excepted: frozenset[AccountId]
    drawn_at: datetime
    answer: dict[str, Any]


class PictureCache:
    """Keeps the last picture while neither accounts nor exceptions change. Thread-safe."""

    def __init__(self) -> None:
        self._last: _DrawnPicture | None = None
        self._guard = threading.Lock()

    def take(
        self, services: ServerRuntime, pages: AccountsCache, exceptions: Iterable[DeletionException]
    ) -> dict[str, Any]:
        """:raises DatabaseError: if the database can't be read."""
        known, now = pages.take(services, is_later_page=False), services.clock.now()
        excepted = frozenset(exception.account_id for exception in exceptions if exception.is_in_force(now))
        with self._guard:
            last = self._last
            if last is None or last.known is not known or last.excepted != excepted or now - last.drawn_at > _LASTS:
                last = self._last = _DrawnPicture(known, excepted, now, draw(services, known, excepted, now))
            return last.answer


def draw(
    services: ServerRuntime, known: KnownAccounts, excepted: frozenset[AccountId], now: datetime
) -> dict[str, Any]:
    """Count the accounts in each way that the overview shows."""
    recent, stale_after = find_deletion_limits(services)
    by_unit: dict[str | None, list[AccountStatus]] = {}
    readiness: Counter[str | None] = Counter()
    safe: Counter[str | None] = Counter()
    for status in known.statuses:
        account = status.account
        ou_id = account.ou_ids[-1] if account.ou_ids else None
        by_unit.setdefault(ou_id, []).append(status)
        found = classify_readiness(status, recent, stale_after)
        if found is None:
            continue
        is_excepted = account.account_id in excepted
        readiness["exception" if is_excepted else found.value] += 1
        safe[ou_id] += found is DeletionReadiness.SAFE and not is_excepted
    return {
        "summary": known.summary,
        "root_logins_left_to_secure": known.left_to_secure,
        **_count_kept(known.statuses),
        "units": [
            {
                "ou_id": ou_id,
                "path": statuses[0].account.ou_path,
                "summary": count_statuses(statuses),
                "safe_to_delete": safe[ou_id],
            }
            for ou_id, statuses in by_unit.items()
        ],
        "deletion": {name: readiness[name] for name in ("safe", "used", "unread", "exception")},
        "recently_used_days": recent.days,
        "age_days": list(AGE_DAYS),
        "credentials": [_describe_kind(kind, known.statuses, now) for kind in KIND_ORDER],
    }


def _count_kept(statuses: Iterable[AccountStatus]) -> dict[str, int]:
    """Count what makes the known root logins differ from the accounts with the status ``present``."""
    counts = {"kept_in_order": 0, "kept_unsecured": 0}
    for status in statuses:
        is_there = status.status in {Status.PRESENT, Status.RECOVERY_OPEN}
        is_left = classify_root_login(status) is LeftToSecure.KNOWN
        counts["kept_in_order"] += is_there and not is_left
        counts["kept_unsecured"] += is_left and not is_there
    return counts


def _describe_kind(kind: CredentialKind, statuses: Iterable[AccountStatus], now: datetime) -> dict[str, Any]:
    ages, unread = [0] * (len(AGE_DAYS) + 1), 0
    for status in statuses:
        if status.summary is None or not status.summary.has(kind):
            continue
        created_at = None if status.details is None else _find_oldest(kind, status.details)
        if created_at is None:
            unread += 1
        else:
            ages[sum((now - created_at).days >= days for days in AGE_DAYS)] += 1
    return {"kind": kind.value, "accounts": sum(ages) + unread, "ages": ages, "unread": unread}


def _find_oldest(kind: CredentialKind, details: RootCredentials) -> datetime | None:
    """Find when the oldest credential of a kind was created; ``None`` if the details have none of this kind."""
    profile = details.login_profile
    created = {
        CredentialKind.PASSWORD: [profile.created_at] if profile else [],
        CredentialKind.ACCESS_KEYS: [key.created_at for key in details.access_keys],
        CredentialKind.SIGNING_CERTIFICATES: [certificate.uploaded_at for certificate in details.signing_certificates],
        CredentialKind.MFA_DEVICES: [device.enabled_at for device in details.mfa_devices],
    }[kind]
    return min(created, default=None)
