"""Parses policy documents, and checks AWS's grammar and size limits.

Every error names its policy. A part that can't be parsed is an error and is never skipped, because a skipped statement
could be a Deny.

Source: IAM User Guide, "Grammar of the IAM JSON policy language"; Organizations User Guide, "SCP syntax", "RCP syntax".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rootkeeper.errors import PolicyDocumentError
from rootkeeper.policy_language.conditions import (
    NO,
    YES,
    Condition,
    EvaluationContext,
    Template,
    TruthValue,
    all_of,
    any_of,
    open_question,
    parse_conditions,
    parse_template,
    truth_value_of,
)
from rootkeeper.policy_language.patterns import (
    EVERYTHING,
    PartialText,
    Tokens,
    known_text,
    match,
    resource_tokens,
    wildcard_tokens,
)

_VERSIONS = ("2008-10-17", "2012-10-17")
_DOCUMENT_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_ELEMENTS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})
_ACTION = re.compile(r"\*|[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+|\*:\*")
_RESOURCE = re.compile(r"\*|arn:.+|\$\{.+", re.DOTALL)
_EVERY_PRINCIPAL = ("*", {"AWS": "*"}, {"AWS": ["*"]})


class Effect(StrEnum):
    """The effect of a statement on the requests that it applies to."""

    ALLOW = "Allow"
    DENY = "Deny"


class PolicyKind(StrEnum):
    """The type of a policy."""

    IDENTITY = "identity_policy"
    """Attached to a user, role or permission set; also a permissions boundary."""
    RESOURCE_CONTROL = "resource_control_policy"
    SERVICE_CONTROL = "service_control_policy"

    @property
    def longest(self) -> int:
        """AWS's limit of characters.

        Source: Organizations User Guide, "Quotas and service limits"; IAM User Guide, "IAM and AWS STS quotas".
        """
        return _LONGEST[self]


_LONGEST = {
    PolicyKind.IDENTITY: 32_768,
    PolicyKind.RESOURCE_CONTROL: 5_120,
    PolicyKind.SERVICE_CONTROL: 10_240,
}
"""Inline policies of permission sets are the longest identity policies."""


@dataclass(frozen=True, slots=True)
class PolicyLabel:
    """A policy's id and name."""

    policy_id: str
    """Such as ``p-examplescp``, an ARN, or another unique text."""
    name: str

    def __str__(self) -> str:
        return self.policy_id if self.name in ("", self.policy_id) else f"{self.policy_id} ({self.name})"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """An action on a resource, as far as it is known."""

    action: str
    """Such as ``iam:GetUser``; case-insensitive."""
    resource: PartialText
    """An ARN, or ``*`` for actions without resources."""
    context: EvaluationContext


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement."""

    index: int
    """From 0, in the order of the document."""
    sid: str | None
    effect: Effect
    actions: tuple[Tokens, ...]
    """In lower case."""
    names_other_actions: bool
    """Whether it is NotAction."""
    resources: tuple[Template, ...]
    names_other_resources: bool
    """Whether it is NotResource."""
    conditions: tuple[Condition, ...]

    @property
    def label(self) -> str:
        """Its Sid, or its number from 1."""
        return self.sid or f"statement {self.index + 1}"

    def evaluate(self, request: AccessRequest) -> TruthValue:
        """Whether it applies to a request."""
        action = known_text(request.action.lower())
        if any(match(tokens, action) for tokens in self.actions) is self.names_other_actions:
            return NO
        named = any_of(_evaluate_resource(template, request) for template in self.resources)
        resource = named.negated() if self.names_other_resources else named
        return (
            NO
            if resource.is_no
            else all_of((resource, *(condition.evaluate(request.context) for condition in self.conditions)))
        )


def _evaluate_resource(template: Template, request: AccessRequest) -> TruthValue:
    if template.constant == EVERYTHING:
        return YES
    unknown = template.find_unknown(request.context)
    if unknown:
        return open_question(*unknown)
    tokens = template.fill(request.context)
    return NO if tokens is None else truth_value_of(match(resource_tokens(tokens), request.resource), template.text)


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy."""

    label: PolicyLabel
    kind: PolicyKind
    statements: tuple[Statement, ...]
    document: Mapping[str, Any] = field(repr=False, compare=False, hash=False)
    """The JSON object as AWS has it, for suggested changes; never altered."""

    def of(self, effect: Effect) -> Iterable[Statement]:
        return (statement for statement in self.statements if statement.effect is effect)


def parse_policy(text: str, label: PolicyLabel, kind: PolicyKind) -> Policy:
    """:raises PolicyDocumentError: if it is too long, or isn't a policy in JSON; it names policy and problem."""
    if len(text) > kind.longest:
        raise _refuse(label, f"it has {len(text):,} characters, and AWS allows {kind.longest:,}")
    try:
        document = json.loads(text, object_pairs_hook=_object_of, parse_constant=_refuse_constant)
        fields = _object(document, "the policy", _DOCUMENT_ELEMENTS)
        version = fields.get("Version", _VERSIONS[0])
        if version not in _VERSIONS:
            raise ValueError(f"Version must be one of {', '.join(_VERSIONS)}")
        if "Statement" not in fields:
            raise ValueError("it has no Statement")
        statements = tuple(
            _parse_statement(index, element, kind, has_variables=version == _VERSIONS[1])
            for index, element in enumerate(_listed(fields["Statement"]))
        )
        sids = [statement.sid for statement in statements if statement.sid]
        if len(sids) != len(set(sids)):
            raise ValueError("statement ids (Sid) must be unique")
    except RecursionError:
        raise _refuse(label, "it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _refuse(label, f"it isn't JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except ValueError as error:
        raise _refuse(label, str(error)) from error
    return Policy(label, kind, statements, document)


def _refuse(label: PolicyLabel, problem: str) -> PolicyDocumentError:
    return PolicyDocumentError(
        f"The policy {label} can't be parsed: {problem}.",
        hint="Correct the policy in AWS. Until then, its effect is unknown.",
    )


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """AWS refuses a repeated element; the last value could hide a Deny."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an element is in it twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} isn't JSON")


def _parse_statement(index: int, element: object, kind: PolicyKind, *, has_variables: bool) -> Statement:
    known = _STATEMENT_ELEMENTS | ({"Principal"} if kind is PolicyKind.RESOURCE_CONTROL else set())
    fields = _object(element, f"statement {index + 1}", known)
    if fields.get("Effect") not in list(Effect):
        raise ValueError(f"Effect of statement {index + 1} must be Allow or Deny")
    sid = fields.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise ValueError(f"Sid of statement {index + 1} must be a text")
    if kind is PolicyKind.RESOURCE_CONTROL and fields.get("Principal") not in _EVERY_PRINCIPAL:
        raise ValueError(f'Principal of statement {index + 1} must be "*"')
    action_element, actions = _one_of(fields, "Action", "NotAction")
    if kind is PolicyKind.RESOURCE_CONTROL and not fields.keys() & {"Resource", "NotResource"}:
        resource_element, resources = "Resource", ["*"]  # without the element, it applies to every resource
    else:
        resource_element, resources = _one_of(fields, "Resource", "NotResource")
    return Statement(
        index=index,
        sid=sid,
        effect=Effect(fields["Effect"]),
        actions=tuple(_parse_action(action) for action in actions),
        names_other_actions=action_element == "NotAction",
        resources=tuple(_parse_resource(resource, has_variables=has_variables) for resource in resources),
        names_other_resources=resource_element == "NotResource",
        conditions=parse_conditions(fields.get("Condition", {}), has_variables=has_variables),
    )


def _parse_action(text: str) -> Tokens:
    if not _ACTION.fullmatch(text):
        raise ValueError(f"the action {text[:100]!r} isn't of the form service:Action")
    return EVERYTHING if text in ("*", "*:*") else wildcard_tokens(text.lower())


def _parse_resource(text: str, *, has_variables: bool) -> Template:
    if not _RESOURCE.fullmatch(text):
        raise ValueError(f'the resource {text[:100]!r} must be an ARN or "*"')
    return parse_template(text, has_variables=has_variables)


def _one_of(fields: Mapping[str, Any], name: str, other_name: str) -> tuple[str, list[str]]:
    named = [candidate for candidate in (name, other_name) if candidate in fields]
    if len(named) != 1:
        raise ValueError(f"a statement must have either {name} or {other_name}")
    values = _listed(fields[named[0]])
    if not values or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{named[0]} must be a text or a list of texts")
    return named[0], values


def _object(element: object, name: str, known: frozenset[str] | set[str]) -> Mapping[str, Any]:
    if not isinstance(element, dict):
        raise ValueError(f"{name} must be an object")
    unknown = element.keys() - known
    if unknown:
        raise ValueError(f"{name} has an unknown element {min(unknown)[:100]!r}")
    return element


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
