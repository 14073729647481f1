"""Whose credentials an IAM call is about.

Where UserName is left out, IAM takes whoever signed: the root user in a root session or with a root key, and an IAM
user's own self otherwise. So the very call that deletes a member's root key deletes the operator's own key when it is
signed with the wrong credentials.
"""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.sandbox.exchange import Call, PrincipalKind, ServiceError
from rootkeeper.sandbox.state import Account, Credentials, IamUser

ROOT_KINDS = (PrincipalKind.ROOT_SESSION, PrincipalKind.ROOT_USER)


@dataclass(frozen=True, slots=True)
class Subject:
    """A root user or IAM user, and the credentials it holds."""

    account: Account
    user: IamUser | None
    """``None`` for the root user."""

    @property
    def credentials(self) -> Credentials:
        return self.user.credentials if self.user else self.account.root_user

    @property
    def shown_name(self) -> str:
        """The name in messages; observed as ``null`` of root users."""
        return self.user.name if self.user else "null"

    def render_user_name(self) -> dict[str, str]:
        """Give the response member UserName, which is absent on the wire for root users (observed)."""
        return {"UserName": self.user.name} if self.user else {}


def no_such_entity(message: str) -> ServiceError:
    return ServiceError("NoSuchEntity", message, 404)


def user_not_found(name: str) -> ServiceError:
    return no_such_entity(f"The user with name {name} cannot be found.")


def require_user_name(call: Call) -> None:
    """Refuse a role session that leaves the user open: there is no user behind it.

    :raises ServiceError: ValidationError.
    """
    if "UserName" not in call.parameters and call.principal.kind is PrincipalKind.ROLE_SESSION:
        raise ServiceError("ValidationError", "Must specify userName when calling with non-User credentials")


def caller_account(call: Call) -> Account:
    return call.world.account(call.principal.account_id)


def get_subject(call: Call) -> Subject:
    """Find whom the call is about.

    :raises ServiceError: NoSuchEntity, if the account has no such user.
    """
    account = caller_account(call)
    name = _named_user(call)
    if name is None:
        return Subject(account, None)
    user = account.find_user(name)
    if user is None:
        raise user_not_found(name)
    return Subject(account, user)


def subject_arn(call: Call) -> str:
    """Spell the resource that the call is authorized on, whether or not it exists."""
    account = caller_account(call)
    name = _named_user(call)
    if name is None:
        return call.world.root_user_arn(account.account_id)
    user = account.find_user(name)
    if user is None:
        return f"arn:{call.world.partition}:iam::{account.account_id}:user/{name}"
    return call.world.user_arn(account.account_id, user)


def _named_user(call: Call) -> str | None:
    name: str | None = call.parameters.get("UserName")
    if name is not None or call.principal.kind in ROOT_KINDS:
        return name
    return call.principal.identity_name or ""
