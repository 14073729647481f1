"""The demo's users: one of each role, with a second factor wherever the role takes one."""

from __future__ import annotations

import pytest

from rootkeeper.access.rules import ServerRole, parse_identity_name, require_password
from rootkeeper.demo.story import DEMO_USERS, PASSWORD, count_seconds_left, list_codes
from rootkeeper_sandbox.clock import totp_code


def test_there_is_one_of_each_role() -> None:
    assert [person.role for person in DEMO_USERS] == list(ServerRole)


@pytest.mark.parametrize("person", DEMO_USERS, ids=lambda person: person.name)
def test_each_can_be_a_user_and_has_a_factor_from_operator_on(person: object) -> None:
    (found,) = (one for one in DEMO_USERS if one == person)
    parse_identity_name(found.name)
    require_password(PASSWORD, found.name)
    assert (found.totp_secret is not None) is (found.role not in (ServerRole.VIEWER, ServerRole.AUDITOR))


def test_codes_are_those_of_an_authenticator_app() -> None:
    now = 1_700_000_025.5
    shown = dict(list_codes(now))
    assert shown.keys() == {"olga", "amir", "adam"}
    secret = next(person.totp_secret for person in DEMO_USERS if person.name == "olga")
    assert shown["olga"] == totp_code(secret or "", int(now) // 30)
    assert len(set(shown.values())) == 3


@pytest.mark.parametrize(("now", "left"), [(0.0, 30), (29.9, 1), (30.0, 30), (44.0, 16)])
def test_the_seconds_left_are_those_of_the_step(now: float, left: int) -> None:
    assert count_seconds_left(now) == left
