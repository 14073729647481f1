"""All routes of the API."""

from __future__ import annotations

from rootkeeper.server.documents import Row
from rootkeeper.server.routes import (
    accounts,
    audits,
    controls,
    exceptions,
    factors,
    identities,
    jobs,
    ledger,
    notifications,
    policies,
    reports,
    service,
    setup,
    sign_in,
    views,
    windows,
)

ROWS: tuple[Row, ...] = (
    *service.HEALTH_ROWS,
    *service.METRICS_ROWS,
    *sign_in.MEMBERSHIP_ROWS,
    *sign_in.BROWSER_SIGN_IN_ROWS,
    *sign_in.PROVIDER_SIGN_IN_ROWS,
    *factors.SECOND_FACTORS_ROWS,
    *factors.SIGN_INS_ROWS,
    *accounts.ACCOUNT_LISTING_ROWS,
    *views.ROWS,
    *setup.OVERVIEW_ROWS,
    *setup.SETUP_ROWS,
    *accounts.ACCOUNTS_ROWS,
    *audits.ROWS,
    *windows.ROWS,
    *jobs.ROWS,
    *exceptions.ROWS,
    *ledger.LEDGER_ROWS,
    *reports.ROWS,
    *controls.ROWS,
    *service.POLICY_ROWS,
    *service.SCHEDULES_ROWS,
    *setup.STORY_ROWS,
    *notifications.ROWS,
    *policies.ROWS,
    *identities.ROWS,
)
