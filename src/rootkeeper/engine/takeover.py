"""Keeping this process's slot, and taking up what processes left that are gone.

One thread for both: with each beat it also looks for work that others have begun. Whoever gets the slot of another
process holds it while it hands that process's work back to the queue, so that of several that try one does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from rootkeeper.engine.slots import BEAT_SECONDS, Slots
from rootkeeper.engine.workflows import Sighting, parse_job_id
from rootkeeper.errors import DatabaseError

_MOVE_SECONDS = 10.0
"""For so long a lost slot is waited for while another process has it."""
_log = logging.getLogger(__name__)

Resume = Callable[[Mapping[str | None, list[str]]], None]
"""Hands workflows back to their queues, by queue."""


class SlotKeeping:
    """The slot of this process, from ``take_slot`` until ``release``."""

    def __init__(
        self,
        slots: Slots,
        list_pending: Callable[[], list[Sighting]],
        resume: Resume,
        move: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``move`` is told when this process has to go on as another executor; told again if it fails."""
        self._slots = slots
        self._list_pending = list_pending
        self._resume = resume
        self._move = move
        self._monotonic = monotonic
        self._lost_at: float | None = None
        self._has_to_move = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def executor_id(self) -> str:
        return self._slots.executor_id

    def take_slot(self) -> None:
        """:raises DatabaseError: if there is none, or the database can't be asked."""
        self._slots.take()

    def start(self) -> None:
        """Beat, and take over, from a thread of its own."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="rootkeeper-engine-slot", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def release(self) -> None:
        self._slots.release()

    def tick(self) -> None:
        """One beat. What fails is logged, and tried again with the next."""
        try:
            if self._keep():
                self._take_over()
        except DatabaseError as error:
            _log.warning("%s", error.message)

    def _run(self) -> None:
        while not self._stopping.wait(BEAT_SECONDS):
            self.tick()

    def _keep(self) -> bool:
        """Whether this process has its slot."""
        if self._lost_at is None and self._slots.beat():
            return True
        if self._lost_at is None:
            self._lost_at = self._monotonic()
            _log.warning("This process was silent, or the database was; it takes its slot %s again.", self.executor_id)
        if not self._slots.take_again():
            if self._monotonic() - self._lost_at <= _MOVE_SECONDS:
                return False
            self._slots.take()
            self._has_to_move = True
        if self._has_to_move:
            self._move(self.executor_id)
            self._has_to_move = False
        self._lost_at = None
        return True

    def _take_over(self) -> None:
        begun = self._list_pending()
        for executor_id in sorted({one.executor_id or "" for one in begun} - {self.executor_id, ""}):
            with self._slots.holding(executor_id) as is_gone:
                if is_gone:
                    self._hand_back(executor_id, self._list_pending())

    def _hand_back(self, executor_id: str, begun: Iterable[Sighting]) -> None:
        """What it had begun, as it stands now that its slot is held."""
        by_queue: dict[str | None, list[str]] = {}
        for one in begun:
            if one.executor_id == executor_id:
                by_queue.setdefault(one.queue, []).append(one.workflow_id)
        if by_queue:
            job_ids = ", ".join(map(parse_job_id, chain.from_iterable(by_queue.values())))
            _log.warning("%s is gone; its jobs are taken up: %s.", executor_id, job_ids)
            self._resume(by_queue)
