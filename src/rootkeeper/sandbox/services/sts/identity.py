"""Who signed a call, and which account an access key belongs to."""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.state.identifiers import account_of_access_key


def get_caller_identity(call: Call) -> dict[str, Any]:
    """Tell who signed the call; needs no permission and works even where it is denied."""
    caller = call.principal
    return {"UserId": caller.user_id, "Account": caller.account_id, "Arn": caller.arn}


def get_access_key_info(call: Call) -> dict[str, Any]:
    """Tell the account that an access key id was made for, whether or not the key exists."""
    key_id = call.parameters["AccessKeyId"]
    owner = call.world.find_key_owner(key_id)
    account_id = owner.account_id if owner else account_of_access_key(key_id)
    if account_id is None:
        raise ServiceError("ValidationError", f"Invalid Access Key ID: {key_id}")
    return {"Account": account_id}


OPERATIONS = {
    "GetAccessKeyInfo": Operation(get_access_key_info, "sts:GetAccessKeyInfo"),
    "GetCallerIdentity": Operation(get_caller_identity, "sts:GetCallerIdentity", is_open=True),
}
