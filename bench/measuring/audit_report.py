"""The table of audits: what each kind cost, beside the least that it could have cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from statistics import median

from measuring.audits import CONCURRENCY, Result
from measuring.floors import Floor
from measuring.tables import Row, render_table


class Kind(StrEnum):
    """Who audited, and how."""

    COLD = "cold"
    WARM = "warm"
    BY_BOTOCORE = "botocore"
    BAD_DAY = "bad day"
    SCRIPT = "script"
    SCRIPT_IN_THREADS = "script x 10"
    SHARED_CLIENT = "one client"


RATED_SIZE = 10_000
RATIO_WANTED = {Kind.COLD: 1.05, Kind.WARM: 1.2}
"""÷rate, of that many accounts."""
MILLISECONDS_WANTED = 1.5
MEGABYTES_WANTED = {10_000: 250, 50_000: 500}
RIVALS = frozenset({Kind.SCRIPT, Kind.SCRIPT_IN_THREADS, Kind.SHARED_CLIENT})
SAMPLED = frozenset({Kind.SCRIPT, Kind.SCRIPT_IN_THREADS})
HEAD = (
    "accounts",
    "wall s",
    "÷rate",
    "÷lat.",
    "CPU s",
    "ms each",
    "÷sign",
    "calls",
    "÷least",
    "throttles",
    "lost",
    "MB",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: all runs of one kind."""

    accounts: int
    kind: Kind
    results: Sequence[Result]
    floor: Floor

    @property
    def name(self) -> str:
        return f"{self.accounts:,} {self.kind}"


@dataclass(frozen=True, slots=True)
class Report:
    """All lines, and what their ratios rest on."""

    lines: Sequence[Line]
    start_seconds: float
    """CPU of an audit that has next to nothing to read."""
    signing_milliseconds: float
    """CPU of signing and parsing alone, for each account."""

    @property
    def lost(self) -> int:
        """Accounts that Rootkeeper lost."""
        return sum(result.lost for line in self.lines if line.kind not in RIVALS for result in line.results)

    def render_table(self) -> str:
        return render_table(HEAD, [self._render(line) for line in self.lines])

    def explain(self) -> Iterator[str]:
        """What was wanted, what the columns mean, and how often was measured."""
        yield self._evaluate()
        yield f"Medians, but throttles, lost and MB (peak memory) are the worst of the runs. {self._describe_runs()}."
        yield (
            "÷rate: wall ÷ (calls ÷ AWS's published rate), for the quota that takes longest. Bursts aren't counted in,"
            f" so that it can be below 1. {self._describe_floors()}."
        )
        yield f"÷lat.: wall ÷ (latency * two calls for each account that can be read ÷ {CONCURRENCY} at a time)."
        yield (
            f"ms each: CPU for each account, without the {self.start_seconds:.1f} s of an audit of a dozen accounts."
            f" ÷sign: the same ÷ the {self.signing_milliseconds:.2f} ms that botocore takes on this machine to sign the"
            " two calls and to parse their answers."
        )
        yield "÷least: calls ÷ (two for each account that can be read, and when cold the pages of accounts and units)."
        yield "lost: accounts that can be read and weren't reported with their true status."
        busiest = max(result.sandbox_load for line in self.lines for result in line.results)
        yield f"Sandbox and client share the cores. The sandbox took up to {busiest:.0%} of one; it isn't in the CPU."

    def _evaluate(self) -> str:
        """Whether the medians are as wanted; of what is lost and of memory, whether the worst is."""
        ours = [line for line in self.lines if line.kind not in RIVALS]
        measured = [line for line in ours if line.kind in RATIO_WANTED]
        rates = [line for line in measured if line.accounts == RATED_SIZE]
        missed = [
            *(f"÷rate of {one.name}" for one in rates if self._find_ratio(one) > RATIO_WANTED[one.kind]),
            *(f"ms each of {one.name}" for one in measured if self._find_milliseconds(one) > MILLISECONDS_WANTED),
            *(f"lost of {one.name}" for one in ours if any(result.lost for result in one.results)),
            *(
                f"MB of {one.name}"
                for one in measured
                if _find_megabytes(one) > MEGABYTES_WANTED.get(one.accounts, inf)
            ),
        ]
        wanted = (
            f"÷rate ≤ {RATIO_WANTED[Kind.COLD]} cold and ≤ {RATIO_WANTED[Kind.WARM]} warm, of {RATED_SIZE:,} accounts; "
            f"ms each ≤ {MILLISECONDS_WANTED}, cold and warm; none lost, on a bad day neither; "
            f"{' and '.join(f'≤ {most} MB of {size:,}' for size, most in MEGABYTES_WANTED.items())}"
        )
        return f"Wanted: {wanted}. " + (f"Missed: {'; '.join(missed)}." if missed else "Reached in all of them.")

    def _describe_runs(self) -> str:
        names: dict[int, list[str]] = {}
        for line in self.lines:
            names.setdefault(len(line.results), []).append(line.name)
        counts = sorted(names, reverse=True)
        rest = [f"{count} of {', '.join(names[count])}" for count in counts[1:]]
        return "; ".join([f"Runs: {counts[0]} of each kind", *rest])

    def _describe_floors(self) -> str:
        ours = [line for line in self.lines if line.kind in (Kind.COLD, Kind.WARM)]
        return "; ".join(f"{line.name}: {line.floor.quota}, {line.floor.quota_seconds:.1f} s" for line in ours)

    def _render(self, line: Line) -> Row:
        wall = median(result.wall_seconds for result in line.results)
        cpu = median(result.cpu_seconds for result in line.results)
        calls = median(result.calls for result in line.results)
        milliseconds = self._find_milliseconds(line)
        mark = "≈" if line.kind in SAMPLED else ""
        return (
            line.name,
            mark + _render_seconds(wall),
            _render_ratio(self._find_ratio(line)),
            _render_ratio(wall / line.floor.latency_seconds),
            mark + _render_seconds(cpu),
            _render_ratio(milliseconds),
            _render_ratio(milliseconds / self.signing_milliseconds),
            f"{mark}{calls:,.0f}",
            f"{calls / line.floor.calls:.2f}",
            str(max(result.throttles for result in line.results)),
            str(max(result.lost for result in line.results)),
            f"{_find_megabytes(line):.0f}",
        )

    def _find_ratio(self, line: Line) -> float:
        return median(result.wall_seconds for result in line.results) / line.floor.quota_seconds

    def _find_milliseconds(self, line: Line) -> float:
        """Of rivals the start isn't measured at all."""
        start = 0.0 if line.kind in RIVALS else self.start_seconds
        return median((result.cpu_seconds - start) / result.accounts * 1000 for result in line.results)


def _find_megabytes(line: Line) -> float:
    return max(result.peak_memory_bytes for result in line.results) / 1e6


def _render_seconds(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 1000 else f"{seconds:,.0f}"


def _render_ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"
