"""Names of users and tokens, and new passwords."""

from __future__ import annotations

import pytest

from rootkeeper.access.rules import fold_name, parse_identity_name, require_password
from rootkeeper.errors import InputError


@pytest.mark.parametrize("name", ["al", "ana.silva@example.com", "ci+prod=1,2-x_y", "a" * 64])
def test_a_name_that_cloudtrail_can_show_is_taken(name: str) -> None:
    assert parse_identity_name(name) == name


@pytest.mark.parametrize("name", ["", "a", "a" * 65, "ana silva", "ana\n", "ana:x", "änna", "ana\x00", "a/b", "ana "])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        parse_identity_name(name)


@pytest.mark.parametrize("name", ["rootkeeper", "RootKeeper"])
def test_no_user_may_have_the_programs_own_name(name: str) -> None:
    with pytest.raises(InputError, match="is reserved"):
        parse_identity_name(name)


def test_names_that_differ_in_their_case_alone_are_one() -> None:
    assert fold_name("Ana.Silva") == fold_name("aNA.sILVA")


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 257, "correct ANA horse"])
def test_a_weak_password_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(InputError) as caught:
        require_password(password, "ana")
    assert not password or password not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("password", ["correct horse", "x" * 256])
def test_a_long_password_is_taken(password: str) -> None:
    require_password(password, "ana")
