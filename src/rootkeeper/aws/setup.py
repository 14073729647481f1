"""Reads root access management's set-up. What can't be read is told, not raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rootkeeper.aws.answers import required
from rootkeeper.aws.calls import ServiceCalls
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.setup import IAM_SERVICE_PRINCIPAL, Feature, Setup
from rootkeeper.errors import AwsAccessDeniedError, AwsRejectedError, AwsThrottledError

T = TypeVar("T")

_TRUST_IS_OFF = "ServiceAccessNotEnabledException"


def read_setup(organizations: ServiceCalls, iam: ServiceCalls) -> Setup:
    """organizations:ListAWSServiceAccessForOrganization, iam:ListOrganizationsFeatures,
    organizations:ListDelegatedAdministrators.

    :raises AwsCredentialsError: if there are no usable credentials.
    :raises AwsUnreachableError: if no answer came.
    """
    unknown: list[str] = []
    trusted_access = _read_or_note(lambda: _read_trusted_access(organizations), unknown)
    features: frozenset[Feature] | None = None
    try:
        features = _read_or_note(lambda: read_features(iam), unknown)
    except _TrustedAccessDisabledError:
        trusted_access = False
    else:
        # AWS tells the features only while trusted access is on.
        trusted_access = True if trusted_access is None and features is not None else trusted_access
    return Setup(
        trusted_access=trusted_access,
        features=features,
        delegated_administrators=_read_or_note(lambda: _list_delegated_administrators(organizations), unknown),
        unknown=tuple(unknown),
    )


def read_features(iam: ServiceCalls) -> frozenset[Feature]:
    """One call: iam:ListOrganizationsFeatures."""
    try:
        answer = iam.read("ListOrganizationsFeatures")
    except AwsRejectedError as error:
        if error.aws_code == _TRUST_IS_OFF:
            raise _TrustedAccessDisabledError from error
        raise
    return parse_features(required(answer, "EnabledFeatures", "iam:ListOrganizationsFeatures"))


def parse_features(words: list[str]) -> frozenset[Feature]:
    """Features that we don't know don't matter here."""
    return frozenset(Feature(word) for word in words if word in set(Feature))


def _read_trusted_access(organizations: ServiceCalls) -> bool:
    principals = organizations.list_all("ListAWSServiceAccessForOrganization", "EnabledServicePrincipals")
    return IAM_SERVICE_PRINCIPAL in {principal.get("ServicePrincipal") for principal in principals}


def _list_delegated_administrators(organizations: ServiceCalls) -> tuple[AccountId, ...]:
    found = organizations.list_all(
        "ListDelegatedAdministrators", "DelegatedAdministrators", ServicePrincipal=IAM_SERVICE_PRINCIPAL
    )
    return tuple(AccountId(required(one, "Id", "organizations:ListDelegatedAdministrators")) for one in found)


def _read_or_note(read: Callable[[], T], unknown: list[str]) -> T | None:
    try:
        return read()
    except (AwsAccessDeniedError, AwsRejectedError, AwsThrottledError) as error:
        unknown.append(error.reason)
        return None


class _TrustedAccessDisabledError(Exception):
    """AWS keeps the features, and doesn't tell them while trusted access is off."""
