"""Selections as given on a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rootkeeper.cli.options import SelectionOptions
from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountState
from rootkeeper.organization.selection import NamedAccount
from rootkeeper.organization.statuses import Status


def test_every_option_finds_its_place(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.txt"
    accounts.write_text("444455556666  # the old one\n")
    request = SelectionOptions(
        accounts=["111122223333"],
        ou=["Workloads/Prod"],
        tag=["team=shop"],
        account_state=[AccountState.ACTIVE],
        status=[Status.PRESENT],
        exclude=["Sandbox Ana"],
        from_file=accounts,
        all_accounts=True,
        include_failsafe=["222233334444"],
    ).to_request()
    assert request.named == (NamedAccount("111122223333"), NamedAccount("444455556666", f"{accounts} line 1"))
    assert request.organizational_units == ("Workloads/Prod",)
    assert request.tags == (("team", "shop"),)
    assert request.account_states == {AccountState.ACTIVE}
    assert request.statuses == {Status.PRESENT}
    assert request.excluded == ("Sandbox Ana",)
    assert request.everything
    assert request.included_failsafes == {"222233334444"}


def test_nothing_given_selects_nothing() -> None:
    assert SelectionOptions().to_request().is_empty


@pytest.mark.parametrize(
    "options",
    [
        SelectionOptions(accounts=["1234"]),
        SelectionOptions(tag=["team"]),
        SelectionOptions(include_failsafe=["Security"]),
        SelectionOptions(from_file=Path("/nowhere/accounts.txt")),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_hint(options: SelectionOptions) -> None:
    with pytest.raises(InputError) as raised:
        options.to_request()
    assert raised.value.hint
