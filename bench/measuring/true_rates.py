"""Audits of an organization in which AssumeRoot is limited to another rate than AWS publishes, also in mid-run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from statistics import median

from measuring.audits import Result
from measuring.sandboxes import Sandbox
from measuring.tables import render_table

WANTED = 0.75
_LOOK_SECONDS = 0.1
HEAD = ("true rate of AssumeRoot", "accounts", "wall s", "reading s", "least s", "reached", "throttles", "lost")


@dataclass(frozen=True, slots=True)
class TrueRate:
    """What AssumeRoot is limited to, from so many seconds after the first one on."""

    per_second: float
    burst: float
    since: float

    def order(self, sandbox: Sandbox) -> None:
        sandbox.order_rate("sts", "AssumeRoot", self.per_second, self.burst)


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of one audit, in their order."""

    text: str
    rates: tuple[TrueRate, ...]

    @contextmanager
    def limit(self, sandbox: Sandbox) -> Iterator[None]:
        """Order the first rate, and each of the others when its moment has come, counted from the first AssumeRoot."""
        self.rates[0].order(sandbox)
        is_over = threading.Event()
        changes = threading.Thread(target=self._change, args=(sandbox, sandbox.last_request_number(), is_over))
        changes.start()
        try:
            yield
        finally:
            is_over.set()
            changes.join()

    def _change(self, sandbox: Sandbox, number: int, is_over: threading.Event) -> None:
        while len(self.rates) > 1 and not is_over.wait(_LOOK_SECONDS):
            requests = sandbox.requests(number)
            if any(request["operation"] == "AssumeRoot" for request in requests):
                break
        began = time.monotonic()
        for rate in self.rates[1:]:
            if is_over.wait(rate.since - (time.monotonic() - began)):
                return
            rate.order(sandbox)

    def find_least_seconds(self, calls: int) -> float:
        """How long ``calls`` take a client that always calls just in time. A change fills the bucket again."""
        left = float(calls)
        for rate, following in zip(self.rates, (*self.rates[1:], None), strict=True):
            ends = inf if following is None else following.since
            if left <= rate.burst + rate.per_second * (ends - rate.since):
                return rate.since + max(0.0, left - rate.burst) / rate.per_second
            left -= rate.burst + rate.per_second * (ends - rate.since)
        raise AssertionError("the last rate has no end")


def parse_rates(text: str) -> Rates:
    """Parse ``PER_SECOND[:BURST][@SECONDS]``, and more of them after commas.

    :raises ValueError: if it is something else.
    """
    rates = []
    for part in text.split(","):
        rate, _, since = part.partition("@")
        per_second, _, burst = rate.partition(":")
        rates.append(TrueRate(float(per_second), float(burst or per_second), float(since or 0)))
    if [rate.since for rate in rates] != sorted({rate.since for rate in rates}) or rates[0].since:
        raise ValueError("the first rate begins at 0, each of the others later than the one before.")
    return Rates(text, tuple(rates))


@dataclass(frozen=True, slots=True)
class RateLine:
    """All audits with the same rates."""

    rates: Rates
    accounts: int
    listing_seconds: float
    """The least that the listing takes, because an account is read only when it is listed."""
    results: Sequence[Result]

    @property
    def least_seconds(self) -> float:
        return max(self.listing_seconds, self.rates.find_least_seconds(self.results[0].accounts))

    @property
    def reached(self) -> float:
        return self.least_seconds / median(result.session_seconds for result in self.results)

    @property
    def lost(self) -> int:
        return max(result.lost for result in self.results)


def render_rates(lines: Sequence[RateLine]) -> str:
    rows = [
        (
            line.rates.text,
            f"{line.accounts:,}",
            f"{median(result.wall_seconds for result in line.results):.1f}",
            f"{median(result.session_seconds for result in line.results):.1f}",
            f"{line.least_seconds:.1f}",
            f"{line.reached:.0%}",
            str(max(result.throttles for result in line.results)),
            str(line.lost),
        )
        for line in lines
    ]
    return render_table(HEAD, rows)


def explain_rates(lines: Sequence[RateLine]) -> Iterator[str]:
    missed = [line.rates.text for line in lines if line.reached < WANTED]
    lost = [line.rates.text for line in lines if line.lost]
    yield (
        f"Wanted: ≥ {WANTED:.0%} of the true rate, none lost. "
        + (f"Missed: {', '.join(dict.fromkeys(missed + lost))}." if missed or lost else "Reached in all of them.")
    )
    yield (
        "true rate: calls a second, :burst where it is another number, @second after the first of them from which it"
        " holds."
    )
    yield (
        "least: what a client needs that knows the rate and calls just in time, bursts counted in, and not less than"
        " ListAccounts takes at its published rate. reading: from the"
        " first AssumeRoot to the last. reached: least ÷ reading. wall: of the whole program."
    )
    yield "lost: accounts that can be read and weren't reported with their true status, such as throttled ones."
