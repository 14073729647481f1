"""Reading the organization: a complete listing of its accounts, or an error."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from rootkeeper.domain.organizations import Caller, Inventory, Organization
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.progress import Progress
from rootkeeper.workflows.inventory_listing import InventoryCollector, Step

NAMES_LAST = timedelta(hours=24)
"""For how long names of organizational units that were read are used again, unless a refresh is asked for."""


@dataclass(frozen=True, slots=True)
class InventoryReader:
    """Reads and remembers the organization's inventory; changes nothing in AWS."""

    reader: OrganizationReader
    store: InventoryStore
    clock: Clock
    organization: Organization
    caller: Caller

    def read(self, progress: Progress) -> Inventory:
        """List everything: set-up (three calls), accounts, names of organizational units.

        :raises OrganizationIncompleteError: if the list is empty, cut off or contradicts itself.
        """
        steps: queue.SimpleQueue[Step] = queue.SimpleQueue()
        listing = self.begin(progress, steps.put, refresh=True)
        listing.start()
        try:
            while not listing.is_done:
                steps.get()()
        finally:
            listing.stop()
        return self.keep(listing)

    def begin(
        self, progress: Progress, deliver: Callable[[Step], None], *, refresh: bool = False
    ) -> InventoryCollector:
        """Read the set-up; the listing is begun by its ``start``.

        :param refresh: whether names are read anew, however young they are.
        """
        known = self.find_known()
        named = None if refresh else self._find_named(known)
        return InventoryCollector(
            reader=self.reader,
            organization=self.organization,
            caller=self.caller,
            clock=self.clock,
            progress=progress,
            setup=self.reader.read_setup(),
            known=known,
            units={unit.ou_id: unit for unit in named.organizational_units} if named else {},
            named_at=named.named_at if named else self.clock.now(),
            deliver=deliver,
        )

    def _find_named(self, known: Inventory | None) -> Inventory | None:
        """The known inventory, if its names are young enough to be used again."""
        if known is None or known.named_at is None:
            return None
        return known if timedelta(0) <= self.clock.now() - known.named_at <= NAMES_LAST else None

    def find_known(self) -> Inventory | None:
        """The last inventory, if it was listed at this endpoint: a sandbox may bear any organization's id."""
        known = self.store.find_last()
        return known if known is not None and known.endpoint in (None, self.reader.endpoint.label) else None

    def keep(self, listing: InventoryCollector) -> Inventory:
        """The inventory of a listing that is done; it is remembered.

        :raises OrganizationIncompleteError: if it is empty, cut off or contradicts itself; nothing is remembered.
        """
        inventory = listing.complete()
        self.store.save(inventory)
        return inventory
