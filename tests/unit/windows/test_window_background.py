"""What a person needs to judge a request, and whom it is shown to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole, TokenScope
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import AccessKey
from rootkeeper.windows.approvals import WindowBackground
from rootkeeper.windows.background import EARLIER_SHOWN, WindowBackgroundReader
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.organization import FakeOrganization
from tests.fakes.root_users import LONG_AGO
from tests.fakes.window_workers import SERVER, WindowWorker, make_person, signed_in

ACCOUNT, OTHER = AccountId("222233334444"), AccountId("333344445555")
APPROVER = make_person("bob", ServerRole.APPROVER)


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    fake.add_account(OTHER, "other")
    return fake


@pytest.fixture
def worker(organization: FakeOrganization) -> WindowWorker:
    made = WindowWorker(organization, FakeDatabase(organization.clock))
    for name, role in (("bob", ServerRole.APPROVER), ("carla", ServerRole.APPROVER), ("olga", ServerRole.OPERATOR)):
        made.database.identities[name] = make_person(name, role)
    return made


def read(worker: WindowWorker, window_id: str, viewer: Identity = APPROVER) -> WindowBackground:
    reader = WindowBackgroundReader(worker.act(signed_in(viewer.name)), worker.know(SERVER))
    return reader.read(window_id, viewer)


def test_the_check_is_that_of_the_request(worker: WindowWorker, organization: FakeOrganization) -> None:
    organization.root_users[ACCOUNT].access_keys.append(AccessKey("AKIAIOSFODNN7EXAMPLE", True, LONG_AGO, None))
    window = worker.request(ACCOUNT)
    organization.root_users[ACCOUNT].access_keys.clear()

    check = read(worker, window.window_id).check

    assert check is not None
    assert check.present == ("access keys",)
    assert check.policy_doubts == ()
    assert not read(worker, window.window_id).governs_login


def test_earlier_windows_are_those_of_the_account_and_those_of_the_requester_elsewhere(worker: WindowWorker) -> None:
    elsewhere = worker.open(OTHER)
    earlier = []
    for _ in range(EARLIER_SHOWN + 1):
        worker.clock.advance(60)
        earlier.append(worker.open(ACCOUNT).window_id)
        worker.close(earlier[-1])
    worker.clock.advance(60)
    window = worker.request(ACCOUNT, by="ALICE")

    background = read(worker, window.window_id)

    assert background.of_account.total == EARLIER_SHOWN + 1
    assert [window.window_id for window in background.of_account.newest] == earlier[:0:-1]
    assert [window.window_id for window in background.of_requester.newest] == [elsewhere.window_id]
    assert read(worker, elsewhere.window_id).of_requester.total == 0, "a later window isn't an earlier one"


def test_approvers_are_those_who_can_still_approve(worker: WindowWorker) -> None:
    window = worker.request(ACCOUNT, by="dora")
    assert read(worker, window.window_id).approvers == ("carla",)

    worker.database.identities["carla"] = replace(worker.database.identities["carla"], disabled_at=worker.clock.now())
    assert read(worker, window.window_id).approvers == ()
    assert read(worker, window.window_id, make_person("olga", ServerRole.OPERATOR)).approvers == ("bob",)


def test_whoever_takes_no_part_and_who_is_limited_to_other_units_sees_no_people(worker: WindowWorker) -> None:
    window = worker.request(ACCOUNT)
    limited = replace(make_person("t", kind=IdentityKind.TOKEN), scope=TokenScope(organizational_units=("ou-9999-x",)))

    assert read(worker, window.window_id, make_person("vera", ServerRole.VIEWER)).approvers is None
    assert read(worker, window.window_id, limited).approvers is None
