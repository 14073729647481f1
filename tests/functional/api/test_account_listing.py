"""The whole organization in one answer: what it says, and what it spares."""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.organization.statuses import (
    AccessKey,
    AccountRole,
    AccountStatus,
    MfaDevice,
    MfaKind,
    RootCredentials,
    RootCredentialsSummary,
    Status,
    StatusReason,
)
from rootkeeper.server.accounts import AccountsCache, CompactListingCache, EncodedListing
from rootkeeper.values import render_instant
from tests.fakes.api_services import PAYMENTS_ID, FakeServices, make_account, make_inventory
from tests.functional.api.serving import SECONDS, ApiServer

KEYS_AND_MFA = RootCredentialsSummary(
    has_password=False, has_access_keys=True, has_signing_certificates=False, has_mfa_devices=True
)


def find_payments(**changes: Any) -> AccountStatus:
    (payments,) = (one for one in make_inventory().accounts if one.account_id == PAYMENTS_ID)
    return replace(AccountStatus(payments, AccountRole.MEMBER, Status.PRESENT, summary=KEYS_AND_MFA), **changes)


def unfold(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """One record for each account, as a client reads the columns."""
    columns = {
        name: [column["words"][place] for place in column["at"]] if isinstance(column, dict) else column
        for name, column in answer["columns"].items()
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_every_account_is_in_the_columns_with_its_last_reading(api: ApiServer) -> None:
    api.services.inventory_store.save_statuses([find_payments(observed_at=api.services.clock.now())])
    answer = api.get("/accounts/compact").json
    management, payments = unfold(answer)
    assert (management["name"], management["role"], management["kinds"]) == ("management", "management", None)
    assert payments == {
        "account_id": PAYMENTS_ID,
        "name": "payments",
        "email": "payments@example.com",
        "ou_id": "ou-1234-abcdefgh",
        "state": "ACTIVE",
        "role": "member",
        "status": "present",
        "reason": None,
        "detail": None,
        "is_in_order": 0,
        "unread": 0,
        "failed_attempt": None,
        "left_to_secure": "known",
        "deletion": "unread",
        "kinds": 2 + 8,
        "has_details": 0,
        "last_used_at": None,
        "last_used_as": None,
        "password_used_at": None,
        "key_used_at": None,
        "oldest_at": None,
        "observed_at": int(api.services.clock.now().timestamp()),
        "tags": {"team": "payments"},
    }
    assert answer["kinds"] == ["password", "access_keys", "signing_certificates", "mfa_devices"]
    assert answer["organizational_units"][1]["parent_id"] == "r-1234"
    left = answer["root_logins_left_to_secure"]
    assert (answer["summary"]["present"], left["known"], left["unknown"]) == (1, 1, 1)


def test_ages_and_last_use_are_in_the_columns_once_they_were_read(api: ApiServer) -> None:
    now = api.services.clock.now()
    used, created = now - timedelta(days=3), now - timedelta(days=400)
    keys = (AccessKey("AKIAEXAMPLE1", True, created, used), AccessKey("AKIAEXAMPLE2", False, now, None))
    found = RootCredentials(PAYMENTS_ID, None, keys, (), (), now)
    api.services.inventory_store.save_statuses([find_payments(credentials=found, observed_at=now)])
    _, payments = unfold(api.get("/accounts/compact").json)
    shown = (payments["has_details"], payments["key_used_at"], payments["oldest_at"], payments["password_used_at"])
    assert shown == (1, int(used.timestamp()), int(created.timestamp()), None)


def test_an_audit_without_details_keeps_ages_and_last_use_with_their_own_time(api: ApiServer) -> None:
    now = api.services.clock.now()
    read_at, used = now - timedelta(days=8), now - timedelta(days=9)
    key = AccessKey("AKIAEXAMPLE1", True, used, used, "s3", "eu-central-1")
    device = MfaDevice("arn:aws:iam::222233334444:mfa/root", MfaKind.VIRTUAL, used)
    found = RootCredentials(PAYMENTS_ID, None, (key,), (), (device,), read_at)
    save = api.services.inventory_store.save_statuses
    save([find_payments(credentials=found, observed_at=read_at)])
    save([find_payments(observed_at=now)])
    _, payments = unfold(api.get("/accounts/compact").json)
    shown = (payments["has_details"], payments["last_used_at"], payments["last_used_as"], payments["observed_at"])
    assert shown == (1, int(used.timestamp()), "access key, s3, eu-central-1", int(now.timestamp()))
    details = api.get(f"/accounts/{PAYMENTS_ID}").json["details"]
    assert (details["observed_at"], len(details["access_keys"])) == (render_instant(read_at), 1)


def test_what_wasnt_read_is_unknown_with_its_reason_and_never_nothing(api: ApiServer) -> None:
    _, unread = unfold(api.get("/accounts/compact").json)
    assert (unread["status"], unread["reason"], unread["kinds"]) == ("unknown", "never_read", None)
    assert (unread["left_to_secure"], unread["has_details"]) == ("unknown", 0)
    denied = find_payments(status=Status.UNKNOWN, reason=StatusReason.BLOCKED_BY_POLICY, detail="By p-1.", summary=None)
    api.services.inventory_store.save_statuses([replace(denied, observed_at=api.services.clock.now())])
    _, refused = unfold(api.get("/accounts/compact").json)
    assert (refused["reason"], refused["detail"], refused["kinds"]) == ("blocked_by_policy", "By p-1.", None)


def test_an_organization_that_was_never_listed_has_empty_columns_and_says_so(api: ApiServer) -> None:
    api.services.inventory_store.last = None
    answer = api.get("/accounts/compact").json
    assert (unfold(answer), answer["organizational_units"], answer["listed_at"]) == ([], [], None)


def test_who_has_it_already_gets_304_until_something_changes(api: ApiServer) -> None:
    etag = api.get("/accounts/compact").headers["etag"]
    again = api.get("/accounts/compact", If_None_Match=f'"other", {etag}')
    assert (again.status, again.content, again.headers["etag"]) == (304, b"", etag)
    api.services.inventory_store.save_statuses([find_payments(observed_at=api.services.clock.now())])
    changed = api.get("/accounts/compact", If_None_Match=etag)
    assert changed.status == 200
    assert changed.headers["etag"] != etag


@pytest.mark.parametrize(("accepted", "coding"), [("gzip, br", "gzip"), ("br", None), ("gzip;q=0", None)])
def test_it_comes_compressed_to_who_takes_that(api: ApiServer, accepted: str, coding: str | None) -> None:
    plain = api.get("/accounts/compact", Accept_Encoding="identity")
    answer = api.get("/accounts/compact", Accept_Encoding=accepted)
    assert answer.headers.get("content-encoding") == coding
    assert (gzip.decompress(answer.content) if coding else answer.content) == plain.content
    assert answer.headers["cache-control"] == "no-store"


def test_ten_thousand_accounts_take_little_on_the_wire(api: ApiServer) -> None:
    many = tuple(make_account(f"{number:012d}", f"name-{number}") for number in range(10_000))
    inventory = make_inventory()
    api.services.inventory_store.save(replace(inventory, accounts=(*inventory.accounts, *many)))
    answer = api.get("/accounts/compact", Accept_Encoding="gzip")
    assert len(answer.content) < 500_000
    assert len(unfold(json.loads(gzip.decompress(answer.content)))) == 10_002


class HeldPages(AccountsCache):
    """Reads only once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let, self.reads = threading.Event(), threading.Event()

    def take(self, services: Any, *, is_later_page: bool, includes_all_so_far: bool = False) -> Any:
        self.reads.set()
        known = super().take(services, is_later_page=is_later_page, includes_all_so_far=includes_all_so_far)
        assert self.let.wait(SECONDS)
        return known


def test_no_caller_waits_while_another_builds_the_listing_again() -> None:
    services, pages, listings = FakeServices(), HeldPages(), CompactListingCache()
    pages.let.set()
    first = listings.take(services.as_server, pages)
    services.inventory_store.save_statuses([find_payments(observed_at=services.clock.now())])
    pages.let.clear()
    pages.reads.clear()
    found: list[EncodedListing] = []
    reader = threading.Thread(target=lambda: found.append(listings.take(services.as_server, pages)))
    reader.start()
    assert pages.reads.wait(SECONDS)
    assert listings.take(services.as_server, pages) is first
    pages.let.set()
    reader.join(SECONDS)
    assert found[0].etag != first.etag
    assert listings.take(services.as_server, pages) is found[0]


def test_of_a_large_organization_no_one_waits_for_a_new_answer_unless_the_last_is_old() -> None:
    services, pages, listings = FakeServices(), HeldPages(), CompactListingCache(large_from=2)
    pages.let.set()
    first = listings.take(services.as_server, pages)
    services.inventory_store.save_statuses([find_payments(observed_at=services.clock.now())])
    pages.let.clear()
    assert listings.take(services.as_server, pages) is first
    services.clock.advance(10)
    pages.let.set()
    second = listings.take(services.as_server, pages)
    assert second.etag != first.etag
    assert listings.take(services.as_server, pages) is second


def test_whoever_knows_of_a_change_gets_an_answer_with_it_although_another_is_on_the_way() -> None:
    """At the end of an audit, the answer that another request waits for may have been read before the end."""
    services, pages, listings = FakeServices(), HeldPages(), CompactListingCache(large_from=2)
    pages.let.set()
    first = listings.take(services.as_server, pages)
    pages.let.clear()
    pages.reads.clear()
    listings.take(services.as_server, pages)  # makes another answer begin
    assert pages.reads.wait(SECONDS)
    services.inventory_store.save_statuses([find_payments(observed_at=services.clock.now())])
    found: list[EncodedListing] = []
    reader = threading.Thread(
        target=lambda: found.append(listings.take(services.as_server, pages, includes_all_so_far=True))
    )
    reader.start()
    pages.let.set()
    reader.join(SECONDS)
    assert found[0].etag != first.etag


def test_no_cache_asks_for_everything_so_far_also_in_a_large_organization(api: ApiServer) -> None:
    many = tuple(make_account(f"{number:012d}", f"name-{number}") for number in range(2_500))
    inventory = make_inventory()
    api.services.inventory_store.save(replace(inventory, accounts=(*inventory.accounts, *many)))
    etag = api.get("/accounts/compact").headers["etag"]
    api.services.inventory_store.save_statuses([find_payments(observed_at=api.services.clock.now())])
    assert api.get("/accounts/compact", If_None_Match=etag).status == 304
    assert api.get("/accounts/compact", If_None_Match=etag, Cache_Control="no-cache").status == 200
