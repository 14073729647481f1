"""The program as commands see it: its use cases, and what every one of them must deal with first."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from rootkeeper.bootstrap.adapters import describe_user
from rootkeeper.bootstrap.use_cases import UseCases
from rootkeeper.domain.ledger import Actor, ActorKind, LedgerEntry
from rootkeeper.domain.organizations import Endpoint
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.settings import Settings, load_settings

if TYPE_CHECKING:
    from rootkeeper.ports.progress import Progress
    from rootkeeper.workflows.closing import Closing
    from rootkeeper.workflows.settlement import SettlementReport

APPLICATION_NAME = "rootkeeper"


def load_user_settings(config: Path | None) -> Settings:
    """The settings of this user: file, environment, and the data folder for what neither names.

    :raises SettingsError: if one is unknown or out of range.
    """
    return load_settings(config, os.environ, platformdirs.user_data_path(APPLICATION_NAME, appauthor=False))


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What earlier commands left behind, and what became of it."""

    merged_entries: int
    settlement: SettlementReport
    closings: tuple[Closing, ...]


@dataclass(frozen=True, slots=True)
class LedgerIdentity:
    """What an entry of the ledger names beside its content."""

    organization_id: str
    endpoint: Endpoint
    actor: Actor


class Application(UseCases):
    """Everything that a command may need."""

    def list_overdue(self) -> tuple[RecoveryWindow, ...]:
        """Windows whose closing is due; only read."""
        from rootkeeper.workflows.overdue import list_overdue

        return list_overdue(self.windows, self.clock.now())

    def deal_with_leftovers(self, progress: Progress) -> Leftovers:
        """What every changing command does first: merge spill files, settle orphans, close what is overdue.

        :raises LedgerOutdatedError: if the database is older than its mirror or anchor.
        :raises LedgerUnavailableError: if the ledger can't be written.
        """
        from rootkeeper.workflows.overdue import OverdueClosing
        from rootkeeper.workflows.settlement import Settlement

        self.database.ensure_not_outdated()
        merged = sum(self.database.merge_spill(path, self.ledger) for path in self.database.list_spills())
        settlement = Settlement(
            self.gateway, self.gateway, self.ledger, self.windows, self.locks, self.clock, progress, self.gateway
        ).settle()
        closings = OverdueClosing(self.windows, self.window_closing(progress), progress).close_overdue(self.clock.now())
        return Leftovers(merged, settlement, closings)

    @cached_property
    def ledger_identity(self) -> LedgerIdentity:
        """For whom an entry about the ledger itself is written.

        A database of one organization knows it by itself, so that this needs no AWS; else AWS is asked.
        """
        organization_ids = self.database.list_organization_ids()
        entries = self.ledger_reader.list_entries() if len(organization_ids) == 1 else iter(())
        last = deque(entries, maxlen=1)
        if not last:
            return LedgerIdentity(self._organization_id, self.endpoint, self.actor)
        actor = Actor(describe_user(), ActorKind.SELF_ASSERTED)
        return LedgerIdentity(last[0].organization_id, Endpoint(last[0].endpoint), actor)

    def adopt_ledger(self) -> LedgerEntry | None:
        """Record that this database is the one to go on with; ``None`` if there is nothing to adopt.

        :raises LedgerUnavailableError: if it can't be recorded.
        """
        who = self.ledger_identity
        return self.database.adopt(self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner))
