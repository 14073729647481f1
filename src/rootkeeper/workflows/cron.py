"""Cron expressions with a time zone: which moments they name.

As Debian's cron has it: a time that doesn't exist on the day when clocks go forward comes right after the gap, and one
that exists twice comes once. Moments are UTC throughout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from rootkeeper.errors import SettingsError

_FIELDS = 5
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_HINT = "Write minute, hour, day, month, weekday and time zone, such as: 0 6 * * * Europe/Berlin"


@dataclass(frozen=True, slots=True)
class CronExpression:
    """Five fields and a time zone."""

    fields: str
    time_zone: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """:raises SettingsError: if it can't be understood, its time zone is unknown, or it names no moment."""
        parts = text.split()
        if len(parts) != _FIELDS + 1:
            raise SettingsError(f"The schedule {text!r} isn't five fields and a time zone.", hint=_HINT)
        time_zone = parts[_FIELDS]
        expression = cls(" ".join(parts[:_FIELDS]).upper(), time_zone)
        try:
            expression.find_next(_ANY_DAY)
        except (CronSimError, StopIteration) as error:
            said = str(error) or "it names no day that comes"
            raise SettingsError(f"The schedule {text!r} can't be kept: {said}.", hint=_HINT) from error
        except (KeyError, ValueError, OSError) as error:
            raise SettingsError(
                f"The schedule {text!r} names no time zone that there is: {time_zone!r}.",
                hint="Write its name in the time zone database, such as Europe/Berlin, or UTC.",
            ) from error
        return expression

    def __str__(self) -> str:
        return f"{self.fields} {self.time_zone}"

    @property
    def digest(self) -> str:
        """Short, and another one for another expression."""
        return hashlib.sha256(str(self).encode()).hexdigest()[:16]

    def names(self, moment: datetime) -> bool:
        """Whether it is one of its moments."""
        return moment in self.list_between(moment - timedelta(minutes=1), moment, 1)

    def find_next(self, after: datetime) -> datetime:
        """The first moment after ``after``."""
        return next(self._list_after(after))

    def list_between(self, after: datetime, until: datetime, limit: int) -> tuple[datetime, ...]:
        """Moments after ``after`` up to and with ``until``, in order; of more than ``limit`` the first ones."""
        found = []
        for moment in islice(self._list_after(after), limit):
            if moment > until:
                break
            found.append(moment)
        return tuple(found)

    def _list_after(self, after: datetime) -> Iterator[datetime]:
        """What comes twice on the day when clocks go back comes again from here, and is left out."""
        last = after
        for local in CronSim(self.fields, after.astimezone(ZoneInfo(self.time_zone))):
            moment = local.astimezone(UTC)
            if moment > last:
                last = moment
                yield moment
