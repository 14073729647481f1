"""Regions: those that every account has, and those that must be switched on first, which nobody has done here.

Source: Account Management guide, "Regions available for AWS accounts".
"""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation
from rootkeeper.sandbox.services.account.access import account_arn, get_account, invalid
from rootkeeper.sandbox.services.pagination import InvalidTokenError, cut_page

DEFAULT_REGIONS = (
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
)
OPT_IN_REGIONS = (
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
)
_STATUSES = dict.fromkeys(DEFAULT_REGIONS, "ENABLED_BY_DEFAULT") | dict.fromkeys(OPT_IN_REGIONS, "DISABLED")
_PAGE_SIZE = 50


def list_regions(call: Call) -> dict[str, Any]:
    """List all Regions with their status."""
    get_account(call)
    wanted = call.parameters.get("RegionOptStatusContains")
    rows = [
        {"RegionName": name, "RegionOptStatus": status}
        for name, status in sorted(_STATUSES.items())
        if not wanted or status in wanted
    ]
    try:
        page, token = cut_page(
            call, rows, call.parameters.get("MaxResults", _PAGE_SIZE), call.parameters.get("NextToken")
        )
    except InvalidTokenError:
        raise invalid("The provided NextToken is invalid.") from None
    return {"Regions": page} | ({"NextToken": token} if token else {})


def get_region_opt_status(call: Call) -> dict[str, Any]:
    """Tell whether a Region is on."""
    get_account(call)
    name = call.parameters["RegionName"]
    if name not in _STATUSES:
        raise invalid(f"Region {name} is not valid.")
    return {"RegionName": name, "RegionOptStatus": _STATUSES[name]}


def _region_keys(call: Call) -> dict[str, str]:
    return {"account:TargetRegion": call.parameters["RegionName"]}


OPERATIONS = {
    "GetRegionOptStatus": Operation(
        get_region_opt_status, "account:GetRegionOptStatus", resource=account_arn, condition_keys=_region_keys
    ),
    "ListRegions": Operation(list_regions, "account:ListRegions", resource=account_arn),
}
