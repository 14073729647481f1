"""What would have to change so that a task passes: one text for each row, made of diffs of the policies behind it.

A line that begins with ``#`` says what a diff can't. The change is the same for all accounts of a group but for their
ids, so that it is written once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rootkeeper.domain.organization_policies import PlacedPolicies, PolicyTree
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.policies.documents import Policy, PolicyKind, PolicyLabel, Statement
from rootkeeper.domain.policies.evaluation import Decision, Denial
from rootkeeper.domain.policies.fixes import (
    ASSUME_ROOT_CALLS,
    ROOT_SESSIONS,
    Allowance,
    Exemption,
    allow,
    count_characters,
    exempt,
    exempt_account,
    render_diff,
)
from rootkeeper.domain.preflight_tasks import Task

_ANY_ACCOUNT = "ACCOUNT-ID"
_CONTROL_TOWER_SID = "GRRESTRICTROOTUSER"
"""Source: Control Tower, control AWS-GR_RESTRICT_ROOT_USER; its policies bear changing names."""
_CONTROL_TOWER_REMARK = (
    "# Control Tower manages this statement: enable the control AWS-GR_RESTRICT_ROOT_USER with ExemptAssumeRoot = true"
    " there, which writes the same."
)
_ACCELERATOR_ROLES = "AWSAccelerator"
"""Source: Landing Zone Accelerator on AWS, the prefix of its roles, which its policies leave out of their denials."""
_ACCELERATOR_REMARK = (
    "# The Landing Zone Accelerator writes this policy: make the change in the service-control-policies of its"
    " configuration, or its next run undoes it."
)
_FULL_ACCESS = {PolicyKind.SERVICE_CONTROL: "p-FullAWSAccess", PolicyKind.RESOURCE_CONTROL: "p-RCPFullAWSAccess"}


@dataclass(frozen=True, slots=True)
class Blockage:
    """What stands in the way of one task."""

    task: Task
    denials: tuple[Denial, ...]
    decisions: Sequence[tuple[str, Decision]]
    """Each action of the task with its answer."""
    placed: Mapping[PolicyKind, PlacedPolicies]
    """The policies by which the denials name their places."""


@dataclass(slots=True)
class FixWriting:
    """Writes fixes, each group's once."""

    tree: PolicyTree
    _written: dict[tuple[object, ...], str | None] = field(default_factory=dict)

    def write(self, blockage: Blockage, account_id: AccountId, *, is_way_back: bool = False) -> str | None:
        """The change, or with ``is_way_back`` the one that undoes it; ``None`` where there is none to offer."""
        key = (blockage.task, is_way_back, *map(_key_of, blockage.denials))
        if key not in self._written:
            self._written[key] = self._write(blockage, is_way_back=is_way_back)
        written = self._written[key]
        return None if written is None else written.replace(_ANY_ACCOUNT, account_id)

    def _write(self, blockage: Blockage, *, is_way_back: bool) -> str | None:
        exemption = _exemption_for(blockage.task)
        parts = [
            _exempting(policy, statements, exemption, is_way_back=is_way_back)
            for policy, statements in self._list_explicit(blockage.denials)
        ]
        parts += [
            self._allowing(denial, blockage, is_way_back=is_way_back)
            for denial in blockage.denials
            if not denial.is_explicit
        ]
        return "\n".join(dict.fromkeys(parts)) or None

    def _list_explicit(self, denials: Iterable[Denial]) -> Iterable[tuple[Policy, list[Statement]]]:
        found: dict[PolicyLabel, list[Statement]] = {}
        for denial in denials:
            if denial.statement is not None and denial.policy is not None:
                found.setdefault(denial.policy, []).append(denial.statement)
        for label, statements in found.items():
            policy = self.tree.find_policy(label.policy_id)
            if policy is not None:
                yield policy, statements

    def _allowing(self, denial: Denial, blockage: Blockage, *, is_way_back: bool) -> str:
        at_place = dict(blockage.placed[denial.kind].places).get(denial.target_id or "", frozenset())
        own = [policy_id for policy_id in sorted(at_place) if not self.tree.describe(policy_id).is_aws_managed]
        policy = self.tree.find_policy(own[0]) if own else None
        if policy is None:
            verb = "Detach" if is_way_back else "Attach"
            return f"# {verb} {_FULL_ACCESS[denial.kind]} {'from' if is_way_back else 'to'} {denial.target_id}."
        allowance = _allowance_for(blockage.task, _list_missing(denial, blockage.decisions))
        return _diff(policy, allow(policy, allowance), is_way_back=is_way_back)


def _key_of(denial: Denial) -> tuple[object, ...]:
    index = denial.statement.index if denial.statement else None
    return denial.kind, denial.policy, index, denial.target_id


def _exempting(policy: Policy, statements: list[Statement], exemption: Exemption, *, is_way_back: bool) -> str:
    changed = exempt(policy, statements, exemption)
    if changed is None:
        return f"# Detach {policy.label}: it denies nothing else."
    return _name_owner(policy, statements, exemption) + _diff(policy, changed, is_way_back=is_way_back)


def _name_owner(policy: Policy, statements: Iterable[Statement], exemption: Exemption) -> str:
    """A remark on whose policy it is, told by what it says: landing zones change the names."""
    if any((statement.sid or "").upper() == _CONTROL_TOWER_SID for statement in statements):
        return f"{_CONTROL_TOWER_REMARK}\n" if exemption is ROOT_SESSIONS else ""
    is_accelerator = _ACCELERATOR_ROLES in json.dumps(policy.document)
    return f"{_ACCELERATOR_REMARK}\n" if is_accelerator else ""


def _diff(policy: Policy, changed: Mapping[str, Any], *, is_way_back: bool) -> str:
    if is_way_back:
        return render_diff(policy.label, changed, policy.document)
    characters = count_characters(changed)
    remark = (
        f"# It would have {characters:,} characters, and AWS allows {policy.kind.longest:,}: move a statement into a"
        " policy of its own first.\n"
        if characters > policy.kind.longest
        else ""
    )
    return remark + render_diff(policy.label, policy.document, changed)


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


def _list_missing(missing: Denial, decisions: Iterable[tuple[str, Decision]]) -> tuple[str, ...]:
    """The actions that aren't allowed at the same place."""
    return tuple(
        action
        for action, decision in decisions
        if any(
            not denial.is_explicit and (denial.kind, denial.target_id) == (missing.kind, missing.target_id)
            for denial in decision.denials
        )
    )
