"""Identity and Access Management: root user credentials, organization features, and users and roles to call with."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services.iam import credentials, features, identities, mfa_devices, summary

OPERATIONS: dict[str, Operation] = {
    **credentials.OPERATIONS,
    **features.OPERATIONS,
    **identities.OPERATIONS,
    **mfa_devices.OPERATIONS,
    **summary.OPERATIONS,
}
