from __future__ import annotations

import itertools

import pytest
from botocore.config import Config
from botocore.exceptions import EndpointVariantError, UnknownEndpointError
from botocore.session import Session

from rootkeeper.aws.endpoints import host_and_port, is_aws, list_regions, make_endpoint

SERVICES = ("iam", "organizations", "sts")
VARIANTS = {
    "plain": Config(),
    "FIPS": Config(use_fips_endpoint=True),
    "dual-stack": Config(use_dualstack_endpoint=True),
    "FIPS and dual-stack": Config(use_dualstack_endpoint=True, use_fips_endpoint=True),
}
QUICK = {"plain"}
"""Tried in the quick suite too."""


@pytest.mark.parametrize(
    "variant", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.long) for name in VARIANTS]
)
def test_every_endpoint_that_aws_publishes_is_aws(variant: str) -> None:
    session = Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "example")
    for region in sorted(list_regions(session)):
        for service in SERVICES:
            try:
                client = session.create_client(service, region_name=region, config=VARIANTS[variant])
            except (EndpointVariantError, UnknownEndpointError):
                continue
            assert is_aws(service, client.meta.endpoint_url), client.meta.endpoint_url


def test_endpoints_of_buckets_and_queues_are_aws() -> None:
    session = Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "example")
    regions = ("us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1")
    for service, region, config in itertools.product(("s3", "sqs"), regions, VARIANTS.values()):
        try:
            client = session.create_client(service, region_name=region, config=config)
        except (EndpointVariantError, UnknownEndpointError):
            continue
        assert is_aws(service, client.meta.endpoint_url), client.meta.endpoint_url


@pytest.mark.parametrize(
    ("service", "url"),
    [
        ("s3", "https://bucket.vpce-0123456789abcdef0-abcdefgh.s3.us-east-1.vpce.amazonaws.com"),
        ("sts", "https://vpce-0123456789abcdef0-abcdefgh.sts.us-east-1.vpce.amazonaws.com"),
        ("sts", "https://vpce-0123456789abcdef0-abcdefgh-us-east-1a.sts.us-east-1.vpce.amazonaws.com"),
        ("organizations", "https://organizations.us-east-1.amazonaws.com:443/"),
        ("sts", "https://STS.us-east-1.amazonaws.com"),
    ],
)
def test_private_and_unusual_spellings_of_aws_endpoints_are_aws(service: str, url: str) -> None:
    assert is_aws(service, url)


@pytest.mark.parametrize(
    ("service", "url"),
    [
        ("sts", "http://127.0.0.1:4599"),
        ("sts", "http://sts.us-east-1.amazonaws.com"),
        ("sts", "https://sts.us-east-1.amazonaws.com:8443"),
        ("sts", "https://iam.amazonaws.com"),
        ("iam", "https://iam.s3.amazonaws.com"),
        ("sts", "https://sts.s3.amazonaws.com"),
        ("s3", "https://bucket.s3.us-east-1.amazonaws.com"),
        ("s3", "https://s3.s3.amazonaws.com"),
        ("iam", "https://iam.us-east-1.elb.amazonaws.com"),
        ("iam", "https://ec2-192-0-2-1.compute-1.amazonaws.com"),
        ("iam", "https://abcdef.execute-api.us-east-1.amazonaws.com"),
        ("sts", "https://vpce-0123456789abcdef0-abcdefgh.vpce-svc-0123456789abcdef0.us-east-1.vpce.amazonaws.com"),
        ("sts", "https://sts.us-east-1.amazonaws.com.example.com"),
        ("sts", "https://sts.us-east-1.amazonaws.com@example.com"),
        ("sts", "https://evil-sts.us-east-1.amazonaws.com"),
        ("sts", "https://example.com/sts.us-east-1.amazonaws.com"),
        ("sts", "https://sts.us-east-1.example.com"),
        ("iam", "https://amazonaws.com"),
    ],
)
def test_everything_else_is_not_aws(service: str, url: str) -> None:
    assert not is_aws(service, url)


AWS_URLS = {
    "sts": "https://sts.eu-west-1.amazonaws.com",
    "iam": "https://iam.amazonaws.com",
    "organizations": "https://organizations.us-east-1.amazonaws.com",
}


def test_p28_the_label_is_aws_only_if_all_endpoints_are() -> None:
    assert make_endpoint(AWS_URLS).label == "AWS"
    assert not make_endpoint(AWS_URLS).is_sandbox
    for service in SERVICES:
        endpoint = make_endpoint({**AWS_URLS, service: "http://127.0.0.1:4599"})
        assert endpoint.label == "SANDBOX 127.0.0.1:4599"
        assert endpoint.is_sandbox


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:4599", "127.0.0.1:4599"),
        ("http://[::1]:4599/path", "[::1]:4599"),
        ("https://example.com", "example.com:443"),
        ("http://example.com", "example.com:80"),
        ("http://name:canary@example.com:81", "example.com:81"),
    ],
)
def test_a_host_is_shown_with_its_port_and_without_user_information(url: str, shown: str) -> None:
    assert host_and_port(url) == shown
