"""One round: windows that are open and become due, and how the workers close them."""

from __future__ import annotations

import json
import os
import random
import time
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import bindparam, create_engine, insert, select, update

from measuring.floors import has_credentials
from measuring.sandboxes import Sandbox
from measuring.workers import read_stolen_seconds, run_workers
from rootkeeper.database import schema
from rootkeeper.ledger.database import DatabaseOptions, open_database
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from rootkeeper.windows.store import RecoveryWindowStore

LEAD = timedelta(seconds=8)
"""From the writing of the windows' ends to the first of them."""
LONG_AGO = "2019-01-01T00:00:00Z"
_LASTS = timedelta(hours=1)
_MAKERS = 32
_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 240.0
"""After the last is due."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """When windows become due, and who is to close them."""

    name: str
    span_seconds: float
    """From the first end of a window to the last."""
    commands: Sequence[Sequence[str]]
    """One for each process."""
    kills: bool = False
    """Whether one of them is killed when half of the span is over."""


@dataclass(frozen=True, slots=True)
class Round:
    """As measured. Delays count from each window's end."""

    closed_delays: tuple[float, ...]
    """Until our own row says when it was closed, which a re-read has shown by then."""
    gone_delays: tuple[float, ...]
    """Until AWS had deleted the login profile."""
    calls: int
    seconds: float
    """From the first end of a window until the last was closed."""
    cpu_seconds: float
    peak_memory_bytes: int
    """Of the process that had the most."""
    load: float
    """Processes that wanted a core, averaged over the minute before."""
    stolen: float
    """The part of the cores' time that the machine's host took."""

    @property
    def closed_median(self) -> float:
        return median(self.closed_delays)

    @property
    def gone_median(self) -> float:
        return median(self.gone_delays)


def add_history(url: str, organization_id: str, count: int) -> None:
    """Make the tables, and jobs that came to their end long ago."""
    open_database(url, DatabaseOptions(has_mirror=False)).close()
    rows = [_job_row(organization_id, number) for number in range(count)]
    engine = create_engine(url)
    with engine.begin() as connection:
        if rows:
            connection.execute(insert(schema.jobs), rows)
    engine.dispose()


def _job_row(organization_id: str, number: int) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(days=90) + timedelta(minutes=12 * number)
    return {
        "job_id": f"j-{number:010d}",
        "organization_id": organization_id,
        "kind": "audit",
        "state": "done",
        "endpoint": "AWS",
        "created_by": "ana",
        "created_at": at,
        "updated_at": at,
        "ended_at": at,
        "owner_id": "long gone",
        "parameters": {"selection": {"all": True}},
        "progress": {"total": 500, "done": 500, "present": 0, "unknown": 0},
    }


def play_round(sandbox: Sandbox, url: str, account_ids: Sequence[str], scenario: Scenario, concurrency: int) -> Round:
    """Have the windows of these accounts closed, and look at all of it.

    :raises RuntimeError: if one isn't closed, or was closed twice.
    """
    add_demo_resources(sandbox, account_ids)
    environment = sandbox.environment() | {
        "ROOTKEEPER_DATABASE_URL": url,
        "ROOTKEEPER_SERVER_CLOSING_CONCURRENCY": str(concurrency),
    }
    add_windows(url, sandbox.ask("organization")["organization_id"], account_ids)
    with run_workers(scenario.commands, environment) as workers:
        due = let_be_due(url, account_ids, scenario.span_seconds)
        since, first, last = sandbox.last_request_number(), min(due.values()), max(due.values())
        _sleep_until(first)
        load, stolen = os.getloadavg()[0], read_stolen_seconds()
        for worker in workers:
            worker.begin_measuring()
        if scenario.kills:
            _sleep_until(first + (last - first) / 2)
            workers[0].kill()
        closed = wait_closed(url, last, len(account_ids))
        for worker in workers:
            worker.end_measuring()
        stolen = tuple(now - then for now, then in zip(read_stolen_seconds(), stolen, strict=True))  # type: ignore[assignment]  # two again
        requests = sandbox.requests(since)
        ensure_empty(sandbox, account_ids)
    gone = find_deletions(requests)
    return Round(
        closed_delays=tuple((closed[one] - due[one]).total_seconds() for one in account_ids),
        gone_delays=tuple((gone[one] - due[one]).total_seconds() for one in account_ids),
        calls=len(requests),
        seconds=(max(closed.values()) - first).total_seconds(),
        cpu_seconds=sum(worker.cpu_seconds for worker in workers),
        peak_memory_bytes=max(worker.peak_memory_bytes for worker in workers),
        load=load,
        stolen=stolen[0] / stolen[1],
    )


def add_demo_resources(sandbox: Sandbox, account_ids: Sequence[str]) -> None:
    """In each account what a person leaves who signed in: a password, and an MFA device."""
    for account_id in account_ids:
        device = {"serial_number": f"arn:aws:iam::{account_id}:mfa/root", "kind": "virtual", "enabled_at": LONG_AGO}
        root_user = {"password": True, "password_last_used_at": LONG_AGO, "mfa_devices": [device]}
        request = urllib.request.Request(  # noqa: S310 - own address
            f"{sandbox.url}/_sandbox/accounts/{account_id}/root-user", json.dumps(root_user).encode(), method="PUT"
        )
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310 - own address


def add_windows(url: str, organization_id: str, account_ids: Sequence[str]) -> None:
    """Open windows, as rows of ours, that are due some day."""
    some_day = datetime.now(UTC) + _LASTS
    with (
        closing(open_database(url, DatabaseOptions(has_mirror=False))) as database,
        ThreadPoolExecutor(_MAKERS) as makers,
    ):
        windows = database.get_store(RecoveryWindowStore, organization_id)
        list(makers.map(windows.add, [_make_window(organization_id, one, some_day) for one in account_ids]))


def let_be_due(url: str, account_ids: Sequence[str], span_seconds: float) -> Mapping[str, datetime]:
    """Set the ends of the windows; when each is due, by account."""
    first = datetime.now(UTC) + LEAD
    chance = random.Random(6)  # noqa: S311 - the same moments in every run
    due = {one: first + timedelta(seconds=span_seconds * chance.random()) for one in account_ids}
    windows = schema.recovery_windows.c
    statement = update(schema.recovery_windows).where(windows.account_id == bindparam("whose"))
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            statement.values(expires_at=bindparam("ends")), [{"whose": one, "ends": at} for one, at in due.items()]
        )
    engine.dispose()
    if datetime.now(UTC) > first:
        raise RuntimeError("The machine is too slow: windows were due before their ends were written.")
    return due


def _make_window(organization_id: str, account_id: str, due_at: datetime) -> RecoveryWindow:
    return RecoveryWindow(
        window_id=f"w-{account_id}",
        organization_id=organization_id,
        account_id=AccountId(account_id),
        state=WindowState.OPEN,
        reason="Benchmark",
        ticket=None,
        requested_by="ana",
        requested_at=due_at - _LASTS,
        duration_seconds=int(_LASTS.total_seconds()),
        approved_by=("ben",),
        approvals_needed=1,
        opened_at=due_at - _LASTS,
        expires_at=due_at,
    )


def wait_closed(url: str, last_due: datetime, count: int) -> Mapping[str, datetime]:
    """When each was closed, by account, once all are.

    :raises RuntimeError: if that takes too long.
    """
    windows = schema.recovery_windows.c
    statement = select(windows.account_id, windows.closed_at).where(windows.state == WindowState.CLOSED_VERIFIED.value)
    engine = create_engine(url)
    _sleep_until(last_due)
    ends = time.monotonic() + _PATIENCE_SECONDS
    try:
        while True:
            with engine.connect() as connection:
                found = {row.account_id: row.closed_at for row in connection.execute(statement)}
            if len(found) == count:
                return found
            if time.monotonic() > ends:
                raise RuntimeError(f"Only {len(found)} of {count} windows were closed.")
            time.sleep(_LOOK_SECONDS)
    finally:
        engine.dispose()


def find_deletions(requests: Sequence[Mapping[str, Any]]) -> Mapping[str, datetime]:
    """When each account's login profile was deleted.

    :raises RuntimeError: if one was deleted twice: two processes acted on one account.
    """
    found: dict[str, datetime] = {}
    for request in requests:
        if request["operation"] == "DeleteLoginProfile" and request["status"] == 200:
            if request["account_id"] in found:
                raise RuntimeError(f"The login profile of {request['account_id']} was deleted twice.")
            found[request["account_id"]] = datetime.fromisoformat(request["at"])
    return found


def ensure_empty(sandbox: Sandbox, account_ids: Sequence[str]) -> None:
    """:raises RuntimeError: if the sandbox knows of a credential that is left."""
    wanted = set(account_ids)
    left = [
        account["account_id"]
        for account in sandbox.ask("organization")["accounts"]
        if account["account_id"] in wanted and has_credentials(account["root_user"])
    ]
    if left:
        raise RuntimeError(f"Windows are closed, and root user credentials are left: {left}")


def _sleep_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
