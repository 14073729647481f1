"""Jobs on a server: asked for by people, and put together for whoever performs them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from rootkeeper.bootstrap.adapters import Adapters
from rootkeeper.ports.engine import Engine, NullEngine

if TYPE_CHECKING:
    from rootkeeper.ports.progress import Progress
    from rootkeeper.workflows.job_requests import JobRequestService
    from rootkeeper.workflows.settlement import SettlementReport


class JobUseCases(Adapters):
    """What concerns jobs that a server takes in."""

    engine: Engine = NullEngine()
    """Of a server or worker; a command line never enqueues into its database."""

    @property
    def job_request_service(self) -> JobRequestService:
        from rootkeeper.workflows.job_requests import JobRequestService

        return JobRequestService(
            self.jobs,
            self.ledger,
            self.engine,
            self.clock,
            self._organization_id,
            self.endpoint.label,
            self.actor,
            make_server_job_id,
        )

    def settle_orphans(self, progress: Progress) -> SettlementReport:
        """Settle by a re-read what dead processes left unclear, before a job changes anything.

        :raises LedgerUnavailableError: if the ledger can't be written.
        """
        from rootkeeper.workflows.settlement import Settlement

        return Settlement(
            self.gateway, self.gateway, self.ledger, self.windows, self.locks, self.clock, progress, self.gateway
        ).settle()


def make_server_job_id() -> str:
    return f"j-{secrets.token_hex(5)}"
