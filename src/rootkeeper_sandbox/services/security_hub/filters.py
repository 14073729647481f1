"""The filters of GetFindings, as far as findings about accounts need them.

Source: Security Hub AwsSecurityFindingFilters and StringFilter, API version 2018-10-26.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rootkeeper_sandbox.exchange import ServiceError

MAX_FILTERS = 10
MAX_FILTER_VALUES = 20
"""Source of both: Security Hub GetFindings, API version 2018-10-26."""


def invalid_input(message: str) -> ServiceError:
    return ServiceError("InvalidInputException", message, 400, {"Code": "InvalidInputException"})


Reading = Callable[[Mapping[str, Any]], list[str]]


def _at(*path: str) -> Reading:
    """Make the reader of a text, or of a list of texts, in a finding."""

    def read(finding: Mapping[str, Any]) -> list[str]:
        value: Any = finding
        for name in path:
            value = (value or {}).get(name)
        return [] if value is None else value if isinstance(value, list) else [value]

    return read


def _of_resources(name: str) -> Reading:
    return lambda finding: [resource[name] for resource in finding["Resources"] if name in resource]


_TEXT_FILTERS: Mapping[str, Reading] = {
    "Id": _at("Id"),
    "ProductArn": _at("ProductArn"),
    "AwsAccountId": _at("AwsAccountId"),
    "AwsAccountName": _at("AwsAccountName"),
    "CompanyName": _at("CompanyName"),
    "ComplianceStatus": _at("Compliance", "Status"),
    "Description": _at("Description"),
    "FindingProviderFieldsSeverityLabel": _at("FindingProviderFields", "Severity", "Label"),
    "GeneratorId": _at("GeneratorId"),
    "ProductName": _at("ProductName"),
    "RecordState": _at("RecordState"),
    "Region": _at("Region"),
    "ResourceId": _of_resources("Id"),
    "ResourcePartition": _of_resources("Partition"),
    "ResourceRegion": _of_resources("Region"),
    "ResourceType": _of_resources("Type"),
    "SeverityLabel": _at("Severity", "Label"),
    "Title": _at("Title"),
    "Type": _at("Types"),
    "VerificationState": _at("VerificationState"),
    "WorkflowStatus": _at("Workflow", "Status"),
}

_COMPARISONS = ("EQUALS", "PREFIX", "NOT_EQUALS", "PREFIX_NOT_EQUALS")
"""Source: Security Hub StringFilter: those with CONTAINS are for automation rules and other operations."""

Match = Callable[[Mapping[str, Any]], bool]


def compile_filters(filters: Mapping[str, list[dict[str, Any]]]) -> list[Match]:
    """:raises ServiceError: InvalidInputException, for filters that are invalid or not imitated."""
    if len(filters) > MAX_FILTERS or any(len(values) > MAX_FILTER_VALUES for values in filters.values()):
        raise invalid_input(f"At most {MAX_FILTERS} filters with at most {MAX_FILTER_VALUES} values are allowed.")
    # Ids come first, because they exclude the most findings.
    return [_compile_filter(name, filters[name]) for name in sorted(filters, key=lambda name: name != "Id")]


def _compile_filter(name: str, values: list[dict[str, Any]]) -> Match:
    """Any of the positive values must match, and none of the negative values."""
    if name not in _TEXT_FILTERS:
        raise invalid_input(f"The sandbox does not imitate the filter {name} of GetFindings.")
    read = _TEXT_FILTERS[name]
    given: dict[str, tuple[str, ...]] = dict.fromkeys(_COMPARISONS, ())
    for value in values:
        comparison = value.get("Comparison", "EQUALS")
        if comparison not in given:
            raise invalid_input(f"{comparison} is not supported by GetFindings.")
        given[comparison] += (value.get("Value", ""),)
    equal, prefixes, other, other_prefixes = given.values()
    if equal and (other or other_prefixes):
        raise invalid_input(f"The filter {name} cannot have both EQUALS and NOT_EQUALS or PREFIX_NOT_EQUALS.")

    def match(finding: Mapping[str, Any]) -> bool:
        texts = read(finding)
        if any(text in other or text.startswith(other_prefixes) for text in texts):
            return False
        return not (equal or prefixes) or any(text in equal or text.startswith(prefixes) for text in texts)

    return match
