"""Which accounts one evaluation answers for.

Two accounts under the same sets of policies get the same answer, unless a policy tells them apart: by an account id,
by a pattern that some ids match and others don't, or by their place in the tree. Ten thousand accounts are mostly a
handful of groups.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rootkeeper.domain.organizations import Account
from rootkeeper.domain.policies.documents import Policy

_ACCOUNT_KEYS = frozenset(
    {"aws:principalaccount", "aws:principalarn", "aws:resourceaccount", "aws:userid", "s3:resourceaccount"}
)
_TEXT_OPERATORS = ("arn", "string", "null")
_ACCOUNT_ID_DIGITS = 12
_DIGITS = re.compile(rf"\d{{{_ACCOUNT_ID_DIGITS},}}")


@dataclass(frozen=True, slots=True)
class PolicyTraits:
    """What of an account a policy can tell apart."""

    account_ids: frozenset[str]
    """Accounts that it names."""
    distinguishes_accounts: bool
    """Whether it has a pattern of account ids, or compares them as numbers: then each account stands alone."""
    distinguishes_places: bool
    """Whether it asks for the path in the tree."""


def read_traits(policy: Policy) -> PolicyTraits:
    """Find out once for each policy."""
    leaves = tuple(_list_leaves(policy.document))
    return PolicyTraits(
        account_ids=frozenset(account_id for leaf in leaves for account_id in _list_account_ids(leaf)),
        distinguishes_accounts=any(_has_pattern_of_ids(leaf) for leaf in leaves)
        or _compares_otherwise(policy.document),
        distinguishes_places=any("orgpaths" in leaf.lower() for leaf in leaves),
    )


def distinguish(account: Account, traits: Iterable[PolicyTraits]) -> Hashable:
    """What sets the account apart from others under the same policies; equal for those that share an answer."""
    found = tuple(traits)
    is_alone = any(one.distinguishes_accounts or account.account_id in one.account_ids for one in found)
    path = account.ou_ids if any(one.distinguishes_places for one in found) else ()
    return account.account_id if is_alone else "", path


def _list_leaves(element: object) -> Iterator[str]:
    """Every name and value of a document as text."""
    if isinstance(element, Mapping):
        for name, value in element.items():
            yield str(name)
            yield from _list_leaves(value)
    elif isinstance(element, list):
        for value in element:
            yield from _list_leaves(value)
    else:
        yield str(element)


def _list_account_ids(leaf: str) -> Iterator[str]:
    for found in _DIGITS.findall(leaf):
        for start in range(len(found) - _ACCOUNT_ID_DIGITS + 1):
            yield found[start : start + _ACCOUNT_ID_DIGITS]


def _has_pattern_of_ids(leaf: str) -> bool:
    """Whether digits and wildcards stand together where an account id may be."""
    segments = leaf.split(":")
    places = segments[1:5] if segments[0] == "arn" else segments
    return any(re.search(r"\d", segment) and re.search(r"[*?]", segment) for segment in places)


def _compares_otherwise(document: Mapping[str, Any]) -> bool:
    statements = document.get("Statement", ())
    return any(
        str(key).lower() in _ACCOUNT_KEYS and not operator.lower().rpartition(":")[2].startswith(_TEXT_OPERATORS)
        for statement in (statements if isinstance(statements, list) else [statements])
        for operator, keys in statement.get("Condition", {}).items()
        for key in keys
    )
