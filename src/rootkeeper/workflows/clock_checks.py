"""Nothing is opened for a time while this machine's clock is wrong: its end would be wrong, too."""

from __future__ import annotations

from rootkeeper.domain.windows import CLOCK_SKEW
from rootkeeper.errors import ClockWrongError
from rootkeeper.ports.organizations import OrganizationReader

_SECONDS_PER_MINUTE = 60


def require_correct_clock(reader: OrganizationReader) -> None:
    """Compare this machine's clock with AWS's. One call: sts:GetCallerIdentity.

    :raises ClockWrongError: if they differ by more than five minutes.
    :raises AwsError: if AWS can't be asked.
    """
    offset = reader.find_clock_offset()
    if offset is None or abs(offset) <= CLOCK_SKEW:
        return
    minutes = int(abs(offset).total_seconds() // _SECONDS_PER_MINUTE)
    where = "ahead of" if offset.total_seconds() > 0 else "behind"
    raise ClockWrongError(
        f"This machine's clock is {minutes} minutes {where} AWS's; nothing was opened, since it would be closed at the "
        "wrong time.",
        hint="Set the clock, for example by NTP, then try again.",
    )
