"""Users and tokens as JSON values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rootkeeper.access.records import identity_to_parameters, identity_to_record
from rootkeeper.access.rules import Identity, IdentityKind, Permission, ServerRole, SignInWay, TokenScope

NOW = datetime(2026, 1, 15, 9, 0, 0, 123456, tzinfo=UTC)


def test_a_token_is_shown_with_its_end_and_without_what_proves_it() -> None:
    token = Identity("t-1", IdentityKind.TOKEN, "ci", ServerRole.AUDITOR, "ana", NOW, NOW + timedelta(days=1))
    assert identity_to_record(token, NOW) == {
        "identity_id": "t-1",
        "kind": "token",
        "name": "ci",
        "role": "auditor",
        "signs_in_by": None,
        "limited_to": None,
        "is_usable": True,
        "created_by": "ana",
        "created_at": "2026-01-15T09:00:00Z",
        "expires_at": "2026-01-16T09:00:00Z",
        "disabled_at": None,
        "last_used_at": None,
        "link_ends_at": None,
    }


def test_an_expired_token_may_not_act() -> None:
    token = Identity("t-1", IdentityKind.TOKEN, "ci", ServerRole.AUDITOR, "ana", NOW, NOW + timedelta(days=1))
    assert identity_to_record(token, NOW + timedelta(days=1))["is_usable"] is False


def test_the_limits_of_a_token_are_shown() -> None:
    scope = TokenScope(frozenset({Permission.WINDOWS_REQUEST, Permission.WINDOWS_READ}), ("Workloads/Prod",))
    token = Identity("t-1", IdentityKind.TOKEN, "ci", ServerRole.OPERATOR, "ana", NOW, scope=scope)
    assert identity_to_record(token, NOW)["limited_to"] == {
        "permissions": ["windows:read", "windows:request"],
        "organizational_units": ["Workloads/Prod"],
    }
    units_alone = Identity(
        "t-1", IdentityKind.TOKEN, "ci", ServerRole.OPERATOR, "ana", NOW, scope=TokenScope(None, ("r-1",))
    )
    assert identity_to_record(units_alone, NOW)["limited_to"] == {
        "permissions": None,
        "organizational_units": ["r-1"],
    }


def test_it_is_shown_how_a_user_signs_in() -> None:
    user = Identity("u-1", IdentityKind.USER, "ana", ServerRole.VIEWER, "rootkeeper", NOW, signs_in_by=SignInWay.OIDC)
    assert identity_to_record(user, NOW)["signs_in_by"] == "oidc"


def test_the_ledger_keeps_who_it_is_and_limits_only_of_a_token_that_has_some() -> None:
    ana = Identity("u-1", IdentityKind.USER, "ana", ServerRole.VIEWER, "admin", NOW)
    known = {"identity_id": "u-1", "kind": "user", "name": "ana", "role": "viewer", "expires_at": None}
    assert identity_to_parameters(ana) == known
    scope = TokenScope(frozenset({Permission.WINDOWS_REQUEST, Permission.WINDOWS_READ}), ("Workloads/Prod",))
    token = Identity("t-1", IdentityKind.TOKEN, "ci", ServerRole.OPERATOR, "ana", NOW, NOW, scope=scope)
    assert identity_to_parameters(token) == {
        "identity_id": "t-1",
        "kind": "token",
        "name": "ci",
        "role": "operator",
        "expires_at": "2026-01-15T09:00:00.123456+00:00",
        "permissions": ["windows:read", "windows:request"],
        "organizational_units": ["Workloads/Prod"],
    }
