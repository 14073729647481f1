"""Findings that are imported into Security Hub, updated by their ids, and found again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.services.security_hub.service import MAX_BATCH
from tests.sandbox.calling import MANAGEMENT_ACCOUNT_ID, SECURITY_ACCOUNT_ID, Stage
from tests.sandbox.findings import PRODUCT, make_finding
from tests.sandbox.wire import Keys, Wire, open_instance

HUB = f"arn:aws:securityhub:us-east-1:{MANAGEMENT_ACCOUNT_ID}:hub/default"
FORMAT = "Finding does not adhere to Amazon Finding Format. "


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    assert ask(stage, "EnableSecurityHub") == {}
    return stage


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "securityhub", operation, **parameters)


def send(stage: Stage, *findings: dict[str, Any]) -> dict[str, Any]:
    return ask(stage, "BatchImportFindings", Findings=list(findings))


def find(stage: Stage, **filters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(stage, "GetFindings", Filters=filters)["Findings"]
    return found


def refusal(stage: Stage, operation: str, **parameters: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        ask(stage, operation, **parameters)
    return caught.value


def equals(*values: str) -> list[dict[str, str]]:
    return [{"Value": value, "Comparison": "EQUALS"} for value in values]


@pytest.mark.parametrize("operation", ["BatchImportFindings", "DescribeHub", "DisableSecurityHub", "GetFindings"])
def test_an_account_without_security_hub_is_refused(operation: str) -> None:
    error = refusal(
        Stage(), operation, **({"Findings": [make_finding()]} if operation == "BatchImportFindings" else {})
    )
    assert (error.code, error.status) == ("InvalidAccessException", 401)
    assert error.message == f"Account {MANAGEMENT_ACCOUNT_ID} is not subscribed to AWS Security Hub"


def test_security_hub_is_described_enabled_once_and_disabled_with_its_findings(stage: Stage) -> None:
    described = ask(stage, "DescribeHub")
    assert (described["HubArn"], described["SubscribedAt"]) == (HUB, "2026-10-01T12:00:00.000Z")
    assert refusal(stage, "EnableSecurityHub").code == "ResourceConflictException"
    assert refusal(stage, "DescribeHub", HubArn="arn:aws:other").code == "InvalidInputException"
    send(stage, make_finding())
    ask(stage, "DisableSecurityHub")
    ask(stage, "EnableSecurityHub")
    assert find(stage) == []


def test_a_finding_is_imported_with_what_security_hub_adds(stage: Stage) -> None:
    assert send(stage, make_finding()) == {"FailedCount": 0, "SuccessCount": 1, "FailedFindings": []}
    (found,) = find(stage)
    assert found["Severity"] == {"Label": "HIGH"}
    assert found["Workflow"] == {"Status": "NEW"}
    assert (found["RecordState"], found["Region"], found["ProductName"]) == ("ACTIVE", "us-east-1", "Default")
    assert found["ProductFields"]["aws/securityhub/FindingId"] == f"{PRODUCT}/one"


def test_a_later_finding_with_the_same_id_updates_and_leaves_what_is_the_customers(stage: Stage) -> None:
    send(stage, make_finding(Workflow={"Status": "NOTIFIED"}, Compliance={"Status": "FAILED"}))
    later: dict[str, Any] = {"UpdatedAt": "2026-10-02T12:00:00Z", "Compliance": {"Status": "PASSED"}}
    send(stage, make_finding(**later, Workflow={"Status": "NEW"}, Region="eu-west-1"))
    (found,) = find(stage)
    assert (found["Compliance"]["Status"], found["Workflow"]["Status"]) == ("PASSED", "NOTIFIED")
    assert found["Region"] == "us-east-1"


@pytest.mark.parametrize("updated_at", ["2026-10-01T12:00:00Z", "2026-09-30T12:00:00Z"])
def test_an_update_that_is_not_newer_changes_nothing(stage: Stage, updated_at: str) -> None:
    send(stage, make_finding(Compliance={"Status": "FAILED"}))
    assert send(stage, make_finding(UpdatedAt=updated_at, Compliance={"Status": "PASSED"}))["SuccessCount"] == 1
    assert [one["Compliance"]["Status"] for one in find(stage)] == ["FAILED"]


def test_a_foreign_product_or_account_refuses_the_whole_batch(stage: Stage) -> None:
    product = refusal(
        stage, "BatchImportFindings", Findings=[make_finding(), make_finding("two", ProductArn="arn:aws:securityhub:a")]
    )
    assert (product.code, product.message) == ("InvalidInputException", 'productArn: "arn:aws:securityhub:a"')
    account = refusal(
        stage, "BatchImportFindings", Findings=[make_finding(), make_finding("two", AwsAccountId=SECURITY_ACCOUNT_ID)]
    )
    assert (account.code, account.status) == ("AccessDeniedException", 403)
    assert account.message.endswith(f"securityhub:BatchImportFindings on resource: {PRODUCT}")
    assert find(stage) == []


@pytest.mark.parametrize("number", [0, MAX_BATCH + 1])
def test_a_batch_has_between_one_and_a_hundred_findings(stage: Stage, number: int) -> None:
    findings = [make_finding(str(one)) for one in range(number)]
    assert refusal(stage, "BatchImportFindings", Findings=findings).code == "InvalidInputException"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        *[
            ({name: None}, f"data should have required property '{name}'")
            for name in ("SchemaVersion", "GeneratorId", "CreatedAt", "UpdatedAt", "Title", "Description", "Resources")
        ],
        ({"Resources": []}, "data.Resources should NOT have fewer than 1 items"),
        ({"Resources": [{"Type": "AwsAccount"}]}, "data.Resources[0] should have required property 'Id'"),
        ({"FindingProviderFields": {}}, "data should have required property 'FindingProviderFields'"),
        ({"SchemaVersion": "2020"}, "data.SchemaVersion should be equal to one of the allowed values"),
        ({"Title": "x" * 257}, "data.Title should NOT be longer than 256 characters"),
        ({"Description": "x" * 1025}, "data.Description should NOT be longer than 1024 characters"),
        (
            {"Remediation": {"Recommendation": {"Text": "x" * 513}}},
            "data.Remediation.Recommendation.Text should NOT be longer than 512 characters",
        ),
        ({"UpdatedAt": "yesterday"}, "data.UpdatedAt should match format"),
        ({"UpdatedAt": "2026-13-01T00:00:00Z"}, "data.UpdatedAt should match format"),
        ({"RecordState": "GONE"}, "data.RecordState should be equal to one of the allowed values"),
        ({"Compliance": {"Status": "GOOD"}}, "data.Compliance.Status should be equal"),
        ({"Severity": {"Label": "BAD"}}, "data.Severity.Label should be equal"),
        ({"Types": ["Nonsense"], "FindingProviderFields": {"Severity": {"Label": "LOW"}}}, "data.Types[0]"),
        ({"ProductFields": {str(one): "x" for one in range(51)}}, "data.ProductFields should NOT have more than 50"),
        ({"ProductFields": {"a": "x" * 2049}}, "data.ProductFields['a'] should NOT be longer"),
        ({"UserDefinedFields": {"a": "x" * (241 * 1024)}}, "Finding size exceeds the limit of 240 KB"),
    ],
)
def test_what_breaks_the_format_fails_alone(stage: Stage, fields: dict[str, Any], problem: str) -> None:
    answer = send(stage, make_finding("bad", **fields), make_finding("good"))
    assert (answer["FailedCount"], answer["SuccessCount"]) == (1, 1)
    (failed,) = answer["FailedFindings"]
    assert (failed["Id"], failed["ErrorCode"]) == ("bad", "InvalidInput")
    assert failed["ErrorMessage"].startswith(FORMAT + problem)
    assert [one["Id"] for one in find(stage)] == ["good"]


def test_findings_are_found_by_what_they_say(stage: Stage) -> None:
    send(
        stage,
        make_finding("a-1", Compliance={"Status": "FAILED"}),
        make_finding("a-2", Compliance={"Status": "PASSED"}),
        make_finding("b-1", Compliance={"Status": "PASSED"}, Title="Other"),
    )

    def ids(**filters: Any) -> list[str]:
        return [one["Id"] for one in find(stage, **filters)]

    assert ids(Id=equals("a-1", "b-1"), ComplianceStatus=equals("PASSED")) == ["b-1"]
    assert ids(Id=[{"Value": "a-", "Comparison": "PREFIX"}]) == ["a-1", "a-2"]
    assert ids(Id=[{"Value": "a-1", "Comparison": "NOT_EQUALS"}]) == ["a-2", "b-1"]
    assert ids(ResourceId=equals("AWS::::Account:444455556666"), Title=equals("Other")) == ["b-1"]
    prefixed = [{"Value": "a-", "Comparison": "PREFIX"}, {"Value": "a-2", "Comparison": "NOT_EQUALS"}]
    assert ids(Id=prefixed) == ["a-1"]
    assert ids(Id=[{"Value": "a-", "Comparison": "PREFIX_NOT_EQUALS"}]) == ["b-1"]


def test_findings_come_in_pages_in_the_order_of_their_import(stage: Stage) -> None:
    send(stage, *(make_finding(f"f-{one}") for one in (5, 2, 4, 1, 3)))
    first = ask(stage, "GetFindings", MaxResults=3)
    rest = ask(stage, "GetFindings", MaxResults=3, NextToken=first["NextToken"])
    assert [one["Id"] for one in first["Findings"] + rest["Findings"]] == ["f-5", "f-2", "f-4", "f-1", "f-3"]
    assert "NextToken" not in rest
    assert refusal(stage, "GetFindings", NextToken="made up").code == "InvalidInputException"


@pytest.mark.parametrize(
    "filters",
    [
        {"Id": equals(*(str(one) for one in range(21)))},
        {"MalwareName": equals("x")},
        {"Id": [{"Value": "x", "Comparison": "CONTAINS"}]},
        {"Id": [*equals("x"), {"Value": "y", "Comparison": "NOT_EQUALS"}]},
        {"UpdatedAt": [{"Start": "2026-10-02T00:00:00Z", "End": "2026-10-06T00:00:00Z"}]},
        {"ProductFields": [{"Key": "rootkeeper/source", "Value": "audit", "Comparison": "EQUALS"}]},
    ],
)
def test_filters_that_are_invalid_or_not_imitated_are_refused(stage: Stage, filters: dict[str, Any]) -> None:
    assert refusal(stage, "GetFindings", Filters=filters).code == "InvalidInputException"


def test_an_order_is_refused_and_not_ignored(stage: Stage) -> None:
    order = [{"Field": "Title", "SortOrder": "asc"}]
    assert "SortCriteria" in refusal(stage, "GetFindings", SortCriteria=order).message


def test_each_account_sees_its_own_findings(stage: Stage) -> None:
    send(stage, make_finding())
    other = stage.principal("delegated-admin")
    stage.call(other, "securityhub", "EnableSecurityHub")
    assert stage.call(other, "securityhub", "GetFindings") == {"Findings": []}


@pytest.fixture
def wire() -> Wire:
    return Wire(open_instance())


def test_refusals_have_the_form_of_security_hub_on_the_wire(wire: Wire) -> None:
    off = wire.call("management-admin", "securityhub", "GetFindings")
    assert (off.status, off.code) == (401, "InvalidAccessException")
    assert off.message == f"Account {MANAGEMENT_ACCOUNT_ID} is not subscribed to AWS Security Hub"
    assert b'"Message":' in off.raw.body
    denied = wire.call("observer", "securityhub", "GetFindings")
    assert (denied.status, denied.code) == (403, "AccessDeniedException")
    assert f"securityhub:GetFindings on resource: {HUB}" in denied.message
    too_many = wire.call("management-admin", "securityhub", "GetFindings", MaxResults=101)
    assert (too_many.status, too_many.code) == (400, "InvalidInputException")


def test_each_finding_of_a_batch_is_checked_by_itself_on_the_wire(wire: Wire) -> None:
    assert wire.call("management-admin", "securityhub", "EnableSecurityHub").status == 200
    findings = [make_finding("bad", Title=None), make_finding("good")]
    answered = wire.call("management-admin", "securityhub", "BatchImportFindings", Findings=findings)
    assert (answered.status, answered.body["SuccessCount"], answered.body["FailedCount"]) == (200, 1, 1)
    assert [one["Id"] for one in answered.body["FailedFindings"]] == ["bad"]
    many = [make_finding(str(one)) for one in range(MAX_BATCH + 1)]
    refused = wire.call("management-admin", "securityhub", "BatchImportFindings", Findings=many)
    assert (refused.status, refused.code) == (400, "InvalidInputException")


def permit(wire: Wire, action: str, resource: str) -> Keys:
    """The observer, with that permission alone."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    given = {"UserName": "observer", "PolicyName": "given", "PolicyDocument": document}
    assert wire.call("management-admin", "iam", "PutUserPolicy", **given).status == 200
    return wire.keys("observer")


def test_permissions_are_on_the_product_and_on_the_hub(wire: Wire) -> None:
    assert wire.call("management-admin", "securityhub", "EnableSecurityHub").status == 200
    findings = {"Findings": [make_finding()]}
    keys = permit(wire, "securityhub:BatchImportFindings", PRODUCT)
    assert wire.call(keys, "securityhub", "BatchImportFindings", **findings).status == 200
    assert wire.call(keys, "securityhub", "GetFindings").status == 403
    keys = permit(wire, "securityhub:GetFindings", HUB)
    assert wire.call(keys, "securityhub", "GetFindings").body["Findings"][0]["Id"] == "one"
    assert wire.call(keys, "securityhub", "BatchImportFindings", **findings).status == 403
    keys = permit(wire, "securityhub:BatchImportFindings", PRODUCT.replace("default", "another"))
    assert wire.call(keys, "securityhub", "BatchImportFindings", **findings).status == 403
