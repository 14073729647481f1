"""Which endpoint and Region calls go to, and when the operator's credentials expire.

The label is ``AWS`` only for AWS's own service endpoints, ``SANDBOX host:port`` for all others. A host below
``amazonaws.com`` isn't enough: any customer's load balancers and machines have such names.

STS is always Regional: AssumeRoot doesn't exist on the global endpoint, to which older settings
(``sts_regional_endpoints = legacy``) lead. Source: STS API Reference, AssumeRoot.

A recovery window must not outlive the credentials that close it. The expiry is known for static session credentials
with ``AWS_CREDENTIAL_EXPIRATION``, for roles assumed with an MFA code, and for SSO tokens that can't be refreshed. It
isn't known, and is ``None``, for session credentials without an expiry, for a ``credential_process`` that stops
renewing, for refreshable sessions of IAM Identity Center, and for chained roles whose trust is withdrawn.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, SSOTokenLoadError
from botocore.session import Session
from botocore.utils import JSONFileCache, SSOTokenLoader, parse_timestamp

from rootkeeper.aws.errors import FailedCall, raise_translated
from rootkeeper.errors import Hint, InputError
from rootkeeper.organization.accounts import Endpoint

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
"""A Region, or a name of a whole partition. Never a word such as ``s3`` or ``elb``: customers' buckets and load
balancers have names below those.
"""

_AWS_HOST = re.compile(
    rf"(?P<service>[a-z]+|s3)(?:-fips)?(?:\.dualstack)?(?:\.{_PLACE})?\.(?:{_DOMAINS})"
    rf"|(?:bucket\.)?vpce-[a-z0-9-]+\.(?P<private>[a-z]+|s3)(?:-fips)?\.{_PLACE}\.vpce\.(?:{_DOMAINS})"
)


def make_endpoint(urls: Mapping[str, str]) -> Endpoint:
    """Make the label of the endpoints in use (service → URL). One foreign endpoint is enough for ``SANDBOX``."""
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
    """Return the URL's host and port, without user information, which may be secret."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


DEFAULT_REGION = "us-east-1"
"""Enabled in every account; opt-in Regions must be enabled in caller and target."""
_ENABLED_BY_DEFAULT = frozenset(
    {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    }
)
"""Of the partition aws; since 2019 AWS adds only opt-in Regions. Source: AWS Account Management Reference Guide,
"Enable or disable AWS Regions in your account".
"""


def choose_region(session: Session, wanted: str | None) -> str:
    """Choose the Region: ``wanted``, else that of the environment, else the profile's, else the default.

    Newer AWS tools read ``AWS_REGION``; botocore reads only ``AWS_DEFAULT_REGION``. An opt-in Region of the profile is
    passed over: the profile's workloads may use it, but root sessions need it enabled in every target too.

    :raises InputError: if there is no such Region, or it is global (``aws-global``).
    """
    asked = wanted or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    region = asked or session.get_config_variable("region") or DEFAULT_REGION
    if region not in list_regions(session):
        raise InputError(
            f"{region!r} is not an AWS Region with a Regional STS endpoint.",
            hint=Hint(f"Use a Region such as {DEFAULT_REGION}.", "aws.region", region=DEFAULT_REGION),
        )
    return DEFAULT_REGION if asked is None and is_opt_in(session, region) else str(region)


def is_opt_in(session: Session, region: str) -> bool:
    """Whether an account must enable the Region before it can use it."""
    return region in session.get_available_regions("sts", "aws") and region not in _ENABLED_BY_DEFAULT


def list_regions(session: Session) -> frozenset[str]:
    """List the Regions of all partitions that have a Regional STS endpoint."""
    return frozenset(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("sts", partition)
    )


def force_regional_sts(session: Session) -> None:
    """Use Regional STS endpoints, even if the environment or the profile says otherwise."""
    session.set_config_variable("sts_regional_endpoints", "regional")


_TOKEN_CACHE = Path("~/.aws/sso/cache")
"""Where the AWS CLI keeps SSO tokens."""
_LONGEST_CHAIN = 16


def find_expiry(session: Session) -> datetime | None:
    """Find when the credentials expire; ``None`` if they don't, are renewed, or don't show it.

    :raises AwsCredentialsError: if they can't be fetched.
    """
    with _translated(session):
        credentials = session.get_credentials()
        if credentials is None:
            return None
        credentials.get_frozen_credentials()
        return _find_expiry(session, credentials)


class Lifetime(StrEnum):
    """How long credentials stay valid for a process that keeps running."""

    RENEWED = "renewed"
    ENDING = "ending"
    """A session that isn't renewed."""
    STATIC = "static"
    """An access key, which never expires."""


def classify_lifetime(session: Session) -> Lifetime:
    """Classify the credentials of ``session``.

    :raises AwsCredentialsError: if there are none.
    """
    with _translated(session):
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        has_token = credentials.get_frozen_credentials().token is not None
        if not has_token and not isinstance(credentials, RefreshableCredentials):
            return Lifetime.STATIC
        is_held = has_token and not isinstance(credentials, RefreshableCredentials)
        return Lifetime.ENDING if is_held or _find_expiry(session, credentials) else Lifetime.RENEWED


@contextmanager
def _translated(session: Session) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, RuntimeError) as error:
        raise_translated(error, FailedCall(operation="", host="", profile=session.profile))


def _find_expiry(session: Session, credentials: Credentials) -> datetime | None:
    if credentials.method == "env":
        return _current_expiry(credentials)
    chain = _profile_chain(session)
    is_sso = "sso_session" in chain[-1] or "sso_start_url" in chain[-1]
    if credentials.method == "assume-role" and any("mfa_serial" in profile for profile in chain):
        return _current_expiry(credentials)
    if credentials.method == "sso" or (credentials.method == "assume-role" and is_sso):
        return _sso_expiry(session, chain[-1], credentials)
    return None


def _current_expiry(credentials: Credentials) -> datetime | None:
    # Only refreshable credentials have it, and botocore shows it nowhere else.
    expires_at: datetime | None = getattr(credentials, "_expiry_time", None)
    return expires_at.astimezone(UTC) if expires_at else None


def _profile_chain(session: Session) -> list[Mapping[str, Any]]:
    """Follow the source profiles from the profile in use; the last one holds or fetches the first credentials."""
    profiles: Mapping[str, Any] = session.full_config.get("profiles", {})
    name: str | None = session.profile or "default"
    chain: list[Mapping[str, Any]] = []
    while name is not None and len(chain) < _LONGEST_CHAIN:
        profile = profiles.get(name, {})
        chain.append(profile)
        following = profile.get("source_profile") if "role_arn" in profile else None
        name = following if following != name else None
    return chain


def _sso_expiry(session: Session, profile: Mapping[str, Any], credentials: Credentials) -> datetime | None:
    """Return the later expiry of the token and of the last role credentials; ``None`` if it can be refreshed."""
    token = _find_sso_token(session, profile)
    if token is None:
        return None
    token_ends = parse_timestamp(token["expiresAt"])
    registration_ends = token.get("registrationExpiresAt")
    # It can be refreshed only until the client's registration expires.
    if token.get("refreshToken") and (registration_ends is None or parse_timestamp(registration_ends) > token_ends):
        return None
    ends = [token_ends.astimezone(UTC)]
    current = _current_expiry(credentials)
    return max([*ends, current] if current else ends)


def _find_sso_token(session: Session, profile: Mapping[str, Any]) -> Mapping[str, Any] | None:
    session_name = profile.get("sso_session")
    sso_sessions: Mapping[str, Any] = session.full_config.get("sso_sessions", {})
    start_url = (
        sso_sessions.get(session_name, {}).get("sso_start_url") if session_name else profile.get("sso_start_url")
    )
    load = SSOTokenLoader(JSONFileCache(str(_TOKEN_CACHE.expanduser())))
    try:
        token: Mapping[str, Any] = load(start_url or "", session_name=session_name)
    except SSOTokenLoadError:
        return None
    return token
