"""The worked cases: SCPs and RCPs at places of a small tree, and what a preflight must say of them.

They are data, in ``cases``, so that both evaluators and a running sandbox can be held to the same words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rootkeeper.guardrails.tasks import ROOT_SESSION_TASKS, Task
from rootkeeper.policy_language.evaluation import AccessVerdict

CASES = Path(__file__).parent / "cases"
ORGANIZATION_ID, MANAGEMENT = "o-exampleorgid", "111122223333"
ACCOUNT, DELEGATE = "888899990000", "222233334444"
"""Orders Prod, in Workloads/Prod, which has a bucket and a queue; and Security."""


@dataclass(frozen=True, slots=True)
class CasePolicy:
    """One policy of a case."""

    name: str
    type: str
    at: tuple[str, ...]
    document: str
    """JSON text, with ``{Workloads}`` for ids that differ."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the row of one task says."""

    verdict: AccessVerdict = AccessVerdict.ALLOWED
    by: frozenset[tuple[str, str | None, str]] | None = None
    """Policy, statement and place; ``None`` where the case doesn't say."""
    conditions: tuple[str, ...] = ()
    is_fixable: bool = False
    fix_says: str = ""
    deed: str = ""
    """What really happens where it depends."""

    @property
    def is_denied(self) -> bool:
        """Whether a try must be denied."""
        return self.verdict is AccessVerdict.BLOCKED or self.deed == "denied"


@dataclass(frozen=True, slots=True)
class Case:
    """Policies, and what they come to."""

    name: str
    policies: tuple[CasePolicy, ...]
    without_full_access: tuple[str, ...]
    expected: Mapping[Task, Expectation]

    def __str__(self) -> str:
        return self.name


@cache
def list_cases() -> tuple[Case, ...]:
    documents = (yaml.load(path.read_text(), yaml.CSafeLoader) for path in sorted(CASES.glob("*.yaml")))
    return tuple(_parse_case(found) for document in documents for found in document)


def _parse_case(found: Mapping[str, Any]) -> Case:
    unknown = found.keys() - {"name", "policies", "without_full_access", "expect"}
    assert not unknown, f"{found['name']}: {unknown}"
    return Case(
        name=found["name"],
        policies=tuple(_parse_policy(policy) for policy in found["policies"]),
        without_full_access=tuple(found.get("without_full_access", ())),
        expected={task: Expectation() for task in Task} | dict(_parse_expectations(found["expect"])),
    )


def _parse_policy(found: Mapping[str, Any]) -> CasePolicy:
    return CasePolicy(
        name=found["name"],
        type=found.get("type", "SERVICE_CONTROL_POLICY"),
        at=tuple(found["at"]),
        document=json.dumps(found["content"]),
    )


def _parse_expectations(found: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Task, Expectation]]:
    for name, said in found.items():
        for task in ROOT_SESSION_TASKS if name == "sessions" else (Task(name),):
            yield task, _parse_expectation(said)


def _parse_expectation(said: Mapping[str, Any]) -> Expectation:
    unknown = said.keys() - {"verdict", "by", "conditions", "fixable", "fix_says", "deed"}
    assert not unknown, unknown
    return Expectation(
        verdict=AccessVerdict(said["verdict"]),
        by=frozenset((one[0], one[1], one[2]) for one in said["by"]) if "by" in said else None,
        conditions=tuple(said.get("conditions", ())),
        is_fixable=said.get("fixable", False),
        fix_says=said.get("fix_says", ""),
        deed=said.get("deed", ""),
    )
