"""Parses the settings of ``[oidc]``."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from rootkeeper.access.rules import ProviderRules, ServerRole
from rootkeeper.errors import SettingsError
from rootkeeper.references import require_safe_address


def parse_provider_rules(
    *,
    issuer: str,
    client_id: str,
    client_secret: str,
    name: str,
    name_claims: Sequence[str],
    groups_claim: str,
    groups: Sequence[str],
    factor_methods: Sequence[str],
) -> ProviderRules | None:
    """Parse the settings of ``[oidc]``; ``None`` without an issuer.

    :raises SettingsError: if one is invalid or missing.
    """
    if not issuer:
        return None
    _require_issuer(issuer)
    for setting, value in (("client_id", client_id), ("groups", groups), ("name_claims", name_claims)):
        if not value:
            raise SettingsError(f"oidc.issuer is set, but oidc.{setting} isn't.", hint=f"Set oidc.{setting}.")
    if client_secret and not client_secret.startswith(("env:", "file:")):
        raise SettingsError(
            "oidc.client_secret isn't a reference.",
            hint="The settings contain no secret, only a reference to it: env:VARIABLE, or file:PATH.",
        )
    return ProviderRules(
        issuer=issuer,
        client_id=client_id,
        client_secret=client_secret,
        name=name or urlsplit(issuer).hostname or issuer,
        name_claims=tuple(name_claims),
        groups_claim=groups_claim,
        roles=dict(_parse_group(text) for text in groups),
        factor_methods=frozenset(factor_methods),
    )


def _require_issuer(issuer: str) -> None:
    try:
        require_safe_address(issuer, "oidc.issuer", loopback_allowed=True)
        is_plain = not (urlsplit(issuer).query or urlsplit(issuer).fragment)
    except ValueError:
        is_plain = False
    if not is_plain:
        raise SettingsError(
            "oidc.issuer isn't the address of an identity provider.",
            hint="Set it to the provider's issuer, such as https://login.example.com. Only an address of this machine "
            "may use http.",
        )


def _parse_group(text: str) -> tuple[str, ServerRole]:
    group, _, role = text.rpartition("=")
    if not group.strip() or role.strip() not in set(ServerRole):
        raise SettingsError(
            f"oidc.groups contains {text!r}, which isn't a group and a role.",
            hint=f"Write GROUP=ROLE; the roles are {', '.join(ServerRole)}.",
        )
    return group.strip(), ServerRole(role.strip())
