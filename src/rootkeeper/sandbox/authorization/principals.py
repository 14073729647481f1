"""The Principal element of resource and trust policies.

Source: IAM User Guide, "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rootkeeper.sandbox.authorization.requests import AccessRequest

_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_ACCOUNT = re.compile(r"(?:arn:[^:]+:iam::)?(\d{12})(?::root)?")


@dataclass(frozen=True, slots=True)
class PrincipalPattern:
    """Whom a statement means."""

    is_negated: bool
    is_everyone: bool
    account_ids: frozenset[str]
    """Accounts named as a whole: everyone in them whom their own policies let."""
    arns: frozenset[str]
    services: frozenset[str] = frozenset()

    def matches(self, request: AccessRequest) -> bool:
        """Tell whether the caller is meant.

        NotPrincipal with an account excepts its root user alone; others must be named themselves.
        """
        if self.is_negated:
            return not (self.is_everyone or self.names(request) or self._names_root_user(request))
        return self.is_everyone or request.account_id in self.account_ids or self.names(request)

    def names(self, request: AccessRequest) -> bool:
        """Tell whether the caller is named by itself, not by its account."""
        is_service = request.service_principal is not None and request.service_principal in self.services
        return is_service or not self.arns.isdisjoint(request.principal_arns)

    def _names_root_user(self, request: AccessRequest) -> bool:
        is_root_user = any(arn.endswith(":root") for arn in request.principal_arns)
        return is_root_user and request.account_id in self.account_ids


def parse_principals(element: object, *, is_negated: bool) -> PrincipalPattern:
    """Compile a Principal or NotPrincipal element.

    :raises ValueError: if it names nobody in a known way.
    """
    if element == "*":
        return PrincipalPattern(is_negated, is_everyone=True, account_ids=frozenset(), arns=frozenset())
    if not isinstance(element, Mapping) or not element or element.keys() - _KINDS:
        raise ValueError('Principal must be "*" or an object with AWS, Service, Federated or CanonicalUser.')
    values = {kind: _texts(element[kind]) for kind in element}
    named = values.get("AWS", [])
    accounts = [match.group(1) for match in map(_ACCOUNT.fullmatch, named) if match]
    return PrincipalPattern(
        is_negated=is_negated,
        is_everyone="*" in named,
        account_ids=frozenset(accounts),
        arns=frozenset(named),
        services=frozenset(values.get("Service", [])),
    )


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    texts = [text for text in values if isinstance(text, str)]
    if len(texts) != len(values):
        raise ValueError("A principal must be a text or a list of texts.")
    return texts
