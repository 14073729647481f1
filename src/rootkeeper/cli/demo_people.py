"""Whom a demo's server knows: one user of each role, with a password and a second factor that all may see.

They are worth as much as the sandbox's keys: nothing anywhere else. Each demo makes them in a database of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.domain.access import ServerRole

PASSWORD = "correct horse battery"  # noqa: S105 - everybody's in a demo, shown to whoever starts one
_STEP_SECONDS = 30
"""Source: RFC 6238, section 4.1."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One user."""

    name: str
    role: ServerRole
    totp_secret: str | None
    """In base32; ``None`` where the role takes no second factor."""
    does: str


PEOPLE = (
    DemoPerson("vera", ServerRole.VIEWER, None, "sees everything, changes nothing"),
    DemoPerson("aude", ServerRole.AUDITOR, None, "audits"),
    DemoPerson("olga", ServerRole.OPERATOR, "OLGAOLGAOLGAOLGAOLGAOLGAOLGAOLGA", "deletes, requests and opens windows"),
    DemoPerson("amir", ServerRole.APPROVER, "AMIRAMIRAMIRAMIRAMIRAMIRAMIRAMIR", "approves windows"),
    DemoPerson("adam", ServerRole.ADMINISTRATOR, "ADAMADAMADAMADAMADAMADAMADAMADAM", "sets up, keeps users"),
)


@dataclass(frozen=True, slots=True)
class ShownCode:
    """The code of one person's authenticator app."""

    person: DemoPerson
    code: str


def list_codes(now: float) -> tuple[ShownCode, ...]:
    """The codes that hold at a moment, in seconds since 1970."""
    import pyotp

    return tuple(
        ShownCode(person, pyotp.TOTP(person.totp_secret).at(int(now))) for person in PEOPLE if person.totp_secret
    )


def count_seconds_left(now: float) -> int:
    """How long the codes of a moment hold."""
    return _STEP_SECONDS - int(now) % _STEP_SECONDS


def add_people() -> None:
    """Add all of them to the database that the environment names. The sandbox is asked for its organization."""
    from rootkeeper import bootstrap

    with bootstrap.Application(bootstrap.load_user_settings(None)) as application:
        who = application.ledger_identity
        keeping = application.identity_service_as(who)
        for person in PEOPLE:
            identity = keeping.add_user(person.name, person.role, PASSWORD)
            if person.totp_secret is not None:
                application.preset_factor(who, identity.identity_id, person.totp_secret)


if __name__ == "__main__":
    add_people()
