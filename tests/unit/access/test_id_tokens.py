"""What an ID token must be, so that it proves anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from rootkeeper.access.provider import read_id_token
from rootkeeper.errors import NotSignedInError
from tests.fakes.clock import START
from tests.fakes.provider_desk import ISSUER, RULES

KEY = ECKey.generate_key("P-256", {"kid": "k-1"})
KEYS = dict(KeySet([KEY]).as_dict(private=False))
NOW = int(START.timestamp())
RIGHT: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "1001",
    "aud": "rootkeeper",
    "nonce": "n-1",
    "iat": NOW,
    "exp": NOW + 60,
    "auth_time": NOW - 5,
    "amr": ["pwd", "mfa"],
    "preferred_username": "ana",
    "groups": ["staff", 7, "on-call"],
}


def sign(claims: dict[str, Any], key: ECKey | RSAKey = KEY, algorithm: str = "ES256") -> str:
    return jwt.encode({"alg": algorithm, "kid": "k-1"}, claims, key, algorithms=[algorithm])


def encode(part: Any) -> str:
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def refuse(text: object, why: str, keys: dict[str, Any] | None = None, now: datetime = START) -> None:
    with pytest.raises(NotSignedInError, match=why) as caught:
        read_id_token(text, KEYS if keys is None else keys, RULES, "n-1", now)
    if isinstance(text, str) and len(text) > 9:
        assert text not in str(caught.value)


def test_a_right_one_names_the_person() -> None:
    person = read_id_token(sign(RIGHT), KEYS, RULES, "n-1", START)
    assert (person.issuer, person.subject, person.name) == (ISSUER, "1001", "ana")
    assert person.groups == ("staff", "on-call")
    assert person.methods == frozenset({"pwd", "mfa"})
    assert person.authenticated_at == START - timedelta(seconds=5)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_signatures_by_rsa_are_read_too(algorithm: str) -> None:
    key = RSAKey.generate_key(2048, {"kid": "k-1"})
    keys = dict(KeySet([key]).as_dict(private=False))
    assert read_id_token(sign(RIGHT, key, algorithm), keys, RULES, "n-1", START).name == "ana"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": "https://other.example.com"}, "another provider"),
        ({"iss": f"{ISSUER}/"}, "another provider"),
        ({"iss": None}, "another provider"),
        ({"aud": "another"}, "another client"),
        ({"aud": []}, "another client"),
        ({"aud": None}, "another client"),
        ({"aud": ["rootkeeper", "another"]}, "another client"),
        ({"aud": ["rootkeeper", "another"], "azp": "another"}, "another client"),
        ({"azp": "another"}, "another client"),
        ({"nonce": "n-2"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"exp": NOW - 61}, "expired"),
        ({"exp": None}, "no time of issue or no end"),
        ({"exp": "never"}, "no time of issue or no end"),
        ({"exp": True}, "no time of issue or no end"),
        ({"exp": 1e300}, "no time of issue or no end"),
        ({"iat": None}, "no time of issue or no end"),
        ({"iat": NOW + 61}, "isn't valid yet"),
        ({"nbf": NOW + 61}, "isn't valid yet"),
        ({"sub": None}, "names no person"),
        ({"sub": ""}, "names no person"),
        ({"sub": 7}, "names no person"),
        ({"sub": "x" * 256}, "names no person"),
        ({"preferred_username": None}, "doesn't send the person's name"),
        ({"preferred_username": ["ana"]}, "doesn't send the person's name"),
    ],
    ids=str,
)
def test_a_wrong_one_proves_nothing(change: dict[str, Any], why: str) -> None:
    claims = {name: value for name, value in {**RIGHT, **change}.items() if value is not None}
    refuse(sign(claims), why)


def test_several_audiences_are_taken_where_the_party_is_this_client() -> None:
    claims = {**RIGHT, "aud": ["another", "rootkeeper"], "azp": "rootkeeper"}
    assert read_id_token(sign(claims), KEYS, RULES, "n-1", START).name == "ana"


def test_a_clock_may_be_off_by_a_minute() -> None:
    for moment in (START - timedelta(seconds=60), START + timedelta(seconds=119)):
        assert read_id_token(sign(RIGHT), KEYS, RULES, "n-1", moment).name == "ana"
    refuse(sign(RIGHT), "expired", now=START + timedelta(seconds=120))


def test_a_signature_by_another_key_proves_nothing() -> None:
    refuse(sign(RIGHT, ECKey.generate_key("P-256", {"kid": "k-1"})), "signature")


def test_no_signature_proves_nothing() -> None:
    unsigned = f"{encode({'alg': 'none'})}.{encode(RIGHT)}."
    refuse(unsigned, "signature")


def test_a_signature_that_the_public_key_can_make_proves_nothing() -> None:
    """The public key as a secret of HMAC: an old attack on programs that take any algorithm."""
    signed = f"{encode({'alg': 'HS256', 'kid': 'k-1'})}.{encode(RIGHT)}"
    for secret in (json.dumps(KEY.as_dict(private=False)).encode(), KEY.as_pem(private=False)):
        refuse(f"{signed}.{encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}", "signature")


def test_changed_claims_prove_nothing() -> None:
    header, _, signature = sign(RIGHT).split(".")
    refuse(f"{header}.{encode({**RIGHT, 'groups': ['admins']})}.{signature}", "signature")


@pytest.mark.parametrize("text", [None, 7, "", "a", "a.b", "a.b.c", "....", "\udcff.x.y"])
def test_what_isnt_a_token_proves_nothing(text: object) -> None:
    refuse(text, "there is none|signature")


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": None}, {"keys": ["x"]}, {"keys": [{"kty": "x"}]}])
def test_without_the_providers_keys_nothing_is_proven(keys: dict[str, Any]) -> None:
    refuse(sign(RIGHT), "signature", keys)


@pytest.mark.parametrize("unverified", [False, "false", "true", "True", 1, None, [True], {}])
def test_an_address_that_the_provider_hasnt_verified_names_no_one(unverified: object) -> None:
    rules = replace(RULES, name_claims=("email", "preferred_username"))
    claims = {**RIGHT, "email": "boss@example.com", "email_verified": unverified}
    assert read_id_token(sign(claims), KEYS, rules, "n-1", START).name == "ana"
    with pytest.raises(NotSignedInError, match="doesn't send the person's name"):
        read_id_token(sign(claims), KEYS, replace(RULES, name_claims=("email",)), "n-1", START)
    silent = {claim: value for claim, value in claims.items() if claim != "email_verified"}
    assert read_id_token(sign(silent), KEYS, rules, "n-1", START).name == "ana"
    verified = sign({**claims, "email_verified": True})
    assert read_id_token(verified, KEYS, rules, "n-1", START).name == "boss@example.com"


def test_the_first_claim_that_names_the_person_counts() -> None:
    rules = replace(RULES, name_claims=("upn", "email", "preferred_username"))
    claims = {**RIGHT, "email": "ana@example.com", "email_verified": True}
    assert read_id_token(sign(claims), KEYS, rules, "n-1", START).name == "ana@example.com"


def test_one_group_may_come_as_a_text() -> None:
    assert read_id_token(sign({**RIGHT, "groups": "staff"}), KEYS, RULES, "n-1", START).groups == ("staff",)
