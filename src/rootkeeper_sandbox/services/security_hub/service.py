"""Security Hub CSPM: findings of a custom integration, imported with the default product ARN, and found again.

A batch is refused as a whole for a product that isn't the caller's own, and for findings of other accounts; a
problem of a single finding fails that finding alone. A finding sets its workflow only when it is new.

Source: Security Hub API Reference, API version 2018-10-26; Security Hub User Guide, "BatchImportFindings for finding
providers" and "Required top-level ASFF attributes"; public reports for the texts of refusals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rootkeeper_sandbox.codec.parameters import format_iso8601_precisely
from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.pagination import cut_page
from rootkeeper_sandbox.services.security_hub.filters import compile_filters, invalid_input
from rootkeeper_sandbox.services.security_hub.format import find_problem, read_time
from rootkeeper_sandbox.state.findings import MAX_FINDINGS, FindingStore, Hub

_PAGE_SIZE = 100


def hub_arn(call: Call) -> str:
    return f"arn:{call.world.partition}:securityhub:{call.region}:{call.principal.account_id}:hub/default"


def default_product_arn(call: Call) -> str:
    """Spell the ARN of the product that an account sends its own findings under."""
    account_id = call.principal.account_id
    return f"arn:{call.world.partition}:securityhub:{call.region}:{account_id}:product/{account_id}/default"


def _named_product_arn(call: Call) -> str:
    """Give the product of the first finding, which a refusal names."""
    first = call.parameters["Findings"][0]
    return str(first.get("ProductArn") or default_product_arn(call))


def invalid_access(message: str) -> ServiceError:
    return ServiceError("InvalidAccessException", message, 401, {"Code": "InvalidAccessException"})


def _get_store(call: Call) -> FindingStore:
    """Get the findings, of an account that has Security Hub on in this Region.

    :raises ServiceError: InvalidAccessException.
    """
    store: FindingStore = call.world.findings
    if hub_arn(call) not in store.hubs:
        raise invalid_access(f"Account {call.principal.account_id} is not subscribed to AWS Security Hub")
    return store


OPERATIONS = ServedOperations("securityhub", resource=hub_arn)


@OPERATIONS.change("EnableSecurityHub")
def enable_security_hub(call: Call) -> dict[str, Any]:
    """Switch Security Hub on for the caller's account and Region; its standards aren't imitated."""
    store: FindingStore = call.world.findings
    if hub_arn(call) in store.hubs:
        message = "Account is already subscribed to Security Hub"
        raise ServiceError("ResourceConflictException", message, 409, {"Code": "ResourceConflictException"})
    generator = call.parameters.get("ControlFindingGenerator", "SECURITY_CONTROL")
    store.hubs[hub_arn(call)] = Hub(hub_arn(call), call.now, finding_generator=generator)
    return {}


@OPERATIONS.read("DescribeHub")
def describe_hub(call: Call) -> dict[str, Any]:
    hub = _get_store(call).hubs[hub_arn(call)]
    if call.parameters.get("HubArn", hub.arn) != hub.arn:
        raise invalid_input(f"Invalid HubArn: {call.parameters['HubArn']}")
    return {
        "HubArn": hub.arn,
        "SubscribedAt": format_iso8601_precisely(hub.subscribed_at),
        "AutoEnableControls": True,
        "ControlFindingGenerator": hub.finding_generator,
    }


@OPERATIONS.change("DisableSecurityHub")
def disable_security_hub(call: Call) -> dict[str, Any]:
    """Switch Security Hub off; its findings are gone at once."""
    _get_store(call).remove_hub(hub_arn(call))
    return {}


MAX_BATCH = 100
"""Source: Security Hub BatchImportFindings, API version 2018-10-26."""


def _require_batch(call: Call) -> None:
    findings = call.parameters.get("Findings")
    if findings is None:
        raise invalid_input("Invalid parameter 'Findings'. data should have required property 'Findings'")
    if not 1 <= len(findings) <= MAX_BATCH:
        bound = f"more than {MAX_BATCH}" if findings else "fewer than 1"
        raise invalid_input(f"Invalid parameter 'Findings'. data.Findings should NOT have {bound} items")


def _target_account_keys(call: Call) -> dict[str, str]:
    return {"securityhub:TargetAccount": str(call.parameters["Findings"][0].get("AwsAccountId", ""))}


@OPERATIONS.change(
    "BatchImportFindings",
    validate=_require_batch,
    resource=_named_product_arn,
    condition_keys=_target_account_keys,
)
def batch_import_findings(call: Call) -> dict[str, Any]:
    """Create and update findings, by their ids; findings that break the format fail, each on its own."""
    findings: list[dict[str, Any]] = call.parameters["Findings"]
    store = _get_store(call)
    for finding in findings:
        _require_own(call, finding)
    failed = []
    for finding in findings:
        problem = find_problem(finding)
        if problem is None and _is_full(call, store, finding):
            problem = f"The sandbox keeps at most {MAX_FINDINGS:,} findings."
        if problem is None:
            _import(call, store, finding)
        else:
            failed.append({"Id": finding.get("Id") or "-", "ErrorCode": "InvalidInput", "ErrorMessage": problem})
    return {"FailedCount": len(failed), "SuccessCount": len(findings) - len(failed), "FailedFindings": failed}


def _require_own(call: Call, finding: Mapping[str, Any]) -> None:
    """Refuse the batch for a product or an account that isn't the caller's own.

    Source: Security Hub BatchImportFindings, API version 2018-10-26; the codes are public reports.
    """
    product_arn = finding.get("ProductArn", "")
    if product_arn != default_product_arn(call):
        raise invalid_input(f'productArn: "{product_arn}"')
    if finding.get("AwsAccountId") != call.principal.account_id:
        message = (
            f"User: {call.principal.arn} is not authorized to perform: securityhub:BatchImportFindings on resource:"
            f" {product_arn}"
        )
        raise ServiceError("AccessDeniedException", message, 403, {"Code": "AccessDeniedException"})


def _is_full(call: Call, store: FindingStore, finding: Mapping[str, Any]) -> bool:
    return len(store.findings) >= MAX_FINDINGS and _key(call, finding) not in store.findings


def _key(call: Call, finding: Mapping[str, Any]) -> tuple[str, str, str]:
    return hub_arn(call), finding["ProductArn"], finding["Id"]


_KEPT_BY_CUSTOMERS = ("Note", "UserDefinedFields", "VerificationState", "Workflow")
"""Source: Security Hub BatchImportFindings, API version 2018-10-26: it can't update these of a finding."""
_SET_BY_SECURITY_HUB = ("ProcessedAt", "Region")


def _import(call: Call, store: FindingStore, given: Mapping[str, Any]) -> None:
    key, existing = _key(call, given), store.findings.get(_key(call, given))
    imported = {name: value for name, value in given.items() if name not in _SET_BY_SECURITY_HUB}
    if existing is not None:
        if read_time(given["UpdatedAt"]) <= read_time(existing["UpdatedAt"]):
            return  # An update that isn't newer is ignored, and counts as imported (assumed).
        imported = {name: value for name, value in imported.items() if name not in _KEPT_BY_CUSTOMERS}
        imported |= {name: existing[name] for name in _KEPT_BY_CUSTOMERS if name in existing}
    else:
        imported.setdefault("Workflow", {"Status": "NEW"})
        imported["WorkflowState"] = "NEW"
    imported.setdefault("RecordState", "ACTIVE")
    imported.setdefault("ProductName", "Default")
    imported.setdefault("CompanyName", "Personal")
    fields = given.get("FindingProviderFields", {})
    severity = fields.get("Severity") or given["Severity"]
    imported["Severity"] = {"Label": "INFORMATIONAL"} | dict(severity)
    imported["Types"] = fields.get("Types") or given["Types"]
    imported["FindingProviderFields"] = {"Severity": imported["Severity"], "Types": imported["Types"]} | dict(fields)
    imported["Region"] = call.region
    imported["ProcessedAt"] = format_iso8601_precisely(call.now)
    imported["ProductFields"] = dict(given.get("ProductFields", {})) | {
        "aws/securityhub/FindingId": f"{given['ProductArn']}/{given['Id']}",
        "aws/securityhub/ProductName": imported["ProductName"],
        "aws/securityhub/CompanyName": imported["CompanyName"],
    }
    store.findings[key] = imported


@OPERATIONS.read("GetFindings")
def get_findings(call: Call) -> dict[str, Any]:
    """Give the findings that match all filters, in the order in which they were first imported."""
    store = _get_store(call)
    if call.parameters.get("SortCriteria"):
        raise invalid_input("The sandbox does not imitate SortCriteria of GetFindings.")
    matches = compile_filters(call.parameters.get("Filters", {}))
    found = [finding for finding in store.of_hub(hub_arn(call)) if all(match(finding) for match in matches)]
    size, token = call.parameters.get("MaxResults", _PAGE_SIZE), call.parameters.get("NextToken")
    page, token = cut_page(call, found, size, token, invalid_input("Invalid NextToken."))
    return {"Findings": page} | ({"NextToken": token} if token else {})
