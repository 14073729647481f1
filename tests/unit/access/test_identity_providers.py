"""Who is admitted by an identity provider, in which role, and where a browser may be sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.access.rules import (
    FACTOR_LASTS,
    ServerRole,
    find_factor_time,
    require_just_signed_in,
    require_return_path,
)
from rootkeeper.errors import Hint, InputError, NotSignedInError, PermissionDeniedError
from tests.fakes.clock import START
from tests.fakes.provider_desk import ANA, RULES


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (("staff",), ServerRole.VIEWER),
        (("staff", "on-call"), ServerRole.OPERATOR),
        (("on-call", "admins", "staff"), ServerRole.ADMINISTRATOR),
        (("unknown",), None),
        ((), None),
        (("ADMINS",), None),
    ],
)
def test_the_strongest_role_of_the_groups_counts(groups: tuple[str, ...], role: ServerRole | None) -> None:
    assert RULES.choose_role(groups) is role


def test_a_user_in_no_mapped_group_is_refused_and_shown_what_to_do() -> None:
    with pytest.raises(PermissionDeniedError, match="none of this person's groups") as caught:
        RULES.require_role(replace(ANA, groups=("others",)))
    assert isinstance(caught.value.hint, Hint)
    assert caught.value.hint.facts["setting"] == "oidc.groups"


@pytest.mark.parametrize("path", ["/", "/accounts", "/accounts?ou=r-1234&x=%20#top", "/a//b"])
def test_a_browser_is_sent_to_a_path_of_this_server(path: str) -> None:
    assert require_return_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "accounts",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        " /",
        "/a b",
        "/\t/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/\u2028",
        "/" + "x" * 2_000,
    ],
    ids=repr,
)
def test_a_browser_is_sent_nowhere_else(path: str) -> None:
    with pytest.raises(InputError):
        require_return_path(path)


def test_a_factor_counts_from_when_the_provider_took_it() -> None:
    now = START + timedelta(minutes=2)
    assert find_factor_time(ANA, RULES, now) == START
    assert find_factor_time(replace(ANA, authenticated_at=now + timedelta(hours=1)), RULES, now) == now
    assert find_factor_time(replace(ANA, methods=frozenset({"pwd"})), RULES, now) is None
    assert find_factor_time(replace(ANA, authenticated_at=None), RULES, now) == now - FACTOR_LASTS


def test_a_confirmation_needs_a_sign_in_after_it_was_asked_for() -> None:
    require_just_signed_in(ANA, START + timedelta(seconds=30))
    for moment in (None, START - timedelta(minutes=2)):
        with pytest.raises(NotSignedInError, match="ask you to sign in again"):
            require_just_signed_in(replace(ANA, authenticated_at=moment), START)


def test_people_of_two_providers_are_never_one() -> None:
    assert replace(ANA, issuer="https://a.example").proof_hash != replace(ANA, issuer="https://b.example").proof_hash
    assert replace(ANA, name="another").proof_hash == ANA.proof_hash
