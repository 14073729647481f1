"""Who may do what on a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.access.rules import (
    OF_WHOLE_ORGANIZATION,
    PERMISSIONS,
    UNLIMITED,
    Identity,
    IdentityKind,
    Permission,
    ServerRole,
    TokenScope,
    require_scope,
)
from rootkeeper.errors import InputError, PermissionDeniedError
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.organization.accounts import Account, AccountId, AccountState

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.OPERATOR, "admin", NOW)


def test_every_role_sees_what_a_viewer_sees_and_an_administrator_may_all() -> None:
    assert all(PERMISSIONS[role] >= PERMISSIONS[ServerRole.VIEWER] for role in ServerRole)
    assert PERMISSIONS[ServerRole.ADMINISTRATOR] == frozenset(Permission)
    assert set(PERMISSIONS) == set(ServerRole)


def test_who_operates_and_who_approves_are_different_people() -> None:
    operates, approves = PERMISSIONS[ServerRole.OPERATOR], PERMISSIONS[ServerRole.APPROVER]
    proves = {Permission.LEDGER_VERIFY, Permission.REPORTS_READ}
    assert operates & approves == PERMISSIONS[ServerRole.VIEWER] | proves
    assert {Permission.WINDOWS_ACTIVATE, Permission.WINDOWS_CLOSE, Permission.WINDOWS_REQUEST} <= operates
    assert {Permission.WINDOWS_APPROVE, Permission.WINDOWS_DENY, Permission.WINDOWS_EXTEND} <= approves


def test_a_viewer_changes_nothing() -> None:
    assert all(permission.value.endswith(":read") for permission in PERMISSIONS[ServerRole.VIEWER])


def test_an_auditor_reads_and_deletes_nothing() -> None:
    more = PERMISSIONS[ServerRole.AUDITOR] - PERMISSIONS[ServerRole.VIEWER]
    proves = {Permission.LEDGER_VERIFY, Permission.REPORTS_READ}
    assert more == {Permission.ACCOUNTS_AUDIT, Permission.FAILSAFE_CHECK, Permission.PREFLIGHTS_RUN} | proves


def test_only_administrators_change_the_set_up() -> None:
    able = {role for role, granted in PERMISSIONS.items() if Permission.SETUP_CHANGE in granted}
    assert able == {ServerRole.ADMINISTRATOR}


def test_only_administrators_manage_identities() -> None:
    able = {role for role, granted in PERMISSIONS.items() if Permission.IDENTITIES_MANAGE in granted}
    assert able == {ServerRole.ADMINISTRATOR}


def test_permissions_stand_in_the_order_of_the_alphabet() -> None:
    assert [one.value for one in Permission] == sorted(one.value for one in Permission)


def test_a_refusal_names_the_roles_that_could() -> None:
    ANA.require_permission(Permission.WINDOWS_REQUEST)
    with pytest.raises(PermissionDeniedError) as caught:
        ANA.require_permission(Permission.WINDOWS_APPROVE)
    assert "ana" in caught.value.message
    assert caught.value.hint == "Ask a user with the role approver or administrator."


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({}, True),
        ({"disabled_at": NOW}, False),
        ({"expires_at": NOW + timedelta(seconds=1)}, True),
        ({"expires_at": NOW}, False),
    ],
)
def test_p29_a_disabled_or_expired_identity_may_not_act(changes: dict[str, datetime], usable: bool) -> None:
    assert replace(ANA, **changes).is_usable(NOW) is usable  # type: ignore[arg-type]  # the table's types


def test_the_ledger_names_it_by_how_it_is_known() -> None:
    assert ANA.to_actor() == Actor("ana", ActorKind.SIGNED_IN, None)
    token = replace(ANA, kind=IdentityKind.TOKEN)
    assert token.to_actor("arn:aws:iam::111122223333:role/x") == Actor(
        "ana", ActorKind.TOKEN, "arn:aws:iam::111122223333:role/x"
    )


UNITS = TokenScope(None, ("Workloads/Prod", "ou-1234-abcdefgh"))
FEW = TokenScope(frozenset({Permission.WINDOWS_READ, Permission.WINDOWS_REQUEST}))
PROD = Account(
    AccountId("222233334444"),
    "prod",
    "prod@example.com",
    AccountState.ACTIVE,
    ("r-1234", "ou-1234-aaaaaaaa"),
    "Root/Workloads/Prod",
)


def make_token(scope: TokenScope, role: ServerRole = ServerRole.OPERATOR) -> Identity:
    return replace(ANA, kind=IdentityKind.TOKEN, name="ci", role=role, scope=scope)


def test_a_limited_token_may_what_its_limits_name_and_its_role_permits() -> None:
    token = make_token(FEW)
    assert token.permissions == {Permission.WINDOWS_READ, Permission.WINDOWS_REQUEST}
    token.require_permission(Permission.WINDOWS_REQUEST)
    with pytest.raises(PermissionDeniedError, match="is limited"):
        token.require_permission(Permission.ROOT_CREDENTIALS_DELETE)
    assert make_token(FEW, ServerRole.VIEWER).permissions == {Permission.WINDOWS_READ}


def test_a_token_of_some_units_has_nothing_that_is_about_the_whole_organization() -> None:
    token = make_token(UNITS, ServerRole.ADMINISTRATOR)
    assert token.permissions == frozenset(Permission) - OF_WHOLE_ORGANIZATION
    for permission in OF_WHOLE_ORGANIZATION:
        with pytest.raises(PermissionDeniedError):
            token.require_permission(permission)


@pytest.mark.parametrize(
    ("units", "path", "ids", "covered"),
    [
        ((), "Root/Sandbox", ("r-1234",), True),
        (("Workloads/Prod",), "Root/Workloads/Prod", ("r-1234",), True),
        (("Root/Workloads",), "Root/Workloads/Prod/Deep", ("r-1234",), True),
        (("Workloads/Prod",), "Root/Workloads/Production", ("r-1234",), False),
        (("Prod",), "Root/Workloads/Prod", ("r-1234",), False),
        (("ou-1",), "Root/Workloads", ("r-1234", "ou-1"), True),
        (("ou-1",), "Root/Workloads", ("r-1234", "ou-12"), False),
        (("/Workloads/",), "Root/Workloads", ("r-1234",), True),
        (("a", "Workloads"), "Root/Workloads", ("r-1234",), True),
    ],
)
def test_accounts_are_covered_by_their_units(
    units: tuple[str, ...], path: str, ids: tuple[str, ...], covered: bool
) -> None:
    assert TokenScope(None, units).covers(replace(PROD, ou_path=path, ou_ids=ids)) is covered


def test_a_token_of_some_units_touches_no_other_account_and_none_that_no_one_knows() -> None:
    token = make_token(UNITS)
    token.require_account_access(PROD.account_id, PROD)
    with pytest.raises(PermissionDeniedError, match="is in Root/Sandbox"):
        token.require_account_access(PROD.account_id, replace(PROD, ou_path="Root/Sandbox"))
    with pytest.raises(PermissionDeniedError, match="unknown unit"):
        token.require_account_access(PROD.account_id, None)
    ANA.require_account_access(PROD.account_id, None)


def test_no_user_grants_permissions_that_he_lacks() -> None:
    keeper = make_token(TokenScope(frozenset({Permission.IDENTITIES_MANAGE})), ServerRole.ADMINISTRATOR)
    keeper.require_grantable(frozenset({Permission.IDENTITIES_MANAGE}))
    with pytest.raises(PermissionDeniedError, match="lacks"):
        keeper.require_grantable(PERMISSIONS[ServerRole.VIEWER])
    replace(ANA, role=ServerRole.ADMINISTRATOR).require_grantable(frozenset(Permission))


@pytest.mark.parametrize(
    ("role", "scope"),
    [
        (ServerRole.VIEWER, FEW),
        (ServerRole.VIEWER, TokenScope(frozenset())),
        (ServerRole.VIEWER, TokenScope(None, (" ",))),
        (ServerRole.VIEWER, TokenScope(None, ("Workloads", "/"))),
        (ServerRole.ADMINISTRATOR, TokenScope(frozenset({Permission.SETUP_CHANGE}), ("Workloads",))),
    ],
    ids=["more than its role", "nothing", "no name", "a slash", "of the whole organization"],
)
def test_limits_that_would_surprise_are_refused(role: ServerRole, scope: TokenScope) -> None:
    with pytest.raises(InputError):
        require_scope(role, scope)


def test_limits_within_a_role_are_taken() -> None:
    for role, scope in ((ServerRole.OPERATOR, FEW), (ServerRole.ADMINISTRATOR, UNITS), (ServerRole.VIEWER, UNLIMITED)):
        require_scope(role, scope)
