"""Changes root access management's set-up. Each call is sent once, with the receipt of its intent."""

from __future__ import annotations

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.departures import require_intent_fits
from rootkeeper.aws.setup import parse_features
from rootkeeper.domain.ledger import Action, Intent
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.setup import IAM_SERVICE_PRINCIPAL, Feature
from rootkeeper.errors import AwsUnclearError


class AwsOrganizationAdministration:
    """Implements ``ports.organizations.OrganizationAdministration``."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    def enable_trusted_access(self, intent: Intent) -> None:
        """One call: organizations:EnableAWSServiceAccess."""
        require_intent_fits(intent, Action.TRUSTED_ACCESS_ENABLE, None)
        self._change("EnableAWSServiceAccess", intent)

    def disable_trusted_access(self, intent: Intent) -> None:
        """One call: organizations:DisableAWSServiceAccess."""
        require_intent_fits(intent, Action.TRUSTED_ACCESS_DISABLE, None)
        self._change("DisableAWSServiceAccess", intent)

    def enable_feature(self, feature: Feature, intent: Intent) -> frozenset[Feature]:
        """One call: iam:EnableOrganizationsRootCredentialsManagement or iam:EnableOrganizationsRootSessions."""
        require_intent_fits(intent, Action.FEATURE_ENABLE, None)
        return self._switch(f"EnableOrganizations{feature.value}", intent)

    def disable_feature(self, feature: Feature, intent: Intent) -> frozenset[Feature]:
        """One call: iam:DisableOrganizationsRootCredentialsManagement or iam:DisableOrganizationsRootSessions."""
        require_intent_fits(intent, Action.FEATURE_DISABLE, None)
        return self._switch(f"DisableOrganizations{feature.value}", intent)

    def register_delegated_administrator(self, account_id: AccountId, intent: Intent) -> None:
        """One call: organizations:RegisterDelegatedAdministrator."""
        require_intent_fits(intent, Action.DELEGATED_ADMINISTRATOR_REGISTER, account_id)
        self._change("RegisterDelegatedAdministrator", intent, account_id)

    def deregister_delegated_administrator(self, account_id: AccountId, intent: Intent) -> None:
        """One call: organizations:DeregisterDelegatedAdministrator."""
        require_intent_fits(intent, Action.DELEGATED_ADMINISTRATOR_DEREGISTER, account_id)
        self._change("DeregisterDelegatedAdministrator", intent, account_id)

    def _change(self, operation: str, intent: Intent, account_id: AccountId | None = None) -> None:
        target = {} if account_id is None else {"AccountId": account_id}
        self._clients.organizations_changing.change(
            operation, intent, self._clients.clock, target=account_id, ServicePrincipal=IAM_SERVICE_PRINCIPAL, **target
        )

    def _switch(self, operation: str, intent: Intent) -> frozenset[Feature]:
        answer = self._clients.iam_changing.change(operation, intent, self._clients.clock)
        if answer.get("EnabledFeatures") is None:
            raise AwsUnclearError(
                f"iam:{operation} doesn't say which features are on now. It may have acted.",
                operation=f"iam:{operation}",
            )
        return parse_features(answer["EnabledFeatures"])
