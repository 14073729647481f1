"""Audits as measured: what the program printed, what the sandbox saw of it, and what got lost between them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from measuring.floors import Floor, Organization, Pace, find_floor
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


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the sandbox received during one run."""

    by_operation: Counter[str]
    throttles: Counter[str]
    """By operation."""
    of_accounts: int
    """AssumeRoot, and every call in a root session; attempts that were throttled are among them."""
    sandbox_cpu_seconds: float

    @property
    def calls(self) -> int:
        return self.by_operation.total()


@dataclass(frozen=True, slots=True)
class AuditRun:
    """One audit."""

    measurement: Measurement
    traffic: Traffic
    accounts: int
    """ACTIVE member accounts that there are to read."""
    lost: int
    """Of them, those that weren't reported as read."""
    wrong: int
    """Of them, those whose status isn't the truth."""
    floor: Floor

    @property
    def wall_seconds(self) -> float:
        return self.measurement.wall_seconds

    @property
    def cpu_milliseconds_per_account(self) -> float:
        return self.measurement.cpu_seconds / self.accounts * 1000

    @property
    def calls_per_account(self) -> float:
        return self.traffic.of_accounts / self.accounts


@contextmanager
def open_stage(accounts: int, organizational_units: int, latency_ms: int) -> Iterator[Stage]:
    """A sandbox with AWS's rates."""
    size = ("--accounts", str(accounts), "--organizational-units", str(organizational_units))
    pace = ("--latency-ms", str(latency_ms), "--throttle", "aws")
    with run_sandbox(*size, "--features", "all", *pace) as sandbox:
        yield Stage(sandbox, Organization.describe(sandbox.ask("organization")), latency_ms / 1000)


def run_audit(stage: Stage, database: Path, output: str, share: int, settings: Mapping[str, str]) -> AuditRun:
    """One ``rootkeeper audit``; cold when the database is new."""
    is_cold = not database.exists()
    environment = stage.sandbox.environment() | {
        "ROOTKEEPER_DATABASE_URL": f"sqlite:///{database}",
        "ROOTKEEPER_AWS_API_SHARE": str(share),
        **settings,
    }
    with watch(stage.sandbox) as found:
        measurement = measure([ROOTKEEPER, "audit", "--output", output], environment)
    statuses = read_statuses(measurement.output, output)
    readable = stage.organization.readable
    read = {account: status for account, status in statuses.items() if status in ("present", "not_present")}
    return AuditRun(
        measurement=measurement,
        traffic=found[0],
        accounts=len(readable),
        lost=len(readable.keys() - read.keys()),
        wrong=sum((read[one] == "present") is not readable[one] for one in readable.keys() & read.keys()),
        floor=find_floor(stage.organization, Pace(share / 100, stage.latency_seconds, CONCURRENCY), is_cold=is_cold),
    )


def read_statuses(text: str, output: str) -> dict[str, str]:
    """Statuses by account id, of either format."""
    rows: Iterable[dict[str, Any]]
    rows = json.loads(text)["accounts"] if output == "json" else (json.loads(line) for line in text.splitlines())
    return {row["account_id"]: row["status"] for row in rows if "account_id" in row}


@dataclass(frozen=True, slots=True)
class RivalRun:
    """One run of a program that isn't Rootkeeper."""

    measurement: Measurement
    traffic: Traffic
    outcomes: Mapping[str, int]
    listing_seconds: float
    wall_seconds: float
    """From its first call on: without its start and imports."""

    @property
    def accounts(self) -> int:
        return sum(self.outcomes.values())

    @property
    def lost(self) -> int:
        return self.accounts - self.outcomes.get("read", 0)


def run_rival(stage: Stage, kind: str, threads: int, targets: Sequence[str]) -> RivalRun:
    """Let a rival read ``targets``; without any it lists the organization and reads all of it."""
    what = ["--targets", ",".join(targets)] if targets else ["--lists"]
    with watch(stage.sandbox) as found:
        command = [sys.executable, RIVALS, kind, "--threads", str(threads), *what]
        measurement = measure(command, stage.sandbox.environment())
    said = json.loads(measurement.output)
    return RivalRun(measurement, found[0], said["outcomes"], said["listing_seconds"], said["wall_seconds"])


@contextmanager
def watch(sandbox: Sandbox) -> Iterator[list[Traffic]]:
    """Gives, once the body is done, what came to the sandbox meanwhile."""
    found: list[Traffic] = []
    process = psutil.Process(sandbox.process_id)
    since, before = sandbox.last_request_number(), process.cpu_times()
    yield found
    after = process.cpu_times()
    cpu_seconds = after.user + after.system - before.user - before.system
    found.append(describe_traffic(sandbox.requests(since), cpu_seconds))


def describe_traffic(requests: Sequence[Mapping[str, Any]], cpu_seconds: float) -> Traffic:
    return Traffic(
        by_operation=Counter(str(one["operation"]) for one in requests),
        throttles=Counter(str(one["operation"]) for one in requests if one["error_code"] in _THROTTLING),
        of_accounts=sum(one["operation"] == "AssumeRoot" or one["task_policy"] is not None for one in requests),
        sandbox_cpu_seconds=cpu_seconds,
    )
