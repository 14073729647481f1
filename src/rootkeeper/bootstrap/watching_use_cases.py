"""Watching root events, put together from its source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rootkeeper.bootstrap.adapters import Adapters
from rootkeeper.domain.watch_sources import WatchSource, WatchSourceKind, parse_watch_source

if TYPE_CHECKING:
    from rootkeeper.ports.root_event_sources import RootEventSource
    from rootkeeper.storage.unreadable_events import UnreadableEventFile
    from rootkeeper.workflows.watching import EventWatchLoop

UNREADABLE_EVENTS = "rootkeeper-unreadable-events.jsonl"


class WatchingUseCases(Adapters):
    """What has to do with events of root users."""

    @property
    def watch_source(self) -> WatchSource | None:
        """The source that the settings name.

        :raises SettingsError: if it can't be understood.
        """
        return parse_watch_source(self.settings.watching.source)

    def event_watch_loop(self) -> EventWatchLoop | None:
        """What a server reads events with, in a loop of its own; ``None`` without a source.

        It acts as whoever these use cases are made for, and reads a queue with their credentials: the server's own.

        :raises SettingsError: if the source can't be understood.
        """
        source = self.watch_source
        if source is None:
            return None
        from rootkeeper.workflows.watching import EventWatchLoop, get_role_name

        roles = self.settings.aws_roles
        known = [roles.audit, roles.delete, roles.recover, roles.unlock, *self.settings.watching.known_callers]
        own = self.caller.arn
        return EventWatchLoop(
            self._open_source(source),
            self.database.window_events(self._organization_id, self.ledger, self.owner),
            self.windows,
            self.ledger_reader,
            self.notifier,
            self.clock,
            self._organization_id,
            self.endpoint,
            role_arns=tuple(one for one in (*known, get_role_name(own)) if one),
            caller_arns=(own, *self.settings.watching.known_callers),
        )

    def _open_source(self, source: WatchSource) -> RootEventSource:
        if source.kind is WatchSourceKind.QUEUE:
            return self.gateway.open_root_event_queue(source.address, source.region, self._unreadable_events)
        from rootkeeper.storage.event_files import EventFile, get_position_file_name

        path = Path(source.address).expanduser().absolute()
        place = self.settings.ledger.spill / get_position_file_name(path)
        opened = EventFile(path, place, self._unreadable_events, self.clock, self._warn)
        self._open.callback(opened.close)
        return opened

    @property
    def _unreadable_events(self) -> UnreadableEventFile:
        from rootkeeper.storage.unreadable_events import UnreadableEventFile

        return UnreadableEventFile(self.settings.ledger.spill / UNREADABLE_EVENTS, self.clock, self._warn)
