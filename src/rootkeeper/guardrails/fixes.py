"""Writes the smallest change of policies that lets a task pass, as diffs that a person can read and apply.

It changes no policy: AWS Organizations, Control Tower or a repository owns them. A line that begins with ``#`` contains
a step that a diff can't express. Within a group of accounts the fixes differ only in account ids and places, so that
each is written once.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from rootkeeper.guardrails.tasks import Task
from rootkeeper.organization.accounts import AccountId
from rootkeeper.policy_language.conditions import EvaluationContext
from rootkeeper.policy_language.documents import Policy, PolicyKind, PolicyLabel, Statement
from rootkeeper.policy_language.evaluation import (
    AccessVerdict,
    Decision,
    DenyingPolicy,
    PlacedPolicies,
    PolicyTree,
    UnreadPolicy,
)


@dataclass(frozen=True, slots=True)
class Exemption:
    """A condition that exempts requests from a Deny."""

    operator: str
    key: str
    value: str
    adds_up: bool = False
    """Whether the condition accepts more values for more requests."""


ROOT_SESSIONS = Exemption("Null", "aws:AssumedRoot", "true")
"""With it the Deny applies only without the key, so not to root sessions.

Source: IAM User Guide, aws:AssumedRoot; Control Tower writes the same for ``ExemptAssumeRoot``.
"""

ASSUME_ROOT_CALLS = Exemption("Null", "sts:TaskPolicyArn", "true")
"""Only a call of AssumeRoot has the key. Source: Service Authorization Reference, STS."""


def exempt_account(account_id: str) -> Exemption:
    """Exempt an account, with all its principals, from a Deny."""
    return Exemption("StringNotEquals", "aws:PrincipalAccount", account_id, adds_up=True)


@dataclass(frozen=True, slots=True)
class Allowance:
    """A statement that a policy lacks."""

    sid: str
    actions: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str]]


def exempt(policy: Policy, statements: Iterable[Statement], exemption: Exemption) -> dict[str, Any] | None:
    """Add the exemption to each of these Deny statements of the document.

    A statement that denies only the exempted requests is removed; ``None`` if no statement would be left.
    """
    changed = {statement.index: statement for statement in statements}
    kept = []
    for index, element in enumerate(_statements_of(policy.document)):
        if index not in changed:
            kept.append(element)
        elif not _is_meant_for(changed[index], exemption):
            kept.append(_with_condition(element, exemption))
    return {**policy.document, "Statement": kept} if kept else None


def _is_meant_for(statement: Statement, exemption: Exemption) -> bool:
    """Whether it denies only these requests: without the key its other conditions can't be true."""
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
    if exemption.adds_up and key in keys:
        found = keys[key]
        keys[key] = [*(found if isinstance(found, list) else [found]), exemption.value]
    else:
        keys[key] = exemption.value
    return {**element, "Condition": {**conditions, operator: keys}}


def _find_name(names: Iterable[str], wanted: str) -> str:
    """Return the name as the document spells it; operators and keys are case-insensitive."""
    return next((name for name in names if name.lower() == wanted.lower()), wanted)


def allow(policy: Policy, allowance: Allowance) -> dict[str, Any]:
    taken = {statement.sid for statement in policy.statements}
    sid = allowance.sid
    for number in range(2, len(taken) + 3):
        sid = sid if sid not in taken else f"{allowance.sid}{number}"
    added: dict[str, Any] = {"Sid": sid, "Effect": "Allow", "Action": list(allowance.actions), "Resource": "*"}
    if allowance.condition:
        added["Condition"] = allowance.condition
    return {**policy.document, "Statement": [*_statements_of(policy.document), added]}


def _statements_of(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found = document["Statement"]
    return found if isinstance(found, list) else [found]


def render_diff(label: PolicyLabel, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Render a unified diff of the two documents, each as indented JSON."""
    old, new = (json.dumps(document, indent=2, ensure_ascii=False).splitlines() for document in (before, after))
    return "\n".join(difflib.unified_diff(old, new, f"a/{label}", f"b/{label}", lineterm=""))


def count_characters(document: Mapping[str, Any]) -> int:
    """Count characters as AWS does: without white space between elements."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))


_ANY_ACCOUNT = "ACCOUNT-ID"

_CONTROL_TOWER_SID = "GRRESTRICTROOTUSER"
"""Source: Control Tower, control AWS-GR_RESTRICT_ROOT_USER; the names of its policies change."""

_CONTROL_TOWER_REMARK = (
    "# Control Tower manages this statement: there, enable the control AWS-GR_RESTRICT_ROOT_USER with"
    " ExemptAssumeRoot = true, which makes the same change."
)

_ACCELERATOR_ROLES = "AWSAccelerator"
"""Source: Landing Zone Accelerator on AWS; its policies exempt its roles, which have this prefix."""

_ACCELERATOR_REMARK = (
    "# The Landing Zone Accelerator manages this policy: change the service-control-policies in its configuration,"
    " because its next run overwrites other changes."
)

_FULL_ACCESS = {PolicyKind.SERVICE_CONTROL: "p-FullAWSAccess", PolicyKind.RESOURCE_CONTROL: "p-RCPFullAWSAccess"}


Placed: TypeAlias = Mapping[PolicyKind, PlacedPolicies]
"""The policies over an account, by their kind."""


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The result of a task for all accounts of a group."""

    task: Task
    verdict: AccessVerdict
    denials: tuple[DenyingPolicy, ...] = ()
    conditions: tuple[str, ...] = ()
    decisions: tuple[tuple[str, Decision], ...] = ()
    """Each action of the task with its decision."""
    unread: tuple[UnreadPolicy, ...] = ()
    evaluated: Placed = field(default_factory=dict)
    """The policies over the account that was evaluated for the group; the places of the denials refer to them."""


@dataclass(frozen=True, slots=True)
class _MissingAllow:
    kind: PolicyKind
    policy_ids: frozenset[str]
    """The policies attached to the place without it."""
    places: tuple[str, ...]
    """The places with these policies above the account."""
    actions: tuple[str, ...]


@dataclass(slots=True)
class _PolicyEdit:
    """All changes of a policy, because two diffs of the same document can't be applied in turn."""

    policy: Policy
    statements: list[Statement] = field(default_factory=list)
    """Deny statements that get an exemption."""
    actions: dict[str, None] = field(default_factory=dict)
    """Actions to allow in addition."""


@dataclass(slots=True)
class FixWriter:
    """Writes fixes, once for each group of accounts."""

    tree: PolicyTree
    _written: dict[tuple[object, ...], str | None] = field(default_factory=dict)

    def write(
        self, result: TaskResult, placed: Placed, account_id: AccountId, *, is_inverse: bool = False
    ) -> str | None:
        """Write the fix, or with ``is_inverse`` the change that undoes it; ``None`` if there is none.

        :param placed: the policies over the account that gets the fix.
        """
        lacks = dict.fromkeys(
            _describe_lack(denial, result, placed) for denial in result.denials if not denial.is_explicit
        )
        denied = [
            (denial.kind, denial.policy, denial.statement.index if denial.statement else None)
            for denial in result.denials
        ]
        key = (result.task, is_inverse, *lacks, *denied)
        if key not in self._written:
            self._written[key] = self._write(result, lacks, is_inverse=is_inverse)
        written = self._written[key]
        return None if written is None else written.replace(_ANY_ACCOUNT, account_id)

    def _write(self, result: TaskResult, lacks: Iterable[_MissingAllow], *, is_inverse: bool) -> str | None:
        edits: dict[PolicyLabel, _PolicyEdit] = {}
        for denial in result.denials:
            policy = None if denial.policy is None else self.tree.find_policy(denial.policy.policy_id)
            if denial.statement is not None and policy is not None:
                edits.setdefault(policy.label, _PolicyEdit(policy)).statements.append(denial.statement)
        verb, towards = ("Detach", "from") if is_inverse else ("Attach", "to")
        remarks: dict[str, None] = {}
        for lack in lacks:
            # An attached policy that AWS doesn't manage gets the Allow.
            own = [
                policy_id for policy_id in sorted(lack.policy_ids) if not self.tree.describe(policy_id).is_aws_managed
            ]
            policy = self.tree.find_policy(own[0]) if own else None
            if policy is None:
                full_access = _FULL_ACCESS[lack.kind]
                remarks.update(dict.fromkeys(f"# {verb} {full_access} {towards} {place}." for place in lack.places))
            else:
                edits.setdefault(policy.label, _PolicyEdit(policy)).actions.update(dict.fromkeys(lack.actions))
        parts = [_render_edit(edit, result.task, is_inverse=is_inverse) for edit in edits.values()]
        return "\n".join((*parts, *remarks)) or None


def _describe_lack(denial: DenyingPolicy, result: TaskResult, placed: Placed) -> _MissingAllow:
    policy_ids = result.evaluated[denial.kind].attached_to(denial.target_id)
    return _MissingAllow(
        kind=denial.kind,
        policy_ids=policy_ids,
        places=tuple(placed[denial.kind].places_with(policy_ids)),
        actions=tuple(
            action
            for action, decision in result.decisions
            if any(
                not other.is_explicit and (other.kind, other.target_id) == (denial.kind, denial.target_id)
                for other in decision.denials
            )
        ),
    )


def _render_edit(edit: _PolicyEdit, task: Task, *, is_inverse: bool) -> str:
    policy, exemption = edit.policy, _exemption_for(task)
    changed = exempt(policy, edit.statements, exemption)
    if edit.actions:
        kept = replace(policy, document=changed or {**policy.document, "Statement": []})
        changed = allow(kept, _allowance_for(task, tuple(edit.actions)))
    if changed is None:
        return f"# Detach {policy.label}: it denies nothing else."
    owner = _describe_policy_owner(policy, edit.statements, exemption)
    if is_inverse:
        return owner + render_diff(policy.label, changed, policy.document)
    characters = count_characters(changed)
    if characters > policy.kind.longest:
        owner += (
            f"# The policy would have {characters:,} characters; AWS allows {policy.kind.longest:,}. Move a statement"
            " into another policy first.\n"
        )
    return owner + render_diff(policy.label, policy.document, changed)


def _describe_policy_owner(policy: Policy, statements: Iterable[Statement], exemption: Exemption) -> str:
    """Describe the landing zone that manages the policy, by its content, because the names vary."""
    if any((statement.sid or "").upper() == _CONTROL_TOWER_SID for statement in statements):
        return f"{_CONTROL_TOWER_REMARK}\n" if exemption is ROOT_SESSIONS else ""
    is_accelerator = _ACCELERATOR_ROLES in json.dumps(policy.document)
    return f"{_ACCELERATOR_REMARK}\n" if is_accelerator else ""


def _exemption_for(task: Task) -> Exemption:
    if task is Task.ASSUME_ROOT:
        return ASSUME_ROOT_CALLS
    return exempt_account(_ANY_ACCOUNT) if task is Task.ROOT_USER_SIGN_IN else ROOT_SESSIONS


def _allowance_for(task: Task, actions: tuple[str, ...]) -> Allowance:
    if task is Task.ASSUME_ROOT:
        return Allowance("AllowAssumeRoot", actions, {})
    if task is Task.ROOT_USER_SIGN_IN:
        who = {"ArnLike": {"aws:PrincipalArn": f"arn:*:iam::{_ANY_ACCOUNT}:root"}}
        return Allowance("AllowRootUser", actions, who)
    return Allowance("AllowRootSessions", actions, {"Bool": {"aws:AssumedRoot": "true"}})
