"""The list of root e-mail addresses, and attesting that a group reads one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.errors import InputError, LedgerUnavailableError, OrganizationIncompleteError
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountState
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest
from rootkeeper.organization.statuses import AccountRole, AccountStatus, Status
from rootkeeper.root_emails.rules import EmailReason, EmailRules, EmailVerdict, GroupBasis
from rootkeeper.root_emails.service import EmailReport
from tests.fakes.clock import START
from tests.fakes.desk import naming
from tests.fakes.email_desk import MEMBER, OTHER, SUSPENDED, EmailDesk
from tests.fakes.organization import MANAGEMENT

UNTIL = START + timedelta(days=30)


@pytest.fixture
def desk() -> EmailDesk:
    return EmailDesk()


def read(desk: EmailDesk, request: SelectionRequest = EVERYTHING) -> EmailReport:
    return desk.listing.read(request, desk.desk.progress)


def test_the_list_costs_one_listing_and_no_call_per_account(desk: EmailDesk) -> None:
    for number in range(50):
        desk.desk.organization.add_account(f"{number:012d}")
    assert len(read(desk).emails) == 54
    operations = desk.desk.organization.operations()
    assert operations.count("ListAccounts") == 3
    assert set(operations) <= {
        "ListAWSServiceAccessForOrganization",
        "ListAccounts",
        "ListDelegatedAdministrators",
        "ListOrganizationalUnitsForParent",
        "ListOrganizationsFeatures",
        "ListRoots",
    }


def test_a_selection_shows_its_accounts_and_duplicates_are_found_outside_it(desk: EmailDesk) -> None:
    desk.emails.set_email(OTHER, "Shop@example.com")
    (found,) = read(desk, naming(MEMBER)).emails
    assert found.account.account_id == MEMBER
    assert EmailReason.DUPLICATE in found.reasons
    assert found.shared_with == (OTHER,)


def test_a_selection_by_status_uses_what_was_remembered_and_never_takes_unread_for_good(desk: EmailDesk) -> None:
    account = desk.desk.organization.accounts[MEMBER]
    desk.desk.store.save_statuses([AccountStatus(account, AccountRole.MEMBER, Status.NOT_PRESENT)])
    clean = read(desk, SelectionRequest(statuses=frozenset({Status.NOT_PRESENT})))
    unknown = read(desk, SelectionRequest(statuses=frozenset({Status.UNKNOWN})))
    assert [one.account.account_id for one in clean.emails] == [MEMBER]
    assert MEMBER not in {one.account.account_id for one in unknown.emails}
    assert len(unknown.emails) == 3


def test_accounts_that_arent_active_are_shown_as_not_applicable(desk: EmailDesk) -> None:
    desk.desk.organization.add_account(SUSPENDED, state=AccountState.SUSPENDED)
    (found,) = read(desk, naming(SUSPENDED)).emails
    assert found.verdict is EmailVerdict.NOT_APPLICABLE


def test_an_address_that_aws_doesnt_tell_is_unknown(desk: EmailDesk) -> None:
    desk.emails.set_email(MANAGEMENT, "")
    (found,) = read(desk, naming(MANAGEMENT)).emails
    assert (found.role, found.verdict, found.reasons) == (
        AccountRole.MANAGEMENT,
        EmailVerdict.UNKNOWN,
        (EmailReason.UNREAD,),
    )


def test_a_listing_that_isnt_complete_is_an_error(desk: EmailDesk) -> None:
    desk.desk.organization.accounts.clear()
    with pytest.raises(OrganizationIncompleteError):
        read(desk)


def test_rules_that_arent_set_are_remarked(desk: EmailDesk) -> None:
    assert read(desk).remarks == ()
    unruled = replace(desk, rules=EmailRules())
    assert "domains aren't set" in read(unruled).remarks[0]


def attest(desk: EmailDesk, address: str = "Shop@Example.com", attested_by: str = "Nikki Wolf", days: int = 30) -> None:
    desk.attesting.attest(desk.attesting.prepare(address, attested_by=attested_by, until=START + timedelta(days=days)))


def test_an_attested_address_passes_until_it_ends_and_the_ledger_says_who_attested_it(desk: EmailDesk) -> None:
    attest(desk)
    (found,) = read(desk, naming(MEMBER)).emails
    assert (found.verdict, found.group_basis) == (EmailVerdict.PASS, GroupBasis.ATTESTATION)
    (entry,) = desk.ledger.entries
    assert entry.action is Action.EMAIL_ATTEST
    assert entry.parameters == {
        "email": "shop@example.com",
        "attested_by": "Nikki Wolf",
        "until": UNTIL.isoformat(),
    }
    desk.desk.clock.advance(31 * 86_400)
    (found,) = read(desk, naming(MEMBER)).emails
    assert (found.verdict, found.reasons) == (EmailVerdict.FAIL, (EmailReason.ATTESTATION_EXPIRED,))


def test_a_later_attestation_replaces_the_earlier_one(desk: EmailDesk) -> None:
    attest(desk)
    attest(desk, attested_by="Ana Carolina Silva", days=60)
    (kept,) = desk.attestations.list_attestations()
    assert (kept.attested_by, kept.until) == ("Ana Carolina Silva", START + timedelta(days=60))
    assert len(desk.ledger.entries) == 2


@pytest.mark.parametrize(
    ("address", "by", "days"), [("unknown", "x", 1), ("a@example.com", " ", 1), ("a@b.org", "x", 0)]
)
def test_what_cant_be_attested_is_refused_and_leaves_nothing(desk: EmailDesk, address: str, by: str, days: int) -> None:
    with pytest.raises(InputError):
        attest(desk, address, by, days)
    assert desk.ledger.entries == []
    assert desk.attestations.list_attestations() == ()


def test_p02_nothing_is_attested_that_the_ledger_cant_record(desk: EmailDesk) -> None:
    desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        attest(desk)
    assert desk.attestations.list_attestations() == ()
