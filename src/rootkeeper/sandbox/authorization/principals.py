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

    def matches(self, request: AccessRequest) -> bool:
        """Tell whether the caller is meant."""
        is_named = (
            self.is_everyone
            or request.account_id in self.account_ids
            or not self.arns.isdisjoint(request.principal_arns)
        )
        return is_named is not self.is_negated


def parse_principals(element: object, *, is_negated: bool) -> PrincipalPattern:
    """Compile a Principal or NotPrincipal element.

    :raises ValueError: if it names nobody in a known way.
    """
    if element == "*":
        return PrincipalPattern(is_negated, True, frozenset(), frozenset())
    if not isinstance(element, Mapping) or not element or element.keys() - _KINDS:
        raise ValueError('Principal must be "*" or an object with AWS, Service, Federated or CanonicalUser.')
    values = [text for kind in element for text in _texts(element[kind])]
    accounts = [match.group(1) for match in map(_ACCOUNT.fullmatch, _texts(element.get("AWS", []))) if match]
    return PrincipalPattern(
        is_negated=is_negated,
        is_everyone="*" in _texts(element.get("AWS", [])),
        account_ids=frozenset(accounts),
        arns=frozenset(values),
    )


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    texts = [text for text in values if isinstance(text, str)]
    if len(texts) != len(values):
        raise ValueError("A principal must be a text or a list of texts.")
    return texts
