"""The settings of an identity provider: what can't be used is refused at the start, and no secret is repeated."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.errors import SettingsError
from rootkeeper.references import require_safe_address
from rootkeeper.settings.reading import make_provider_rules
from rootkeeper.settings.sections import OidcSettings

GIVEN: dict[str, Any] = {
    "issuer": "https://login.example.com",
    "client_id": "rootkeeper",
    "client_secret": "env:OIDC_SECRET",
    "name": "",
    "name_claims": ("preferred_username",),
    "groups_claim": "groups",
    "groups": ("admins=administrator", "cn=on-call,dc=example = operator"),
    "factor_methods": ("mfa",),
}


def test_the_settings_make_rules_and_without_an_issuer_none() -> None:
    rules = make_provider_rules(OidcSettings(**GIVEN))
    assert rules is not None
    assert rules.roles == {
        "admins": ServerRole.ADMINISTRATOR,
        "cn=on-call,dc=example": ServerRole.OPERATOR,
    }
    assert rules.name == "login.example.com"
    assert make_provider_rules(OidcSettings(**{**GIVEN, "issuer": "", "client_id": ""})) is None


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://login.example.com"},
        {"issuer": "login.example.com"},
        {"issuer": "https://user:word@login.example.com"},
        {"issuer": "https://login.example.com?x=1"},
        {"issuer": "file:///etc/passwd"},
        {"issuer": "https://[::1"},
        {"client_id": ""},
        {"client_secret": "hunter2"},
        {"groups": ()},
        {"groups": ("admins",)},
        {"groups": ("admins=king",)},
        {"groups": ("=viewer",)},
        {"name_claims": ()},
    ],
    ids=str,
)
def test_what_cant_be_used_is_refused_and_no_secret_repeated(change: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        make_provider_rules(OidcSettings(**{**GIVEN, **change}))
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:9400", "http://localhost:9400", "http://[::1]:9400"])
def test_a_provider_on_this_machine_needs_no_tls(issuer: str) -> None:
    assert make_provider_rules(OidcSettings(**{**GIVEN, "issuer": issuer})) is not None


def test_plain_addresses_are_for_this_machine_alone() -> None:
    assert require_safe_address("https://a.example/x", "it", loopback_allowed=False)
    for address in ("http://127.0.0.1/x", "http://a.example/x", "ftp://a.example", "https://", ""):
        with pytest.raises(ValueError, match="it"):
            require_safe_address(address, "it", loopback_allowed=False)
