"""Invitations to accounts outside the organization, which keep the root credentials that they had when they join.

Of all handshakes there is only ``INVITE``. Source: Organizations, API version 2016-11-28.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.organizations.access import (
    access_denied,
    for_management,
    for_readers,
    invalid_input,
    render_page,
)
from rootkeeper.sandbox.services.organizations.tags import read_tags
from rootkeeper.sandbox.services.organizations.tree import account_arn
from rootkeeper.sandbox.state import Account
from rootkeeper.sandbox.state.identifiers import derive_lower_id
from rootkeeper.sandbox.state.joining import Handshake, HandshakeState
from rootkeeper.sandbox.state.mailboxes import Message

_SENDER = "no-reply@invite.signin.aws"


def invite_account(call: Call) -> dict[str, Any]:
    """Invite an account that exists outside the organization; its root user gets a mail."""
    world, target = call.world, call.parameters["Target"]
    account = _find_invited(call, target)
    if account is None:
        raise invalid_input("INVALID_PARTY_TYPE_TARGET", "You specified an account that can't be invited.")
    if world.is_in_organization(account.account_id):
        message = "The invited account is already a member of an organization."
        raise ServiceError(
            "HandshakeConstraintViolationException", message, fields={"Reason": "ALREADY_IN_AN_ORGANIZATION"}
        )
    if any(_is_open_for(handshake, account.account_id, call) for handshake in world.organization.handshakes.values()):
        message = "A handshake with the same action and target already exists."
        raise ServiceError("DuplicateHandshakeException", message)
    handshake = Handshake(
        handshake_id=_choose_id(call, account.account_id),
        account_id=account.account_id,
        target_id=target["Id"],
        requested_at=call.now,
        notes=call.parameters.get("Notes"),
        tags=read_tags(call),
    )
    world.organization.handshakes[handshake.handshake_id] = handshake
    _write_mail(call, account, handshake)
    return {"Handshake": _describe(call, handshake)}


def _find_invited(call: Call, target: dict[str, str]) -> Account | None:
    if target["Type"] == "ACCOUNT":
        return call.world.find_account(target["Id"])
    if target["Type"] == "EMAIL":
        return call.world.find_account_by_email(target["Id"])
    return None


def _is_open_for(handshake: Handshake, account_id: str, call: Call) -> bool:
    return handshake.account_id == account_id and handshake.state(call.now) is HandshakeState.REQUESTED


def _choose_id(call: Call, account_id: str) -> str:
    number = str(len(call.world.organization.handshakes))
    return f"h-{derive_lower_id(32, 'handshake', call.world.seed, account_id, number)}"


def _write_mail(call: Call, account: Account, handshake: Handshake) -> None:
    management = call.world.account(call.world.management_account_id)
    body = (
        f"{management.name} ({management.account_id}) invites the account {account.account_id} to join the"
        f" organization {call.world.organization_id}. Accept it with the handshake {handshake.handshake_id}"
        f" by {handshake.expires_at:%Y-%m-%d}."
    )
    subject = "Your AWS account has been invited to join an AWS organization"
    call.world.mailboxes.deliver(Message(_SENDER, account.email, subject, body, call.now))


def accept_handshake(call: Call) -> dict[str, Any]:
    """Join the organization, under its root; nothing in the account changes."""
    handshake = _end(call, HandshakeState.ACCEPTED, _require_recipient)
    account = call.world.outsiders.pop(handshake.account_id)
    account.opened_at, account.joined_at, account.joined_method = account.created_at, call.now, "INVITED"
    account.tags = dict(handshake.tags)
    call.world.organization.add_account(account, call.world.organization.organization_root_id)
    return {"Handshake": _describe(call, handshake)}


def decline_handshake(call: Call) -> dict[str, Any]:
    """Decline an invitation."""
    return {"Handshake": _describe(call, _end(call, HandshakeState.DECLINED, _require_recipient))}


def cancel_handshake(call: Call) -> dict[str, Any]:
    """Take an invitation back."""
    return {"Handshake": _describe(call, _end(call, HandshakeState.CANCELED, _require_sender))}


def _end(call: Call, state: HandshakeState, require_party: Callable[[Call, Handshake], None]) -> Handshake:
    handshake = _get_handshake(call)
    require_party(call, handshake)
    found = handshake.state(call.now)
    if found is state:
        raise ServiceError("HandshakeAlreadyInStateException", "The handshake is already in the requested state.")
    if found is not HandshakeState.REQUESTED:
        message = "You can't perform the operation on the handshake in its current state."
        raise ServiceError("InvalidHandshakeTransitionException", message)
    ended = handshake.end(state, call.now)
    call.world.organization.handshakes[ended.handshake_id] = ended
    return ended


def _require_recipient(call: Call, handshake: Handshake) -> None:
    if call.principal.account_id != handshake.account_id:
        raise access_denied()


def _require_sender(call: Call, handshake: Handshake) -> None:  # noqa: ARG001 - as its counterpart
    if call.principal.account_id != call.world.management_account_id:
        raise access_denied()


def describe_handshake(call: Call) -> dict[str, Any]:
    """Describe an invitation to one of its parties."""
    handshake = _get_handshake(call)
    if call.principal.account_id not in (handshake.account_id, call.world.management_account_id):
        raise access_denied()
    return {"Handshake": _describe(call, handshake)}


def list_handshakes_for_account(call: Call) -> dict[str, Any]:
    """List the invitations that the caller's account got."""
    found = [one for one in _list_shown(call) if one.account_id == call.principal.account_id]
    return render_page(call, "Handshakes", [_describe(call, handshake) for handshake in found])


def list_handshakes_for_organization(call: Call) -> dict[str, Any]:
    """List the invitations that the organization sent."""
    return render_page(call, "Handshakes", [_describe(call, handshake) for handshake in _list_shown(call)])


def _list_shown(call: Call) -> list[Handshake]:
    """List what isn't over for more than 30 days; no other handshakes than invitations have been."""
    asked_for = (call.parameters.get("Filter") or {}).get("ActionType", "INVITE")
    handshakes = call.world.organization.handshakes.values() if asked_for == "INVITE" else ()
    return [handshake for handshake in handshakes if handshake.is_shown(call.now)]


def _get_handshake(call: Call) -> Handshake:
    handshake = call.world.organization.handshakes.get(call.parameters["HandshakeId"])
    if handshake is None or not handshake.is_shown(call.now):
        raise ServiceError("HandshakeNotFoundException", "You specified a handshake that doesn't exist.")
    return handshake


def _describe(call: Call, handshake: Handshake) -> dict[str, Any]:
    organization = call.world.organization
    return {
        "Id": handshake.handshake_id,
        "Arn": _arn(call, handshake.handshake_id),
        "Parties": [
            {"Id": organization.organization_id.removeprefix("o-"), "Type": "ORGANIZATION"},
            {"Id": handshake.target_id, "Type": "EMAIL" if "@" in handshake.target_id else "ACCOUNT"},
        ],
        "State": str(handshake.state(call.now)),
        "RequestedTimestamp": handshake.requested_at,
        "ExpirationTimestamp": handshake.expires_at,
        "Action": "INVITE",
        "Resources": _describe_resources(call, handshake),
    }


def _describe_resources(call: Call, handshake: Handshake) -> list[dict[str, Any]]:
    organization = call.world.organization
    management = organization.accounts[organization.management_account_id]
    sender = [
        {"Type": "MASTER_EMAIL", "Value": management.email},
        {"Type": "MASTER_NAME", "Value": management.name},
        {
            "Type": "ORGANIZATION_FEATURE_SET",
            "Value": "ALL" if organization.has_all_features else "CONSOLIDATED_BILLING",
        },
    ]
    target = {"Type": "EMAIL" if "@" in handshake.target_id else "ACCOUNT", "Value": handshake.target_id}
    notes = [{"Type": "NOTES", "Value": handshake.notes}] if handshake.notes else []
    return [{"Type": "ORGANIZATION", "Value": organization.organization_id, "Resources": sender}, target, *notes]


def _arn(call: Call, handshake_id: str) -> str:
    organization = call.world.organization
    return organization.arn(f"handshake/{organization.organization_id}/invite/{handshake_id}")


def _handshake_resource(call: Call) -> str:
    return _arn(call, call.parameters["HandshakeId"])


def _invited_resource(call: Call) -> str:
    target = call.parameters["Target"]
    return account_arn(call.world.organization, target["Id"]) if target["Type"] == "ACCOUNT" else "*"


def _on_handshake(perform: Callable[[Call], dict[str, Any]], action: str, *, is_mutating: bool = True) -> Operation:
    return Operation(perform, f"organizations:{action}", is_mutating=is_mutating, resource=_handshake_resource)


OPERATIONS = {
    "AcceptHandshake": _on_handshake(accept_handshake, "AcceptHandshake"),
    "CancelHandshake": _on_handshake(cancel_handshake, "CancelHandshake"),
    "DeclineHandshake": _on_handshake(decline_handshake, "DeclineHandshake"),
    "DescribeHandshake": _on_handshake(describe_handshake, "DescribeHandshake", is_mutating=False),
    "InviteAccountToOrganization": Operation(
        for_management(invite_account),
        "organizations:InviteAccountToOrganization",
        is_mutating=True,
        resource=_invited_resource,
    ),
    "ListHandshakesForAccount": Operation(list_handshakes_for_account, "organizations:ListHandshakesForAccount"),
    "ListHandshakesForOrganization": Operation(
        for_readers(list_handshakes_for_organization), "organizations:ListHandshakesForOrganization"
    ),
}
