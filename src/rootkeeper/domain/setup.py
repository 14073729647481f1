"""Root access management's set-up: trusted access, the two features and the delegated administrators."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.domain.organizations import AccountId

IAM_SERVICE_PRINCIPAL = "iam.amazonaws.com"


class Feature(StrEnum):
    """The two features of root access management. Source: IAM ListOrganizationsFeatures."""

    ROOT_CREDENTIALS_MANAGEMENT = "RootCredentialsManagement"
    ROOT_SESSIONS = "RootSessions"


@dataclass(frozen=True, slots=True)
class Setup:
    """What is on; ``None`` means that the caller couldn't read it, with the reason in ``unknown``."""

    trusted_access: bool | None
    features: frozenset[Feature] | None
    """``None`` also while trusted access is off: AWS keeps the flags and doesn't tell them."""
    delegated_administrators: tuple[AccountId, ...] | None
    unknown: tuple[str, ...] = ()
    """One sentence for each part that couldn't be read."""

    @property
    def is_complete(self) -> bool:
        return bool(
            self.trusted_access
            and self.features is not None
            and self.features >= set(Feature)
            and self.delegated_administrators
        )
