"""Which Region is used, and why STS is always the Regional one.

AssumeRoot doesn't exist on the global STS endpoint, and older settings (``sts_regional_endpoints = legacy``) would lead
there. Source: STS API Reference, AssumeRoot.
"""

from __future__ import annotations

import os

from botocore.session import Session

from rootkeeper.errors import InputError

DEFAULT_REGION = "us-east-1"
"""Enabled in every account; opt-in Regions must be enabled in caller and target."""


def choose_region(session: Session, wanted: str | None) -> str:
    """The Region wanted, else ``AWS_REGION``, else the configured one, else the default.

    ``AWS_REGION`` is what newer AWS tools read; botocore knows ``AWS_DEFAULT_REGION`` only.

    :raises InputError: if there is no such Region, or it isn't one (``aws-global``).
    """
    region = wanted or os.environ.get("AWS_REGION") or session.get_config_variable("region") or DEFAULT_REGION
    if region not in list_regions(session):
        raise InputError(
            f"{region!r} is not an AWS Region with an STS endpoint of its own.",
            hint=f"Name one, such as --region {DEFAULT_REGION}, or set AWS_REGION.",
        )
    return str(region)


def list_regions(session: Session) -> frozenset[str]:
    """Every Region of every partition that has a Regional STS endpoint."""
    return frozenset(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("sts", partition)
    )


def force_regional_sts(session: Session) -> None:
    """Whatever the environment and the profile say."""
    session.set_config_variable("sts_regional_endpoints", "regional")
