"""How the place where calls go is named: ``AWS`` only where it is AWS's own, ``SANDBOX host:port`` everywhere else.

A host below ``amazonaws.com`` isn't AWS's own for that: load balancers and machines of anybody have such names. Only
the names of the service endpoints themselves count, Regional, FIPS, dual-stack and VPC endpoints among them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from rootkeeper.domain.organizations import Endpoint

AWS_LABEL = "AWS"

_DOMAINS = "|".join(
    re.escape(suffix)
    for suffix in (
        "amazonaws.com",
        "amazonaws.com.cn",
        "amazonaws.eu",
        "api.amazonwebservices.com.cn",
        "api.amazonwebservices.eu",
        "api.aws",
        "api.aws.hci.ic.gov",
        "api.aws.ic.gov",
        "api.aws.scloud",
        "api.cloud-aws.adc-e.uk",
        "c2s.ic.gov",
        "cloud.adc-e.uk",
        "csp.hci.ic.gov",
        "sc2s.sgov.gov",
    )
)
"""Source: DNS suffixes of all partitions in botocore's ``partitions.json``."""

_PLACE = r"(?:[a-z]{2,4}(?:-[a-z]+)+-\d|us-gov|global|aws-(?:[a-z-]+-)?global)"
"""A Region, or one of the names that stand for a whole partition; never a word such as ``s3`` or ``elb``, below which
anybody's buckets and load balancers have their names.
"""

_AWS_HOST = re.compile(
    rf"(?P<service>[a-z]+|s3)(?:-fips)?(?:\.dualstack)?(?:\.{_PLACE})?\.(?:{_DOMAINS})"
    rf"|(?:bucket\.)?vpce-[a-z0-9-]+\.(?P<private>[a-z]+|s3)(?:-fips)?\.{_PLACE}\.vpce\.(?:{_DOMAINS})"
)


def make_endpoint(urls: Mapping[str, str]) -> Endpoint:
    """The label of the endpoints used, given as service → URL; one foreign endpoint is enough for ``SANDBOX``."""
    foreign = [url for service, url in sorted(urls.items()) if not is_aws(service, url)]
    return Endpoint(f"SANDBOX {host_and_port(foreign[0])}" if foreign else AWS_LABEL)


def is_aws(service: str, url: str) -> bool:
    """Whether ``url`` is the service's own endpoint at AWS, over TLS."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.port not in (None, 443):
        return False
    found = _AWS_HOST.fullmatch(parts.hostname or "")
    return found is not None and service in (found["service"], found["private"])


def host_and_port(url: str) -> str:
    """Without user information, which may be secret."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
