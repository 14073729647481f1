"""Checking an ID token: whose it is, for whom, until when, and that the provider has signed it for this very sign-in.

Source: OpenID Connect Core 1.0, section 3.1.3.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from rootkeeper.domain.identity_providers import LEEWAY, ProviderIdentity, ProviderRules
from rootkeeper.errors import NotSignedInError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures by a key pair alone: none that whoever knows the client's secret could make."""
_LONGEST_SUBJECT = 255
"""Source: OpenID Connect Core 1.0, section 2."""
_MOST_GROUPS = 10_000


def read_id_token(
    text: object, keys: Mapping[str, Any], rules: ProviderRules, nonce: str, now: datetime
) -> ProviderIdentity:
    """Who it says has signed in.

    :param keys: the provider's, as a JSON Web Key Set.
    :raises NotSignedInError: if it doesn't prove that; the message shows nothing of it.
    """
    claims = _read_signed(text, keys)
    if claims.get("iss") != rules.issuer:
        raise _unproven("it is of another provider")
    _require_own_audience(claims, rules.client_id)
    _require_in_time(claims, now)
    if claims.get("nonce") != nonce:
        raise _unproven("it belongs to another sign-in")
    return _read_person(claims, rules)


def _read_signed(text: object, keys: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(text, str):
        raise _unproven("there is none")
    try:
        key_set = KeySet.import_key_set({"keys": list(keys["keys"])})
        return jwt.decode(text, key_set, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise _unproven("its signature isn't the provider's") from error


def _require_own_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp", client_id if len(audiences) == 1 else None)
    if client_id not in audiences or party != client_id:
        raise _unproven("it is for another client")


def _require_in_time(claims: Mapping[str, Any], now: datetime) -> None:
    ends_at, issued_at = _moment(claims, "exp"), _moment(claims, "iat")
    begins_at = _moment(claims, "nbf") or issued_at
    if ends_at is None or issued_at is None or begins_at is None:
        raise _unproven("it doesn't say from when to when it is valid")
    if now >= ends_at + LEEWAY:
        raise _unproven("it has expired")
    if max(issued_at, begins_at) > now + LEEWAY:
        raise _unproven("it isn't valid yet, so that one of the clocks is wrong")


def _read_person(claims: Mapping[str, Any], rules: ProviderRules) -> ProviderIdentity:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise _unproven("it names nobody")
    name = next((claims[claim] for claim in rules.name_claims if _is_a_name(claims, claim)), None)
    if not name:
        raise NotSignedInError(
            f"{rules.name} doesn't tell the person's name.",
            hint=f"It must send one of the claims {', '.join(rules.name_claims)} (the setting oidc.name_claims).",
        )
    return ProviderIdentity(
        issuer=rules.issuer,
        subject=subject,
        name=name,
        groups=_texts(claims.get(rules.groups_claim))[:_MOST_GROUPS],
        methods=frozenset(_texts(claims.get("amr"))),
        authenticated_at=_moment(claims, "auth_time"),
    )


def _is_a_name(claims: Mapping[str, Any], claim: str) -> bool:
    """An address that the provider itself says it hasn't verified is whatever somebody has typed there.

    Source: OpenID Connect Core 1.0, section 5.1; some providers send the boolean as text.
    """
    is_unverified = claim == "email" and str(claims.get("email_verified")).lower() == "false"
    return isinstance(claims.get(claim), str) and not is_unverified


def _moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    """Source: RFC 7519, section 2, NumericDate: seconds since 1970."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, Sequence) else ()


def _unproven(why: str) -> NotSignedInError:
    return NotSignedInError(
        f"The identity provider's ID token can't be used: {why}.",
        hint="Sign in again. If that doesn't help, check the settings of oidc and of the client at the provider.",
    )
