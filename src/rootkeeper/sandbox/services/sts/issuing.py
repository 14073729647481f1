"""Temporary credentials: how a session is made, and how the answer and the CloudTrail event show it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from rootkeeper.sandbox.exchange import Call, Credential, Principal
from rootkeeper.sandbox.services.event_times import format_event_time
from rootkeeper.sandbox.state.identifiers import new_access_key_id, new_secret_access_key, new_session_token


def issue_session(call: Call, principal: Principal, duration_seconds: int) -> Credential:
    """Issue credentials that prove ``principal``, whose access key id is filled in here.

    Key, secret and token are random. A duration of 0 gives credentials that have expired already (assumed).
    """
    access_key_id = new_access_key_id("ASIA", principal.account_id)
    credential = Credential(
        access_key_id=access_key_id,
        secret_access_key=new_secret_access_key(),
        principal=replace(principal, access_key_id=access_key_id, session_issued_at=call.now),
        session_token=new_session_token(),
        expires_at=call.now + timedelta(seconds=duration_seconds),
    )
    call.world.sessions.add(credential, call.now)
    return credential


def render_credentials(credential: Credential) -> dict[str, Any]:
    """Give the response member ``Credentials``."""
    return {
        "AccessKeyId": credential.access_key_id,
        "SecretAccessKey": credential.secret_access_key,
        "SessionToken": credential.session_token,
        "Expiration": credential.expires_at,
    }


def describe_issue(credential: Credential) -> dict[str, Any]:
    """Give what the CloudTrail event says of the credentials: never the secret."""
    return {
        "accessKeyId": credential.access_key_id,
        "sessionToken": credential.session_token,
        "expiration": format_event_time(credential.expires_at) if credential.expires_at else None,
    }
