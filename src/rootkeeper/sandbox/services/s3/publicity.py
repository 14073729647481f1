"""Whether a bucket policy makes its bucket public: it allows everyone something, and no condition narrows whom.

Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of public".
"""

from __future__ import annotations

import json
from typing import Any

_FIXING_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
"""Keys that, with a fixed value, keep a statement from being public."""
_OPEN_NETWORKS = frozenset({"0.0.0.0/0", "::/0"})
_POSITIVE_OPERATORS = ("stringequals", "stringlike", "arnequals", "arnlike", "ipaddress", "stringequalsignorecase")


def is_public(policy: str) -> bool:
    """Tell whether a policy, which is known to be one, allows the public anything."""
    statements = json.loads(policy)["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    return any(_is_public_statement(statement) for statement in listed)


def _is_public_statement(statement: dict[str, Any]) -> bool:
    if statement["Effect"] != "Allow":
        return False
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    means_everyone = "*" in (named if isinstance(named, list) else [named])
    return means_everyone and not _is_narrowed(statement.get("Condition", {}))


def _is_narrowed(condition: dict[str, Any]) -> bool:
    return any(
        key.lower() in _FIXING_KEYS and _is_fixed(values)
        for operator, keys in condition.items()
        if operator.lower().rpartition(":")[2].removesuffix("ifexists") in _POSITIVE_OPERATORS
        for key, values in keys.items()
    )


def _is_fixed(values: object) -> bool:
    texts = [str(value) for value in (values if isinstance(values, list) else [values])]
    return not any("*" in text or "?" in text or "${" in text or text in _OPEN_NETWORKS for text in texts)
