"""The users of ``rootkeeper demo``, by role, and its guided story: the steps, and which of them are done.

The sandbox's own state and the events of two accounts decide that, never this program's own actions. They are read from
the sandbox's control interface, on loopback only, unsigned and without a proxy; no AWS call is made.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from typing_extensions import TypedDict

from rootkeeper.access.rules import TOTP_SECONDS, ServerRole
from rootkeeper.errors import AwsUnreachableError, NotFoundError
from rootkeeper.organization.accounts import AccountId, Endpoint, Feature
from rootkeeper.references import is_loopback
from rootkeeper.shapes import SCHEMA_VERSION, Answer, JsonRecord, fill_record, record, record_of

PASSWORD = "correct horse battery"  # noqa: S105 - every demo user's, shown on the screen


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A user of a demo. The secrets are public and worth nothing elsewhere: each demo has a database of its own."""

    name: str
    role: ServerRole
    totp_secret: str | None
    """In base32; ``None`` where the role takes no second factor."""
    does: str


@record_of(DemoUser, only=("name", "role"))
class StoryUser(JsonRecord):
    """A user of the demo."""


@record
class StoryStep(TypedDict):
    """A step of the guided story."""

    step_id: str
    title: str
    users: list[StoryUser]
    """The users to sign in as, in this order; empty if it is done at the sandbox's pages."""
    how: str
    place: Literal["console", "sandbox"]
    path: str
    """Where it is done, in that place."""
    is_done: bool


@record
class StoryAnswer(Answer):
    """The guided story of a demo."""

    people_url: str | None
    steps: list[StoryStep]


DEMO_USERS = (
    DemoUser("vera", ServerRole.VIEWER, None, "reads everything, changes nothing"),
    DemoUser("aude", ServerRole.AUDITOR, None, "audits"),
    DemoUser("olga", ServerRole.OPERATOR, "OLGAOLGAOLGAOLGAOLGAOLGAOLGAOLGA", "deletes, requests and opens windows"),
    DemoUser("amir", ServerRole.APPROVER, "AMIRAMIRAMIRAMIRAMIRAMIRAMIRAMIR", "approves windows"),
    DemoUser("adam", ServerRole.ADMINISTRATOR, "ADAMADAMADAMADAMADAMADAMADAMADAM", "enables features, manages users"),
)


def list_codes(now: float) -> tuple[tuple[str, str], ...]:
    """List the names with the current codes of their authenticator apps, at a moment in seconds since 1970."""
    import pyotp

    return tuple((user.name, pyotp.TOTP(user.totp_secret).at(int(now))) for user in DEMO_USERS if user.totp_secret)


def count_seconds_left(now: float) -> int:
    """Count how long the codes of a moment are valid."""
    return TOTP_SECONDS - int(now) % TOTP_SECONDS


RECOVERED_ID = AccountId("888899990000")
"""Orders Prod of the demo organization: a password, and no MFA device."""

FAILSAFE_ID = AccountId("222233334444")
"""Security of the demo organization, which becomes the delegated administrator."""

CODES_PATH = "/codes"
"""The sandbox's page of the demo's users, with their codes and the failsafe's."""

_FAILED = ("errorCode", "errorMessage")
"""Fields of failed API calls, and of refused sign-ins. Source: CloudTrail User Guide."""


@dataclass(frozen=True, slots=True)
class StoryState:
    """The sandbox's state."""

    organization: Mapping[str, Any]
    """``GET /_sandbox/organization``."""
    is_identity_center_down: bool
    events: Sequence[Mapping[str, Any]]
    """CloudTrail events of ``RECOVERED_ID``, oldest first."""
    failsafe_events: Sequence[Mapping[str, Any]]
    """The same of ``FAILSAFE_ID``."""


_ANYONE: tuple[ServerRole, ...] = ()
"""Signed in at the sandbox's pages, not at the server."""
_OPERATOR = (ServerRole.OPERATOR,)

_STEPS: tuple[tuple[str, str, tuple[ServerRole, ...], str, Literal["console", "sandbox"], str], ...] = (
    (
        "enable",
        "Turn root access management on",
        (ServerRole.ADMINISTRATOR,),
        f"Turn on trusted access and both features, and register Security ({FAILSAFE_ID}) as delegated administrator.",
        "console",
        "/set-up",
    ),
    (
        "see",
        "See who has root user credentials",
        _OPERATOR,
        "Start an audit. It makes two reading calls in each account, and changes nothing.",
        "console",
        "/accounts",
    ),
    (
        "delete",
        "Delete the root user credentials of Orders Prod",
        _OPERATOR,
        f"Select Orders Prod ({RECOVERED_ID}), review what will be deleted, and delete it.",
        "console",
        "/accounts",
    ),
    (
        "refused",
        "Try to sign in as its root user",
        _ANYONE,
        "Sign in as aws+orders-prod@example.com with any password. It is refused, because no password exists.",
        "sandbox",
        "/signin",
    ),
    (
        "allow",
        "Allow password recovery for a while",
        (ServerRole.OPERATOR, ServerRole.APPROVER),
        "The operator requests a window for Orders Prod, the approver approves it, and the operator activates it.",
        "console",
        "/windows",
    ),
    (
        "reset",
        "Reset the password by e-mail",
        _ANYONE,
        "Request the e-mail with Forgot password, open it in the mailbox, and follow its link.",
        "sandbox",
        "/signin/forgot-password",
    ),
    (
        "signed_in",
        "Sign in as the root user",
        _ANYONE,
        "Use the new password. This is when you would do work that only a root user can do.",
        "sandbox",
        "/signin",
    ),
    (
        "closed",
        "The window closes",
        _OPERATOR,
        "It closes by itself at its end, or at once with Close. All credentials are deleted, and a re-read proves it.",
        "console",
        "/windows",
    ),
    (
        "refused_again",
        "Try to sign in once more",
        _ANYONE,
        "The password that you set is refused, too, because it no longer exists.",
        "sandbox",
        "/signin",
    ),
    (
        "outage",
        "Identity Center goes down",
        _ANYONE,
        "Turn it off on its page. No one can sign in to any account through it now.",
        "sandbox",
        "/identity-center",
    ),
    (
        "failsafe",
        "Sign in to the failsafe",
        _ANYONE,
        "Sign in as aws+security@example.com, whose root login was kept. Users and codes shows password and MFA code.",
        "sandbox",
        CODES_PATH,
    ),
    (
        "restored",
        "Restore Identity Center",
        _ANYONE,
        "Turn it on again on its page.",
        "sandbox",
        "/identity-center",
    ),
)


def describe_story(endpoint: Endpoint) -> StoryAnswer:
    """Describe the guided story of the demo whose sandbox is at ``endpoint``.

    :raises NotFoundError: and AwsUnreachableError, as ``read_story_state``.
    """
    steps = evaluate_story(read_story_state(endpoint))
    return StoryAnswer(schema_version=SCHEMA_VERSION, people_url=endpoint.people_url, steps=steps)


def evaluate_story(truth: StoryState) -> list[StoryStep]:
    """Return all steps, each with whether it is done."""
    organization = truth.organization
    # An outage leaves no event, so a sign-in to the failsafe counts as proof of it.
    has_entered = _find(truth.failsafe_events, "ConsoleLogin", after=-1) is not None
    done = {
        "enable": len(organization["features"]) == len(Feature) and bool(organization["delegated_administrators"]),
        **_follow_account(truth.events),
        "outage": truth.is_identity_center_down or has_entered,
        "failsafe": has_entered,
        "restored": has_entered and not truth.is_identity_center_down,
    }
    return [
        StoryStep(
            step_id=step_id,
            title=title,
            users=[fill_record(StoryUser, user) for role in roles for user in DEMO_USERS if user.role is role],
            how=how,
            place=place,
            path=path,
            is_done=done[step_id],
        )
        for step_id, title, roles, how, place, path in _STEPS
    ]


def _follow_account(events: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """A step counts only after the step on which it depends."""
    deleted = _find(events, "DeleteLoginProfile", after=-1)
    allowed = _find(events, "CreateLoginProfile", after=deleted)
    reset = _find(events, "PasswordRecoveryCompleted", after=allowed)
    closed = _find(events, "DeleteLoginProfile", after=allowed)
    found = {
        "see": _find(events, "GetAccountSummary", after=-1),
        "delete": deleted,
        "refused": _find(events, "ConsoleLogin", after=deleted, is_success=False),
        "allow": allowed,
        "reset": reset,
        "signed_in": _find(events, "ConsoleLogin", after=reset),
        "closed": closed,
        "refused_again": _find(events, "ConsoleLogin", after=closed, is_success=False),
    }
    return {step_id: place is not None for step_id, place in found.items()}


def _find(events: Sequence[Mapping[str, Any]], name: str, *, after: int | None, is_success: bool = True) -> int | None:
    """Return the index of the first such event behind ``after``; ``None`` without it, or without ``after``."""
    if after is None:
        return None
    return next(
        (
            place
            for place, event in enumerate(events)
            if place > after and event["eventName"] == name and event.keys().isdisjoint(_FAILED) is is_success
        ),
        None,
    )


_SECONDS = 5.0


def find_codes_url(endpoint: Endpoint) -> str | None:
    """Find the sandbox's page of users and codes; ``None`` for AWS."""
    return f"{endpoint.people_url}{CODES_PATH}" if endpoint.people_url else None


def read_story_state(endpoint: Endpoint) -> StoryState:
    """Read the state, with four requests to the control interface of a sandbox on this machine.

    :raises NotFoundError: if the endpoint isn't a sandbox on this machine.
    :raises AwsUnreachableError: if it doesn't answer, or its answer is invalid.
    """
    parts = urlsplit(endpoint.people_url or "")
    if parts.hostname is None or not is_loopback(parts.hostname):
        raise NotFoundError(
            "There is no sandbox on this machine.", hint="Only the server of a demo has a guided story."
        )
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_SECONDS)
    try:
        return StoryState(
            organization=_get(connection, "organization"),
            is_identity_center_down=_get(connection, "identity-center")["status"] == "down",
            events=_get(connection, f"events?account_id={quote(RECOVERED_ID)}"),
            failsafe_events=_get(connection, f"events?account_id={quote(FAILSAFE_ID)}"),
        )
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise AwsUnreachableError(
            f"The state of {endpoint.label} can't be read.", hint="Check whether the demo is still running."
        ) from error
    finally:
        connection.close()


def _get(connection: http.client.HTTPConnection, path: str) -> Any:
    connection.request("GET", f"/_sandbox/{path}")
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise ValueError(f"{path} answered {answer.status}")
    return json.loads(body)
