"""Account Management over real HTTP: root e-mail addresses, contacts and Regions, with the refusals as observed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.serving import MANAGEMENT, MEMBER, SECURITY, Served, full_refusal, refusal, serving

TRUST = {"ServicePrincipal": "account.amazonaws.com"}
NEW = "root+new@example.com"


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture
def served(running: Served) -> Served:
    running.process.reset()
    running.client("organizations", "management-admin").enable_aws_service_access(**TRUST)
    return running


@pytest.fixture
def account(served: Served) -> Any:
    return served.client("account", "management-admin")


def read_otp(served: Served, address: str = NEW) -> str:
    messages = served.process.control("GET", f"mailbox/{address}")
    codes = [re.search(r"Verification code: (\w{6})", message["body"]) for message in messages]
    newest = codes[-1]
    assert newest is not None
    return newest.group(1)


def root_email(served: Served) -> str:
    truth = served.process.control("GET", "organization")
    return str(next(one["email"] for one in truth["accounts"] if one["account_id"] == MEMBER))


def test_an_address_is_changed_by_the_code_that_went_to_the_new_one(served: Served, account: Any) -> None:
    before = account.get_primary_email(AccountId=MEMBER)["PrimaryEmail"]
    assert before == root_email(served)
    started = account.start_primary_email_update(AccountId=MEMBER, PrimaryEmail=NEW)
    assert started["Status"] == "PENDING"
    assert served.process.control("GET", f"mailbox/{before}") == []
    assert account.get_primary_email_update_status(AccountId=MEMBER)["Status"] == "PENDING"
    accepted = account.accept_primary_email_update(AccountId=MEMBER, PrimaryEmail=NEW, Otp=read_otp(served))
    assert accepted["Status"] == "ACCEPTED"
    assert account.get_primary_email(AccountId=MEMBER)["PrimaryEmail"] == NEW == root_email(served)
    assert account.get_primary_email_update_status(AccountId=MEMBER)["Status"] == "COMPLETED"
    events = str(served.process.control("GET", f"events?account_id={MANAGEMENT}"))
    assert "StartPrimaryEmailUpdate" in events
    assert NEW not in events


def test_a_wrong_an_old_and_a_used_code_change_nothing(served: Served, account: Any) -> None:
    before = root_email(served)
    change = {"AccountId": MEMBER, "PrimaryEmail": NEW}
    assert refusal(account.accept_primary_email_update, **change, Otp="AAAAAA") == ("ResourceNotFoundException", 404)
    account.start_primary_email_update(**change)
    first = read_otp(served)
    assert refusal(account.accept_primary_email_update, **change, Otp="------"[:6]) == ("ValidationException", 400)
    assert refusal(account.accept_primary_email_update, **change, Otp="000000")[0] == "ValidationException"
    account.start_primary_email_update(**change)
    assert first != read_otp(served)
    assert refusal(account.accept_primary_email_update, **change, Otp=first)[0] == "ValidationException"
    served.process.control("POST", "clock", {"advance_seconds": 24 * 3600})
    assert (
        refusal(account.accept_primary_email_update, **change, Otp=read_otp(served))[0] == "ResourceNotFoundException"
    )
    assert root_email(served) == before
    account.start_primary_email_update(**change)
    otp = read_otp(served)
    account.accept_primary_email_update(**change, Otp=otp)
    assert refusal(account.accept_primary_email_update, **change, Otp=otp)[0] == "ResourceNotFoundException"


def test_an_address_in_use_is_a_conflict_and_none_is_invalid(account: Any) -> None:
    taken = account.get_primary_email(AccountId=SECURITY)["PrimaryEmail"]
    call = account.start_primary_email_update
    assert refusal(call, AccountId=MEMBER, PrimaryEmail=taken.upper()) == ("ConflictException", 409)
    assert refusal(call, AccountId=MEMBER, PrimaryEmail="unknown") == ("ValidationException", 400)
    assert refusal(account.get_primary_email_update_status, AccountId=MEMBER) == ("ValidationException", 400)


def test_who_may_not_is_refused_with_the_tails_that_were_observed(served: Served, account: Any) -> None:
    text = "User: arn:aws:iam::{}:user/{} is not authorized to perform: account:GetPrimaryEmail"
    management = text.format(MANAGEMENT, "management-admin")
    refused = full_refusal(account.get_primary_email, AccountId=MANAGEMENT)
    assert refused == ("AccessDeniedException", 403, f"{management} (Access Denied)")
    member = served.client("account", "member-admin")
    refused = full_refusal(member.get_primary_email, AccountId=MEMBER)
    assert refused == ("AccessDeniedException", 403, text.format(MEMBER, "member-admin"))
    observer = full_refusal(served.client("account", "observer").get_primary_email, AccountId=MEMBER)
    assert observer[2].endswith("because no identity-based policy allows the account:GetPrimaryEmail action")
    served.client("organizations", "management-admin").disable_aws_service_access(**TRUST)
    tail = " (Your organization must first enable trusted access with AWS Account Management.)"
    refused = full_refusal(account.get_primary_email, AccountId=MEMBER)
    assert refused == ("AccessDeniedException", 403, management + tail)


def test_the_delegate_of_account_management_may_and_that_of_iam_may_not(served: Served) -> None:
    delegate = served.client("account", "delegated-admin")
    organizations = served.client("organizations", "management-admin")
    organizations.register_delegated_administrator(AccountId=SECURITY, ServicePrincipal="iam.amazonaws.com")
    assert refusal(delegate.get_primary_email, AccountId=MEMBER) == ("AccessDeniedException", 403)
    organizations.register_delegated_administrator(AccountId=SECURITY, ServicePrincipal="account.amazonaws.com")
    assert delegate.get_primary_email(AccountId=MEMBER)["PrimaryEmail"] == root_email(served)
    assert refusal(delegate.get_primary_email, AccountId=MANAGEMENT) == ("AccessDeniedException", 403)


def test_contacts_are_kept_for_each_account(served: Served, account: Any) -> None:
    contact = {"Name": "Ana", "Title": "CISO", "EmailAddress": "security@example.com", "PhoneNumber": "+1-555-555-0101"}
    security = {"AlternateContactType": "SECURITY"}
    assert refusal(account.get_alternate_contact, AccountId=MEMBER, **security) == ("ResourceNotFoundException", 404)
    account.put_alternate_contact(AccountId=MEMBER, **security, **contact)
    member = served.client("account", "member-admin")
    assert member.get_alternate_contact(**security)["AlternateContact"] == contact | security
    member.delete_alternate_contact(**security)
    assert refusal(member.delete_alternate_contact, **security) == ("ResourceNotFoundException", 404)
    assert member.get_contact_information()["ContactInformation"]["FullName"] == "Shop Prod"
    address = {
        "FullName": "Mary Major",
        "AddressLine1": "123 Any Street",
        "City": "Any Town",
        "PostalCode": "12345",
        "CountryCode": "US",
        "PhoneNumber": "+15555550100",
    }
    member.put_contact_information(ContactInformation=address)
    assert account.get_contact_information(AccountId=MEMBER)["ContactInformation"] == address


def test_an_account_shows_its_name_age_state_and_regions(account: Any) -> None:
    reported = account.get_account_information(AccountId="676789890101")
    assert (reported["AccountName"], reported["AccountState"]) == ("Old Website", "SUSPENDED")
    assert reported["AccountCreatedDate"].year < 2026
    pages = account.get_paginator("list_regions").paginate(PaginationConfig={"PageSize": 10})
    regions = {row["RegionName"]: row["RegionOptStatus"] for page in pages for row in page["Regions"]}
    assert (regions["us-east-1"], regions["af-south-1"]) == ("ENABLED_BY_DEFAULT", "DISABLED")
    enabled = account.list_regions(RegionOptStatusContains=["ENABLED_BY_DEFAULT"])["Regions"]
    assert {row["RegionOptStatus"] for row in enabled} == {"ENABLED_BY_DEFAULT"}
    assert account.get_region_opt_status(RegionName="eu-west-1")["RegionOptStatus"] == "ENABLED_BY_DEFAULT"
    assert refusal(account.get_region_opt_status, RegionName="atlantis-1") == ("ValidationException", 400)


@pytest.mark.long
def test_the_aws_cli_reads_and_changes_an_address(served: Served) -> None:
    environment = served.process.environment("management-admin")
    target = ("--account-id", MEMBER)
    shown = served.run_cli("account", "get-primary-email", *target, environment=environment)
    assert root_email(served) in shown.stdout, shown.stderr
    change = ("--primary-email", NEW)
    served.run_cli("account", "start-primary-email-update", *target, *change, environment=environment)
    otp = ("--otp", read_otp(served))
    done = served.run_cli("account", "accept-primary-email-update", *target, *change, *otp, environment=environment)
    assert "ACCEPTED" in done.stdout, done.stderr
    assert root_email(served) == NEW
