"""Who may do what on a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.domain.access import PERMISSIONS, Identity, IdentityKind, Permission, ServerRole
from rootkeeper.domain.ledger import Actor, ActorKind
from rootkeeper.errors import PermissionDeniedError

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
ANA = Identity("u-1", IdentityKind.USER, "ana", ServerRole.OPERATOR, "admin", NOW)


def test_every_role_sees_what_a_viewer_sees_and_an_administrator_may_all() -> None:
    assert all(PERMISSIONS[role] >= PERMISSIONS[ServerRole.VIEWER] for role in ServerRole)
    assert PERMISSIONS[ServerRole.ADMINISTRATOR] == frozenset(Permission)
    assert set(PERMISSIONS) == set(ServerRole)


def test_who_operates_and_who_approves_are_different_people() -> None:
    operates, approves = PERMISSIONS[ServerRole.OPERATOR], PERMISSIONS[ServerRole.APPROVER]
    assert operates & approves == PERMISSIONS[ServerRole.VIEWER]
    assert {Permission.WINDOWS_ACTIVATE, Permission.WINDOWS_CLOSE, Permission.WINDOWS_REQUEST} <= operates
    assert {Permission.WINDOWS_APPROVE, Permission.WINDOWS_DENY, Permission.WINDOWS_EXTEND} <= approves


def test_a_viewer_changes_nothing() -> None:
    assert all(permission.value.endswith(":read") for permission in PERMISSIONS[ServerRole.VIEWER])


def test_an_auditor_reads_and_deletes_nothing() -> None:
    more = PERMISSIONS[ServerRole.AUDITOR] - PERMISSIONS[ServerRole.VIEWER]
    assert more == {Permission.ACCOUNTS_AUDIT, Permission.PREFLIGHTS_RUN}


def test_only_administrators_manage_identities() -> None:
    able = {role for role, granted in PERMISSIONS.items() if Permission.IDENTITIES_MANAGE in granted}
    assert able == {ServerRole.ADMINISTRATOR}


def test_permissions_stand_in_the_order_of_the_alphabet() -> None:
    assert [one.value for one in Permission] == sorted(one.value for one in Permission)


def test_a_refusal_names_the_roles_that_could() -> None:
    ANA.ensure_may(Permission.WINDOWS_REQUEST)
    with pytest.raises(PermissionDeniedError) as caught:
        ANA.ensure_may(Permission.WINDOWS_APPROVE)
    assert "ana" in caught.value.message
    assert caught.value.hint == "Ask somebody with the role approver or administrator."


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({}, True),
        ({"disabled_at": NOW}, False),
        ({"expires_at": NOW + timedelta(seconds=1)}, True),
        ({"expires_at": NOW}, False),
    ],
)
def test_a_disabled_or_expired_identity_may_not_act(changes: dict[str, datetime], usable: bool) -> None:
    assert replace(ANA, **changes).is_usable(NOW) is usable  # type: ignore[arg-type]  # the table's types


def test_the_ledger_names_it_by_how_it_is_known() -> None:
    assert ANA.to_actor() == Actor("ana", ActorKind.SIGNED_IN, None)
    token = replace(ANA, kind=IdentityKind.TOKEN)
    assert token.to_actor("arn:aws:iam::111122223333:role/x") == Actor(
        "ana", ActorKind.TOKEN, "arn:aws:iam::111122223333:role/x"
    )
