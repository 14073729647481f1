"""All routes, one row each: what is asked for, who may, and what answers."""

from rootkeeper.api.route_tables import Row
from rootkeeper.api.routes import (
    accounts,
    audits,
    health,
    identities,
    jobs,
    ledger,
    membership,
    notifications,
    schedules,
    windows,
)

ROWS: tuple[Row, ...] = (
    *health.ROWS,
    *membership.ROWS,
    *accounts.ROWS,
    *audits.ROWS,
    *windows.ROWS,
    *jobs.ROWS,
    *ledger.ROWS,
    *schedules.ROWS,
    *notifications.ROWS,
    *identities.ROWS,
)
