"""Policy documents: checked against the grammar and compiled to statements that match requests.

Source: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from rootkeeper_sandbox.authorization.conditions import (
    AccessRequest,
    Condition,
    Context,
    PrincipalPattern,
    Template,
    parse_conditions,
    parse_principals,
    parse_template,
)
from rootkeeper_sandbox.authorization.patterns import Fragment, Predicate, compile_resource, compile_wildcards

VERSIONS = ("2008-10-17", "2012-10-17")
_DOCUMENT_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_ACTION = re.compile(r"\*|[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+|\*:\*")
_RESOURCE = re.compile(r"\*|arn:.+|\$\{.+", re.DOTALL)
_EVERYTHING = Template((Fragment("*"),))
ResourceTest = Callable[[str, Context], bool]


class PolicyDocumentError(ValueError):
    """A policy document that AWS would call malformed."""


class Effect(StrEnum):
    """The effect of a statement on the requests it applies to."""

    ALLOW = "Allow"
    DENY = "Deny"


class PolicyKind(StrEnum):
    """The kind of target of a policy, which decides the elements that its document needs."""

    IDENTITY = "identity"
    """Identity, session and Organizations policies: a resource, no principal."""
    RESOURCE = "resource"
    """Resource and trust policies: a principal; the resource may be left out."""


@dataclass(frozen=True, slots=True)
class Statement:
    sid: str | None
    effect: Effect
    matches_action: Predicate
    """Of the action in lower case; NotAction is turned round already."""
    matches_resource: ResourceTest
    """NotResource is turned round already."""
    principals: PrincipalPattern | None
    conditions: tuple[Condition, ...]

    def applies(self, request: AccessRequest) -> bool:
        """Return whether all its elements match a request."""
        return (
            self.matches_action(request.action)
            and self.matches_resource(request.resource, request.context)
            and (self.principals is None or self.principals.matches(request))
            and (not self.conditions or all(condition.holds(request.context) for condition in self.conditions))
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A compiled document."""

    denials: tuple[Statement, ...]
    allowances: tuple[Statement, ...]

    def denies(self, request: AccessRequest) -> bool:
        """Return whether a Deny statement applies."""
        return bool(self.denials) and any(statement.applies(request) for statement in self.denials)

    def allows(self, request: AccessRequest) -> bool:
        """Return whether an Allow statement applies."""
        return any(statement.applies(request) for statement in self.allowances)


@lru_cache(maxsize=4096)
def compile_policy(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> Policy:
    """Compile a document, once for each text.

    :raises PolicyDocumentError: if it isn't a policy document.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise PolicyDocumentError("The policy is not valid JSON.") from None
    try:
        statements = _parse_document(document, kind)
    except PolicyDocumentError:
        raise
    except ValueError as error:
        raise PolicyDocumentError(str(error)) from error
    return Policy(
        denials=tuple(statement for statement in statements if statement.effect is Effect.DENY),
        allowances=tuple(statement for statement in statements if statement.effect is Effect.ALLOW),
    )


def _parse_document(document: object, kind: PolicyKind) -> list[Statement]:
    fields = _object(document, "The policy", _DOCUMENT_ELEMENTS)
    version = fields.get("Version", VERSIONS[0])
    if version not in VERSIONS:
        raise PolicyDocumentError(f"Version must be one of {', '.join(VERSIONS)}.")
    if "Statement" not in fields:
        raise PolicyDocumentError("The policy has no Statement.")
    statements = _listed(fields["Statement"])
    parsed = [_parse_statement(statement, kind, has_variables=version == VERSIONS[1]) for statement in statements]
    sids = [statement.sid for statement in parsed if statement.sid]
    if len(sids) != len(set(sids)):
        raise PolicyDocumentError("Statement ids (Sid) must be unique.")
    return parsed


def _parse_statement(element: object, kind: PolicyKind, *, has_variables: bool) -> Statement:
    fields = _object(element, "A statement", _STATEMENT_ELEMENTS)
    if fields.get("Effect") not in list(Effect):
        raise PolicyDocumentError("Effect must be Allow or Deny.")
    sid = fields.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise PolicyDocumentError("Sid must be a text.")
    return Statement(
        sid=sid,
        effect=Effect(fields["Effect"]),
        matches_action=_parse_actions(fields),
        matches_resource=_parse_resources(fields, kind, has_variables),
        principals=_parse_principals(fields, kind),
        conditions=parse_conditions(fields.get("Condition", {}), has_variables=has_variables),
    )


def _parse_actions(fields: Mapping[str, Any]) -> Predicate:
    name, values = _one_of(fields, "Action", "NotAction")
    for value in values:
        if not _ACTION.fullmatch(value):
            raise PolicyDocumentError(f"{name} {value[:100]!r} is not of the form service:action.")
    is_one_of = _any_action([value.lower() for value in values])
    return is_one_of if name == "Action" else lambda action: not is_one_of(action)


def _any_action(values: list[str]) -> Predicate:
    if "*" in values or "*:*" in values:
        return lambda _action: True
    literals = frozenset(value for value in values if "*" not in value and "?" not in value)
    patterns = [compile_wildcards((Fragment(value),)) for value in values if value not in literals]
    if not patterns:
        return literals.__contains__
    return lambda action: action in literals or any(matches(action) for matches in patterns)


def _parse_resources(fields: Mapping[str, Any], kind: PolicyKind, has_variables: bool) -> ResourceTest:
    if kind is PolicyKind.RESOURCE and "Resource" not in fields and "NotResource" not in fields:
        return _match_any_resource
    name, values = _one_of(fields, "Resource", "NotResource")
    for value in values:
        if not _RESOURCE.fullmatch(value):
            raise PolicyDocumentError(f'Resource {value[:100]!r} must be in ARN format or "*".')
    is_one_of = _any_resource([parse_template(value, has_variables=has_variables) for value in values])
    return is_one_of if name == "Resource" else lambda resource, context: not is_one_of(resource, context)


def _match_any_resource(_resource: str, _context: Context) -> bool:
    return True


def _any_resource(templates: list[Template]) -> ResourceTest:
    if any(template == _EVERYTHING for template in templates):
        return _match_any_resource
    tests = [_resource_test(template) for template in templates]
    return lambda resource, context: any(test(resource, context) for test in tests)


def _resource_test(template: Template) -> ResourceTest:
    fragments = template.expand({}) if template.is_constant else None
    if fragments is not None:
        matches = compile_resource(fragments)
        return lambda resource, _context: matches(resource)

    def test(resource: str, context: Context) -> bool:
        expanded = template.expand(context)
        return expanded is not None and compile_resource(expanded)(resource)

    return test


def _parse_principals(fields: Mapping[str, Any], kind: PolicyKind) -> PrincipalPattern | None:
    named = [name for name in ("Principal", "NotPrincipal") if name in fields]
    if kind is PolicyKind.IDENTITY:
        if named:
            raise PolicyDocumentError(f"The policy must not have {named[0]}.")
        return None
    if len(named) != 1:
        raise PolicyDocumentError("A statement must have Principal or NotPrincipal.")
    return parse_principals(fields[named[0]], is_negated=named[0] == "NotPrincipal")


def _one_of(fields: Mapping[str, Any], name: str, negated_name: str) -> tuple[str, list[str]]:
    named = [candidate for candidate in (name, negated_name) if candidate in fields]
    if len(named) != 1:
        raise PolicyDocumentError(f"A statement must have either {name} or {negated_name}.")
    values = _listed(fields[named[0]])
    if not values or not all(isinstance(value, str) for value in values):
        raise PolicyDocumentError(f"{named[0]} must be a text or a list of texts.")
    return named[0], values


def _object(element: object, name: str, known: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(element, Mapping):
        raise PolicyDocumentError(f"{name} must be an object.")
    unknown = element.keys() - known
    if unknown:
        raise PolicyDocumentError(f"{name} has an unknown element {min(unknown)[:100]!r}.")
    return element


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
