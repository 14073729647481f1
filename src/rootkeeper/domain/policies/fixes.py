"""The smallest change of a policy that lets a request pass, as a diff that a person can read and apply.

Nothing here changes a policy: AWS Organizations, Control Tower or the repository behind them owns it.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rootkeeper.domain.policies.contexts import EvaluationContext
from rootkeeper.domain.policies.documents import Policy, PolicyLabel, Statement


@dataclass(frozen=True, slots=True)
class Exemption:
    """A condition that takes something out of a Deny."""

    operator: str
    key: str
    value: str
    adds_up: bool = False
    """Whether further values exempt further requests; else the condition stands alone."""


ROOT_SESSIONS = Exemption("Null", "aws:AssumedRoot", "true")
"""The Deny applies only where the key is absent, so not to root sessions.

Source: IAM User Guide, aws:AssumedRoot; the same that Control Tower writes for ``ExemptAssumeRoot``.
"""
ASSUME_ROOT_CALLS = Exemption("Null", "sts:TaskPolicyArn", "true")
"""The key is there only in a call of AssumeRoot. Source: Service Authorization Reference, STS."""


def exempt_account(account_id: str) -> Exemption:
    """Takes one account, with all its principals, out of a Deny."""
    return Exemption("StringNotEquals", "aws:PrincipalAccount", account_id, adds_up=True)


@dataclass(frozen=True, slots=True)
class Allowance:
    """A statement that a policy lacks."""

    sid: str
    actions: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str]]


def exempt(policy: Policy, statements: Iterable[Statement], exemption: Exemption) -> dict[str, Any] | None:
    """The document with the exemption in each of these Deny statements.

    A statement that denies nothing but what is to be exempted goes altogether; ``None`` if none would be left.
    """
    changed = {statement.index: statement for statement in statements}
    kept = []
    for index, element in enumerate(_statements_of(policy.document)):
        if index not in changed:
            kept.append(element)
        elif not _is_meant_for(changed[index], exemption):
            kept.append(_with_condition(element, exemption))
    return _with_statements(policy.document, kept) if kept else None


def _is_meant_for(statement: Statement, exemption: Exemption) -> bool:
    """Whether it denies just these requests: without the key its other conditions can't hold."""
    key = exemption.key.lower()
    without = EvaluationContext(absent=frozenset({key}))
    return not exemption.adds_up and any(
        condition.key.lower() == key and condition.evaluate(without).is_no for condition in statement.conditions
    )


def _with_condition(element: Mapping[str, Any], exemption: Exemption) -> dict[str, Any]:
    conditions = dict(element.get("Condition", {}))
    operator = _find_name(conditions, exemption.operator)
    keys = dict(conditions.get(operator, {}))
    key = _find_name(keys, exemption.key)
    keys[key] = _listed(keys[key], exemption.value) if exemption.adds_up and key in keys else exemption.value
    conditions[operator] = keys
    return {**element, "Condition": conditions}


def _listed(found: object, value: str) -> list[object]:
    return [*(found if isinstance(found, list) else [found]), value]


def _find_name(names: Iterable[str], wanted: str) -> str:
    """The name as it is spelled already; operators and keys don't distinguish case."""
    return next((name for name in names if name.lower() == wanted.lower()), wanted)


def allow(policy: Policy, allowance: Allowance) -> dict[str, Any]:
    """The document with one more Allow statement."""
    taken = {statement.sid for statement in policy.statements}
    sid = allowance.sid
    for number in range(2, len(taken) + 3):
        sid = sid if sid not in taken else f"{allowance.sid}{number}"
    added: dict[str, Any] = {"Sid": sid, "Effect": "Allow", "Action": list(allowance.actions), "Resource": "*"}
    if allowance.condition:
        added["Condition"] = allowance.condition
    return _with_statements(policy.document, [*_statements_of(policy.document), added])


def _statements_of(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found = document["Statement"]
    return found if isinstance(found, list) else [found]


def _with_statements(document: Mapping[str, Any], statements: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {**document, "Statement": statements}


def render_diff(label: PolicyLabel, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """A unified diff of the two documents, each as indented JSON."""
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{label}", f"b/{label}", lineterm="")
    return "\n".join(lines)


def _lines(document: Mapping[str, Any]) -> list[str]:
    return json.dumps(document, indent=2, ensure_ascii=False).splitlines()


def count_characters(document: Mapping[str, Any]) -> int:
    """How long the document is at least, as AWS counts it: without white space around its elements."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
