"""Users, API tokens and sign-ins.

The ledger records each change of an identity, and who makes it, before the change. Passwords and tokens go to the store
and nowhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from rootkeeper.access.counts import FailureCounter
from rootkeeper.access.links import PasswordLink, find_link_name, make_link
from rootkeeper.access.notices import NO_NOTICES, IdentityNotices
from rootkeeper.access.records import identity_to_parameters
from rootkeeper.access.rules import (
    SESSION_LASTS,
    UNLIMITED,
    AttemptLimit,
    Identity,
    IdentityKind,
    NewSession,
    ProviderIdentity,
    ServerPerson,
    ServerRole,
    Session,
    SessionKind,
    SignInWay,
    TokenScope,
    fold_name,
    make_name_taken_error,
    make_no_password_error,
    parse_identity_name,
    require_password,
    require_scope,
)
from rootkeeper.access.store import FirstAdministratorStore, IdentityStore, SessionStore
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    Hint,
    InputError,
    NotFoundError,
    NotSignedInError,
    PermissionDeniedError,
    TooManyAttemptsError,
    make_setting_hint,
)
from rootkeeper.ledger.rules import Action, Actor
from rootkeeper.ledger.store import Ledger
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.values import JsonValue

TOKEN_PREFIX = "rk_"  # noqa: S105 - not a secret: scanners find leaked tokens by it
_SECRET_BYTES = 32
_LONGEST_TEXT = 256
_CSRF_PURPOSE = b"rootkeeper:csrf"


@dataclass(frozen=True, slots=True)
class ClientOrigin:
    """Where a sign-in comes from. Both are only shown, never trusted."""

    address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class AuthenticatedSession:
    """A sign-in, with the secret that proves it."""

    session: Session
    secret: str = field(repr=False)

    @property
    def csrf_token(self) -> str:
        """A browser must send it with each request that changes something."""
        return derive_csrf_token(self.secret)


def make_identity_id(kind: IdentityKind) -> str:
    return f"{'u' if kind is IdentityKind.USER else 't'}-{secrets.token_hex(5)}"


def make_secret(kind: SessionKind) -> str:
    """Return a new secret of 256 random bits."""
    prefix = TOKEN_PREFIX if kind is SessionKind.TOKEN else ""
    return prefix + secrets.token_urlsafe(_SECRET_BYTES)


def make_session(kind: SessionKind, client_origin: ClientOrigin, clock: Clock) -> NewSession:
    """Return a sign-in that begins now, without a second factor."""
    now = clock.now()
    return NewSession(
        session_id=f"s-{secrets.token_hex(8)}",
        secret=make_secret(kind),
        kind=kind,
        started_at=now,
        expires_at=now + SESSION_LASTS,
        address=_clean(client_origin.address),
        user_agent=_clean(client_origin.user_agent),
    )


def _clean(text: str | None) -> str | None:
    """Make text of an untrusted client printable and short."""
    if not text:
        return None
    return "".join(character if character.isprintable() else "?" for character in text)[:_LONGEST_TEXT]


def derive_csrf_token(secret: str) -> str:
    """Derive the token against forged requests from a browser's secret, which it doesn't reveal."""
    return hmac.new(secret.encode(errors="surrogatepass"), _CSRF_PURPOSE, hashlib.sha256).hexdigest()


def is_csrf_token(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogatepass"), derive_csrf_token(secret).encode())


@dataclass(frozen=True, slots=True)
class SessionEnder:
    """Ends the caller's own sign-ins and, for administrators, the sign-ins of others."""

    sessions: SessionStore
    identities: IdentityStore
    ledger: Ledger

    def end_own(self, session_id: str, identity: Identity) -> Session:
        """:raises NotFoundError: if the user has no such sign-in."""
        return _require_found(self.sessions.end_session(session_id, identity.identity_id), session_id)

    def end_any(self, session_id: str) -> Session:
        """End a sign-in of any user; the ledger records it first.

        :raises NotFoundError: if there is none.
        """
        known = next((session for session in self.sessions.list_sessions() if session.session_id == session_id), None)
        found = _require_found(known, session_id)
        self._record(found.identity)
        self.sessions.end_session(session_id)
        return found

    def sign_out(self, name: str) -> int:
        """End all sign-ins of a user, also those of the command line; return how many there were.

        :raises NotFoundError: if there is no user of that name.
        """
        identity = self.identities.get(name)
        self._record(identity)
        return self.sessions.end_all(identity.identity_id)

    def _record(self, identity: Identity) -> None:
        self.ledger.append_fact(
            Action.IDENTITY_CHANGE, parameters=identity_to_parameters(identity) | {"change": "signed_out"}
        )


def _require_found(session: Session | None, session_id: str) -> Session:
    if session is None:
        raise NotFoundError(f"There is no sign-in {session_id}.", hint="It may have ended. List them again.")
    return session


FAILURES_COUNT = timedelta(minutes=15)
"""How long a failed attempt counts against a name, an address or a known device."""

FAILURE_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 10, 20, 40, 60))
"""Waits after more failures than are allowed. They stay short, because anyone can make a name wait."""

_IPV6_NETWORK_BITS = 64
"""The smallest network of a provider's customer. Source: RFC 6177, section 2."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """An API token that was just made."""

    identity: Identity
    token: str = field(repr=False)
    """Shown once; it can't be read again."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A user who gets a link for setting the password."""

    identity: Identity
    token: str = field(repr=False)
    """Of the link, which can't be read again."""


@dataclass(frozen=True, slots=True)
class IdentityService:
    """Adds and changes users and API tokens."""

    store: IdentityStore
    ledger: Ledger
    clock: Clock
    actor: Actor
    notices: IdentityNotices = NO_NOTICES

    def invite(self, name: str, role: ServerRole, identity_id: str | None = None) -> NewLink:
        """Add a user who sets the password with a link, which works once, for a day.

        :param identity_id: that an organization knows already; ``None``: a new one.
        :raises InputError: if the name is taken or is invalid.
        """
        identity = self._make(IdentityKind.USER, name, role)
        identity = identity if identity_id is None else replace(identity, identity_id=identity_id)
        link = make_link(identity.identity_id, identity.name, self.clock.now())
        identity = replace(identity, link_ends_at=link.ends_at)
        self._record(Action.IDENTITY_ADD, identity, {"added_by": "invitation", **_describe_link(link)})
        self.store.add_invited(identity, link)
        self._notify(
            NotificationEvent.USER_INVITED,
            identity,
            f"{self.actor.name} invited {identity.name} with the role {role.value}. {self.actor.name} has a link with "
            f"which {identity.name} sets a password; it works once, until {_render_end(link)}.",
        )
        return NewLink(identity, link.token)

    def reset_by_link(self, name: str) -> NewLink:
        """Give a user a link for a new password. From now on, password, earlier links and sign-ins don't work.

        Second factors stay: who finds the link still needs them.

        :raises NotFoundError: if there is no user of that name.
        :raises InputError: if the user is disabled, or signs in at an identity provider.
        """
        found = self._get_password_user(name)
        if found.disabled_at is not None:
            raise InputError(f"{found.name} is disabled.", hint="Invite the person under another name.")
        link = make_link(found.identity_id, found.name, self.clock.now())
        self._record(Action.IDENTITY_CHANGE, found, {"change": "reset_by_link", **_describe_link(link)})
        changed = self.store.replace_password(name, link)
        self._notify(
            NotificationEvent.USER_RESET,
            changed,
            f"{self.actor.name} ended the password and all sign-ins of {found.name}. {self.actor.name} has a link with "
            f"which {found.name} sets a new password; it works once, until {_render_end(link)}.",
        )
        return NewLink(changed, link.token)

    def use_link(self, owner: Identity, link_token: str, password: str) -> Identity:
        """Set the password of the link's owner; the link, and all sign-ins of the owner, end.

        :raises NotSignedInError: if the link was used meanwhile, or has ended.
        :raises InputError: if the password is too weak; the link stays as it is.
        """
        require_password(password, owner.name)
        self._record(Action.IDENTITY_CHANGE, owner, {"change": "password_by_link"})
        if not self.store.use_link(link_token, password):
            raise _spent_password_link()
        changed = replace(owner, link_ends_at=None)
        self._notify_password(changed, f"{owner.name} set a password with a link. All earlier sign-ins have ended.")
        return changed

    def change_password(self, session: Session, password: str, new_password: str) -> None:
        """Change the password of a signed-in user, who knows the old password; other sign-ins end.

        :raises InputError: if the user has no password here, the old password is wrong, or the new one is too weak.
        """
        found = self._get_password_user(session.identity.name)
        require_password(new_password, found.name)
        known = self.store.find_proof(found.name, password)
        if known is None:
            raise _wrong_password()
        self._record(Action.IDENTITY_CHANGE, found, {"change": "password"})
        if not self.store.change_password(found.name, known, new_password, session.session_id):
            raise _wrong_password()
        self._notify_password(found, f"{found.name} changed the password. All other sign-ins have ended.")

    def add_user(self, name: str, role: ServerRole, password: str) -> Identity:
        """Add a user who signs in with a password, on the server's machine.

        :raises InputError: if the name is taken or is invalid, or the password is too weak.
        """
        identity = self._make(IdentityKind.USER, name, role)
        require_password(password, name)
        self._record(Action.IDENTITY_ADD, identity)
        self.store.add_user(identity, password)
        return identity

    def add_first_administrator(
        self, links: FirstAdministratorStore, link_token: str, name: str, password: str
    ) -> Identity:
        """Add the first administrator by a link of the server; no link works afterwards.

        :raises NotSignedInError: if the link can't be used any more.
        :raises InputError: if the name is taken or is invalid, or the password is too weak.
        """
        if not links.is_good(link_token):
            raise _spent_link()
        identity = self._make(IdentityKind.USER, name, ServerRole.ADMINISTRATOR)
        require_password(password, name)
        self._record(Action.IDENTITY_ADD, identity, {"added_by": "one_time_link"})
        if not links.use_link(link_token, identity, password):
            raise _spent_link()
        return identity

    def create_token(
        self, name: str, role: ServerRole, expires_at: datetime | None = None, scope: TokenScope = UNLIMITED
    ) -> NewToken:
        """Create an API token.

        :raises InputError: if the name is taken or invalid, the end has passed, or it would have no permission.
        """
        require_scope(role, scope)
        identity = replace(self._make(IdentityKind.TOKEN, name, role, expires_at), scope=scope)
        if expires_at is not None and expires_at <= identity.created_at:
            raise InputError("The end of the token is in the past.", hint="Give an end in the future.")
        token = make_secret(SessionKind.TOKEN)
        self._record(Action.IDENTITY_ADD, identity)
        self.store.add_token(identity, token)
        return NewToken(identity, token)

    def admit(
        self, person: ProviderIdentity | ServerPerson, role: ServerRole, groups: tuple[str, ...] = ()
    ) -> Identity:
        """Find or add the user who has signed in at the identity provider, and set the user's current role.

        :param person: in an organization of several, the person of their server.
        :param groups: at the front of several, those that can give roles in them.
        :raises NotSignedInError: if the user is disabled here.
        :raises PermissionDeniedError: if the user is new, and the name belongs to another user or token.
        :raises InputError: if the user is new, and the name is invalid.
        """
        found = self.store.find_person(person.proof_hash)
        if found is None:
            try:
                self.store.get(person.name)
            except NotFoundError:
                made = replace(
                    self._make(IdentityKind.USER, person.name, role), signs_in_by=SignInWay.OIDC, provider_groups=groups
                )
                self._record(Action.IDENTITY_ADD, made, {"provider": person.issuer})
                self.store.add_provider_user(made, person.proof_hash)
                return made
            raise PermissionDeniedError(
                f"The name {person.name} belongs to another user or token here.",
                hint=make_setting_hint(
                    "Configure the identity provider to send another name, or choose another claim in the server's "
                    "settings.",
                    "oidc.name_claims",
                ),
            )
        if not found.is_usable(self.clock.now()):
            raise NotSignedInError(f"{found.name} is disabled here.", hint="Ask an administrator.")
        if (found.role, found.provider_groups, found.signs_in_by) == (role, groups, SignInWay.OIDC):
            return found
        change: dict[str, JsonValue] = {"change": "role", "new_role": role.value, "provider": person.issuer}
        if found.provider_groups != groups:
            change["new_groups"] = list(groups)
        self._record(Action.IDENTITY_CHANGE, found, change)
        changed = self.store.set_provider_role(found.name, role, groups)
        if found.role is not role:
            self._notify_role(found, changed)
        return changed

    def admit_server_user(self, person: ServerPerson, role: ServerRole) -> Identity:
        """Give a person of the server a role in this organization.

        A user of that name who has signed in here with a password becomes that person. A disabled user stays disabled.

        :raises InputError: if the name is invalid, or taken: also by the person, whose role can be changed instead.
        """
        known = self.find_replaceable(person.name)
        if known is None:
            made = replace(self._make(IdentityKind.USER, person.name, role), signs_in_by=SignInWay.SERVER)
            action = Action.IDENTITY_ADD
        else:
            made, action = replace(known, role=role, signs_in_by=SignInWay.SERVER), Action.IDENTITY_CHANGE
        self._record(action, made, {"change": "signs_in_at_server", "server_identity_id": person.identity_id})
        self.store.put_server_user(made, person.proof_hash)
        admitted = self.store.get(person.name)
        self._notify(
            NotificationEvent.USER_INVITED,
            admitted,
            f"{self.actor.name} gave {admitted.name}, who signs in at the server, the role {role.value}.",
        )
        return admitted

    def find_replaceable(self, name: str) -> Identity | None:
        """Return the user with a password whom a person of the server can become; ``None`` if the name is free.

        :raises InputError: if the name is taken otherwise.
        """
        known = self.store.find(name)
        is_of_password = (
            known is not None and known.kind is IdentityKind.USER and known.signs_in_by is SignInWay.PASSWORD
        )
        if known is not None and not (is_of_password and known.disabled_at is None):
            raise make_name_taken_error(name)
        return known

    def disable(self, name: str, kind: IdentityKind | None = None) -> Identity:
        """Disable a user or token; harmless when repeated.

        :raises NotFoundError: if there is none of that name and kind.
        """
        found = self._get(name, kind)
        if found.disabled_at is not None:
            return found
        self._record(Action.IDENTITY_CHANGE, found, {"change": "disabled"})
        disabled = self.store.disable(name, self.clock.now())
        body = f"{self.actor.name} disabled {found.name}, who can't sign in any more. All sign-ins have ended."
        self._notify(NotificationEvent.USER_DISABLED, disabled, body)
        return disabled

    def set_role(self, name: str, role: ServerRole) -> Identity:
        """Give a user another role.

        :raises InputError: if there is no user of that name.
        """
        found = self._get(name, IdentityKind.USER)
        if found.signs_in_by is SignInWay.OIDC:
            raise InputError(
                f"The identity provider's groups determine the role of {found.name}.",
                hint=make_setting_hint(
                    "Change the groups there, or their roles in the server's settings. The role changes at the next "
                    "sign-in.",
                    "oidc.groups",
                ),
            )
        self._record(Action.IDENTITY_CHANGE, found, {"change": "role", "new_role": role.value})
        changed = self.store.set_role(found.name, role)
        self._notify_role(found, changed)
        return changed

    def _notify_role(self, found: Identity, changed: Identity) -> None:
        body = (
            f"{self.actor.name} changed the role of {found.name} from {found.role.value} to {changed.role.value}. It "
            "applies from the next request."
        )
        self._notify(NotificationEvent.USER_ROLE_CHANGED, changed, body)

    def set_password(self, name: str, password: str) -> Identity:
        """Give a user another password, on the server's machine, and end the user's sign-ins.

        :raises InputError: if there is no user of that name, or the password is too weak.
        """
        found = self._get_password_user(name)
        require_password(password, found.name)
        self._record(Action.IDENTITY_CHANGE, found, {"change": "sign_in"})
        changed = self.store.set_password(name, password)
        self._notify_password(changed, f"{self.actor.name} set a password for {found.name}. All sign-ins have ended.")
        return changed

    def _make(self, kind: IdentityKind, name: str, role: ServerRole, expires_at: datetime | None = None) -> Identity:
        """Check the name before anything is recorded. If two are added at once, the store rejects the second."""
        try:
            self.store.get(parse_identity_name(name))
        except NotFoundError:
            return Identity(make_identity_id(kind), kind, name, role, self.actor.name, self.clock.now(), expires_at)
        raise make_name_taken_error(name)

    def _get(self, name: str, kind: IdentityKind | None) -> Identity:
        found = self.store.get(name)
        if kind is not None and found.kind is not kind:
            raise NotFoundError(
                f"{found.name} is a {found.kind.value}, not a {kind.value}.",
                hint=Hint("List the users and tokens.", "identity.list"),
            )
        return found

    def _get_password_user(self, name: str) -> Identity:
        found = self._get(name, IdentityKind.USER)
        if found.signs_in_by is not SignInWay.PASSWORD:
            raise make_no_password_error(found.name, found.signs_in_by)
        return found

    def _record(self, action: Action, identity: Identity, change: dict[str, JsonValue] | None = None) -> None:
        self.ledger.append_fact(action, parameters=identity_to_parameters(identity) | (change or {}))

    def _notify_password(self, identity: Identity, body: str) -> None:
        body += f" If {identity.name} didn't do this, reset the sign-in of {identity.name} by a link."
        self._notify(NotificationEvent.USER_PASSWORD_CHANGED, identity, body)

    def _notify(self, event: NotificationEvent, identity: Identity, body: str) -> None:
        self.notices.announce(event, identity, body, self.clock.now())


def _describe_link(link: PasswordLink) -> dict[str, JsonValue]:
    return {"link_ends_at": link.ends_at.isoformat()}


def _render_end(link: PasswordLink) -> str:
    return f"{link.ends_at:%Y-%m-%d %H:%M} UTC"


def _wrong_password() -> InputError:
    return InputError("The current password is wrong.", hint="Enter the password that you sign in with.")


def _spent_password_link() -> NotSignedInError:
    """The same for a link that was used, replaced, has ended or never was, and for a link of a disabled user."""
    return NotSignedInError(
        "This link isn't valid any more. A link works once, for one day, and only until a newer link is made.",
        hint="Ask an administrator for a new link.",
    )


def _spent_link() -> NotSignedInError:
    return NotSignedInError(
        "This link isn't valid any more. A link works once, for one day, and only while there is no administrator.",
        hint="Ask an administrator. If there is none, restart the server; it makes a new link.",
    )


@dataclass(frozen=True, slots=True)
class CompletedSignIn:
    """A user who has just signed in."""

    identity: Identity
    token: str = field(repr=False)
    expires_at: datetime


class SignInService:
    """Signs users in by name and password.

    Failures are counted by name and by address, by all servers of a database together. They don't affect tokens, so
    that an attacker who guesses passwords can't lock a token's name out, nor devices from which the user has signed in
    before. A check of a password takes 64 MB of memory and a core for a moment: the caller limits how many run at once.
    """

    def __init__(self, store: IdentityStore, clock: Clock, failures: FailureCounter) -> None:
        self._store = store
        self._clock = clock
        self._failures = failures

    def sign_in(
        self,
        name: str,
        password: str,
        client_origin: ClientOrigin,
        kind: SessionKind = SessionKind.TOKEN,
        device_id: str | None = None,
    ) -> CompletedSignIn:
        """Begin a sign-in for 12 hours. If a second factor is needed, the sign-in can't be used before it is given.

        :param device_id: of a device from which this user has signed in before: only its own failures count.
        :raises NotSignedInError: if the password is wrong or there is no such user; the message is the same.
        :raises TooManyAttemptsError: after too many failures of this name or from this address.
        """
        attempt = self._begin_attempt(name, client_origin, device_id)
        new = make_session(kind, client_origin, self._clock)
        identity = self._store.sign_in(name, password, new)
        if identity is None:
            raise NotSignedInError(
                "The name or the password is wrong.",
                hint="Check both. An administrator can give you a link for a new password.",
            )
        self._failures.remove_attempt(attempt)
        return CompletedSignIn(identity, new.secret, new.expires_at)

    def find_link_owner(self, link_token: str, client_origin: ClientOrigin, device_id: str | None = None) -> Identity:
        """Return the user whose link for a password it is. Wrong links count like wrong passwords.

        :raises NotSignedInError: if the link can't be used; the message is always the same.
        :raises TooManyAttemptsError: after too many failures of this name or from this address.
        """
        attempt = self._begin_attempt(find_link_name(link_token), client_origin, device_id)
        owner = self._store.find_link_owner(link_token)
        if owner is None:
            raise _spent_password_link()
        self._failures.remove_attempt(attempt)
        return owner

    def change_password(
        self,
        keeping: IdentityService,
        session: Session,
        password: str,
        new_password: str,
        client_origin: ClientOrigin,
        device_id: str | None = None,
    ) -> None:
        """Change the user's own password. Wrong passwords count as at the sign-in.

        :param keeping: acts in the user's name.
        :raises InputError: if the old password is wrong, or the new one is too weak.
        :raises TooManyAttemptsError: after too many failures of this name or from this address.
        """
        require_password(new_password, session.identity.name)  # a weak new password isn't a guess
        attempt = self._begin_attempt(session.identity.name, client_origin, device_id)
        keeping.change_password(session, password, new_password)
        self._failures.remove_attempt(attempt)

    def _begin_attempt(self, name: str, client_origin: ClientOrigin, device_id: str | None) -> str:
        limits = limit_sign_ins(name, client_origin.address or "unknown", device_id)
        attempt = self._failures.begin_attempt(limits)
        if attempt is None:
            seconds = max(1, self._failures.find_wait_seconds(limits))
            raise TooManyAttemptsError(
                "There were too many wrong passwords.",
                hint=f"Wait {seconds} seconds, then try again. A browser in which you have signed in before waits only "
                "for its own wrong passwords.",
                wait_seconds=seconds,
            )
        return attempt


def limit_sign_ins(name: str, address: str, device_id: str | None) -> tuple[AttemptLimit, ...]:
    if device_id is not None:
        return (AttemptLimit(f"device {device_id}", 10, FAILURES_COUNT, FAILURE_DELAYS),)
    return (
        AttemptLimit(f"name {fold_name(name)}", 10, FAILURES_COUNT, FAILURE_DELAYS),
        AttemptLimit(f"address {_widen(address)}", 50, FAILURES_COUNT, FAILURE_DELAYS),
    )


def _widen(address: str) -> str:
    """Return the network of an IPv6 address, because a client has as many addresses as it likes."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, _IPV6_NETWORK_BITS), strict=False))
    return address
