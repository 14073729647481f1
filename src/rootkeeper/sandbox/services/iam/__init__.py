"""Identity and Access Management: root user credentials, organization features, and users and roles to call with."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services.iam import (
    authorization_details,
    credential_report,
    credentials,
    features,
    identities,
    mfa_devices,
    summary,
)

OPERATIONS: dict[str, Operation] = {
    **authorization_details.OPERATIONS,
    **credential_report.OPERATIONS,
    **credentials.OPERATIONS,
    **features.OPERATIONS,
    **identities.OPERATIONS,
    **mfa_devices.OPERATIONS,
    **summary.OPERATIONS,
}
