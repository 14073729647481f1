"""EC2: the Regions, which tools ask for before they go through them.

Source: Amazon EC2 API Reference, DescribeRegions, API version 2016-11-15.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.partitions import PARTITIONS

OPERATIONS = ServedOperations("ec2")

_MEMBERS: Mapping[str, str] = {"endpoint": "Endpoint", "opt-in-status": "OptInStatus", "region-name": "RegionName"}
"""By filter: the member of a Region that it looks at."""


def _list_regions(call: Call) -> list[dict[str, str]]:
    partition = PARTITIONS[call.world.partition]
    return [
        {"RegionName": name, "Endpoint": f"ec2.{name}.{partition.dns_suffix}", "OptInStatus": status}
        for names, status in (
            (partition.regions, "opt-in-not-required"),
            (partition.opt_in_regions, "not-opted-in"),
        )
        for name in names
    ]


@OPERATIONS.read("DescribeRegions")
def describe_regions(call: Call) -> dict[str, Any]:
    """Describe the Regions that are on, and with AllRegions or by name those that are off, too."""
    if call.parameters.get("DryRun"):
        raise ServiceError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
    names, regions = call.parameters.get("RegionNames"), _list_regions(call)
    unknown = sorted(set(names or ()) - {region["RegionName"] for region in regions})
    if unknown:
        raise _invalid(f"Invalid region provided: {unknown[0]}")
    shows_all = call.parameters.get("AllRegions", False)
    found = [
        region
        for region in regions
        if (region["RegionName"] in names if names else shows_all or region["OptInStatus"] != "not-opted-in")
    ]
    for condition in call.parameters.get("Filters", ()):
        found = _filter(found, condition.get("Name", ""), condition.get("Values", []))
    return {"Regions": found}


def _filter(regions: list[dict[str, str]], name: str, values: list[str]) -> list[dict[str, str]]:
    if name not in _MEMBERS:
        raise _invalid(f"The filter '{name}' is invalid")
    patterns = [_compile(value) for value in values]
    return [region for region in regions if any(pattern.fullmatch(region[_MEMBERS[name]]) for pattern in patterns)]


def _compile(value: str) -> re.Pattern[str]:
    """Read the wildcards ``*`` and ``?`` of a filter's value."""
    return re.compile(re.escape(value).replace(r"\*", ".*").replace(r"\?", "."))


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message)
