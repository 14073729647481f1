"""The two service control policies: nobody works as root, and a delegated administrator opens only agreed sessions.

A policy that denies root without exempting root sessions breaks every tool that uses them, this one included. So the
exemption by ``aws:AssumedRoot`` is the heart of the first. Source: IAM User Guide, "AWS global condition context keys",
aws:AssumedRoot; Service Authorization Reference, AWS STS, sts:TaskPolicyArn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.shipped_policies.documents import (
    SERVICE_CONTROL_POLICY_CHARACTERS,
    PolicyDocument,
    make_document,
    measure_guardrail,
    require_fits,
)
from rootkeeper.domain.shipped_policies.permissions import OPEN_ROOT_SESSION
from rootkeeper.domain.task_policies import TaskPolicy


class GuardrailKind(StrEnum):
    """The policies by what they do; their names in the organization."""

    DENY_LONG_TERM_ROOT = "deny-long-term-root"
    CAP_DELEGATED_ADMINISTRATOR = "cap-delegated-administrator"

    @property
    def policy_name(self) -> str:
        return f"rootkeeper-{self.value}"


DEFAULT_CAP = (TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE)
"""What the failsafe must be able to do when it is the only way in that is left: audit, create and delete."""


@dataclass(frozen=True, slots=True)
class ShippedGuardrail:
    """One service control policy, and where it belongs."""

    kind: GuardrailKind
    description: str
    attach_to: tuple[str, ...]
    """Ids of what it is meant for; ``root`` for the organization's root. Nothing attaches it by itself."""
    content: PolicyDocument


def make_deny_long_term_root(
    partition: str, failsafe_ids: Iterable[AccountId], open_window_ids: Iterable[AccountId]
) -> ShippedGuardrail:
    """Deny everything to a signed-in root user or a root access key; spare root sessions, the failsafe, and accounts
    in which somebody is meant to sign in now.

    :raises InputError: if it is larger than AWS takes.
    """
    spared = sorted({*failsafe_ids, *open_window_ids})
    condition: dict[str, dict[str, object]] = {
        "ArnLike": {"aws:PrincipalArn": [f"arn:{partition}:iam::*:root"]},
        "Null": {"aws:AssumedRoot": "true"},
    }
    if spared:
        condition["StringNotEquals"] = {"aws:PrincipalAccount": spared}
    content = make_document(
        [{"Sid": "DenyLongTermRoot", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}]
    )
    _require_fits(content, "Close recovery windows that aren't needed any more.")
    return ShippedGuardrail(
        kind=GuardrailKind.DENY_LONG_TERM_ROOT,
        description="Nobody works as root: root sessions, the failsafe and open recovery windows excepted",
        attach_to=("root",),
        content=content,
    )


def make_delegate_cap(
    partition: str, delegate_ids: Iterable[AccountId], tasks: Iterable[TaskPolicy] = DEFAULT_CAP
) -> ShippedGuardrail:
    """Deny the delegated administrator's principals every root session but those for ``tasks``.

    :raises InputError: if it is larger than AWS takes.
    """
    allowed = [task.arn(partition) for task in sorted(set(tasks))]
    content = make_document(
        [
            {
                "Sid": "CapRootSessions",
                "Effect": "Deny",
                "Action": OPEN_ROOT_SESSION,
                "Resource": "*",
                "Condition": {"ArnNotEquals": {"sts:TaskPolicyArn": allowed}},
            }
        ]
    )
    _require_fits(content, "Allow fewer tasks.")
    return ShippedGuardrail(
        kind=GuardrailKind.CAP_DELEGATED_ADMINISTRATOR,
        description="The delegated administrator opens root sessions for the agreed tasks alone",
        attach_to=tuple(sorted(delegate_ids)),
        content=content,
    )


def _require_fits(content: PolicyDocument, hint: str) -> None:
    require_fits(measure_guardrail(content), SERVICE_CONTROL_POLICY_CHARACTERS, "The service control policy", hint)
