"""The same audit without Rootkeeper, each as a program of its own that prints what came of it as JSON.

``session-per-account`` is what published scripts do: a boto3 session and clients for each account, one after the other
or in a pool of threads. ``shared-client`` is the best that boto3 itself offers: one client for each service, 128
threads, the retry mode ``standard`` that AWS recommends, and nothing that keeps it below the rates.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

AUDIT_POLICY = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
THROTTLING = ("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded")
LISTING_ATTEMPTS = 10
Read = Callable[[str], dict[str, Any]]


def main() -> None:
    options = read_options()
    started, cpu_before = time.perf_counter(), time.process_time()
    targets = list_targets() if options.lists else options.targets.split(",")
    read = read_with_a_session_of_its_own if options.kind == "session-per-account" else share_clients(options.threads)
    with ThreadPoolExecutor(options.threads) as pool:
        outcomes = Counter(pool.map(lambda target: read_or_lose(read, target), targets))
    took = {"wall_seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu_before}
    print(json.dumps({"outcomes": outcomes, **took}))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("session-per-account", "shared-client"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--targets", default="", help="account ids with commas between them")
    parser.add_argument("--lists", action="store_true", help="list the organization's accounts first")
    return parser.parse_args()


def list_targets() -> Sequence[str]:
    """ACTIVE member accounts. With only boto3's three attempts for a page, a long listing would often fail."""
    retries: Any = {"mode": "standard", "total_max_attempts": LISTING_ATTEMPTS}
    organizations = boto3.client("organizations", config=Config(retries=retries))
    management = organizations.describe_organization()["Organization"]["MasterAccountId"]
    pages = organizations.get_paginator("list_accounts").paginate()
    accounts = [account for page in pages for account in page["Accounts"]]
    return [entry["Id"] for entry in accounts if entry["State"] == "ACTIVE" and entry["Id"] != management]


def read_or_lose(read: Read, account_id: str) -> str:
    """``read``, or why the account is lost."""
    try:
        read(account_id)
    except ClientError as error:
        return "throttled" if error.response["Error"]["Code"] in THROTTLING else "failed"
    except BotoCoreError:
        return "failed"
    return "read"


def read_with_a_session_of_its_own(account_id: str) -> dict[str, Any]:
    sts = boto3.Session().client("sts")
    keys = sts.assume_root(TargetPrincipal=account_id, TaskPolicyArn={"arn": AUDIT_POLICY})["Credentials"]
    session = boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    summary: dict[str, Any] = session.client("iam").get_account_summary()["SummaryMap"]
    return summary


def share_clients(threads: int) -> Read:
    """One client of STS, and one of IAM that signs with the credentials of the thread's own account."""
    config = Config(max_pool_connections=threads, retries={"mode": "standard"})
    sts: Any = Session().create_client("sts", config=config)
    session = Session()
    session.register_component("credential_provider", CredentialResolver([_ProviderOfTheMoment()]))
    iam: Any = session.create_client("iam", config=config)

    def read(account_id: str) -> dict[str, Any]:
        keys = sts.assume_root(TargetPrincipal=account_id, TaskPolicyArn={"arn": AUDIT_POLICY})["Credentials"]
        _OF_THE_MOMENT.set(ReadOnlyCredentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]))
        summary: dict[str, Any] = iam.get_account_summary()["SummaryMap"]
        return summary

    return read


_OF_THE_MOMENT: ContextVar[ReadOnlyCredentials] = ContextVar("credentials of the moment")


class _CredentialsOfTheMoment(Credentials):
    def __init__(self) -> None:
        super().__init__("unused", "unused")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return _OF_THE_MOMENT.get()


class _ProviderOfTheMoment(CredentialProvider):
    METHOD = "of-the-moment"
    CANONICAL_NAME = "of-the-moment"

    def load(self) -> Credentials:
        return _CredentialsOfTheMoment()


if __name__ == "__main__":
    main()
