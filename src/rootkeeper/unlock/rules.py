"""Which statements of a bucket or queue policy lock everyone out, and which policies may replace it.

A policy locks everyone out if no ordinary caller of the resource's own account can change it, so that only a root
session can. Only Deny statements can do that, because the account's identity policies can allow anything. The
ordinary caller is the most favorable caller: current TLS, MFA, and no service in between. Its name and network aren't
known, so a condition on them gives ``DEPENDS``. A condition that can't be read never counts as passed.

Policies from AWS are parsed leniently, because they are in force anyway. A person's policy is checked before it is
sent. Recovery windows and deletion exceptions don't concern buckets and queues, so they don't prevent an unlock.

Source: IAM User Guide, "IAM JSON policy elements: Resource", "... Condition operators", "AWS global condition context
keys"; Service Authorization Reference, Amazon S3 and Amazon SQS.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from rootkeeper.aws.rules import Resource, ResourceKind, change_action
from rootkeeper.changes.rules import Evaluation
from rootkeeper.errors import AwsAccessDeniedError, Hint, PolicyDocumentError, TargetRefusedError
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import Account, AccountId, Inventory, find_session_obstacle
from rootkeeper.organization.selection import AccountProtections, SelectedAccount, SkipReason, find_skip
from rootkeeper.organization.statuses import classify_account_role
from rootkeeper.policy_language.patterns import known_text, match, wildcard_tokens
from rootkeeper.values import JsonValue, canonical_json


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Whether ``text`` matches any of ``patterns``; ``*`` is any text, ``?`` a single character."""
    known = known_text(text)
    return any(match(wildcard_tokens(pattern), known) for pattern in patterns)


def has_wildcard(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


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
    """Parse a policy.

    :param source: its name in an error, such as ``The policy of bucket logs`` or ``The policy in new.json``.
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


def require_acceptable(document: PolicyDocument, resource: Resource, source: str) -> None:
    """:raises PolicyDocumentError: if AWS doesn't accept the policy; it names the source and the statement."""
    kind = resource.kind
    if document.content.get("Version", _LATEST_VERSION) not in _VERSIONS:
        raise _invalid(source, f"its Version must be {_LATEST_VERSION}")
    if kind.statement_limit is not None and len(document.statements) > kind.statement_limit:
        raise _invalid(source, f"a {kind.noun} allows {kind.statement_limit} statements")
    for number, statement in enumerate(document.statements, 1):
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
        return f"the action {foreign[0]!r} doesn't match {prefix}*"
    resources = as_texts(statement.get("Resource", statement.get("NotResource")))
    if resources and not any(
        pattern.startswith(f"{resource.arn}/") or matches_any(resource.arn, [pattern]) for pattern in resources
    ):
        return f"no resource matches {resource.arn}"
    return None


def get_statement_name(statement: Element, number: int) -> str:
    """Name a statement by its Sid, or by its number from 1."""
    sid = statement.get("Sid")
    return f"statement {sid}" if isinstance(sid, str) and sid else f"statement {number}"


def hash_policy(text: str) -> str:
    """Hash the text as AWS returned it: SHA-256 in hexadecimal, as ``sha256sum`` prints it for the saved file."""
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(text: str | None, partition: str) -> str | None:
    """Hash the meaning of a policy: AWS returns it with other spaces, orders and spellings. ``None`` for no policy."""
    if text is None:
        return None
    try:
        document = parse_policy(text, "")
    except PolicyDocumentError:
        return hash_policy(text)
    content = {
        **document.content,
        "Statement": [_normalize_statement(statement, partition) for statement in document.statements],
    }
    return hashlib.sha256(canonical_json(_normalize(content)).encode()).hexdigest()


def _normalize_statement(statement: Element, partition: str) -> Element:
    normal = dict(statement)
    for name in ("Principal", "NotPrincipal"):
        principal = statement.get(name)
        if isinstance(principal, dict) and "AWS" in principal:
            named = [
                f"arn:{partition}:iam::{text}:root" if _ACCOUNT_ID.fullmatch(text) else text
                for text in as_texts(principal["AWS"])
            ]
            normal[name] = {**principal, "AWS": named}
    return {"Effect": normal.pop("Effect", None), **{key: _normalize(value) for key, value in normal.items()}}


def _normalize(value: Any) -> Any:
    """A list of a single element equals the element. The order of statements matters; the order of texts doesn't."""
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
    """Return a list; in policies a single element may have no list around it."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def as_texts(value: Any) -> Sequence[str]:
    """Return a list of texts, with numbers and truth values as in JSON."""
    return [item if isinstance(item, str) else json.dumps(item) for item in as_list(value)]


def _invalid(source: str, problem: str, hint: str | None = None) -> PolicyDocumentError:
    return PolicyDocumentError(f"{source} can't be used: {problem}.", hint=hint or "Fix the policy and try again.")


PRINCIPAL_KEYS = frozenset({"aws:principalarn"})
"""Keys with principals as values."""

_ABSENT = frozenset(
    {
        "aws:assumedroot",
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:federatedprovider",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
    }
)
"""Present only on requests of services or of root sessions."""

_PRESENT_IN_S3 = frozenset(
    {
        "s3:authtype",
        "s3:resourceaccount",
        "s3:signatureage",
        "s3:signatureversion",
        "s3:tlsversion",
        "s3:x-amz-content-sha256",
    }
)
"""The S3 keys of a bucket policy change. The other S3 keys concern objects and are absent."""


@dataclass(frozen=True, slots=True)
class OrdinaryCaller:
    """An ordinary caller of the resource's account."""

    resource: Resource
    known: Mapping[str, str]
    """Values of condition keys, by key in lower case."""

    @staticmethod
    def of(resource: Resource, organization_id: str) -> OrdinaryCaller:
        account_id = resource.account_id
        return OrdinaryCaller(
            resource,
            {
                "aws:multifactorauthpresent": "true",
                "aws:principalaccount": account_id,
                "aws:principalisawsservice": "false",
                "aws:principalorgid": organization_id,
                "aws:requestedregion": resource.region,
                "aws:resourceaccount": account_id,
                "aws:resourceorgid": organization_id,
                "aws:securetransport": "true",
                "aws:viaawsservice": "false",
                "s3:authtype": "REST-HEADER",
                "s3:resourceaccount": account_id,
                "s3:signatureversion": "AWS4-HMAC-SHA256",
                "s3:tlsversion": "1.3",
            },
        )

    def lacks(self, key: str) -> bool:
        """Whether the key is certainly absent when the policy is changed."""
        is_of_objects = key.startswith("s3:") and key not in _PRESENT_IN_S3
        return key in _ABSENT or (is_of_objects and self.resource.kind is ResourceKind.BUCKET)


@dataclass(frozen=True, slots=True)
class CallerMatch:
    """Whether a part of a statement matches ordinary callers."""

    holds: bool | None
    """Whether it matches every ordinary caller; ``None`` if it depends."""
    exceptions: tuple[str, ...] = ()
    """Principals of the account that it doesn't match."""
    conditions: tuple[str, ...] = ()
    """The conditions that it depends on, as written in the policy."""


HOLDS = CallerMatch(holds=True)
FAILS = CallerMatch(holds=False)


def combine(caller_matches: Iterable[CallerMatch]) -> CallerMatch:
    """Combine the parts of a statement, which must all hold."""
    found = tuple(caller_matches)
    if any(part.holds is False for part in found):
        return FAILS
    if all(part.holds for part in found):
        return HOLDS
    return CallerMatch(
        None,
        exceptions=tuple(text for part in found for text in part.exceptions),
        conditions=tuple(text for part in found for text in part.conditions),
    )


def evaluate_conditions(block: Any, caller: OrdinaryCaller) -> CallerMatch:
    if not isinstance(block, Mapping):
        return HOLDS if block is None else CallerMatch(None, conditions=("a Condition that can't be read",))
    return combine(
        _evaluate(_Operator.parse(operator), str(key), as_texts(values), caller)
        for operator, pairs in block.items()
        for key, values in (pairs.items() if isinstance(pairs, Mapping) else [("a key that can't be read", pairs)])
    )


@dataclass(frozen=True, slots=True)
class _Operator:
    """A condition operator such as ``ForAllValues:StringNotEqualsIfExists``, parsed."""

    written: str
    quantifier: str
    comparison: str
    """In lower case, without ``Not``, quantifier and ``IfExists``."""
    is_negated: bool
    if_exists: bool

    @staticmethod
    def parse(written: str) -> _Operator:
        quantifier, _, name = written.lower().rpartition(":")
        if_exists = name.endswith("ifexists")
        name = name.removesuffix("ifexists")
        is_negated = "not" in name
        return _Operator(written, quantifier, name.replace("not", "", 1), is_negated, if_exists)

    def holds_without_key(self) -> bool:
        return self.quantifier == "forallvalues" or (
            self.quantifier != "foranyvalue" and (self.if_exists or self.is_negated)
        )


def _evaluate(operator: _Operator, key: str, values: Sequence[str], caller: OrdinaryCaller) -> CallerMatch:
    name = key.lower()
    depends = CallerMatch(None, conditions=(f"{operator.written} {key} {', '.join(values)}",))
    if operator.comparison == "null":
        if not caller.lacks(name) and name not in caller.known and name not in PRINCIPAL_KEYS:
            return depends
        return HOLDS if str(caller.lacks(name)).lower() in [value.lower() for value in values] else FAILS
    if caller.lacks(name):
        return HOLDS if operator.holds_without_key() else FAILS
    if any("${" in value for value in values):
        return depends
    if name in PRINCIPAL_KEYS:
        return _evaluate_principal(operator, values, caller, depends)
    known, compare = caller.known.get(name), _COMPARISONS.get(operator.comparison)
    if known is None or compare is None:
        return depends
    try:
        is_met = any(compare(known, value) for value in values)
    except ValueError:
        return depends
    return HOLDS if is_met is not operator.is_negated else FAILS


def _evaluate_principal(
    operator: _Operator, values: Sequence[str], caller: OrdinaryCaller, depends: CallerMatch
) -> CallerMatch:
    if operator.comparison not in _COMPARISONS:
        return depends
    if operator.is_negated:
        return evaluate_exceptions(values, caller)
    if any(covers_everyone(value, caller) for value in values):
        return HOLDS
    return depends if any(has_wildcard(value) and _may_be_a_caller(value, caller) for value in values) else FAILS


def evaluate_exceptions(excepted: Sequence[str], caller: OrdinaryCaller) -> CallerMatch:
    """Evaluate "everyone except these principals"; whether the principals exist isn't known.

    The account's root user doesn't count: bucket and queue policies don't restrict it, and mostly it can't sign in.
    Principals of other accounts can't change the policy.
    """
    if any(covers_everyone(value, caller) for value in excepted):
        return FAILS
    own = tuple(value for value in excepted if _may_be_a_caller(value, caller))
    return CallerMatch(None, exceptions=own) if own else HOLDS


def covers_everyone(pattern: str, caller: OrdinaryCaller) -> bool:
    """Whether a pattern matches every role or every user of the account."""
    return any(
        matches_any(f"arn:{caller.resource.partition}:iam::{caller.resource.account_id}:{kind}/\0", [pattern])
        for kind in ("role", "user")
    )


def _may_be_a_caller(pattern: str, caller: OrdinaryCaller) -> bool:
    """Whether a pattern may match a user or role of the account, other than its root user."""
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return has_wildcard(pattern)
    return matches_any(caller.resource.account_id, [parts[4]]) and parts[5] != "root"


def _is_like(known: str, value: str) -> bool:
    return matches_any(known, [value])


def _is_same(known: str, value: str) -> bool:
    return known.lower() == value.lower()


_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "arnequals": _is_like,
    "arnlike": _is_like,
    "bool": _is_same,
    "numericequals": lambda known, value: float(known) == float(value),
    "numericgreaterthan": lambda known, value: float(known) > float(value),
    "numericgreaterthanequals": lambda known, value: float(known) >= float(value),
    "numericlessthan": lambda known, value: float(known) < float(value),
    "numericlessthanequals": lambda known, value: float(known) <= float(value),
    "stringequals": lambda known, value: known == value,
    "stringequalsignorecase": _is_same,
    "stringlike": _is_like,
}


class LockoutVerdict(StrEnum):
    """Who can change the policy."""

    DEPENDS = "depends"
    """Only principals that a statement excepts, if they exist."""
    LOCKED = "locked"
    """Only a root session."""
    NO_POLICY = "no_policy"
    OPEN = "open"
    """Every principal that the account's identity policies allow."""
    UNKNOWN = "unknown"
    """It couldn't be read."""


_SEVERITY = (LockoutVerdict.OPEN, LockoutVerdict.DEPENDS, LockoutVerdict.LOCKED)


@dataclass(frozen=True, slots=True)
class LockingStatement:
    """A statement that denies a policy change to everyone, or to everyone except its exceptions."""

    number: int
    """Its place in the policy, from 1."""
    name: str
    verdict: LockoutVerdict
    """``LOCKED`` or ``DEPENDS``."""
    exceptions: tuple[str, ...]
    """Principals that it leaves out."""
    conditions: tuple[str, ...]
    """The conditions that it depends on."""
    content: Element

    @property
    def sid(self) -> str | None:
        return self.content.get("Sid")

    @property
    def explanation(self) -> str:
        """A sentence for a person."""
        sentence = f"{self.name[:1].upper()}{self.name[1:]} denies everyone in the account"
        if self.exceptions:
            sentence += f" except {', '.join(self.exceptions)}"
        if self.conditions:
            sentence += f" if {' and '.join(self.conditions)}"
        return f"{sentence}."


@dataclass(frozen=True, slots=True)
class Lockout:
    """The effect of a policy on the principals of its account."""

    verdict: LockoutVerdict
    statements: tuple[LockingStatement, ...] = ()
    """The statements that cause it, in the policy's order."""
    reason: str | None = None
    """Why the verdict is unknown."""

    @property
    def explanation(self) -> str:
        if self.verdict in (LockoutVerdict.LOCKED, LockoutVerdict.DEPENDS):
            return " ".join(statement.explanation for statement in self.statements)
        return _EXPLANATIONS.get(self.verdict) or self.reason or ""


_EXPLANATIONS = {
    LockoutVerdict.NO_POLICY: "There is no policy.",
    LockoutVerdict.OPEN: "No statement locks everyone out.",
}


def evaluate_policy(text: str | None, resource: Resource, organization_id: str) -> Lockout:
    """Evaluate a policy from AWS; a policy that can't be parsed is unknown, never open."""
    if text is None:
        return Lockout(LockoutVerdict.NO_POLICY)
    try:
        document = parse_policy(text, f"The policy of {resource.kind.noun} {resource.name}")
    except PolicyDocumentError as error:
        return Lockout(LockoutVerdict.UNKNOWN, reason=error.message)
    return evaluate_document(document, OrdinaryCaller.of(resource, organization_id))


def evaluate_document(document: PolicyDocument, caller: OrdinaryCaller) -> Lockout:
    """Evaluate a policy: any action that can change it is enough; the worst statement counts for each action."""
    found = [
        [_evaluate_statement(statement, action, caller) for statement in document.statements]
        for action in caller.resource.kind.fix_actions
    ]
    by_action = (max((_verdict(caller_match) for caller_match in matches), key=_SEVERITY.index) for matches in found)
    verdict = min(by_action, key=_SEVERITY.index, default=LockoutVerdict.OPEN)
    if verdict is LockoutVerdict.OPEN:
        return Lockout(LockoutVerdict.OPEN)
    locking = []
    for number, statement in enumerate(document.statements, 1):
        worst = max((matches[number - 1] for matches in found), key=lambda match: _SEVERITY.index(_verdict(match)))
        if _verdict(worst) is not LockoutVerdict.OPEN:
            name = get_statement_name(statement, number)
            locking.append(
                LockingStatement(number, name, _verdict(worst), worst.exceptions, worst.conditions, statement)
            )
    return Lockout(verdict, tuple(locking))


def _verdict(caller_match: CallerMatch) -> LockoutVerdict:
    if caller_match.holds is None:
        return LockoutVerdict.DEPENDS
    return LockoutVerdict.LOCKED if caller_match.holds else LockoutVerdict.OPEN


def _evaluate_statement(statement: Element, action: str, caller: OrdinaryCaller) -> CallerMatch:
    is_relevant = (
        statement.get("Effect") == "Deny"
        and _covers(statement, "Action", action, lowered=True)
        and _covers(statement, "Resource", caller.resource.arn)
    )
    if not is_relevant:
        return FAILS
    return combine((_evaluate_principals(statement, caller), evaluate_conditions(statement.get("Condition"), caller)))


def _covers(statement: Element, element: str, text: str, *, lowered: bool = False) -> bool:
    """Whether ``Action`` or ``NotAction`` (``Resource``, ``NotResource``) covers ``text``; without either it does."""
    for name, is_negated in ((element, False), (f"Not{element}", True)):
        if name in statement:
            patterns = as_texts(statement[name])
            covered = matches_any(text, [pattern.lower() for pattern in patterns] if lowered else patterns)
            return covered is not is_negated
    return True


def _evaluate_principals(statement: Element, caller: OrdinaryCaller) -> CallerMatch:
    if "NotPrincipal" in statement:
        return evaluate_exceptions(_list_named(statement["NotPrincipal"], caller), caller)
    named = _list_named(statement.get("Principal"), caller)
    own_root = f"arn:{caller.resource.partition}:iam::{caller.resource.account_id}:root"
    if "*" in named or own_root in named:
        return HOLDS
    if isinstance(statement.get("Principal"), dict) and "CanonicalUser" in statement["Principal"]:
        return CallerMatch(None, conditions=("it names the canonical id of the account",))
    return FAILS


def _list_named(principal: Any, caller: OrdinaryCaller) -> Sequence[str]:
    """List AWS principals as ARNs or ``*``; a unique id (``AROA…``) is a deleted principal and doesn't count."""
    named = as_texts(principal.get("AWS")) if isinstance(principal, dict) else as_texts(principal)
    partition = caller.resource.partition
    spelled = [f"arn:{partition}:iam::{text}:root" if text.isdigit() else text for text in named]
    return [text for text in spelled if text == "*" or text.startswith("arn:")]


def correct_policy(text: str, lockout: Lockout, resource: Resource) -> str | None:
    """Return the policy without the statements that lock out; ``None`` if no statement is left.

    Removes those that deny everyone, otherwise those with exceptions.

    :raises PolicyDocumentError: if it can't be parsed.
    """
    document = parse_policy(text, f"The policy of {resource}")
    removed = {statement.number for statement in lockout.statements if statement.verdict is lockout.verdict}
    left = [statement for number, statement in enumerate(document.statements, 1) if number not in removed]
    if not left:
        return None
    return json.dumps({**document.content, "Statement": left}, ensure_ascii=False, separators=(",", ":"))


def require_policy_text(kind: ResourceKind, text: str, source: str) -> PolicyDocument:
    """Parse a replacement and check its size, before the resource is known.

    :raises PolicyDocumentError: if it isn't a policy, or is larger than AWS allows.
    """
    size_bytes = len(text.encode())
    if size_bytes > kind.policy_limit_bytes:
        problem = f"it has {size_bytes:,} bytes, but a {kind.noun} allows {kind.policy_limit_bytes:,}"
        raise _invalid(source, problem, hint="Combine statements, or use wildcards.")
    return parse_policy(text, source)


def require_replacement(text: str, resource: Resource, organization_id: str, source: str) -> Lockout:
    """Require a replacement that AWS accepts and that doesn't lock everyone out.

    :returns: its effect. ``DEPENDS`` is accepted: the person knows whether the excepted principals exist.
    :raises PolicyDocumentError: if it is refused.
    """
    document = require_policy_text(resource.kind, text, source)
    require_acceptable(document, resource, source)
    lockout = evaluate_document(document, OrdinaryCaller.of(resource, organization_id))
    if lockout.verdict is LockoutVerdict.LOCKED:
        raise PolicyDocumentError(
            f"{source} would lock everyone out again. {lockout.explanation} Nothing was done.",
            hint=Hint(
                "Add an exception for a principal that exists, or restore a saved copy.", "unlock.except_or_restore"
            ),
        )
    return lockout


class ChangeKind(StrEnum):
    """The kind of change."""

    CORRECTED = "corrected"
    REMOVE = "remove"
    REPLACE = "replace"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A policy, before and after a change."""

    resource: Resource
    before: str | None
    """The policy that was shown; ``None`` for no policy."""
    after: str | None
    """``None`` to remove the policy."""

    @property
    def action(self) -> Action:
        return change_action(self.resource.kind, removes=self.after is None)

    @property
    def is_needless(self) -> bool:
        """Whether both mean the same."""
        partition = self.resource.partition
        return fingerprint(self.before, partition) == fingerprint(self.after, partition)


def describe_resource(resource: Resource) -> dict[str, JsonValue]:
    """Render a resource for the ledger."""
    return {resource.kind.noun: resource.name, "region": resource.region, "partition": resource.partition}


def describe_change(change: PolicyChange) -> dict[str, JsonValue]:
    """Render a change for its intent, so that a later re-read can show whether it was done."""
    partition = change.resource.partition
    return {
        **describe_resource(change.resource),
        "previous_sha256": None if change.before is None else hash_policy(change.before),
        "previous_fingerprint": fingerprint(change.before, partition),
        "new_sha256": None if change.after is None else hash_policy(change.after),
        "new_fingerprint": fingerprint(change.after, partition),
    }


def read_resource(action: Action, account_id: AccountId, parameters: Mapping[str, JsonValue]) -> Resource:
    """:raises ValueError: if the parameters aren't from :func:`describe_change`."""
    kind = ResourceKind.QUEUE if action is Action.QUEUE_POLICY_SET else ResourceKind.BUCKET
    found = {name: parameters.get(name) for name in (kind.noun, "region", "partition")}
    name, region, partition = found.values()
    if not (isinstance(name, str) and isinstance(region, str) and isinstance(partition, str)):
        raise ValueError(f"an intent of {action} doesn't name its {kind.noun}")
    return Resource(kind, account_id, name, region, partition)


def evaluate_reread(found: str | None, parameters: Mapping[str, JsonValue], partition: str) -> Evaluation:
    """Compare the current policy with an intent's parameters; only the new policy itself proves the change."""
    shown = fingerprint(found, partition)
    if shown == parameters.get("new_fingerprint"):
        return Evaluation(Result.DONE, "A re-read shows that the change was made.")
    if shown == parameters.get("previous_fingerprint"):
        return Evaluation(Result.FAILED, "Not done: a re-read shows the policy from before.", is_settled=False)
    return Evaluation(Result.UNKNOWN, "A re-read shows a third policy; another caller changed it.", is_settled=False)


def require_unlockable(
    account: Account, inventory: Inventory, included_failsafes: frozenset[AccountId] = frozenset()
) -> None:
    """Require an account that an unlock may change, before any root session.

    :raises TargetRefusedError: for the management account, a failsafe that isn't included, an account that isn't
        ACTIVE, and a partition without root users.
    :raises AwsAccessDeniedError: if the delegated administrators can't be read, because the failsafe must be known.
    """
    skip = find_skip(
        SelectedAccount(account, is_named=True),
        classify_account_role(account.account_id, inventory),
        find_session_obstacle(inventory.organization.partition),
        AccountProtections(recorded={}, included_failsafes=included_failsafes),
    )
    if skip is not None:
        raise TargetRefusedError(
            f"Refused; nothing was done. {account.account_id} ({account.name}): {skip.detail}",
            hint=_HINTS.get(skip.reason, "Root sessions can't reach it."),
        )
    if inventory.delegated_administrator_ids is None and account.account_id not in included_failsafes:
        raise AwsAccessDeniedError(
            "The delegated administrators can't be read, so the failsafe isn't known. Nothing was done.",
            hint="Allow organizations:ListDelegatedAdministrators.",
            operation="organizations:ListDelegatedAdministrators",
        )


_HINTS = {
    SkipReason.FAILSAFE: Hint("If you mean this failsafe, include it by its id.", "unlock.include_failsafe"),
    SkipReason.MANAGEMENT_ACCOUNT: "Sign in as its own root user to change the policy.",
    SkipReason.NOT_ACTIVE: "Root sessions reach only ACTIVE accounts.",
}
