"""The checks that S3 and SQS make of a policy before they accept it: grammar, principals and resources.

The texts are S3's; SQS says less.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rootkeeper_sandbox.authorization.documents import PolicyDocumentError, PolicyKind, compile_policy
from rootkeeper_sandbox.authorization.patterns import Fragment, compile_wildcards

if TYPE_CHECKING:
    from rootkeeper_sandbox.state.world import World

_PRINCIPAL_ARN = re.compile(r"arn:[^:]+:(?:iam|sts)::(\d{12}):(root|(user|role|assumed-role)/(.+))")
_ACCOUNT_ID = re.compile(r"\d{12}")
_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,}")


class PolicyProblemError(ValueError):
    """A policy that the service doesn't take, with the reason it gives."""


def check_resource_policy(text: str, service: str, resources: Sequence[str], world: World) -> None:
    """Check a policy for a resource; ``resources`` are the ARNs, or patterns of ARNs, that it may speak of.

    :raises PolicyProblemError: with the service's reason.
    """
    if not text.startswith("{"):
        raise PolicyProblemError("Policies must be valid JSON and the first byte must be '{'")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise PolicyProblemError("This policy contains invalid Json") from None
    if "Statement" not in document:
        raise PolicyProblemError("Missing required field Statement")
    required = ("Effect", "Action", "Resource", "Principal") if service == "s3" else ("Effect", "Action", "Principal")
    for statement in _statements(document):
        for field in required:
            if field not in statement and f"Not{field}" not in statement:
                raise PolicyProblemError(f"Missing required field {field}")
        actions = _texts(statement, "Action")
        if not all(action == "*" or action.lower().startswith(f"{service}:") for action in actions):
            raise PolicyProblemError("Policy has invalid action")
        has_resource = "Resource" in statement or "NotResource" in statement
        if has_resource and not all(_fits(resource, resources) for resource in _texts(statement, "Resource")):
            raise PolicyProblemError("Policy has invalid resource")
        for principal in _named_principals(statement):
            if not _exists(principal, world):
                raise PolicyProblemError("Invalid principal in policy")
    try:
        compile_policy(text, PolicyKind.RESOURCE)
    except PolicyDocumentError as error:
        raise PolicyProblemError(str(error)) from error


def _statements(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    listed = document["Statement"]
    statements = listed if isinstance(listed, list) else [listed]
    if not statements:
        raise PolicyProblemError("Could not parse the policy: Statement is empty!")
    for statement in statements:
        if not isinstance(statement, Mapping):
            raise PolicyProblemError("Could not parse the policy: a statement must be an object.")
        yield statement


def _texts(statement: Mapping[str, Any], field: str) -> list[str]:
    value = statement.get(field, statement.get(f"Not{field}"))
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in values):
        raise PolicyProblemError(f"Policy has invalid {field.lower()}")
    return values


def _fits(resource: str, allowed: Sequence[str]) -> bool:
    """Return whether a statement's resource can mean the policy's own resource: each is a pattern for the other."""
    return any(
        compile_wildcards((Fragment(pattern),))(resource) or compile_wildcards((Fragment(resource),))(pattern)
        for pattern in allowed
    )


def _named_principals(statement: Mapping[str, Any]) -> list[str]:
    element = statement.get("Principal", statement.get("NotPrincipal"))
    if isinstance(element, str):
        return [element] if element != "*" else []
    named = element.get("AWS", []) if isinstance(element, Mapping) else []
    return [text for text in (named if isinstance(named, list) else [named]) if text != "*"]


def _exists(principal: object, world: World) -> bool:
    """Return whether a principal exists; those of accounts that the sandbox doesn't know are believed."""
    if not isinstance(principal, str):
        return False
    if _ACCOUNT_ID.fullmatch(principal) or _UNIQUE_ID.fullmatch(principal):
        return True
    match = _PRINCIPAL_ARN.fullmatch(principal)
    if match is None:
        return False
    account_id, whole, kind, path = match.groups()
    account = world.find_account(account_id)
    if whole == "root" or account is None:
        return True
    if kind == "user":
        user = account.find_user(path.rpartition("/")[2])
        return user is not None and world.user_arn(account_id, user) == principal
    if kind == "role":
        role = account.find_role(path.rpartition("/")[2])
        return role is not None and world.role_arn(account_id, role) == principal
    return account.find_role(path.partition("/")[0]) is not None
