"""A server's metrics for Prometheus: counts by state, route and quota, without accounts, persons and addresses.

Metrics from the database are read for each scrape and cover all servers and workers, so each server shows the same.
Metrics of the process count from its start. Each server counts all audits that end while it runs, also audits of other
processes, so don't add them up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http import HTTPMethod

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.errors import DatabaseError
from rootkeeper.jobs.rules import JobState
from rootkeeper.organization.statuses import KeptAudit
from rootkeeper.windows.rules import WindowState
from rootkeeper.worker.measurements import Measurements, StoredMeasurements

_REQUEST_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_AUDIT_SECONDS = (1, 5, 15, 60, 120, 300, 900, 3600)
_LATEST_AUDITS = 100
"""How many are read for each scrape; no more end between two scrapes."""


class ServerMetrics(Collector):
    """The metrics of a server; those of its state are read for each scrape. Thread-safe."""

    def __init__(self, services: ServerRuntime) -> None:
        self._services = services
        self._began_at = services.clock.now()
        self._counted_audits: frozenset[str] = frozenset()
        self._guard = threading.Lock()
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "rootkeeper_http_requests_total",
            "Requests that this process answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "rootkeeper_http_request_duration_seconds",
            "From the start of a request to the end of its answer; a stream of events ends when its client leaves.",
            ("route",),
            buckets=_REQUEST_SECONDS,
            registry=self._registry,
        )
        self._audit_seconds = Histogram(
            "rootkeeper_audit_duration_seconds",
            "Audits by any process that ended since this process began.",
            ("complete",),
            buckets=_AUDIT_SECONDS,
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def count_request(self, method: str, route: str, status: int | None, seconds: float) -> None:
        """Count a request; it has no status if it ended before its answer began."""
        known = method if method in set(HTTPMethod) else "other"
        self._requests.labels(known, route, str(status or "none")).inc()
        self._request_seconds.labels(route).observe(seconds)

    def render(self, accepted: str) -> tuple[bytes, str]:
        """Return the current metrics and their media type, in the format that the ``Accept`` header prefers."""
        with self._guard:
            latest = [audit for audit in _list_audits(self._services) if audit.ended_at >= self._began_at]
            for audit in latest:
                if audit.audit_id not in self._counted_audits:
                    seconds = (audit.ended_at - audit.started_at).total_seconds()
                    self._audit_seconds.labels("true" if audit.is_complete else "false").observe(max(0.0, seconds))
            self._counted_audits |= {audit.audit_id for audit in latest}
        encode, media_type = choose_encoder(accepted)
        return encode(self._registry), media_type

    def describe(self) -> list[Metric]:
        """Registration reads nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        found = self._services.measure()
        yield from _describe_process(found)
        if found.stored is not None:
            yield from self._describe_stored(found.stored)
            yield from _describe_last_audit(_list_audits(self._services))

    def _describe_stored(self, stored: StoredMeasurements) -> Iterator[Metric]:
        windows = GaugeMetricFamily("rootkeeper_windows", "Recovery windows by state.", labels=("state",))
        for window_state in WindowState:
            windows.add_metric((window_state.value,), stored.windows.get(window_state, 0))
        jobs = GaugeMetricFamily("rootkeeper_jobs", "Jobs by state.", labels=("state",))
        for job_state in JobState:
            jobs.add_metric((job_state.value,), stored.jobs.get(job_state, 0))
        yield windows
        yield jobs
        yield GaugeMetricFamily("rootkeeper_ledger_entries", "Sequence of the last entry.", stored.ledger_sequence)
        if stored.ledger_head_at is not None:
            age = (self._services.clock.now() - stored.ledger_head_at).total_seconds()
            yield GaugeMetricFamily("rootkeeper_ledger_head_age_seconds", "Since the last entry.", max(0.0, age))


def _describe_process(found: Measurements) -> Iterator[Metric]:
    yield GaugeMetricFamily("rootkeeper_ready", "1 if /readyz is good.", int(found.is_ready))
    is_readable = found.stored is not None
    yield GaugeMetricFamily("rootkeeper_database_readable", "1 if the database could be read.", int(is_readable))
    throttles = CounterMetricFamily(
        "rootkeeper_aws_throttles_total", "How often AWS has throttled this process.", labels=("quota",)
    )
    for quota, count in found.throttles.items():
        throttles.add_metric((quota,), count)
    yield throttles
    yield GaugeMetricFamily(
        "rootkeeper_notification_targets", "Targets that are configured.", found.notification_targets
    )
    yield GaugeMetricFamily(
        "rootkeeper_notification_targets_failing",
        "Targets whose last attempt of this process failed.",
        found.failing_notification_targets,
    )


def _describe_last_audit(latest: tuple[KeptAudit, ...]) -> Iterator[Metric]:
    last = next((audit for audit in latest if audit.is_complete), None)
    if last is None:
        return
    yield GaugeMetricFamily(
        "rootkeeper_last_audit_timestamp_seconds",
        "When the last audit of the whole organization ended, in seconds since 1970.",
        last.ended_at.timestamp(),
    )
    accounts = GaugeMetricFamily("rootkeeper_accounts", "By status, as that audit found them.", labels=("status",))
    for status, count in last.summary.items():
        if status != "accounts":
            accounts.add_metric((status,), count)
    yield accounts
    if last.left_unread is not None:
        yield GaugeMetricFamily(
            "rootkeeper_accounts_unread",
            "Accounts that this audit couldn't read.",
            last.left_unread,
        )


def _list_audits(services: ServerRuntime) -> tuple[KeptAudit, ...]:
    """List the newest first; none while the database can't be read, which has a metric of its own."""
    try:
        return services.history.list_audits(limit=_LATEST_AUDITS)
    except DatabaseError:
        return ()
