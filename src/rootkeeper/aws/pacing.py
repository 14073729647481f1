"""Keeps the calls of this process below the rates that AWS publishes, and near those that it really allows.

Each quota has a token bucket; ``quota_states`` has its rules. A draw may leave a debt, which says when each of
its tokens becomes due. Callers wait in turn, so a change of the pace reaches all who still wait.

A quota is an API of Organizations or Account Management, or STS as a whole, per caller account and Region. Every
attempt takes a token, retries included. AssumeRoot counts against the caller's account, not the target account; calls
inside a root session count against the member account and aren't paced.

Processes on the same database share the buckets. A draw then costs a transaction, so a quarter of a second's worth is
drawn at once. If the store can't be written, the process continues with buckets of its own, at the same pace.

Source: Organizations User Guide, "Quotas and service limits"; IAM User Guide, "IAM and AWS STS quotas"; Account
Management Reference Guide, "Quotas"; Security Hub API Reference, "Welcome".
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, Protocol, TypeVar

from botocore.client import BaseClient
from sqlalchemy import delete, insert, select

from rootkeeper.aws.errors import ERRORS
from rootkeeper.aws.quota_states import (
    ONE_THROTTLE_SECONDS,
    Draw,
    QuotaState,
    Rate,
    count_accepted,
    draw,
    fill,
    slow_down,
)
from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.errors import AwsThrottledError, DatabaseError
from rootkeeper.ledger.writer import GroupCommit, WriteTransaction


class QuotaStore(Protocol):
    """The buckets of a caller account and Region; safe in many threads."""

    @property
    def drawn_ahead_seconds(self) -> float:
        """How long the tokens of a draw should last: 0 if a draw costs nothing."""
        ...

    def draw(self, quota: str, rate: Rate, count: int, accepted: int) -> Draw:
        """Take ``count`` tokens of the quota; a new quota has its full burst.

        :param accepted: calls that AWS accepted since this process last said so.
        :raises DatabaseError: if the store can't be written.
        """
        ...

    def slow_down(self, quota: str, rate: Rate, accepted: int) -> None:
        """Lower the pace of the quota, because AWS has throttled.

        :raises DatabaseError: if the store can't be written.
        """
        ...


GIVE_UP_SECONDS = 60.0
"""For how long calls that AWS throttles are repeated while nothing else gets through."""

STALE_SECONDS = 1.0
"""This long after it was due, an unused token is dropped: its bucket has filled again, and both together would be more
than AWS allows at once.
"""


class LocalQuotaStore:
    """Implements ``QuotaStore`` for this process alone."""

    drawn_ahead_seconds = 0.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._states: dict[str, QuotaState] = {}
        self._guard = threading.Lock()

    def draw(self, quota: str, rate: Rate, count: int, accepted: int) -> Draw:
        with self._guard:
            now = self._clock.monotonic()
            state = count_accepted(self._states.get(quota) or fill(rate, now), accepted, now)
            self._states[quota], drawn = draw(state, rate, count, now)
            return drawn

    def slow_down(self, quota: str, rate: Rate, accepted: int) -> None:
        with self._guard:
            now = self._clock.monotonic()
            state = count_accepted(self._states.get(quota) or fill(rate, now), accepted, now)
            self._states[quota] = slow_down(state, rate, now)


class QuotaBucket:
    """A quota as this process draws on it; safe in many threads."""

    def __init__(self, quota: str, rate: Rate, clock: Clock, store: QuotaStore) -> None:
        self._quota = quota
        self._rate = rate
        self._clock = clock
        self._store = store
        self._per_second = rate.per_second
        self.throttles = 0
        """How often AWS has throttled this process."""
        self._slowed_at: float | None = None
        self._due: deque[float] = deque()
        self._accepted = 0
        self._turn = threading.Lock()
        """Held by the caller that waits for its token; the others wait for this lock."""
        self._guard = threading.Lock()
        self._counting = threading.Lock()

    def share(self, store: QuotaStore) -> None:
        """Draw on a store that other processes share, from now on."""
        with self._guard:
            self._store = store

    def take(self) -> None:
        """Take a token; sleep until it is due."""
        with self._turn:
            with self._guard:
                self._give_up_stale()
                if not self._due:
                    self._draw()
                wait_seconds = self._due.popleft() - self._clock.monotonic()
            if wait_seconds > 0:
                self._clock.sleep(wait_seconds)

    def find_drawn(self) -> float | None:
        """Take a token that was drawn already, and return the seconds until it is due; ``None`` if there is none.

        The caller lets one account at a time wait.
        """
        with self._guard:
            self._give_up_stale()
            if not self._due and self._store.drawn_ahead_seconds == 0:
                self._draw()
            return max(0.0, self._due.popleft() - self._clock.monotonic()) if self._due else None

    def draw_ahead(self) -> None:
        """Draw tokens for :meth:`find_drawn`; may wait for the store."""
        with self._guard:
            if not self._due:
                self._draw()

    def accept(self) -> None:
        """Note that AWS has accepted a call."""
        with self._counting:
            self._accepted += 1

    def slow_down(self) -> None:
        """Note that AWS has throttled a call."""
        with self._guard:
            self.throttles += 1
            now = self._clock.monotonic()
            if self._slowed_at is not None and now - self._slowed_at < ONE_THROTTLE_SECONDS:
                return
            self._slowed_at = now
            self._due.clear()
            accepted = self._take_accepted()
            try:
                self._store.slow_down(self._quota, self._rate, accepted)
            except DatabaseError:
                self._continue_locally()
                self._store.slow_down(self._quota, self._rate, accepted)

    def _give_up_stale(self) -> None:
        latest = self._clock.monotonic() - STALE_SECONDS
        while self._due and self._due[0] < latest:
            self._due.popleft()

    def _take_accepted(self) -> int:
        with self._counting:
            accepted, self._accepted = self._accepted, 0
        return accepted

    def _draw(self) -> None:
        count, accepted = max(1, int(self._per_second * self._store.drawn_ahead_seconds)), self._take_accepted()
        try:
            drawn = self._store.draw(self._quota, self._rate, count, accepted)
        except DatabaseError:
            self._continue_locally()
            drawn = self._store.draw(self._quota, self._rate, count, accepted)
        self._per_second = drawn.per_second
        now = self._clock.monotonic()
        self._due.extend(now + drawn.wait_seconds(number) for number in range(1, drawn.count + 1))

    def _continue_locally(self) -> None:
        self._store = LocalQuotaStore(self._clock)


STS_RATE = Rate(600, 600)
"""All STS operations of an account in a Region together."""

ACCOUNT_RATES: Mapping[str, Rate] = {
    "AcceptPrimaryEmailUpdate": Rate(1, 1),
    "GetPrimaryEmail": Rate(3, 3),
    "StartPrimaryEmailUpdate": Rate(1, 1),
}
"""Per account and API. StartPrimaryEmailUpdate's other rate, 3 in 30 seconds for each target, is left to AWS: no
command sends two for the same account.
"""

ORGANIZATIONS_RATES: Mapping[str, Rate] = {
    "DeregisterDelegatedAdministrator": Rate(1, 2),
    "DescribeAccount": Rate(20, 30),
    "DescribeOrganization": Rate(1, 2),
    "DescribePolicy": Rate(2, 2),
    "DisableAWSServiceAccess": Rate(1, 2),
    "EnableAWSServiceAccess": Rate(1, 2),
    "ListAWSServiceAccessForOrganization": Rate(1, 3),
    "ListAccounts": Rate(8, 12),
    "ListAccountsForParent": Rate(5, 8),
    "ListDelegatedAdministrators": Rate(5, 8),
    "ListOrganizationalUnitsForParent": Rate(5, 8),
    "ListPolicies": Rate(5, 8),
    "ListPoliciesForTarget": Rate(5, 8),
    "ListRoots": Rate(1, 2),
    "ListTagsForResource": Rate(10, 15),
    "ListTargetsForPolicy": Rate(5, 8),
    "RegisterDelegatedAdministrator": Rate(1, 2),
}
"""Per account and API; the rates per organization are higher."""


SECURITY_HUB_RATES: Mapping[str, Rate] = {"BatchImportFindings": Rate(10, 30), "GetFindings": Rate(3, 6)}
"""Per account, Region and API. Calls to several Regions share a bucket here."""


class Pacer:
    """The buckets of a caller account and Region."""

    def __init__(self, clock: Clock, api_share: float) -> None:
        rates = {("organizations", operation): rate for operation, rate in ORGANIZATIONS_RATES.items()}
        rates |= {("account", operation): rate for operation, rate in ACCOUNT_RATES.items()}
        rates |= {("securityhub", operation): rate for operation, rate in SECURITY_HUB_RATES.items()}
        rates["sts", ""] = STS_RATE
        own = LocalQuotaStore(clock)
        self._buckets = {
            (service, operation): QuotaBucket(f"{service}:{operation or '*'}", rate.share(api_share), clock, own)
            for (service, operation), rate in rates.items()
        }

    def share(self, store: QuotaStore) -> None:
        """Draw on buckets that the processes on the same database share."""
        for bucket in self._buckets.values():
            bucket.share(store)

    def bucket_of(self, service: str, operation: str) -> QuotaBucket:
        """Return the bucket of an operation with a published rate."""
        return self._buckets[service, "" if service == "sts" else operation]

    def find_bucket(self, service: str, operation: str) -> QuotaBucket | None:
        """Find the bucket of an operation; ``None`` if AWS publishes no rate for it."""
        return self._buckets.get((service, "" if service == "sts" else operation))

    def take(self, service: str, operation: str) -> None:
        """Wait for a token of the operation's bucket."""
        bucket = self.find_bucket(service, operation)
        if bucket is not None:
            bucket.take()

    def count_throttles(self) -> dict[str, int]:
        """Count how often AWS has throttled this process, by quota (``organizations:ListAccounts``), zeros included."""
        return {
            f"{service}:{operation or '*'}": bucket.throttles for (service, operation), bucket in self._buckets.items()
        }

    def note_answer(self, service: str, operation: str, *, is_throttled: bool) -> None:
        """Note whether AWS has throttled or accepted a call of the operation."""
        bucket = self.find_bucket(service, operation)
        if bucket is not None and is_throttled:
            bucket.slow_down()
        elif bucket is not None:
            bucket.accept()


def pace_calls(client: BaseClient, service: str, find_pacer: Callable[[], Pacer]) -> None:
    """Keep the calls of ``client`` below the published rates, retries included."""

    def pace(operation_name: str, **_: object) -> None:
        find_pacer().take(service, operation_name)

    def notice(event_name: str, parsed_response: Mapping[str, Any] | None, **_: object) -> None:
        if parsed_response is not None:
            is_throttled = ERRORS.get(parsed_response.get("Error", {}).get("Code")) is AwsThrottledError
            find_pacer().note_answer(service, event_name.rpartition(".")[2], is_throttled=is_throttled)

    # The first handler, so that the signature isn't older than the wait for a token.
    client.meta.events.register_first(f"request-created.{service}", pace)
    client.meta.events.register(f"response-received.{service}", notice)


T = TypeVar("T")
_columns = schema.quota_states.c
_STATE = tuple(field.name for field in fields(QuotaState))


class SqlQuotas:
    """Implements ``QuotaStore`` for the processes on the same database; each draw is a transaction.

    It uses the wall clock, the only clock that processes share. A bucket keeps its tokens, debt and pace if its rate
    (its share) changes.
    """

    drawn_ahead_seconds = 0.25

    def __init__(self, commits: GroupCommit, organization_id: str, caller: str, clock: Clock) -> None:
        """:param caller: the owner of the quotas: caller account, Region and endpoint."""
        self._commits = commits
        self._organization_id = organization_id
        self._caller = caller
        self._clock = clock

    def draw(self, quota: str, rate: Rate, count: int, accepted: int) -> Draw:
        return self._change(quota, rate, accepted, lambda state, now: draw(state, rate, count, now))

    def slow_down(self, quota: str, rate: Rate, accepted: int) -> None:
        self._change(quota, rate, accepted, lambda state, now: (slow_down(state, rate, now), None))

    def _change(
        self, quota: str, rate: Rate, accepted: int, change: Callable[[QuotaState, float], tuple[QuotaState, T]]
    ) -> T:
        key = {"organization_id": self._organization_id, "quota": f"{self._caller} {quota}"}
        is_bucket = (_columns.organization_id == key["organization_id"]) & (_columns.quota == key["quota"])

        def work(transaction: WriteTransaction) -> T:
            now = self._clock.now().timestamp()
            row = transaction.connection.execute(select(schema.quota_states).where(is_bucket)).one_or_none()
            state = fill(rate, now)
            if row is not None:
                state = QuotaState(**{name: getattr(row, name) for name in _STATE})
            changed, answer = change(count_accepted(state, accepted, now), now)
            transaction.connection.execute(delete(schema.quota_states).where(is_bucket))
            transaction.connection.execute(insert(schema.quota_states).values(**key, **asdict(changed)))
            return answer

        return self._commits.run(work)
