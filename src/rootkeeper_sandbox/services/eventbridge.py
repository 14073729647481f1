"""EventBridge: rules of the default event bus and their targets. They are kept and shown, and forward nothing.

Source: Amazon EventBridge API Reference, API version 2015-10-07.
"""

from __future__ import annotations

import json
from typing import Any

from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.pagination import cut_page
from rootkeeper_sandbox.state.resources import BusRule

_DEFAULT_BUS = "default"
_PAGE_SIZE = 100
_MAX_RULES = 300
_MAX_TARGETS = 5
"""Source: Amazon EventBridge User Guide, "Amazon EventBridge quotas"."""


def _bus_name(call: Call) -> str:
    """Read the name of the event bus, which may be given as its ARN."""
    given: str = call.parameters.get("EventBusName", _DEFAULT_BUS)
    return given.rpartition("/")[2]


def _rule_arn(call: Call) -> str:
    """Spell the ARN of the rule that a call names, whether or not it exists."""
    name = call.parameters.get("Name") or call.parameters["Rule"]
    bus = _bus_name(call)
    place = name if bus == _DEFAULT_BUS else f"{bus}/{name}"
    return f"arn:{call.world.partition}:events:{call.region}:{call.principal.account_id}:rule/{place}"


def _all_rules_arn(call: Call) -> str:
    return f"arn:{call.world.partition}:events:{call.region}:{call.principal.account_id}:rule/*"


def _tagged_arn(call: Call) -> str:
    return str(call.parameters["ResourceARN"])


def _require_bus(call: Call) -> None:
    if _bus_name(call) != _DEFAULT_BUS:
        raise ServiceError("ResourceNotFoundException", f"Event bus {_bus_name(call)} does not exist.")


def _get_rule(call: Call) -> BusRule:
    """Get the rule that a call names.

    :raises ServiceError: ResourceNotFoundException.
    """
    _require_bus(call)
    rule = call.world.bus_rules.rules.get(_rule_arn(call))
    if rule is None:
        name = call.parameters.get("Name") or call.parameters["Rule"]
        raise ServiceError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus {_DEFAULT_BUS}.")
    return rule


def _get_tagged(call: Call) -> BusRule:
    arn = _tagged_arn(call)
    rule = call.world.bus_rules.rules.get(arn)
    if rule is None or rule.account_id != call.principal.account_id:
        raise ServiceError("ResourceNotFoundException", f"Rule {arn.rpartition('/')[2]} does not exist.")
    return rule


OPERATIONS = ServedOperations("events", resource=_rule_arn)


@OPERATIONS.change("PutRule")
def put_rule(call: Call) -> dict[str, Any]:
    """Create a rule, or replace all of an existing rule but its targets and tags."""
    _require_bus(call)
    arn, given, store = _rule_arn(call), call.parameters, call.world.bus_rules
    if "EventPattern" not in given and "ScheduleExpression" not in given:
        message = "Parameter(s) EventPattern or ScheduleExpression must be specified."
        raise ServiceError("ValidationException", message)
    if "EventPattern" in given:
        _require_pattern(given["EventPattern"])
    existing = store.rules.get(arn)
    if existing is None and len(store.of_account(call.principal.account_id, call.region)) >= _MAX_RULES:
        raise ServiceError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    store.rules[arn] = BusRule(
        name=given["Name"],
        arn=arn,
        account_id=call.principal.account_id,
        region=call.region,
        state=given.get("State", "ENABLED"),
        event_pattern=given.get("EventPattern"),
        schedule_expression=given.get("ScheduleExpression"),
        description=given.get("Description"),
        role_arn=given.get("RoleArn"),
        tags=existing.tags if existing else _read_tags(call),
        targets=existing.targets if existing else {},
    )
    return {"RuleArn": arn}


def _require_pattern(text: str) -> None:
    try:
        pattern = json.loads(text)
    except ValueError:
        pattern = None
    if not isinstance(pattern, dict):
        raise ServiceError(
            "InvalidEventPatternException", "Event pattern is not valid. Reason: Filter is not an object"
        )


@OPERATIONS.read("DescribeRule")
def describe_rule(call: Call) -> dict[str, Any]:
    rule = _get_rule(call)
    return _describe(rule) | {"CreatedBy": rule.account_id}


@OPERATIONS.read("ListRules", resource=_all_rules_arn)
def list_rules(call: Call) -> dict[str, Any]:
    """List the rules of the caller's account and Region."""
    _require_bus(call)
    rules = call.world.bus_rules.of_account(call.principal.account_id, call.region)
    prefix = call.parameters.get("NamePrefix", "")
    return _render_page(call, "Rules", [_describe(rule) for rule in rules if rule.name.startswith(prefix)])


def _describe(rule: BusRule) -> dict[str, Any]:
    described = {
        "Name": rule.name,
        "Arn": rule.arn,
        "EventPattern": rule.event_pattern,
        "ScheduleExpression": rule.schedule_expression,
        "State": rule.state,
        "Description": rule.description,
        "RoleArn": rule.role_arn,
        "EventBusName": _DEFAULT_BUS,
    }
    return {name: value for name, value in described.items() if value is not None}


def _render_page(call: Call, name: str, items: list[Any]) -> dict[str, Any]:
    token = call.parameters.get("NextToken")
    refusal = ServiceError("ValidationException", "Invalid nextToken.")
    page, token = cut_page(call, items, call.parameters.get("Limit", _PAGE_SIZE), token, refusal)
    return {name: page} | ({"NextToken": token} if token else {})


@OPERATIONS.change("EnableRule")
def enable_rule(call: Call) -> dict[str, Any]:
    _get_rule(call).state = "ENABLED"
    return {}


@OPERATIONS.change("DisableRule")
def disable_rule(call: Call) -> dict[str, Any]:
    _get_rule(call).state = "DISABLED"
    return {}


@OPERATIONS.change("DeleteRule")
def delete_rule(call: Call) -> dict[str, Any]:
    """Delete a rule without targets; a missing rule is no error."""
    _require_bus(call)
    rule = call.world.bus_rules.rules.get(_rule_arn(call))
    if rule is None:
        return {}
    if rule.targets:
        raise ServiceError("ValidationException", "Rule can't be deleted since it has targets.")
    del call.world.bus_rules.rules[rule.arn]
    return {}


@OPERATIONS.change("PutTargets")
def put_targets(call: Call) -> dict[str, Any]:
    """Add targets, or replace those with the same ids."""
    rule, given = _get_rule(call), {target["Id"]: dict(target) for target in call.parameters["Targets"]}
    if len(rule.targets | given) > _MAX_TARGETS:
        raise ServiceError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    rule.targets.update(given)
    return {"FailedEntryCount": 0, "FailedEntries": []}


@OPERATIONS.read("ListTargetsByRule")
def list_targets_by_rule(call: Call) -> dict[str, Any]:
    return _render_page(call, "Targets", list(_get_rule(call).targets.values()))


@OPERATIONS.change("RemoveTargets")
def remove_targets(call: Call) -> dict[str, Any]:
    """Remove targets; ids that aren't there are failed entries."""
    rule = _get_rule(call)
    failed = [
        {"TargetId": target_id, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": f"{target_id} not found."}
        for target_id in call.parameters["Ids"]
        if rule.targets.pop(target_id, None) is None
    ]
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


@OPERATIONS.read("ListTagsForResource", resource=_tagged_arn)
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _get_tagged(call).tags.items()]}


@OPERATIONS.change("TagResource", resource=_tagged_arn)
def tag_resource(call: Call) -> dict[str, Any]:
    """Add tags; those with the same keys are replaced."""
    _get_tagged(call).tags.update(_read_tags(call))
    return {}


@OPERATIONS.change("UntagResource", resource=_tagged_arn)
def untag_resource(call: Call) -> dict[str, Any]:
    """Remove tags; keys that aren't there are no error."""
    rule = _get_tagged(call)
    for key in call.parameters["TagKeys"]:
        rule.tags.pop(key, None)
    return {}


def _read_tags(call: Call) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in call.parameters.get("Tags", ())}
