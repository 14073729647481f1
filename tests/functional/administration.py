"""Setting a sandbox up as the product would, without the product: quick, and independent of what is tested."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from tests.sandbox_process import Principal, SandboxProcess

DELEGATE = "222233334444"
SERVICE = "iam.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Administration:
    """The management account's administrator, with boto3."""

    sandbox: SandboxProcess

    def set_up(self) -> None:
        """Trusted access, both features and the delegated administrator."""
        organizations, iam = self._client("organizations"), self._client("iam")
        organizations.enable_aws_service_access(ServicePrincipal=SERVICE)
        iam.enable_organizations_root_credentials_management()
        iam.enable_organizations_root_sessions()
        organizations.register_delegated_administrator(AccountId=DELEGATE, ServicePrincipal=SERVICE)

    def stop_managing_root_credentials(self) -> None:
        self._client("iam").disable_organizations_root_credentials_management()

    def trust_account_management(self, delegate: str | None = None) -> None:
        """So that root e-mail addresses can be read one by one and changed, by the delegate too."""
        organizations, service = self._client("organizations"), "account.amazonaws.com"
        organizations.enable_aws_service_access(ServicePrincipal=service)
        if delegate is not None:
            organizations.register_delegated_administrator(AccountId=delegate, ServicePrincipal=service)

    def watch_for_strangers(self, *, but: str | None = None) -> None:
        """The shipped rule in every Region of the management account, but in one if asked."""
        regions = self._client("account").list_regions(
            RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"], MaxResults=50
        )
        for region in (found["RegionName"] for found in regions["Regions"]):
            if region != but:
                self._client("events", region).put_rule(
                    Name="rootkeeper-strange-caller",
                    EventPattern="{}",
                    State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
                )

    def make_places_for_reports(self, bucket: str) -> None:
        """Security Hub, and a bucket, in the management account."""
        self._client("securityhub").enable_security_hub(EnableDefaultStandards=False)
        self._client("s3").create_bucket(Bucket=bucket)

    def count_findings(self) -> int:
        """How many Security Hub of the management account shows, at most 100."""
        return len(self._client("securityhub").get_findings(MaxResults=100)["Findings"])

    def list_reports(self, bucket: str) -> list[str]:
        """Keys of the objects in a bucket of the management account."""
        return [one["Key"] for one in self._client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]

    def allow_recovery(self, account_id: str) -> None:
        """As another tool than the product does."""
        credentials = self._client("sts").assume_root(
            TargetPrincipal=account_id,
            TaskPolicyArn={"arn": "arn:aws:iam::aws:policy/root-task/IAMCreateRootUserPassword"},
        )["Credentials"]
        self._open_session(credentials, "iam").create_login_profile()

    def enter_root_session(self, account_id: str, service: str) -> Any:
        """A client for s3 or sqs that may do in the account what unlocking takes."""
        task = {"s3": "S3UnlockBucketPolicy", "sqs": "SQSUnlockQueuePolicy"}[service]
        credentials = self._client("sts").assume_root(
            TargetPrincipal=account_id, TaskPolicyArn={"arn": f"arn:aws:iam::aws:policy/root-task/{task}"}
        )["Credentials"]
        return self._open_session(credentials, service)

    def _open_session(self, credentials: dict[str, str], service: str) -> Any:
        session = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name="us-east-1",
        )
        return session.client(service, endpoint_url=self.sandbox.base_url)

    def _client(self, service: str, region: str = "us-east-1") -> Any:
        return open_client(service, self.sandbox.base_url, self.sandbox.principals()["management-admin"], region)


@cache
def open_client(service: str, base_url: str, principal: Principal, region: str = "us-east-1") -> Any:
    """Made once for each sandbox, since making one costs more than all its calls."""
    session = boto3.Session(
        aws_access_key_id=principal.access_key_id,
        aws_secret_access_key=principal.secret_access_key,
        region_name=region,
    )
    return session.client(service, endpoint_url=base_url)
