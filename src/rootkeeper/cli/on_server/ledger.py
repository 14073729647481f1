"""``ledger list --server`` and ``ledger verify --server``: the audit trail as a server keeps it, and its verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.on_server.following import end_unfinished, follow
from rootkeeper.cli.rendering.ledgers import show_verification
from rootkeeper.domain.jobs import Job, JobState
from rootkeeper.domain.ledger import LedgerEntry, parse_entry
from rootkeeper.domain.organizations import AccountId
from rootkeeper.ports.ledger import LedgerVerification

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer


def read_entries(
    server: RemoteServer, since: int, account_id: AccountId | None, limit: int | None
) -> Iterator[LedgerEntry]:
    """Entries after that one, the oldest first, page by page."""
    for record in islice(server.list_entries(since=since, account_id=account_id), limit):
        yield server.connection.understand(lambda entry: parse_entry(json.dumps(entry)), record)


def verify(invocation: Invocation, server: RemoteServer, output: OutputFormat) -> int:
    """Have the ledger checked where it stands, wait for it, and show the verdict."""
    job = follow(server, server.jobs.request("ledger/verifications", {}), invocation.terminal)
    verification = _find_verdict(server, job)
    if verification is None:
        return end_unfinished(server, job, invocation.terminal)
    show_verification(verification, output, invocation.terminal)
    return ExitStatus.GOOD if verification.is_intact else ExitStatus.BAD


def _find_verdict(server: RemoteServer, job: Job) -> LedgerVerification | None:
    """What the job found; ``None`` if it came to no verdict.

    A verification ends as done if the ledger is intact. It ends as failed both if the ledger isn't, and if it couldn't
    be checked. So a failed job is believed only what is bad: an attempt before it may have left a good verdict.

    :raises ServerUnreachableError: if what the server tells can't be understood.
    """
    if job.state is JobState.DONE:
        return server.connection.understand(_parse_verification, server.jobs.read_outcome(job.job_id))
    outcome = server.jobs.find_outcome(job.job_id) if job.state is JobState.FAILED else None
    if not isinstance(outcome, Mapping) or "problem" in outcome:
        return None
    verification = server.connection.understand(_parse_verification, outcome)
    return None if verification.is_intact else verification


def _parse_verification(record: Mapping[str, Any]) -> LedgerVerification:
    """:raises ValueError: if it contradicts itself."""
    first = next(iter(record["findings"]), None)
    verification = LedgerVerification(
        entries=int(record["entries"]),
        head_sequence=int(record["head"]["seq"]),
        head_hash=str(record["head"]["hash"]),
        first_bad_sequence=None if first is None or first["seq"] is None else int(first["seq"]),
        problem=None if first is None else str(first["what"]),
        anchored_sequence=None if record["anchored_seq"] is None else int(record["anchored_seq"]),
    )
    if verification.is_intact is not record["is_intact"]:
        raise ValueError("intact is what has no finding")
    return verification
