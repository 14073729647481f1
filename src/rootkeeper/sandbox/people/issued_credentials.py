"""Temporary credentials that pages hand to whoever is signed in, as lines to paste into a terminal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rootkeeper.sandbox.exchange import Credential
from rootkeeper.sandbox.people.root_users import make_principal
from rootkeeper.sandbox.people.visits import PageRequest
from rootkeeper.sandbox.state.identifiers import new_access_key_id, new_secret_access_key, new_session_token
from rootkeeper.sandbox.state.sign_ins import SignInSession

_LIFETIME = timedelta(hours=1)


def issue_to_root_user(page_request: PageRequest, session: SignInSession) -> Credential:
    """Issue what AWS CloudShell works with: the root user who is signed in, for an hour, with its MFA if it has any."""
    access_key_id = new_access_key_id("ASIA", session.account_id)
    credential = Credential(
        access_key_id=access_key_id,
        secret_access_key=new_secret_access_key(),
        principal=replace(make_principal(page_request, session), access_key_id=access_key_id),
        session_token=new_session_token(),
        expires_at=min(page_request.now + _LIFETIME, session.expires_at),
    )
    page_request.world.sessions.add(credential, page_request.now)
    return credential


def render_exports(page_request: PageRequest, credential: Credential) -> str:
    """Write the lines that a shell takes."""
    values = {
        "AWS_ENDPOINT_URL": f"http://{page_request.authority}",
        "AWS_REGION": page_request.world.identity_center.region,
        "AWS_ACCESS_KEY_ID": credential.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credential.secret_access_key,
        "AWS_SESSION_TOKEN": credential.session_token,
    }
    return "\n".join(f"export {name}={value}" for name, value in values.items())
