"""Keeps the calls of this process below the published rates: one token bucket per quota, which adapts.

A bucket holds at most ``burst`` tokens and gains ``per_second`` each second. A draw may leave a debt, which says when
each of its tokens becomes due. A throttle halves the pace and empties the bucket; each quiet second raises the pace by
the same amount, up to the published rate. So several processes that share a quota converge to equal parts of it.

A quota is an API of Organizations or Account Management, or STS as a whole, for one caller account and Region. Every
attempt takes a token, retries included. AssumeRoot counts against the caller's account, not the target account; calls
inside a root session count against the member account and aren't paced.

Processes on one database share the buckets. A draw then costs a transaction, so a quarter of a second's worth is drawn
at once. If the store can't be written, the process continues with buckets of its own, at the same pace.

Source: Organizations User Guide, "Quotas and service limits"; IAM User Guide, "IAM and AWS STS quotas"; Chiu and Jain,
"Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeVar

from botocore.client import BaseClient
from sqlalchemy import delete, insert, select

from rootkeeper.aws.errors import ERRORS
from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.errors import AwsThrottledError, DatabaseError
from rootkeeper.ledger.writer import GroupCommit, WriteTransaction

SLOWEST_PACE = 1 / 64
"""The smallest part of the rate, however often AWS throttles."""
QUIET_SECONDS = 1.0
"""After each such time without a throttle, the pace rises by ``_RISE``."""
ONE_THROTTLE_SECONDS = 0.5
"""Throttles within this time count as one: they answer calls that were sent before the pace was halved."""
LATE_SECONDS = 0.1
"""The first request has a new connection, so it may arrive this much later than those that follow. AWS counts when
requests arrive, we when they are sent.
"""
_RISE = 0.1


@dataclass(frozen=True, slots=True)
class Rate:
    """A published rate."""

    per_second: float
    burst: int

    def share(self, part: float) -> Rate:
        """Return a part of the rate, above 0 and up to 1. The burst leaves room for ``LATE_SECONDS``."""
        room = math.ceil(self.per_second * LATE_SECONDS)
        return Rate(self.per_second * part, max(1, min(int(self.burst * part), self.burst - room)))


@dataclass(frozen=True, slots=True)
class QuotaState:
    """One bucket at one moment. Times are seconds of one clock, which may jump."""

    tokens: float
    """Below 0: a debt, because tokens were drawn ahead."""
    counted_at: float
    pace: float = 1.0
    """The part of the rate just after the last throttle, from ``SLOWEST_PACE`` to 1; it rises with time."""
    throttled_at: float = 0.0
    """When the last throttle was."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Tokens taken from a bucket, and when each becomes due."""

    count: int
    tokens: float
    """The tokens in the bucket before the draw."""
    per_second: float

    def wait_seconds(self, number: int) -> float:
        """Return how long after the draw its token ``number`` (from 1) becomes due."""
        return max(0.0, (number - self.tokens) / self.per_second)


def fill(rate: Rate, now: float) -> QuotaState:
    """Make a full bucket."""
    return QuotaState(tokens=float(rate.burst), counted_at=now, throttled_at=now)


def draw(state: QuotaState, rate: Rate, count: int, now: float) -> tuple[QuotaState, Draw]:
    """Take ``count`` tokens. A clock that jumps back adds no tokens; one that jumps ahead adds at most a burst."""
    throttled_at = min(state.throttled_at, now)
    per_second = rate.per_second * _current_pace(state, now)
    elapsed = max(0.0, now - state.counted_at)
    tokens = min(float(rate.burst), state.tokens + elapsed * per_second)
    return QuotaState(tokens - count, now, state.pace, throttled_at), Draw(count, tokens, per_second)


def slow_down(state: QuotaState, now: float) -> QuotaState:
    """Halve the pace after a throttle."""
    if state.pace < 1 and 0 <= now - state.throttled_at < ONE_THROTTLE_SECONDS:
        return state
    pace = max(SLOWEST_PACE, _current_pace(state, now) / 2)
    return QuotaState(min(state.tokens, 0.0), counted_at=now, pace=pace, throttled_at=now)


def _current_pace(state: QuotaState, now: float) -> float:
    quiet_seconds = int(max(0.0, now - state.throttled_at) / QUIET_SECONDS)
    return min(1.0, state.pace + _RISE * quiet_seconds)


class QuotaStore(Protocol):
    """The buckets of one caller account and Region; safe in many threads."""

    @property
    def drawn_ahead_seconds(self) -> float:
        """How long the tokens of one draw should last: 0 if a draw costs nothing."""
        ...

    def draw(self, quota: str, rate: Rate, count: int) -> Draw:
        """Take ``count`` tokens of the quota; a new quota has its full burst.

        :raises DatabaseError: if the store can't be written.
        """
        ...

    def slow_down(self, quota: str, rate: Rate) -> None:
        """Halve the pace of the quota, because AWS has throttled.

        :raises DatabaseError: if the store can't be written.
        """
        ...


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

    def draw(self, quota: str, rate: Rate, count: int) -> Draw:
        with self._guard:
            now = self._clock.monotonic()
            state = self._states.get(quota) or fill(rate, now)
            self._states[quota], drawn = draw(state, rate, count, now)
            return drawn

    def slow_down(self, quota: str, rate: Rate) -> None:
        with self._guard:
            now = self._clock.monotonic()
            self._states[quota] = slow_down(self._states.get(quota) or fill(rate, now), now)


class QuotaBucket:
    """One quota as this process draws on it; safe in many threads, which are served in order."""

    def __init__(self, quota: str, rate: Rate, clock: Clock, store: QuotaStore) -> None:
        self._quota = quota
        self._rate = rate
        self._clock = clock
        self._store = store
        self._per_second = rate.per_second
        self.throttles = 0
        """How often AWS has throttled this process."""
        self._due: deque[float] = deque()
        self._guard = threading.Lock()

    def share(self, store: QuotaStore) -> None:
        """Draw on a store that other processes share, from now on."""
        with self._guard:
            self._store = store

    def take(self) -> None:
        """Take one token; sleep until it is due."""
        with self._guard:
            self._give_up_stale()
            if not self._due:
                self._draw()
            wait_seconds = self._due.popleft() - self._clock.monotonic()
        if wait_seconds > 0:
            self._clock.sleep(wait_seconds)

    def find_drawn(self) -> float | None:
        """Take a token that was drawn already, and return the seconds until it is due; ``None`` if there is none."""
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

    def slow_down(self) -> None:
        """Note that AWS has throttled."""
        with self._guard:
            self.throttles += 1
            self._due.clear()
            try:
                self._store.slow_down(self._quota, self._rate)
            except DatabaseError:
                self._continue_locally()
                self._store.slow_down(self._quota, self._rate)

    def _give_up_stale(self) -> None:
        latest = self._clock.monotonic() - STALE_SECONDS
        while self._due and self._due[0] < latest:
            self._due.popleft()

    def _draw(self) -> None:
        count = max(1, int(self._per_second * self._store.drawn_ahead_seconds))
        try:
            drawn = self._store.draw(self._quota, self._rate, count)
        except DatabaseError:
            self._continue_locally()
            drawn = self._store.draw(self._quota, self._rate, count)
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
command sends two for one account.
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


class Pacer:
    """The buckets of one caller account and Region."""

    def __init__(self, clock: Clock, api_share: float) -> None:
        rates = {("organizations", operation): rate for operation, rate in ORGANIZATIONS_RATES.items()}
        rates |= {("account", operation): rate for operation, rate in ACCOUNT_RATES.items()}
        rates["sts", ""] = STS_RATE
        own = LocalQuotaStore(clock)
        self._buckets = {
            (service, operation): QuotaBucket(f"{service}:{operation or '*'}", rate.share(api_share), clock, own)
            for (service, operation), rate in rates.items()
        }

    def share(self, store: QuotaStore) -> None:
        """Draw on buckets that the processes on one database share."""
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

    def slow_down(self, service: str, operation: str) -> None:
        """Halve the pace of the operation's quota, because AWS has throttled it."""
        bucket = self.find_bucket(service, operation)
        if bucket is not None:
            bucket.slow_down()


def pace_calls(client: BaseClient, service: str, find_pacer: Callable[[], Pacer]) -> None:
    """Keep the calls of ``client`` below the published rates, retries included."""

    def pace(operation_name: str, **_: object) -> None:
        find_pacer().take(service, operation_name)

    def notice(event_name: str, parsed_response: Mapping[str, Any] | None, **_: object) -> None:
        code = (parsed_response or {}).get("Error", {}).get("Code")
        if ERRORS.get(code) is AwsThrottledError:
            find_pacer().slow_down(service, event_name.rpartition(".")[2])

    # The first handler, so that the signature isn't older than the wait for a token.
    client.meta.events.register_first(f"request-created.{service}", pace)
    client.meta.events.register(f"response-received.{service}", notice)


T = TypeVar("T")
_columns = schema.quota_states.c


class SqlQuotas:
    """Implements ``QuotaStore`` for the processes on one database; a draw is one transaction.

    It uses the wall clock, the only one that processes share. A bucket keeps its tokens, debt and pace if its rate
    (its share) changes.
    """

    drawn_ahead_seconds = 0.25

    def __init__(self, commits: GroupCommit, organization_id: str, caller: str, clock: Clock) -> None:
        """:param caller: the owner of the quotas: caller account, Region and endpoint."""
        self._commits = commits
        self._organization_id = organization_id
        self._caller = caller
        self._clock = clock

    def draw(self, quota: str, rate: Rate, count: int) -> Draw:
        return self._change(quota, rate, lambda state, now: draw(state, rate, count, now))

    def slow_down(self, quota: str, rate: Rate) -> None:
        self._change(quota, rate, lambda state, now: (slow_down(state, now), None))

    def _change(self, quota: str, rate: Rate, change: Callable[[QuotaState, float], tuple[QuotaState, T]]) -> T:
        key = {"organization_id": self._organization_id, "quota": f"{self._caller} {quota}"}
        is_bucket = (_columns.organization_id == key["organization_id"]) & (_columns.quota == key["quota"])

        def work(transaction: WriteTransaction) -> T:
            now = self._clock.now().timestamp()
            row = transaction.connection.execute(select(schema.quota_states).where(is_bucket)).one_or_none()
            state = fill(rate, now)
            if row is not None:
                state = QuotaState(row.tokens, row.counted_at, row.pace, row.throttled_at)
            changed, answer = change(state, now)
            transaction.connection.execute(delete(schema.quota_states).where(is_bucket))
            transaction.connection.execute(insert(schema.quota_states).values(**key, **asdict(changed)))
            return answer

        return self._commits.run(work)
