"""Audits as measured: what the program printed, what the sandbox saw of it, and what got lost between them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from measuring.floors import Floor, Organization, find_floor
from measuring.processes import Measurement, measure
from measuring.sandboxes import Sandbox, run_sandbox

ROOTKEEPER = str(Path(sys.executable).with_name("rootkeeper"))
RIVALS = str(Path(__file__).with_name("rivals.py"))
CONCURRENCY = 128
"""Accounts that Rootkeeper reads at the same time: the setting's default."""
_THROTTLING = ("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded")


@dataclass(frozen=True, slots=True)
class Stage:
    """A sandbox, and what is in it."""

    sandbox: Sandbox
    organization: Organization
    latency_seconds: float

    def find_floor(self, share: float, *, is_cold: bool) -> Floor:
        return find_floor(
            self.organization,
            share=share,
            latency_seconds=self.latency_seconds,
            concurrency=CONCURRENCY,
            is_cold=is_cold,
        )


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the sandbox received during one run."""

    calls: int
    """Attempts that were throttled are among them."""
    throttles: int
    session_seconds: float
    """From the first AssumeRoot to the last."""
    sandbox_cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """What one run cost, and what came of it; of a sample, as if all accounts had been read so."""

    wall_seconds: float
    cpu_seconds: float
    calls: float
    throttles: int
    lost: int
    """ACTIVE member accounts that weren't reported as read, or not with their true status."""
    peak_memory_bytes: int
    accounts: int
    """ACTIVE member accounts that there are to read."""
    sandbox_load: float
    """CPU of the sandbox ÷ wall."""
    session_seconds: float = 0.0
    """From the first AssumeRoot to the last."""


@contextmanager
def open_stage(
    accounts: int, organizational_units: int, latency_ms: int, *, is_throttled: bool = True
) -> Iterator[Stage]:
    """A sandbox with AWS's rates, or with none."""
    size = ("--accounts", str(accounts), "--organizational-units", str(organizational_units))
    pace = ("--latency-ms", str(latency_ms), "--throttle", "aws" if is_throttled else "none")
    with run_sandbox(*size, "--features", "all", *pace) as sandbox:
        yield Stage(sandbox, Organization.describe(sandbox.ask("organization")), latency_ms / 1000)


def run_audit(stage: Stage, database: Path, output: str, settings: Mapping[str, str]) -> Result:
    """One ``rootkeeper audit``; cold when the database is new.

    :raises RuntimeError: if it fails.
    """
    environment = stage.sandbox.environment() | {"ROOTKEEPER_DATABASE_URL": f"sqlite:///{database}", **settings}
    with watch(stage.sandbox) as found:
        measurement = measure([ROOTKEEPER, "audit", "--output", output], environment)
    truth = {key: "present" if value else "not_present" for key, value in stage.organization.readable.items()}
    statuses = read_statuses(measurement.output, output)
    return Result(
        wall_seconds=measurement.wall_seconds,
        cpu_seconds=measurement.cpu_seconds,
        calls=found[0].calls,
        throttles=found[0].throttles,
        lost=sum(statuses.get(account_id) != status for account_id, status in truth.items()),
        peak_memory_bytes=measurement.peak_memory_bytes,
        accounts=len(truth),
        sandbox_load=found[0].sandbox_cpu_seconds / measurement.wall_seconds,
        session_seconds=found[0].session_seconds,
    )


def read_statuses(text: str, output: str) -> dict[str, str]:
    """Statuses by account id, of either format."""
    rows: Iterable[dict[str, Any]]
    rows = json.loads(text)["accounts"] if output == "json" else (json.loads(line) for line in text.splitlines())
    return {row["account_id"]: row["status"] for row in rows if "account_id" in row}


def run_script(stage: Stage, threads: int, accounts: int) -> Result:
    """A boto3 session per account, for a sample of so many ``accounts``: without the listing."""
    sample = list(stage.organization.readable)[:accounts]
    run = _run_rival(stage, "session-per-account", threads, ["--targets", ",".join(sample)])
    whole = len(stage.organization.readable) / len(sample)
    return run.describe(stage, len(sample), whole)


def run_shared_client(stage: Stage) -> Result:
    """One client for each service, which lists the organization and reads all of it."""
    run = _run_rival(stage, "shared-client", CONCURRENCY, ["--lists"])
    return run.describe(stage, len(stage.organization.readable), 1)


@dataclass(frozen=True, slots=True)
class _RivalRun:
    measurement: Measurement
    traffic: Traffic
    read: int
    wall_seconds: float
    cpu_seconds: float
    """Both from its first call on: without its start and imports."""

    def describe(self, stage: Stage, targets: int, whole: float) -> Result:
        return Result(
            wall_seconds=self.wall_seconds * whole,
            cpu_seconds=self.cpu_seconds * whole,
            calls=self.traffic.calls * whole,
            throttles=self.traffic.throttles,
            lost=targets - self.read,
            peak_memory_bytes=self.measurement.peak_memory_bytes,
            accounts=len(stage.organization.readable),
            sandbox_load=self.traffic.sandbox_cpu_seconds / self.wall_seconds,
        )


def _run_rival(stage: Stage, kind: str, threads: int, what: Sequence[str]) -> _RivalRun:
    with watch(stage.sandbox) as found:
        command = [sys.executable, RIVALS, kind, "--threads", str(threads), *what]
        measurement = measure(command, stage.sandbox.environment())
    said = json.loads(measurement.output)
    read = said["outcomes"].get("read", 0)
    return _RivalRun(measurement, found[0], read, said["wall_seconds"], said["cpu_seconds"])


@contextmanager
def watch(sandbox: Sandbox) -> Iterator[list[Traffic]]:
    """Gives, once the body is done, what came to the sandbox meanwhile."""
    found: list[Traffic] = []
    process = psutil.Process(sandbox.process_id)
    since, before = sandbox.last_request_number(), process.cpu_times()
    yield found
    after = process.cpu_times()
    requests = sandbox.requests(since)
    opened = [datetime.fromisoformat(one["at"]) for one in requests if one["operation"] == "AssumeRoot"]
    codes = Counter(str(one["error_code"]) for one in requests)
    found.append(
        Traffic(
            calls=len(requests),
            throttles=sum(codes[code] for code in _THROTTLING),
            session_seconds=(max(opened) - min(opened)).total_seconds() if opened else 0.0,
            sandbox_cpu_seconds=after.user + after.system - before.user - before.system,
        )
    )
