"""The partitions that a sandbox can serve: names, Regions, domains, and the parts of root access management there are.

Partitions know nothing of each other: keys, ARNs and endpoints of one mean nothing in another. AWS GovCloud (US)
documents that root users have no console sign-in and that root user credentials can't be managed centrally, and that
privileged tasks on member accounts are possible; which tasks is assumed: the two that unlock a policy. AWS China
documents no root user. Where nothing is documented, the sandbox answers the most cautious way, as BEHAVIOUR.md says.

Source: AWS GovCloud (US) User Guide, "AWS Identity and Access Management in AWS GovCloud (US)"; botocore's
``endpoints.json`` for Regions and domains.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ARN = re.compile(r"arn:aws:([a-z0-9-]+):([a-z0-9-]*):")


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition, and its differences from the partition ``aws``."""

    name: str
    home_region: str
    """The Region of IAM's endpoint, in which calls to services without Regions are signed and recorded."""
    regions: tuple[str, ...]
    """Enabled in every account."""
    opt_in_regions: tuple[str, ...]
    dns_suffix: str
    saml_audience: str
    has_global_sts: bool
    features: frozenset[str]
    """The features of root access management that can be enabled."""
    sign_in_obstacle: str | None
    """Why no root user can sign in to the console."""
    root_user_has_keys: bool = True
    """Whether a root user can have an access key."""

    def serves(self, region: str) -> bool:
        """Return whether a signature's Region can be one of this partition's.

        The partition ``aws`` takes any Region but those of other partitions, because AWS adds Regions to it.
        """
        if self.has_global_sts:
            return not any(region in other.regions for other in PARTITIONS.values() if other is not self)
        return region in self.regions

    def translate(self, text: str) -> str:
        """Turn the ARNs of the partition ``aws`` in a scenario's text into ARNs of this partition."""
        if self is AWS:
            return text
        return _ARN.sub(lambda found: f"arn:{self.name}:{found[1]}:{found[2] and self.home_region}:", text)


AWS = Partition(
    name="aws",
    home_region="us-east-1",
    regions=(
        "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
        "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
        "us-east-2", "us-west-1", "us-west-2",
    ),
    opt_in_regions=(
        "af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
        "ap-southeast-6", "ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1",
        "me-central-1", "me-south-1", "mx-central-1",
    ),
    dns_suffix="amazonaws.com",
    saml_audience="https://signin.aws.amazon.com/saml",
    has_global_sts=True,
    features=frozenset({"RootCredentialsManagement", "RootSessions"}),
    sign_in_obstacle=None,
)  # fmt: skip

GOVCLOUD = Partition(
    name="aws-us-gov",
    home_region="us-gov-west-1",
    regions=("us-gov-east-1", "us-gov-west-1"),
    opt_in_regions=(),
    dns_suffix="amazonaws.com",
    saml_audience="https://signin.amazonaws-us-gov.com/saml",
    has_global_sts=False,
    features=frozenset({"RootSessions"}),
    sign_in_obstacle="Root users of AWS GovCloud (US) accounts can't sign in to the console.",
)

CHINA = Partition(
    name="aws-cn",
    home_region="cn-north-1",
    regions=("cn-north-1", "cn-northwest-1"),
    opt_in_regions=(),
    dns_suffix="amazonaws.com.cn",
    saml_audience="https://signin.amazonaws.cn/saml",
    has_global_sts=False,
    features=frozenset(),
    sign_in_obstacle="AWS China has no root users.",
    root_user_has_keys=False,
)

PARTITIONS: Mapping[str, Partition] = {partition.name: partition for partition in (AWS, GOVCLOUD, CHINA)}
