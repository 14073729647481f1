"""What an ARN shows about a role, and when a root user was last used."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from rootkeeper.aws.identities import RootUse
from rootkeeper.organization.accounts import AccountId
from tests.fakes.clock import START
from tests.fakes.identities import allow, make_role, trust

ACCOUNT = AccountId("111122223333")


@pytest.mark.parametrize(
    ("path", "of_identity_center", "service_linked"),
    [
        ("/", False, False),
        ("/aws-reserved/sso.amazonaws.com/eu-central-1/", True, False),
        ("/aws-reserved/sso.amazonaws.com/", True, False),
        ("/aws-service-role/support.amazonaws.com/", False, True),
        ("/team/aws-service-role/", False, False),
    ],
)
def test_a_roles_path_shows_whose_it_is(path: str, of_identity_center: bool, service_linked: bool) -> None:
    role = make_role(ACCOUNT, "name", trust("*"), allow("*"), path=path)
    assert (role.is_of_identity_center, role.is_service_linked) == (of_identity_center, service_linked)


@pytest.mark.parametrize(
    ("password", "key", "last"),
    [(None, None, None), (START, None, START), (None, START, START), (START - timedelta(days=1), START, START)],
)
def test_the_last_use_is_the_later_of_password_and_keys(
    password: datetime | None, key: datetime | None, last: datetime | None
) -> None:
    assert RootUse(START, password, key).last_used_at == last
