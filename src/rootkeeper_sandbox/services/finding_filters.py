"""The filters and the order of GetFindings.

Source: Security Hub AwsSecurityFindingFilters and StringFilter, API version 2018-10-26.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.services.finding_format import read_time

MAX_FILTERS = 10
MAX_FILTER_VALUES = 20
"""Source of both: Security Hub GetFindings, API version 2018-10-26."""


def invalid_input(message: str) -> ServiceError:
    return ServiceError("InvalidInputException", message, 400, {"Code": "InvalidInputException"})


Reading = Callable[[Mapping[str, Any]], list[str]]


def _at(*path: str) -> Reading:
    """Make the reader of one text, or of a list of texts, in a finding."""

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
_DATE_FILTERS = ("CreatedAt", "FirstObservedAt", "LastObservedAt", "UpdatedAt")

_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda text, value: text == value,
    "PREFIX": lambda text, value: text.startswith(value),
    "NOT_EQUALS": lambda text, value: text != value,
    "PREFIX_NOT_EQUALS": lambda text, value: not text.startswith(value),
    "CONTAINS": lambda text, value: value in text,
    "NOT_CONTAINS": lambda text, value: value not in text,
}


def sort_key(name: str) -> Callable[[Mapping[str, Any]], str]:
    if name not in _TEXT_FILTERS and name not in _DATE_FILTERS:
        raise invalid_input(f"The sandbox does not sort findings by {name}.")
    read = _TEXT_FILTERS.get(name) or _at(name)
    return lambda finding: next(iter(read(finding)), "")


Match = Callable[[Mapping[str, Any]], bool]


def compile_filters(filters: Mapping[str, list[dict[str, Any]]]) -> list[Match]:
    if len(filters) > MAX_FILTERS or any(len(values) > MAX_FILTER_VALUES for values in filters.values()):
        raise invalid_input(f"At most {MAX_FILTERS} filters with at most {MAX_FILTER_VALUES} values are allowed.")
    # Most are told apart by their ids, which are compared first.
    return [_compile_filter(name, filters[name]) for name in sorted(filters, key=lambda name: name != "Id")]


def _compile_filter(name: str, values: list[dict[str, Any]]) -> Match:
    if name in _TEXT_FILTERS:
        return _compile_text_filter(_TEXT_FILTERS[name], values)
    if name in _DATE_FILTERS:
        return _compile_date_filter(_at(name), values)
    if name == "ProductFields":
        by_key = {value["Key"]: [one for one in values if one["Key"] == value["Key"]] for value in values}
        matches = [_compile_text_filter(_at("ProductFields", key), wanted) for key, wanted in by_key.items()]
        return lambda finding: any(match(finding) for match in matches)
    raise invalid_input(f"The sandbox does not imitate the filter {name} of GetFindings.")


def _compile_text_filter(read: Reading, values: list[dict[str, Any]]) -> Match:
    """Any of the positive values must match, and all of the negative ones."""
    pairs = [(value.get("Comparison", "EQUALS"), value.get("Value", "")) for value in values]
    if any(comparison not in _COMPARISONS for comparison, _ in pairs):
        raise invalid_input("CONTAINS_WORD is not supported by GetFindings.")
    equal = frozenset(value for comparison, value in pairs if comparison == "EQUALS")
    positive = [pair for pair in pairs if "NOT" not in pair[0] and pair[0] != "EQUALS"]
    negative = [pair for pair in pairs if "NOT" in pair[0]]

    def match(finding: Mapping[str, Any]) -> bool:
        texts = read(finding)
        if (equal or positive) and not any(
            text in equal or any(_COMPARISONS[comparison](text, value) for comparison, value in positive)
            for text in texts
        ):
            return False
        return all(_COMPARISONS[comparison](text, value) for comparison, value in negative for text in texts)

    return match


def _compile_date_filter(read: Reading, values: list[dict[str, Any]]) -> Match:
    if any("DateRange" in value for value in values):
        raise invalid_input("The sandbox does not imitate date ranges of GetFindings.")

    def match(finding: Mapping[str, Any]) -> bool:
        return any(_is_between(text, value) for text in read(finding) for value in values)

    return match


def _is_between(text: str, value: Mapping[str, str]) -> bool:
    moment = read_time(text)
    starts, ends = value.get("Start"), value.get("End")
    return (starts is None or read_time(starts) <= moment) and (ends is None or moment <= read_time(ends))
