"""The text of a bucket or queue policy, read as far as judging it needs.

What AWS gives is read leniently, since it is in force whatever we think of it; what a person wants to put is checked
before it is sent.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from rootkeeper.domain.ledger import canonical_json
from rootkeeper.domain.resource_policies.patterns import matches_any
from rootkeeper.domain.resource_policies.resources import Resource, ResourceKind
from rootkeeper.errors import PolicyDocumentError

Element: TypeAlias = Mapping[str, Any]
_LATEST_VERSION = "2012-10-17"
_VERSIONS = frozenset({_LATEST_VERSION, "2008-10-17"})
_REQUIRED = ("Effect", "Action", "Principal")
_ACCOUNT_ID = re.compile(r"\d{12}")


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy, its statements in order."""

    content: Element
    statements: tuple[Element, ...]


def parse_policy(text: str, source: str) -> PolicyDocument:
    """Read a policy.

    :param source: how an error names it, such as ``The policy of bucket logs`` or ``The policy in new.json``.
    :raises PolicyDocumentError: if it isn't a JSON object with statements.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(source, f"it isn't JSON ({str(error)[:100]})") from error
    if not isinstance(content, dict):
        raise _invalid(source, "it isn't a JSON object")
    statements = as_list(content.get("Statement"))
    if not statements:
        raise _invalid(source, "it has no Statement")
    if not all(isinstance(statement, dict) for statement in statements):
        raise _invalid(source, "a statement isn't an object")
    return PolicyDocument(content, tuple(statements))


def require_size(kind: ResourceKind, text: str, source: str) -> None:
    """:raises PolicyDocumentError: if AWS wouldn't take so much."""
    size_bytes = len(text.encode())
    if size_bytes > kind.policy_limit_bytes:
        raise _invalid(
            source,
            f"it has {size_bytes:,} bytes, and a {kind.noun} takes {kind.policy_limit_bytes:,}",
            hint="Join statements, or use wildcards.",
        )


def require_acceptable(document: PolicyDocument, resource: Resource, source: str) -> None:
    """Check what AWS would refuse, before anything is sent.

    :raises PolicyDocumentError: naming the source and the statement.
    """
    kind = resource.kind
    if document.content.get("Version", _LATEST_VERSION) not in _VERSIONS:
        raise _invalid(source, f"its Version must be {_LATEST_VERSION}")
    if kind.statement_limit is not None and len(document.statements) > kind.statement_limit:
        raise _invalid(source, f"a {kind.noun} takes {kind.statement_limit} statements")
    for number, statement in enumerate(document.statements):
        problem = _find_problem(statement, resource)
        if problem is not None:
            raise _invalid(source, f"in {get_statement_name(statement, number)} {problem}")


def _find_problem(statement: Element, resource: Resource) -> str | None:
    required = (*_REQUIRED, "Resource") if resource.kind is ResourceKind.BUCKET else _REQUIRED
    for name in required:
        if name not in statement and f"Not{name}" not in statement:
            return f"{name} is missing"
    if statement["Effect"] not in ("Allow", "Deny"):
        return "Effect must be Allow or Deny"
    actions = as_texts(statement.get("Action", statement.get("NotAction")))
    prefix = f"{resource.kind.value}:"
    foreign = [action for action in actions if action != "*" and not action.lower().startswith(prefix)]
    if foreign:
        return f"the action {foreign[0]!r} is none of {prefix}*"
    resources = as_texts(statement.get("Resource", statement.get("NotResource")))
    if resources and not any(_is_about(pattern, resource) for pattern in resources):
        return f"no resource is {resource.arn}"
    return None


def _is_about(pattern: str, resource: Resource) -> bool:
    return pattern.startswith(f"{resource.arn}/") or matches_any(resource.arn, [pattern])


def get_statement_name(statement: Element, number: int) -> str:
    """By its Sid, or by its place, counted from 1."""
    sid = statement.get("Sid")
    return f"statement {sid}" if isinstance(sid, str) and sid else f"statement {number + 1}"


def hash_policy(text: str) -> str:
    """SHA-256, in hexadecimal, of the text as AWS gave it: what ``sha256sum`` says of the saved file."""
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(text: str | None, partition: str) -> str | None:
    """The same for two texts that mean the same: AWS gives a policy back with other spaces, orders and spellings.

    ``None`` for no policy.
    """
    if text is None:
        return None
    try:
        document = parse_policy(text, "")
    except PolicyDocumentError:
        return hash_policy(text)
    content = {**document.content, "Statement": [_normalize_statement(one, partition) for one in document.statements]}
    return hashlib.sha256(canonical_json(_normalize(content)).encode()).hexdigest()


def _normalize_statement(statement: Element, partition: str) -> Element:
    normal = dict(statement)
    for name in ("Principal", "NotPrincipal"):
        principal = statement.get(name)
        if isinstance(principal, dict) and "AWS" in principal:
            named = [_render_account(text, partition) for text in as_texts(principal["AWS"])]
            normal[name] = {**principal, "AWS": named}
    return {"Effect": normal.pop("Effect", None), **{key: _normalize(value) for key, value in normal.items()}}


def _render_account(text: str, partition: str) -> str:
    return f"arn:{partition}:iam::{text}:root" if _ACCOUNT_ID.fullmatch(text) else text


def _normalize(value: Any) -> Any:
    """One element stands for itself; the order of texts says nothing, that of statements is kept."""
    if isinstance(value, dict):
        return {key: _normalize(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [_normalize(item) for item in value]
        if items and all(isinstance(item, str) for item in items):
            items = sorted(set(items))
        return items[0] if len(items) == 1 else items
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None or isinstance(value, str) else str(value)


def as_list(value: Any) -> list[Any]:
    """JSON of policies: one element may stand without its list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def as_texts(value: Any) -> Sequence[str]:
    """The same as texts; numbers and truth values as JSON spells them."""
    return [item if isinstance(item, str) else json.dumps(item) for item in as_list(value)]


def _invalid(source: str, problem: str, hint: str | None = None) -> PolicyDocumentError:
    return PolicyDocumentError(f"{source} can't be used: {problem}.", hint=hint or "Mend it and run the command again.")
