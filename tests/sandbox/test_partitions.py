"""Organizations of AWS GovCloud (US) and AWS China: ARNs, Regions, features, and what they refuse."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.scenarios.build import SCENARIOS, build_world
from tests.sandbox.calling import START
from tests.sandbox.command import run_command
from tests.sandbox.serving import refusal
from tests.sandbox_process import SandboxProcess

MEMBER = "777788889999"
BUCKET_OWNER = "888899990000"
HOME = {"aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
OTHER = {"aws-us-gov": "us-gov-east-1", "aws-cn": "cn-northwest-1"}


class Served:
    """A running sandbox of one partition."""

    def __init__(self, process: SandboxProcess, partition: str) -> None:
        self.process, self.partition, self.region = process, partition, HOME[partition]

    def client(self, service: str, region: str | None = None, keys: dict[str, str] | None = None) -> Any:
        found = self.process.principals()["management-admin"]
        given = keys or {"AccessKeyId": found.access_key_id, "SecretAccessKey": found.secret_access_key}
        return boto3.client(
            service,
            region_name=region or self.region,
            endpoint_url=self.process.base_url,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
        )

    def task_policy(self, name: str) -> dict[str, str]:
        return {"arn": f"arn:{self.partition}:iam::aws:policy/root-task/{name}"}


@pytest.fixture(scope="module", params=list(HOME))
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with SandboxProcess.start("--partition", request.param) as process:
        yield Served(process, request.param)


@pytest.fixture(scope="module")
def govcloud() -> Iterator[Served]:
    with SandboxProcess.start("--partition", "aws-us-gov", "--features", "all") as process:
        yield Served(process, "aws-us-gov")


def test_every_arn_is_of_the_partition(served: Served) -> None:
    organizations, iam = served.client("organizations"), served.client("iam")
    caller = served.client("sts").get_caller_identity()
    found = [
        caller,
        organizations.describe_organization()["Organization"],
        organizations.list_accounts()["Accounts"],
        organizations.list_roots()["Roots"],
        organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"],
        iam.list_users()["Users"],
        iam.list_policies()["Policies"],
        served.client("sso-admin").list_instances()["Instances"],
    ]
    arns = re.findall(r"arn:([a-z-]+):", json.dumps(found, default=str))
    assert set(arns) == {served.partition}
    assert len(arns) > 30


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("partition", [name for name in PARTITIONS if name != "aws"])
def test_a_scenario_has_no_arn_region_or_credential_of_another_partition(scenario: str, partition: str) -> None:
    world = build_world(clock=lambda: START, scenario=scenario, partition=partition)
    described = json.dumps(world.describe())
    documents = [bucket.policy or "" for bucket in world.buckets.buckets.values()]
    documents += [queue.policy or "" for queue in world.queues.queues.values()]
    assert "arn:aws:" not in described + "".join(documents)
    regions = {bucket.region for bucket in world.buckets.buckets.values()}
    regions |= {queue.region for queue in world.queues.queues.values()} | {world.identity_center.region}
    assert regions <= set(PARTITIONS[partition].regions)
    for account in world.organization.accounts.values():
        root_user = account.root_user
        assert not root_user.has_password
        assert not root_user.mfa_devices
        assert partition != "aws-cn" or not root_user.access_keys


def test_keys_are_unknown_in_the_regions_of_another_partition(served: Served) -> None:
    assert served.client("sts", OTHER[served.partition]).get_caller_identity()["Account"] == "111122223333"
    for region in ("us-east-1", "eu-central-1", *(found for found in HOME.values() if found != served.region)):
        assert refusal(served.client("sts", region).get_caller_identity) == ("InvalidClientTokenId", 403)
    with SandboxProcess.start() as commercial:
        keys = commercial.principals()["management-admin"]
        foreign = boto3.client(
            "sts",
            region_name=served.region,
            endpoint_url=commercial.base_url,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
        )
        assert refusal(foreign.get_caller_identity) == ("InvalidClientTokenId", 403)


def test_there_is_no_global_endpoint_of_sts(served: Served) -> None:
    assert refusal(served.client("sts", "aws-global").get_caller_identity) == ("InvalidClientTokenId", 403)


def test_arns_of_another_partition_are_refused_as_unknown(govcloud: Served) -> None:
    sts, unlock = govcloud.client("sts"), govcloud.task_policy("S3UnlockBucketPolicy")
    for target, policy in (
        (f"arn:aws:iam::{MEMBER}:root", unlock),
        (f"arn:aws-cn:iam::{MEMBER}:root", unlock),
        (MEMBER, {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"}),
    ):
        with pytest.raises(ClientError, match="Request must contain"):
            sts.assume_root(TargetPrincipal=target, TaskPolicyArn=policy)
    with pytest.raises(ClientError, match=r"was not found"):
        govcloud.client("iam").get_policy(PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def test_govcloud_unlocks_a_bucket(govcloud: Served) -> None:
    arn = f"arn:aws-us-gov:iam::{BUCKET_OWNER}:root"
    task = govcloud.task_policy("S3UnlockBucketPolicy")
    keys = govcloud.client("sts").assume_root(TargetPrincipal=arn, TaskPolicyArn=task)["Credentials"]
    assert govcloud.client("sts", keys=keys).get_caller_identity()["Arn"] == arn
    s3 = govcloud.client("s3", keys=keys)
    name = "amzn-s3-demo-orders-invoices"
    assert "arn:aws-us-gov:s3:::" in s3.get_bucket_policy(Bucket=name)["Policy"]
    s3.delete_bucket_policy(Bucket=name)
    assert refusal(s3.get_bucket_policy, Bucket=name) == ("NoSuchBucketPolicy", 404)


@pytest.mark.parametrize(
    "task", ["IAMAuditRootUserCredentials", "IAMDeleteRootUserCredentials", "IAMCreateRootUserPassword"]
)
def test_govcloud_manages_no_root_credentials(govcloud: Served, task: str) -> None:
    iam = govcloud.client("iam")
    assert iam.list_organizations_features()["EnabledFeatures"] == ["RootSessions"]
    assert refusal(iam.enable_organizations_root_credentials_management) == ("AccessDenied", 403)
    with pytest.raises(ClientError, match="Root credentials management feature is not enabled"):
        govcloud.client("sts").assume_root(TargetPrincipal=MEMBER, TaskPolicyArn=govcloud.task_policy(task))


def test_china_has_no_root_access_management() -> None:
    with SandboxProcess.start("--partition", "aws-cn") as process:
        china = Served(process, "aws-cn")
        china.client("organizations").enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
        iam = china.client("iam")
        for enable in (iam.enable_organizations_root_credentials_management, iam.enable_organizations_root_sessions):
            assert refusal(enable) == ("AccessDenied", 403)
        assert iam.list_organizations_features()["EnabledFeatures"] == []
        assume = partial(china.client("sts").assume_root, TargetPrincipal=MEMBER)
        for task in ("IAMAuditRootUserCredentials", "S3UnlockBucketPolicy"):
            assert refusal(assume, TaskPolicyArn=china.task_policy(task)) == ("AccessDenied", 403)
        assert "management-root" not in process.principals()


def test_root_users_cant_sign_in(served: Served) -> None:
    for path in ("signin", "signin/forgot-password", "console", f"root-users/{MEMBER}"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{served.process.base_url}/{path}", timeout=30)  # noqa: S310 - http only
        with caught.value as refused:
            text = refused.read().decode()
        assert refused.code == 403
        assert str(PARTITIONS[served.partition].sign_in_obstacle) in text.replace("&#39;", "'")


def test_root_email_addresses_cant_be_changed(served: Served) -> None:
    account = served.client("account")
    served.client("organizations").enable_aws_service_access(ServicePrincipal="account.amazonaws.com")
    assert refusal(account.get_primary_email, AccountId=MEMBER) == ("AccessDeniedException", 403)
    given = {"AccountId": MEMBER, "PrimaryEmail": "new@example.com"}
    assert refusal(account.start_primary_email_update, **given) == ("AccessDeniedException", 403)


def test_regions_are_the_partitions(served: Served) -> None:
    regions = served.client("ec2").describe_regions(AllRegions=True)["Regions"]
    assert {region["RegionName"] for region in regions} == {served.region, OTHER[served.partition]}
    suffix = ".amazonaws.com.cn" if served.partition == "aws-cn" else ".amazonaws.com"
    assert all(region["Endpoint"].endswith(suffix) for region in regions)
    listed = served.client("account").list_regions()["Regions"]
    assert {region["RegionName"] for region in listed} == {served.region, OTHER[served.partition]}


def test_the_environment_has_the_partitions_region(served: Served) -> None:
    ended = run_command("env", "--port", served.process.base_url.rpartition(":")[2])
    assert f"export AWS_REGION={served.region}" in ended.stdout.splitlines()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--partition", "aws-eu"), "invalid choice: 'aws-eu'"),
        (("--partition", "aws-us-gov", "--features", "credentials"), "the partition aws-us-gov has no such feature"),
        (("--partition", "aws-cn", "--features", "all"), "the partition aws-cn has no such feature"),
    ],
)
def test_what_a_partition_doesnt_have_is_refused_at_the_start(options: tuple[str, ...], message: str) -> None:
    ended = run_command("--port", "0", *options)
    assert ended.returncode == 2
    assert message in ended.stderr


def test_a_generated_organization_can_be_of_any_partition() -> None:
    world = build_world(clock=lambda: START, accounts=30, partition="aws-us-gov")
    assert world.root_user_arn("111122223333") == "arn:aws-us-gov:iam::111122223333:root"
    assert not any(account.root_user.has_password for account in world.organization.accounts.values())
    assert any(account.root_user.access_keys for account in world.organization.accounts.values())
