"""The contract of OrganizationReader."""

from __future__ import annotations

from rootkeeper.aws.rules import Lifetime
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Feature, OrganizationalUnit
from tests.contracts.subjects import BLOCKED, FOREIGN, MANAGEMENT, MEMBER, SECURITY, SUSPENDED, Subject, intent


def list_units(subject: Subject) -> dict[str, OrganizationalUnit]:
    found = list(subject.organization.list_roots())
    for unit in found:
        found.extend(subject.organization.list_child_units(unit.ou_id))
    return {unit.ou_id: unit for unit in found}


def list_accounts(subject: Subject) -> dict[AccountId, Account]:
    accounts = [account for page in subject.organization.list_account_pages() for account in page]
    assert len(accounts) == len({account.account_id for account in accounts})
    return {account.account_id: account for account in accounts}


def test_service_control_policies_are_enabled_on_the_root(subject: Subject) -> None:
    (root,) = subject.organization.list_roots()
    found = subject.organization.read_service_control_policies()
    assert (found.root_id, found.is_enabled, found.remark) == (root.ou_id, True, None)


def test_the_caller_is_named_by_arn_and_account(subject: Subject) -> None:
    caller = subject.organization.read_caller()
    assert caller.account_id == MANAGEMENT
    assert caller.partition == "aws"
    assert caller.arn.startswith(f"arn:aws:iam::{MANAGEMENT}:user/")
    assert [operation for operation, _ in subject.operations()] == ["GetCallerIdentity"]


def test_the_organization_names_its_management_account(subject: Subject) -> None:
    organization = subject.organization.read_organization()
    assert organization.organization_id == "o-exampleorgid"
    assert organization.management_account_id == MANAGEMENT
    assert organization.has_all_features
    assert organization.partition == "aws"


def test_children_name_their_parent_and_there_is_one_root(subject: Subject) -> None:
    units = list_units(subject)
    assert [unit.ou_id for unit in units.values() if unit.parent_id is None] == [next(iter(units))]
    assert next(iter(units)).startswith("r-")
    assert {unit.name for unit in units.values()} >= {"Root", "Security", "Workloads", "Prod"}


def test_every_account_has_its_place_in_the_tree(subject: Subject) -> None:
    units = list_units(subject)
    accounts = list_accounts(subject)
    assert "/".join(units[ou_id].name for ou_id in accounts[MEMBER].ou_ids) == "Root/Workloads/Prod"
    assert [units[ou_id].name for ou_id in accounts[MANAGEMENT].ou_ids] == ["Root"]
    for account in accounts.values():
        assert account.ou_ids[0].startswith("r-")
        assert account.ou_path == ""
        assert account.account_id in subject.organization.list_account_ids_of(account.ou_ids[-1])


def test_accounts_come_in_several_pages_and_each_is_listed_once(subject: Subject) -> None:
    assert len(list(subject.organization.list_account_pages())) > 1
    assert {MANAGEMENT, SECURITY, MEMBER, BLOCKED, SUSPENDED} <= list_accounts(subject).keys()


def test_states_are_listed(subject: Subject) -> None:
    accounts = list_accounts(subject)
    assert accounts[MEMBER].state is AccountState.ACTIVE
    assert accounts[SUSPENDED].state is AccountState.SUSPENDED
    assert subject.organization.find_account_state(SUSPENDED) is AccountState.SUSPENDED


def test_an_account_of_another_organization_is_not_found(subject: Subject) -> None:
    assert subject.organization.has_account(MEMBER)
    assert not subject.organization.has_account(FOREIGN)
    assert subject.organization.find_account_state(FOREIGN) is None


def test_the_set_up_is_read_while_trusted_access_is_on(subject: Subject) -> None:
    setup = subject.organization.read_setup()
    assert setup.trusted_access is True
    assert setup.features == frozenset(Feature)
    assert setup.delegated_administrators == ()
    assert setup.unknown == ()


def test_features_are_not_reported_while_trusted_access_is_off(subject: Subject) -> None:
    action = Action.TRUSTED_ACCESS_DISABLE
    subject.organization.change_setup(action, intent(subject, action))
    setup = subject.organization.read_setup()
    assert setup.trusted_access is False
    assert setup.features is None


def test_the_own_root_user_is_read_without_a_root_session(subject: Subject) -> None:
    assert subject.organization.read_own_root_summary() == subject.truth(MANAGEMENT)
    assert "AssumeRoot" not in [operation for operation, _ in subject.operations()]


def test_reading_changes_nothing(subject: Subject) -> None:
    list_accounts(subject)
    subject.organization.read_setup()
    subject.organization.read_tags(MEMBER)
    changing = ("Create", "Delete", "Deactivate", "Enable", "Disable", "Register", "Deregister", "AssumeRoot")
    assert not [operation for operation, _ in subject.operations() if operation.startswith(changing)]


def test_an_access_key_of_a_user_never_expires(subject: Subject) -> None:
    assert subject.organization.find_credentials_lifetime().lifetime is Lifetime.STATIC


def test_the_endpoint_is_named_a_sandbox(subject: Subject) -> None:
    assert subject.organization.endpoint.is_sandbox
    assert subject.organization.endpoint.label.startswith("SANDBOX 127.0.0.1:")


def test_the_clock_s_offset_costs_one_call_and_is_none(subject: Subject) -> None:
    before = len(subject.operations())
    offset = subject.organization.find_clock_offset()
    assert [operation for operation, _ in subject.operations()[before:]] == ["GetCallerIdentity"]
    assert offset is not None
