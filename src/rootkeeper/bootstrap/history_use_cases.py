"""What was and what is forgotten, put together from the database; works without AWS."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from rootkeeper.bootstrap.adapters import Adapters

if TYPE_CHECKING:
    from rootkeeper.storage.audit_history import SqlAuditHistory
    from rootkeeper.workflows.history import HistoryReader
    from rootkeeper.workflows.retention import RetentionCleaner


class HistoryUseCases(Adapters):
    """What has to do with the past."""

    @cached_property
    def audit_history(self) -> SqlAuditHistory:
        return self.database.audit_history(self._organization_id)

    def history_reader(self, organization_id: str | None = None) -> HistoryReader:
        """Works without AWS: the database tells which organizations it knows.

        :raises InputError: if ``organization_id`` isn't known, or isn't given and several are.
        """
        from rootkeeper.workflows.history import HistoryReader
        from rootkeeper.workflows.reporting import choose_organization

        chosen = choose_organization(self.database.list_organization_ids(), organization_id)
        return HistoryReader(
            chosen,
            self.database.audit_history(chosen),
            self.database.inventory(chosen),
            self.database.windows(chosen),
            self.database.watched_events(chosen),
            self.ledger_reader,
        )

    @property
    def retention_cleaner(self) -> RetentionCleaner:
        """What a server does once an hour; asks AWS nothing there, since it knows its organization."""
        from rootkeeper.workflows.retention import RetentionCleaner

        return RetentionCleaner(
            self.audit_history, self.database.retention(self._organization_id), self.clock, self.settings.history.keep
        )
