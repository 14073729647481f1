"""Root sessions of the unlock tasks on a server that answers as a test says."""

from __future__ import annotations

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.credentials import RootSessionCredentials
from rootkeeper.aws.resources import SessionCalls
from rootkeeper.organization.accounts import AccountId
from tests.fakes.aws_server import Reply

ACCOUNT = AccountId("222233334444")
SESSION_KEY = "ASIAIOSFODNN7EXAMPLE"


def make_calls(clients: AwsClients, service: str, *, is_identified: bool = True) -> SessionCalls:
    """Calls within a session whose identity was checked, unless said otherwise."""
    credentials = RootSessionCredentials(SESSION_KEY, "example", "example")
    return SessionCalls(clients, service, ACCOUNT, credentials, is_identified=lambda: is_identified)


def answer_buckets(*buckets: tuple[str, str | None], token: str | None = None) -> Reply:
    """ListBuckets: names and Regions."""
    rows = "".join(
        f"<Bucket><Name>{name}</Name>{f'<BucketRegion>{region}</BucketRegion>' if region else ''}</Bucket>"
        for name, region in buckets
    )
    more = f"<ContinuationToken>{token}</ContinuationToken>" if token else ""
    return Reply(body=f"<ListAllMyBucketsResult><Buckets>{rows}</Buckets>{more}</ListAllMyBucketsResult>")
