"""``--throttle aws``: token buckets with AWS's rates, and each service's own refusal. Source: aws-facts E2, F2, F3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rootkeeper_sandbox.exchange import Call
from rootkeeper_sandbox.services.registry import SERVICES
from rootkeeper_sandbox.throttling import (
    RATES,
    SHARED_RATES,
    THROTTLING_ERRORS,
    AwsThrottle,
    Scope,
    make_throttle,
    parse_order,
)
from tests.sandbox.calling import Stage
from tests.sandbox.clients import callers
from tests.sandbox.wire import Wire, open_instance
from tests.sandbox_process import SandboxProcess

PUBLISHED = {
    "DescribeAccount": ((20, 30), (24, 36)),
    "ListAccounts": ((8, 12), (9, 15)),
    "ListChildren": ((6, 10), (7, 12)),
    "ListParents": ((5, 8), (6, 10)),
    "ListAccountsForParent": ((5, 8), (6, 10)),
    "ListOrganizationalUnitsForParent": ((5, 8), (6, 10)),
    "ListRoots": ((1, 2), (1, 3)),
    "DescribeOrganization": ((1, 2), None),
    "DescribeOrganizationalUnit": ((2, 2), (2, 3)),
    "ListTagsForResource": ((10, 15), (12, 18)),
    "DescribePolicy": ((2, 2), (2, 3)),
    "ListPolicies": ((5, 8), (6, 10)),
    "ListPoliciesForTarget": ((5, 8), (6, 10)),
    "ListTargetsForPolicy": ((5, 8), (6, 10)),
    "CreatePolicy": ((2, 3), None),
    "UpdatePolicy": ((2, 3), None),
    "DeletePolicy": ((2, 3), None),
    "AttachPolicy": ((2, 3), None),
    "DetachPolicy": ((2, 3), None),
    "EnableAWSServiceAccess": ((1, 2), None),
    "DisableAWSServiceAccess": ((1, 2), None),
    "ListAWSServiceAccessForOrganization": ((1, 3), (1, 4)),
    "ListDelegatedServicesForAccount": ((1, 3), (1, 4)),
    "ListDelegatedAdministrators": ((5, 8), (6, 10)),
    "RegisterDelegatedAdministrator": ((1, 2), None),
    "DeregisterDelegatedAdministrator": ((1, 2), None),
    "CreateAccount": ((0.1, 3), None),
    "CloseAccount": ((0.05, 1), None),
}


class Seconds:
    """A monotonic clock that doesn't run until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A throttle whose time is ours, and callers to try it with."""

    def __init__(self) -> None:
        self.seconds = Seconds()
        self.throttle = AwsThrottle(self.seconds)
        self.stage = Stage()

    def is_allowed(self, call: Call) -> bool:
        refusal = self.throttle.find_refusal(call)
        assert refusal is None or refusal.code == THROTTLING_ERRORS[call.service].code
        return refusal is None

    def count(self, call: Call, attempts: int) -> int:
        return sum(self.is_allowed(call) for _ in range(attempts))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_rates_are_the_published_ones() -> None:
    found = {
        operation: tuple((rate.per_second, rate.burst) for rate in rates)
        for operation, rates in RATES["organizations"].items()
    }
    wanted = {name: tuple(pair for pair in pairs if pair) for name, pairs in PUBLISHED.items()}
    assert found == wanted
    scopes = {tuple(rate.scope for rate in rates) for rates in RATES["organizations"].values()}
    assert scopes == {(Scope.ACCOUNT,), (Scope.ACCOUNT, Scope.ORGANIZATION)}
    assert [(rate.scope, rate.per_second, rate.burst) for rate in SHARED_RATES["sts"]] == [
        (Scope.ACCOUNT_AND_REGION, 600, 600)
    ]
    assert "iam" not in {*RATES, *SHARED_RATES}


def test_every_limited_operation_of_organizations_is_served() -> None:
    assert RATES["organizations"].keys() <= SERVICES["organizations"].keys()


@pytest.mark.parametrize("operation", sorted(PUBLISHED))
def test_a_burst_passes_and_then_the_rate(bench: Bench, operation: str) -> None:
    per_second, burst = PUBLISHED[operation][0]
    call = bench.stage.make_call("management-admin", "organizations", operation)
    assert bench.count(call, int(burst) + 20) == burst
    bench.seconds.now += 10.001 / per_second
    assert bench.count(call, int(burst) + 20) == min(10, burst)
    bench.seconds.now += 0.9 / per_second
    assert not bench.is_allowed(call)
    bench.seconds.now += 0.2 / per_second
    assert bench.is_allowed(call)


def test_the_organizations_bucket_counts_all_its_accounts_together(bench: Bench) -> None:
    management = bench.stage.make_call("management-admin", "organizations", "ListAccounts")
    member = bench.stage.make_call("member-admin", "organizations", "ListAccounts")
    assert bench.count(management, 20) == 12
    assert bench.count(member, 20) == 3
    bench.seconds.now += 1
    assert bench.count(member, 20) + bench.count(management, 20) == 9


def test_operations_have_buckets_of_their_own(bench: Bench) -> None:
    assert bench.count(bench.stage.make_call("observer", "organizations", "ListRoots"), 5) == 2
    assert bench.count(bench.stage.make_call("observer", "organizations", "ListParents"), 20) == 8


def test_what_has_no_published_rate_and_iam_are_not_limited(bench: Bench) -> None:
    assert bench.count(bench.stage.make_call("observer", "organizations", "MoveAccount"), 1000) == 1000
    assert bench.count(bench.stage.make_call("observer", "iam", "GetAccountSummary"), 1000) == 1000


def test_sts_is_limited_by_account_and_region_over_all_its_operations(bench: Bench) -> None:
    assume_root = bench.stage.make_call("management-admin", "sts", "AssumeRoot")
    identity = bench.stage.make_call("observer", "sts", "GetCallerIdentity")
    assert bench.count(assume_root, 500) == 500
    assert bench.count(identity, 200) == 100
    assert bench.count(bench.stage.make_call("member-admin", "sts", "GetCallerIdentity"), 700) == 600
    identity.region = "us-west-2"
    assert bench.count(identity, 700) == 600
    bench.seconds.now += 0.5
    assert bench.count(assume_root, 700) == pytest.approx(300, abs=1)


def test_a_refused_call_uses_nothing_up(bench: Bench) -> None:
    call = bench.stage.make_call("management-admin", "organizations", "CreateAccount")
    assert bench.count(call, 1000) == 3
    bench.seconds.now += 10.1
    assert bench.count(call, 1000) == 1


def test_account_management_limits_by_caller_and_by_target(bench: Bench) -> None:
    def start(target: str, caller: str = "management-admin") -> Call:
        return bench.stage.make_call(caller, "account", "StartPrimaryEmailUpdate", AccountId=target)

    for _ in range(3):
        assert bench.is_allowed(start("777788889999"))
        assert not bench.is_allowed(start("888899990000"))
        bench.seconds.now += 1.01
    assert not bench.is_allowed(start("777788889999"))
    assert bench.is_allowed(start("888899990000"))
    read = bench.stage.make_call("management-admin", "account", "GetPrimaryEmail", AccountId="888899990000")
    assert bench.count(read, 10) == 3


def test_strangers_have_no_bucket_of_an_organization(bench: Bench) -> None:
    stage = Stage(scenario="merger")
    call = stage.make_call("anycompany-data-admin", "organizations", "ListRoots")
    assert bench.count(call, 10) == 2
    assert not [key for key in bench.throttle._buckets if Scope.ORGANIZATION in key]


def test_buckets_that_are_full_again_are_forgotten(bench: Bench) -> None:
    bench.throttle.max_buckets = 100
    call = bench.stage.make_call("observer", "sts", "GetCallerIdentity")
    for number in range(500):
        call.region = f"us-invented-{number}"
        bench.seconds.now += 1
        assert bench.is_allowed(call)
    assert len(bench.throttle._buckets) <= 101


def test_there_are_two_throttles() -> None:
    assert make_throttle("none") is None
    assert isinstance(make_throttle("aws"), AwsThrottle)
    with pytest.raises(ValueError, match="throttle must be aws or none, not 'some'"):
        make_throttle("some")


def test_a_refusal_comes_before_permissions_and_after_parameters() -> None:
    instance = open_instance()
    wire, seconds = Wire(instance), Seconds()
    instance.throttle = AwsThrottle(seconds)
    answers = [wire.call("observer", "organizations", "ListRoots") for _ in range(3)]
    assert [one.code for one in answers] == ["AccessDeniedException"] * 2 + ["TooManyRequestsException"]
    refused = answers[2]
    assert (refused.status, json.loads(refused.raw.body)["Type"]) == (400, "RATE_LIMIT_EXCEEDED")
    assert wire.last_record()["error_code"] == "TooManyRequestsException"
    assert wire.call("observer", "organizations", "ListRoots", MaxResults=21).code == "InvalidInputException"
    unsigned = wire.call("observer", "sts", "GetCallerIdentity")
    assert unsigned.status == 200


ORDER = {"service": "sts", "operation": "AssumeRoot", "per_second": 10, "burst": 20}
SERVED = {"sts": {"AssumeRoot", "GetCallerIdentity"}, "iam": {"ListUsers"}}


def test_an_ordered_rate_replaces_the_published_ones_of_its_operation_alone(bench: Bench) -> None:
    session = bench.stage.make_call("management-admin", "sts", "AssumeRoot")
    caller = bench.stage.make_call("management-admin", "sts", "GetCallerIdentity")
    bench.throttle.order(*parse_order(ORDER, SERVED))
    assert bench.count(session, 30) == 20
    bench.seconds.now += 1
    assert bench.count(session, 30) == 10
    assert bench.count(caller, 1000) == 600
    bench.throttle.order(*parse_order(ORDER | {"per_second": 2000, "burst": 2000}, SERVED))
    assert bench.count(session, 3000) == 2000
    bench.throttle.clear_orders()
    assert bench.count(session, 1000) == 0  # the account's shared bucket is as empty as before
    bench.seconds.now += 1
    assert bench.count(session, 1000) == 600


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        ORDER | {"burst": 0},
        ORDER | {"per_second": True},
        ORDER | {"service": 1},
        ORDER | {"more": 1},
        ORDER | {"operation": "AssumeRoots"},
        ORDER | {"service": "iam"},
        ORDER | {"service": "ec2"},
    ],
)
def test_what_is_no_rate_is_refused(body: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_order(body, SERVED)


def test_a_rate_beyond_the_bound_is_refused_with_the_bound() -> None:
    with pytest.raises(ValueError, match="burst must be a number above 0 and at most 1000000"):
        parse_order(ORDER | {"burst": 1_000_001}, SERVED)


def test_sts_says_throttling() -> None:
    instance = open_instance()
    wire = Wire(instance)
    instance.throttle = AwsThrottle(Seconds())
    found = {wire.call("observer", "sts", "GetCallerIdentity").code for _ in range(600)}
    assert found == {""}
    refused = wire.call("observer", "sts", "GetCallerIdentity")
    assert (refused.status, refused.code, refused.message) == (400, "Throttling", "Rate exceeded")


def test_a_real_client_is_throttled_by_real_time_regardless_of_the_sandboxs_clock() -> None:
    with SandboxProcess.start("--throttle", "aws") as sandbox:
        caller = callers(sandbox)["management-admin"]
        codes: list[Any] = []
        for _ in range(6):
            sandbox.clock(3600)
            try:
                codes.append(caller.call("organizations", "ListRoots")["Roots"][0]["Name"])
            except caller.client("organizations").exceptions.TooManyRequestsException as error:
                codes.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert codes[:2] == ["Root", "Root"]
        assert codes.count(400) >= 2


def test_security_hub_is_limited_per_account_and_region(bench: Bench) -> None:
    """Source: Security Hub API Reference, "Welcome"."""
    reading = bench.stage.make_call("management-admin", "securityhub", "GetFindings")
    assert bench.count(reading, 20) == 6
    importing = bench.stage.make_call("management-admin", "securityhub", "BatchImportFindings")
    assert bench.count(importing, 50) == 30
    bench.seconds.now += 1
    assert (bench.count(reading, 20), bench.count(importing, 50)) == (3, 10)
