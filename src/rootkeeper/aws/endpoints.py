"""Which endpoint and Region calls go to, and when the operator's credentials expire.

The label is ``AWS`` only for AWS's own service endpoints, ``SANDBOX host:port`` for all others. A host below
``amazonaws.com`` isn't enough: any customer's load balancers and machines have such names.

STS is always Regional: AssumeRoot doesn't exist on the global endpoint, to which older settings
(``sts_regional_endpoints = legacy``) lead. Source: STS API Reference, AssumeRoot.

A recovery window must not outlive the credentials that close it. Their end is known for session keys with
``AWS_CREDENTIAL_EXPIRATION``, for roles assumed with an MFA code, and for SSO tokens that can't be refreshed. It isn't
known for session keys without an expiry, and where a person's sign-in or another program renews them until it stops: a
``credential_process``, a refreshable session of IAM Identity Center, ``aws login``. Those can be used at least until
botocore must renew them. That a role's trust may be withdrawn isn't an end of its credentials.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.credentials import EnvProvider, RefreshableCredentials, SharedCredentialProvider
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, SSOTokenLoadError
from botocore.session import Session
from botocore.utils import JSONFileCache, SSOTokenLoader, parse_timestamp

from rootkeeper.aws.errors import FailedCall, raise_translated
from rootkeeper.aws.rules import CredentialsLifetime, Lifetime
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
    """Make the label of the endpoints in use (service → URL). A single foreign endpoint is enough for ``SANDBOX``."""
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
    """Choose the Region: ``wanted``, else the environment's, else the profile's, else the default.

    Newer AWS tools read ``AWS_REGION``; botocore reads only ``AWS_DEFAULT_REGION``. An opt-in Region of the profile
    isn't used: the profile's workloads may use it, but root sessions need it enabled in every target too.

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


def find_lifetime(session: Session) -> CredentialsLifetime:
    """Find how long the credentials of ``session`` can be used. Credentials that weren't used yet are fetched.

    :raises AwsCredentialsError: if there are none, or they can't be fetched.
    """
    try:
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        has_token = credentials.get_frozen_credentials().token is not None
        if isinstance(credentials, RefreshableCredentials):
            return _find_renewal(session, credentials)
    except (BotoCoreError, ClientError, RuntimeError) as error:
        raise_translated(error, FailedCall(operation="", host="", profile=session.profile))
    if has_token:
        return CredentialsLifetime(Lifetime.UNKNOWN, doubt="they are session keys without an expiry")
    return CredentialsLifetime(Lifetime.STATIC)


_RENEWED = CredentialsLifetime(Lifetime.RENEWED)
_BY_IDENTITY_CENTER = "IAM Identity Center renews them until its own session ends"
_BY_MACHINE = frozenset({"assume-role-with-web-identity", "container-role", "iam-role"})
"""Methods of botocore that need no person: roles of a machine, a container or a workload."""
_MACHINE_SOURCES = frozenset({"Ec2InstanceMetadata", "EcsContainer"})
"""Values of ``credential_source``; the third is ``Environment``."""


def _find_renewal(session: Session, credentials: RefreshableCredentials) -> CredentialsLifetime:
    method = credentials.method
    expires_at: datetime = credentials._expiry_time  # type: ignore[attr-defined]  # noqa: SLF001 - shown nowhere else
    if method == "env":  # re-read from the variables, so usable to the last second
        return CredentialsLifetime(Lifetime.ENDING, expires_at.astimezone(UTC))
    if method in _BY_MACHINE:
        return _RENEWED
    # So long before their expiry botocore must renew credentials; if that fails, it doesn't use them any more.
    # Source: botocore's credentials.py, which shows it nowhere else.
    unused_seconds = credentials._mandatory_refresh_timeout  # type: ignore[attr-defined]  # noqa: SLF001 - see above
    usable_until = (expires_at - timedelta(seconds=unused_seconds)).astimezone(UTC)
    chain = _profile_chain(session)
    if method == "assume-role" and any("mfa_serial" in profile for profile in chain):
        return CredentialsLifetime(Lifetime.ENDING, usable_until)
    doubt = _find_doubt(method, chain[-1])
    if doubt == _BY_IDENTITY_CENTER:
        return _find_sso_lifetime(session, chain[-1], usable_until)
    return CredentialsLifetime(Lifetime.UNKNOWN, usable_until, doubt) if doubt else _RENEWED


def _find_doubt(method: str, source: Mapping[str, Any]) -> str:
    """Return why it isn't sure that credentials are renewed; empty if it is.

    :param source: the last profile of the chain, which holds or fetches the first credentials.
    """
    is_role = method == "assume-role"
    if method == "sso" or (is_role and ("sso_session" in source or "sso_start_url" in source)):
        return _BY_IDENTITY_CENTER
    if method == "custom-process" or (is_role and "credential_process" in source):
        return "a credential_process renews them, and may stop"
    if method == "login" or (is_role and "login_session" in source):
        return "aws login renews them until its own session ends"
    from_environment = source.get("credential_source") == "Environment"
    has_token = any(source.get(name) for name in SharedCredentialProvider.TOKENS) or (
        from_environment and any(os.environ.get(name) for name in EnvProvider.TOKENS)
    )
    if is_role and has_token:
        return "the role is assumed with session keys, whose own end can't be read"
    is_renewed = (
        "aws_access_key_id" in source
        or "web_identity_token_file" in source
        or source.get("credential_source") in _MACHINE_SOURCES
        or from_environment
    )
    return "" if is_role and is_renewed else f"their source ({method}) isn't known"


def _profile_chain(session: Session) -> list[Mapping[str, Any]]:
    """Follow the source profiles from the profile in use; the last profile holds or fetches the first credentials."""
    profiles: Mapping[str, Any] = session.full_config.get("profiles", {})
    name: str | None = session.profile or "default"
    chain: list[Mapping[str, Any]] = []
    while name is not None and len(chain) < _LONGEST_CHAIN:
        profile = profiles.get(name, {})
        chain.append(profile)
        following = profile.get("source_profile") if "role_arn" in profile else None
        name = following if following != name else None
    return chain


def _find_sso_lifetime(session: Session, profile: Mapping[str, Any], usable_until: datetime) -> CredentialsLifetime:
    """:param usable_until: how long the last role credentials can be used without the token."""
    session_name = profile.get("sso_session")
    sso_sessions: Mapping[str, Any] = session.full_config.get("sso_sessions", {})
    start_url = (
        sso_sessions.get(session_name, {}).get("sso_start_url") if session_name else profile.get("sso_start_url")
    )
    load = SSOTokenLoader(JSONFileCache(str(_TOKEN_CACHE.expanduser())))
    try:
        token: Mapping[str, Any] = load(start_url or "", session_name=session_name)
    except SSOTokenLoadError:
        return CredentialsLifetime(Lifetime.UNKNOWN, usable_until, _BY_IDENTITY_CENTER)
    token_ends = parse_timestamp(token["expiresAt"])
    registration_ends = token.get("registrationExpiresAt")
    # It can be refreshed only until the client's registration expires.
    is_refreshed = token.get("refreshToken") and (
        registration_ends is None or parse_timestamp(registration_ends) > token_ends
    )
    until = max(token_ends.astimezone(UTC), usable_until)
    if is_refreshed:
        return CredentialsLifetime(Lifetime.UNKNOWN, until, _BY_IDENTITY_CENTER)
    return CredentialsLifetime(Lifetime.ENDING, until)
