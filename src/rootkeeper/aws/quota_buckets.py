"""One quota as this process draws on it: tokens, each with the moment from which it may be used.

Where the buckets are shared with other processes a draw costs a transaction, so a quarter of a second's worth is drawn
at once. A store that can't be written is no reason to stop: the process goes on by itself, at the same pace.
"""

from __future__ import annotations

import threading
from collections import deque

from rootkeeper.domain.quotas import Draw, QuotaState, Rate, draw, fill, slow_down
from rootkeeper.errors import DatabaseError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.quotas import QuotaStore

STALE_SECONDS = 1.0
"""So long after it was due a token that was drawn ahead is given up: the bucket that it came from has filled up again,
and both together would be more than AWS allows at once.
"""


class LocalQuotaStore:
    """The buckets of this process alone; implements the port QuotaStore."""

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
    """Safe in many threads; those that wait are served in order."""

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
        """From now on draw on buckets that other processes draw on too."""
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
        """Take one token that is drawn already: how many seconds until it is due; ``None`` if there is none."""
        with self._guard:
            self._give_up_stale()
            if not self._due and self._store.drawn_ahead_seconds == 0:
                self._draw()
            return max(0.0, self._due.popleft() - self._clock.monotonic()) if self._due else None

    def draw_ahead(self) -> None:
        """Draw what :meth:`find_drawn` takes; may wait for the store."""
        with self._guard:
            if not self._due:
                self._draw()

    def slow_down(self) -> None:
        """AWS has throttled."""
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
