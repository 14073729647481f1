from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rootkeeper.errors import Hint, InputError, SelectionEmptyError, TargetRefusedError
from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    AccountState,
    Inventory,
    Organization,
    OrganizationalUnit,
)
from rootkeeper.organization.selection import (
    EVERYTHING,
    AccountProtections,
    NamedAccount,
    SelectedAccount,
    SelectionRequest,
    Skip,
    SkipReason,
    describe_request,
    find_account,
    find_organizational_unit,
    find_skip,
    narrow_by_tags,
    parse_account_list,
    parse_tag,
    require_none_refused,
    require_not_empty,
    select_before_tags,
)
from rootkeeper.organization.statuses import AccountRole, Status

NOW = datetime(2026, 1, 15, tzinfo=UTC)
MANAGEMENT, WEB, DATA, LAB = (
    AccountId("111122223333"),
    AccountId("444455556666"),
    AccountId("555566667777"),
    AccountId("012345678901"),
)
UNITS = (
    OrganizationalUnit("r-exam", "Root", None),
    OrganizationalUnit("ou-exam-work", "Workloads", "r-exam"),
    OrganizationalUnit("ou-exam-prod", "Prod", "ou-exam-work"),
    OrganizationalUnit("ou-exam-labs", "Labs", "r-exam"),
    OrganizationalUnit("ou-exam-lpro", "Prod", "ou-exam-labs"),
)


def account(account_id: AccountId, name: str, *ou_ids: str, state: AccountState = AccountState.ACTIVE) -> Account:
    names = [unit.name for ou_id in ("r-exam", *ou_ids) for unit in UNITS if unit.ou_id == ou_id]
    return Account(account_id, name, f"{name}@example.com", state, ("r-exam", *ou_ids), "/".join(names))


INVENTORY = Inventory(
    Organization("o-exampleorgid", MANAGEMENT, has_all_features=True, partition="aws"),
    (
        account(MANAGEMENT, "management"),
        account(LAB, "shared", "ou-exam-labs", state=AccountState.SUSPENDED),
        account(DATA, "shared", "ou-exam-work"),
        account(WEB, "web", "ou-exam-work", "ou-exam-prod"),
    ),
    UNITS,
    NOW,
    frozenset(),
)


def named(*texts: str) -> SelectionRequest:
    return SelectionRequest(named=tuple(NamedAccount(text) for text in texts))


def caught(request: SelectionRequest) -> list[AccountId]:
    return [account.account_id for account in select_before_tags(request, INVENTORY).included]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (EVERYTHING, [MANAGEMENT, LAB, DATA, WEB]),
        (named(WEB), [WEB]),
        (named("web", DATA), [DATA, WEB]),
        (named(LAB), [LAB]),
        (SelectionRequest(organizational_units=("Root/Workloads/Prod",)), [WEB]),
        (SelectionRequest(organizational_units=("Workloads",)), [DATA, WEB]),
        (SelectionRequest(organizational_units=("ou-exam-work", "Labs")), [LAB, DATA, WEB]),
        (SelectionRequest(organizational_units=("r-exam",)), [MANAGEMENT, LAB, DATA, WEB]),
        (SelectionRequest(organizational_units=("Root",)), [MANAGEMENT, LAB, DATA, WEB]),
        (SelectionRequest(account_states=frozenset({AccountState.SUSPENDED})), [LAB]),
        (replace(named("web"), organizational_units=("Labs",)), [LAB, WEB]),
        (replace(EVERYTHING, excluded=("web", LAB)), [MANAGEMENT, DATA]),
        (replace(EVERYTHING, excluded=("Root/Workloads",)), [MANAGEMENT, LAB]),
        (replace(EVERYTHING, excluded=("ou-exam-prod",)), [MANAGEMENT, LAB, DATA]),
        (SelectionRequest(statuses=frozenset({Status.PRESENT})), [MANAGEMENT, LAB, DATA, WEB]),
    ],
)
def test_a_request_catches_what_it_says(request_: SelectionRequest, expected: list[AccountId]) -> None:
    assert caught(request_) == expected


def test_only_accounts_given_by_id_or_name_are_named() -> None:
    selection = select_before_tags(replace(named("web"), organizational_units=("Workloads",)), INVENTORY)
    assert {one.account.account_id: one.is_named for one in selection.accounts} == {DATA: False, WEB: True}


def test_nothing_asked_for_is_no_selection() -> None:
    with pytest.raises(SelectionEmptyError):
        select_before_tags(SelectionRequest(excluded=("web",)), INVENTORY)


def test_a_selection_that_matches_nothing_is_an_error() -> None:
    request = SelectionRequest(account_states=frozenset({AccountState.CLOSED}))
    with pytest.raises(SelectionEmptyError, match="account state CLOSED"):
        require_not_empty(select_before_tags(request, INVENTORY))


def test_an_id_outside_the_organization_is_refused() -> None:
    with pytest.raises(TargetRefusedError, match="999999999999"):
        caught(named("999999999999"))


def test_a_wrong_id_is_reported_as_wrong() -> None:
    with pytest.raises(InputError, match="not an AWS account id"):
        caught(named("1234"))


def test_an_ambiguous_name_lists_its_candidates() -> None:
    with pytest.raises(InputError) as error:
        caught(named("shared"))
    assert LAB in error.value.message
    assert DATA in error.value.message


def test_an_unknown_name_shows_similar_ones_and_where_it_is() -> None:
    with pytest.raises(InputError, match="line 7") as error:
        find_account(NamedAccount("Web", "accounts.txt line 7"), INVENTORY.accounts)
    assert "web" in (error.value.hint or "")


def test_an_unknown_exclusion_is_an_error() -> None:
    with pytest.raises(InputError, match="excluded"):
        caught(replace(EVERYTHING, excluded=("nowhere",)))


@pytest.mark.parametrize("text", ["workloads", "Prod", "Root/Nowhere", "", "/", "ou-none-here"])
def test_an_unknown_organizational_unit_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match="no organizational unit"):
        find_organizational_unit(text, UNITS)


def test_siblings_of_one_name_are_ambiguous() -> None:
    twin = OrganizationalUnit("ou-exam-twin", "Labs", "r-exam")
    with pytest.raises(InputError, match="ou-exam-labs, ou-exam-twin"):
        find_organizational_unit("Labs", (*UNITS, twin))


def test_tags_narrow_by_every_key_and_any_of_its_values() -> None:
    tags = {
        MANAGEMENT: {},
        LAB: {"env": "lab"},
        DATA: {"env": "prod", "team": "a"},
        WEB: {"env": "prod", "team": "b"},
    }
    selection = select_before_tags(EVERYTHING, INVENTORY)

    def keep(*wanted: tuple[str, str]) -> list[AccountId]:
        return [account.account_id for account in narrow_by_tags(selection, wanted, tags).included]

    assert keep(("env", "prod")) == [DATA, WEB]
    assert keep(("env", "prod"), ("env", "lab")) == [LAB, DATA, WEB]
    assert keep(("env", "prod"), ("team", "b")) == [WEB]
    assert keep(("env", "Prod")) == []


def test_a_file_holds_an_account_a_line_with_comments() -> None:
    text = "# wave 1\n\n444455556666\n  web # the shop\r\nteam #2 account\n"
    assert parse_account_list(text, "wave.txt") == (
        NamedAccount("444455556666", "wave.txt line 3"),
        NamedAccount("web", "wave.txt line 4"),
        NamedAccount("team", "wave.txt line 5"),
    )


def test_a_file_without_accounts_is_an_error() -> None:
    with pytest.raises(InputError, match="contains no account"):
        parse_account_list("# nothing\n", "wave.txt")


@pytest.mark.parametrize("text", ["env", "=prod", ""])
def test_a_tag_needs_key_and_value(text: str) -> None:
    with pytest.raises(InputError, match="tag"):
        parse_tag(text)


def test_a_tag_may_hold_any_value() -> None:
    assert parse_tag("url=https://x/?a=b") == ("url", "https://x/?a=b")
    assert parse_tag("empty=") == ("empty", "")


def test_a_request_is_shown_in_the_words_of_its_options() -> None:
    request = replace(
        named("web"),
        organizational_units=("Labs",),
        tags=(("env", "prod"),),
        excluded=(DATA,),
        included_failsafes=frozenset({LAB}),
    )
    assert describe_request(request) == f"web, OU Labs, tag env=prod, except {DATA}, failsafe {LAB} included"


# What may not be touched.

GUARDS = AccountProtections({})


def skip_of(
    *,
    role: AccountRole = AccountRole.MEMBER,
    protections: AccountProtections = GUARDS,
    obstacle: str | None = None,
    state: AccountState = AccountState.ACTIVE,
    is_excluded: bool = False,
) -> SkipReason | None:
    selected = SelectedAccount(account(WEB, "web", state=state), is_named=False, is_excluded=is_excluded)
    skip = find_skip(selected, role, obstacle, protections)
    return None if skip is None else skip.reason


def test_p12_accounts_that_may_not_be_touched_have_a_reason() -> None:
    assert skip_of() is None
    assert skip_of(role=AccountRole.MANAGEMENT) is SkipReason.MANAGEMENT_ACCOUNT
    assert skip_of(role=AccountRole.FAILSAFE) is SkipReason.FAILSAFE
    assert skip_of(obstacle="No root users.") is SkipReason.PARTITION
    assert skip_of(is_excluded=True) is SkipReason.EXCLUDED
    for reason in (SkipReason.EXCEPTION, SkipReason.WINDOW_OPEN):
        assert skip_of(protections=AccountProtections({WEB: Skip(reason, "Recorded.")})) is reason
    for state in set(AccountState) - {AccountState.ACTIVE}:
        assert skip_of(state=state) is SkipReason.NOT_ACTIVE


def test_the_failsafe_can_be_included_and_the_management_account_cannot() -> None:
    including = replace(GUARDS, included_failsafes=frozenset({WEB}))
    assert skip_of(role=AccountRole.FAILSAFE, protections=including) is None
    assert skip_of(role=AccountRole.MANAGEMENT, protections=including) is SkipReason.MANAGEMENT_ACCOUNT


def test_a_named_account_that_may_not_be_touched_is_refused() -> None:
    skip = Skip(SkipReason.FAILSAFE, "It is the failsafe.")
    by_group = SelectedAccount(account(DATA, "data"), is_named=False)
    require_none_refused([(by_group, skip)])
    with pytest.raises(TargetRefusedError, match=rf"{WEB} \(web\): It is the failsafe\.") as error:
        require_none_refused([(by_group, skip), (SelectedAccount(account(WEB, "web"), is_named=True), skip)])
    assert isinstance(error.value.hint, Hint)
    assert error.value.hint.code == "failsafe.include"
    assert DATA not in error.value.message
