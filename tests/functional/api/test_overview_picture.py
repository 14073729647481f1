"""The picture of all accounts on the overview: its numbers agree with each other and with the accounts page."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.jobs.rules import JobKind, JobProgress, JobState
from rootkeeper.organization.accounts import Account, AccountId, AccountState, OrganizationalUnit
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    FailedAttempt,
    KeptAudit,
    LoginProfile,
    RootCredentials,
    RootCredentialsSummary,
    SigningCertificate,
    Status,
    StatusReason,
)
from rootkeeper.worker.health import LedgerState
from tests.fakes.api_services import MANAGEMENT_ID, UNITS, FakeServices, make_inventory
from tests.fakes.evidence import CHECKED
from tests.fakes.stores import make_window
from tests.functional.api.serving import ApiServer

PROD = OrganizationalUnit("ou-1234-prodprod", "Prod", "ou-1234-abcdefgh")
NOTHING = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)
PASSWORD = replace(NOTHING, has_password=True)
GUARDED = replace(PASSWORD, has_mfa_devices=True)
KEYS = replace(NOTHING, has_access_keys=True)
DAY = timedelta(days=1)


def number(place: int) -> AccountId:
    return AccountId(f"{100_000_000_000 + place}")


def detail(services: FakeServices, account_id: AccountId, *, used: int | None, certificate: bool = False) -> Any:
    """A password of two years, used that many days ago, and a certificate."""
    now = services.clock.now()
    certificates = (SigningCertificate("C1", True, now - 40 * DAY),) if certificate else ()
    profile = LoginProfile(now - 730 * DAY, None if used is None else now - used * DAY)
    return RootCredentials(account_id, profile, (), certificates, (), now)


@pytest.fixture
def mixed(api: ApiServer) -> ApiServer:
    """An organization with an account of each sort, in three units; the management account wasn't read."""
    services = api.services
    now = services.clock.now()
    failed = FailedAttempt(now, None, StatusReason.THROTTLED, "AWS throttled it.")
    certified = replace(PASSWORD, has_signing_certificates=True)
    sorts: dict[str, dict[str, Any]] = {
        "safe": {"summary": PASSWORD, "used": 100},
        "never used": {"summary": PASSWORD, "used": None},
        "used": {"summary": PASSWORD, "used": 3},
        "excepted": {"summary": PASSWORD, "used": 200},
        "certificate": {"summary": certified, "used": 200, "certificate": True},
        "only listed": {"summary": KEYS},
        "not read again": {"summary": PASSWORD, "used": 300, "failed_attempt": failed},
        "clean": {"summary": NOTHING},
        "clean, not read again": {"summary": NOTHING, "failed_attempt": failed},
        "unknown": {"status": Status.UNKNOWN, "reason": StatusReason.ACCESS_DENIED},
        "recovered": {"summary": PASSWORD},
        "suspended": {},
        "failsafe in order": {"summary": GUARDED},
        "failsafe, not confirmed": {"summary": GUARDED},
        "failsafe, empty": {"summary": NOTHING},
    }
    listed, statuses = [], []
    units = [("r-1234",), ("r-1234", "ou-1234-abcdefgh"), ("r-1234", "ou-1234-abcdefgh", PROD.ou_id)]
    paths = ["Root", "Root/Workloads", "Root/Workloads/Prod"]
    for place, (name, facts) in enumerate(sorts.items()):
        state = AccountState.SUSPENDED if name == "suspended" else AccountState.ACTIVE
        account = Account(number(place), name, f"{place}@example.com", state, units[place % 3], paths[place % 3])
        listed.append(account)
        role = AccountRole.FAILSAFE if name.startswith("failsafe") else AccountRole.MEMBER
        found = facts.get("summary")
        known = Status.NOT_PRESENT if found is None or found.is_empty else Status.PRESENT
        credentials = None
        if "used" in facts:
            is_certified = facts.get("certificate", False)
            credentials = detail(services, account.account_id, used=facts["used"], certificate=is_certified)
        statuses.append(
            AccountStatus(
                account,
                role,
                facts.get("status", known),
                facts.get("reason"),
                summary=found,
                credentials=credentials,
                observed_at=now,
                failed_attempt=facts.get("failed_attempt"),
            )
        )
    failsafes = frozenset(status.account.account_id for status in statuses if status.role is AccountRole.FAILSAFE)
    inventory = make_inventory()
    services.inventory_store.save(
        replace(
            inventory,
            accounts=(inventory.accounts[0], *listed),
            organizational_units=(*UNITS, PROD),
            delegated_administrator_ids=failsafes,
        )
    )
    services.inventory_store.save_statuses([status for status in statuses if status.account.name != "suspended"])
    confirm(services, number(list(sorts).index("failsafe in order")))
    recovered = number(list(sorts).index("recovered"))
    services.windows.add(replace(make_window(recovered, now), opened_at=now, expires_at=now + DAY))
    exception = {"owner": "Ana", "reason": "A vendor signs in", "until": (now + 9 * DAY).isoformat()}
    assert api.post("/exceptions", {"account": "excepted", **exception}, ServerRole.OPERATOR).status < 300
    return api


def confirm(services: FakeServices, account_id: AccountId) -> None:
    now = services.clock.now()
    services.confirmations.add(replace(CHECKED, account_id=account_id, recorded_at=now, until=now + DAY))


def test_the_numbers_of_the_overview_agree_with_each_other(mixed: ApiServer) -> None:
    picture, overview = mixed.get("/overview/accounts").json, mixed.get("/overview").json
    summary, left = picture["summary"], picture["root_logins_left_to_secure"]
    assert (summary, left) == (overview["summary"], overview["root_logins_left_to_secure"])
    statuses = [name for name in summary if name != "accounts"]
    assert sum(summary[name] for name in statuses) == summary["accounts"] == 16
    for name in summary:
        assert sum(unit["summary"][name] for unit in picture["units"]) == summary[name]
    # The management account and the unread member.
    assert left["unknown"] == summary["unknown"] == 2
    assert (picture["kept_in_order"], picture["kept_unsecured"]) == (1, 1)
    present = summary["present"] + summary["recovery_open"]
    assert left["known"] == present - picture["kept_in_order"] + picture["kept_unsecured"]
    assert left["unread"] == 3
    assert picture["deletion"] == {"safe": 2, "used": 1, "unread": 3, "exception": 1}
    failsafes_present = 2
    assert sum(picture["deletion"].values()) == summary["present"] - failsafes_present
    assert sum(unit["safe_to_delete"] for unit in picture["units"]) == picture["deletion"]["safe"]


def test_the_numbers_of_the_overview_agree_with_the_list_of_accounts(mixed: ApiServer) -> None:
    picture = mixed.get("/overview/accounts").json
    for status in Status:
        listed = mixed.get(f"/accounts?status={status.value}&limit=100").json
        assert listed["total"] == len(listed["accounts"]) == picture["summary"][status.value]
        assert listed["summary"] == {**dict.fromkeys(picture["summary"], 0), "accounts": listed["total"]} | {
            status.value: listed["total"]
        }
    unknown = mixed.get("/accounts?status=unknown").json["accounts"]
    assert MANAGEMENT_ID in [account["account_id"] for account in unknown]
    columns = mixed.get("/accounts/compact").json["columns"]
    words = Counter(columns["deletion"]["words"][at] for at in columns["deletion"]["at"])
    deletion = picture["deletion"]
    assert words["used"] == deletion["used"]
    assert words["safe"] == deletion["safe"] + deletion["exception"]
    assert words["unread"] == deletion["unread"]
    for place, kind in enumerate(picture["credentials"]):
        having = sum(bool(kinds and kinds >> place & 1) for kinds in columns["kinds"])
        assert kind["accounts"] == having == sum(kind["ages"]) + kind["unread"]


def test_the_ages_of_credentials_are_grouped_and_an_unread_age_is_none_of_them(mixed: ApiServer) -> None:
    picture = mixed.get("/overview/accounts").json
    assert picture["age_days"] == [30, 90, 365]
    found = {kind["kind"]: (kind["ages"], kind["unread"]) for kind in picture["credentials"]}
    assert found == {
        # Six passwords were read in detail, and those of the two failsafes weren't.
        "password": ([0, 0, 0, 6], 2),
        "access_keys": ([0, 0, 0, 0], 1),
        "signing_certificates": ([0, 1, 0, 0], 0),
        "mfa_devices": ([0, 0, 0, 0], 2),
    }


def test_an_exception_that_ends_leaves_the_account_to_delete(mixed: ApiServer) -> None:
    assert mixed.get("/overview/accounts").json["deletion"]["exception"] == 1
    mixed.services.clock.advance((10 * DAY).total_seconds())
    assert mixed.get("/overview/accounts").json["deletion"]["exception"] == 0


def test_nothing_is_counted_before_the_first_listing(api: ApiServer) -> None:
    api.services.inventory_store.last = None
    picture = api.get("/overview/accounts").json
    assert (picture["units"], picture["summary"]["accounts"]) == ([], 0)


def test_the_overview_shows_the_last_audit_of_all_accounts_beside_the_last_one(api: ApiServer) -> None:
    assert api.get("/overview").json["last_complete_audit"] is None
    now = api.services.clock.now()
    for audit_id, is_complete in (("j-1", True), ("j-2", False)):
        now += DAY
        api.services.history.add(KeptAudit(audit_id, now, now, "AWS", is_complete, "ana", {"accounts": 2}), [])
    overview = api.get("/overview").json
    assert (overview["last_audit"]["audit_id"], overview["last_complete_audit"]["audit_id"]) == ("j-2", "j-1")


def test_the_overview_shows_up_to_where_the_ledger_is_verified(api: ApiServer) -> None:
    unknown = {"is_intact": None, "verified_sequence": None, "verified_at": None}
    assert api.get("/overview").json["ledger"] == unknown
    api.services.ledger_state = LedgerState(False, 41, api.services.clock.now())
    ledger = api.get("/overview").json["ledger"]
    assert (ledger["is_intact"], ledger["verified_sequence"]) == (False, 41)


def test_the_trend_shows_deletions_that_changed_something(api: ApiServer) -> None:
    services = api.services
    for job_id, kind, done in (
        ("j-1", JobKind.DELETION, 3),
        ("j-2", JobKind.DELETION, 0),
        ("j-3", JobKind.AUDIT, 3),
    ):
        job = services.add_job(job_id, JobState.DONE, kind)
        services.jobs.shelf.jobs[job_id] = replace(job, progress=JobProgress(3, done), ended_at=services.clock.now())
    assert api.get("/overview/trend").json["days"][-1]["deletions"] == 1
