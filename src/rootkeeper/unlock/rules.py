"""Bucket and queue policies: whom they lock out, and what may replace them.

The wildcards of policies: ``*`` for any text, ``?`` for one character, nothing else.

Source: IAM User Guide, "IAM JSON policy elements: Resource".

The text of a bucket or queue policy, read as far as judging it needs.

What AWS gives is read leniently, since it is in force whatever we think of it; what a person wants to put is checked
before it is sent.

What a policy's conditions see of an ordinary caller of the resource's own account.

The caller is the most favourable one: it comes over current TLS, signed in with MFA, straight and not through a
service. So a condition that such a caller gets past locks nobody out. Who it is, and from which network it comes, isn't
known: that stays open.

Source: IAM User Guide, "AWS global condition context keys"; Service Authorization Reference, Amazon S3 and Amazon SQS.

Whether a statement's conditions hold for every ordinary caller of the resource's own account.

Three answers: yes, no, and ``None`` where it depends on who calls, from where or when. A condition that can't be read
is never taken for one that lets callers pass.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators".

Which statement of a bucket or queue policy locks everyone of the account out, so that only its root user is left.

What counts is whether anybody can still change the policy: who can does not need a root session. Denials alone can lock
out, since identity policies of the account itself allow as much as they like.

What may be put in place of a policy: the offered correction, and the check of a person's own.

A change of one policy as data, and what a re-read makes of it.

Which accounts an unlock may reach: the same that nothing else of ours may touch are refused.

A recovery window is no obstacle, nor is an exception from deletion: neither has to do with buckets and queues.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

from rootkeeper.aws.rules import Resource, ResourceKind, change_action
from rootkeeper.errors import AwsAccessDeniedError, PolicyDocumentError, TargetRefusedError
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import Account, AccountId, Inventory
from rootkeeper.organization.selection import AccountProtections, SelectedAccount, SkipReason, find_skip
from rootkeeper.organization.statuses import classify_account_role
from rootkeeper.policy_language.patterns import known_text, match, wildcard_tokens
from rootkeeper.values import JsonValue, canonical_json


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Whether one of ``patterns`` covers ``text``."""
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


PRINCIPAL_KEYS = frozenset({"aws:principalarn"})
"""Keys whose values name principals."""

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
"""The keys of S3 that come with a change of a bucket's policy; its others belong to objects, and are absent."""


@dataclass(frozen=True, slots=True)
class OrdinaryCaller:
    """An ordinary caller: the values known of it, by key in lower case."""

    resource: Resource
    known: Mapping[str, str]

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
        """Whether the key is surely absent from a change of the policy."""
        is_of_objects = key.startswith("s3:") and key not in _PRESENT_IN_S3
        return key in _ABSENT or (is_of_objects and self.resource.kind is ResourceKind.BUCKET)


@dataclass(frozen=True, slots=True)
class CallerMatch:
    """How one part of a statement bears on ordinary callers."""

    holds: bool | None
    """Whether it takes in every one of them; ``None``: it depends."""
    exceptions: tuple[str, ...] = ()
    """Principals of the account that it leaves out."""
    conditions: tuple[str, ...] = ()
    """What else it depends on, as the policy has it."""


HOLDS = CallerMatch(holds=True)
FAILS = CallerMatch(holds=False)


def combine(caller_matches: Iterable[CallerMatch]) -> CallerMatch:
    """All parts of a statement must hold."""
    found = tuple(caller_matches)
    if any(caller_match.holds is False for caller_match in found):
        return FAILS
    if all(caller_match.holds for caller_match in found):
        return HOLDS
    return CallerMatch(
        None,
        exceptions=tuple(text for caller_match in found for text in caller_match.exceptions),
        conditions=tuple(text for caller_match in found for text in caller_match.conditions),
    )


def evaluate_conditions(block: Any, caller: OrdinaryCaller) -> CallerMatch:
    """Judge a statement's ``Condition``."""
    if not isinstance(block, Mapping):
        return HOLDS if block is None else CallerMatch(None, conditions=("a Condition that can't be read",))
    return combine(
        _evaluate(_Operator.parse(operator), str(key), as_texts(values), caller)
        for operator, pairs in block.items()
        for key, values in (pairs.items() if isinstance(pairs, Mapping) else [("a key that can't be read", pairs)])
    )


@dataclass(frozen=True, slots=True)
class _Operator:
    """``ForAllValues:StringNotEqualsIfExists``, taken apart."""

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
        return _evaluate_null(name, values, caller, depends)
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


def _evaluate_null(name: str, values: Sequence[str], caller: OrdinaryCaller, depends: CallerMatch) -> CallerMatch:
    is_absent = True if caller.lacks(name) else False if name in caller.known or name in PRINCIPAL_KEYS else None
    if is_absent is None:
        return depends
    return HOLDS if str(is_absent).lower() in [value.lower() for value in values] else FAILS


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
    """Everyone but these: who of them there is isn't known.

    The account's root user is no exception: it gets past every bucket and queue policy anyway, and mostly can't sign
    in. Principals of other accounts can't change the policy at all.
    """
    if any(covers_everyone(value, caller) for value in excepted):
        return FAILS
    mattering = tuple(value for value in excepted if _may_be_a_caller(value, caller))
    return CallerMatch(None, exceptions=mattering) if mattering else HOLDS


def covers_everyone(pattern: str, caller: OrdinaryCaller) -> bool:
    """Whether it takes in any role or any user of the account, whatever its name."""
    return any(
        matches_any(f"arn:{caller.resource.partition}:iam::{caller.resource.account_id}:{kind}/\0", [pattern])
        for kind in ("role", "user")
    )


def _may_be_a_caller(pattern: str, caller: OrdinaryCaller) -> bool:
    """Whether it may name a user or role of the account, its root user aside."""
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return has_wildcard(pattern)
    return matches_any(caller.resource.account_id, [parts[4]]) and parts[5] != "root"


def _compare_numbers(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda known, value: compare(float(known), float(value))


def _is_like(known: str, value: str) -> bool:
    return matches_any(known, [value])


def _is_same(known: str, value: str) -> bool:
    return known.lower() == value.lower()


_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = MappingProxyType(
    {
        "arnequals": _is_like,
        "arnlike": _is_like,
        "bool": _is_same,
        "numericequals": _compare_numbers(lambda known, value: known == value),
        "numericgreaterthan": _compare_numbers(lambda known, value: known > value),
        "numericgreaterthanequals": _compare_numbers(lambda known, value: known >= value),
        "numericlessthan": _compare_numbers(lambda known, value: known < value),
        "numericlessthanequals": _compare_numbers(lambda known, value: known <= value),
        "stringequals": lambda known, value: known == value,
        "stringequalsignorecase": _is_same,
        "stringlike": _is_like,
    }
)


class LockoutVerdict(StrEnum):
    """Who can still change the policy."""

    DEPENDS = "depends"
    """Only those whom a statement excepts, if there are any left."""
    LOCKED = "locked"
    """Nobody but a root session."""
    NO_POLICY = "no_policy"
    OPEN = "open"
    """Whoever the account's identity policies let."""
    UNKNOWN = "unknown"
    """It couldn't be read."""


_SEVERITY = (LockoutVerdict.OPEN, LockoutVerdict.DEPENDS, LockoutVerdict.LOCKED)


@dataclass(frozen=True, slots=True)
class LockingStatement:
    """A statement that keeps everyone, or everyone but its exceptions, from changing the policy."""

    number: int
    """Its place in the policy, from 0."""
    name: str
    verdict: LockoutVerdict
    """``LOCKED`` or ``DEPENDS``."""
    exceptions: tuple[str, ...]
    """Principals that it excepts."""
    conditions: tuple[str, ...]
    """What else it depends on."""
    content: Element

    @property
    def explanation(self) -> str:
        """One sentence for a person."""
        sentence = f"{_capitalized(self.name)} denies everyone in the account"
        if self.exceptions:
            sentence += f" but {', '.join(self.exceptions)}"
        if self.conditions:
            sentence += f" where {' and '.join(self.conditions)}"
        return f"{sentence}."


@dataclass(frozen=True, slots=True)
class Lockout:
    """What a policy does to the account's own people."""

    verdict: LockoutVerdict
    statements: tuple[LockingStatement, ...] = ()
    """Those to blame, in the policy's order."""
    reason: str | None = None
    """Why the verdict isn't known."""

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
    """Judge a policy as AWS gave it; one that can't be read is unknown, never open."""
    if text is None:
        return Lockout(LockoutVerdict.NO_POLICY)
    try:
        document = parse_policy(text, f"The policy of {resource.kind.noun} {resource.name}")
    except PolicyDocumentError as error:
        return Lockout(LockoutVerdict.UNKNOWN, reason=error.message)
    return evaluate_document(document, OrdinaryCaller.of(resource, organization_id))


def evaluate_document(document: PolicyDocument, caller: OrdinaryCaller) -> Lockout:
    """One way to change the policy is enough to be open; each of them is judged by its worst statement."""
    found = {
        action: [_evaluate_statement(statement, action, caller) for statement in document.statements]
        for action in caller.resource.kind.fix_actions
    }
    verdict = _least(_worst(_verdict(one) for one in caller_matches) for caller_matches in found.values())
    if verdict is LockoutVerdict.OPEN:
        return Lockout(LockoutVerdict.OPEN)
    blamed = []
    for number, statement in enumerate(document.statements):
        worst = max(
            (caller_matches[number] for caller_matches in found.values()),
            key=lambda one: _SEVERITY.index(_verdict(one)),
        )
        if _verdict(worst) is not LockoutVerdict.OPEN:
            name = get_statement_name(statement, number)
            blamed.append(
                LockingStatement(number, name, _verdict(worst), worst.exceptions, worst.conditions, statement)
            )
    return Lockout(verdict, tuple(blamed))


def _verdict(caller_match: CallerMatch) -> LockoutVerdict:
    if caller_match.holds is None:
        return LockoutVerdict.DEPENDS
    return LockoutVerdict.LOCKED if caller_match.holds else LockoutVerdict.OPEN


def _worst(verdicts: Iterable[LockoutVerdict]) -> LockoutVerdict:
    return max(verdicts, key=_SEVERITY.index, default=LockoutVerdict.OPEN)


def _least(verdicts: Iterable[LockoutVerdict]) -> LockoutVerdict:
    return min(verdicts, key=_SEVERITY.index, default=LockoutVerdict.OPEN)


def _evaluate_statement(statement: Element, action: str, caller: OrdinaryCaller) -> CallerMatch:
    if statement.get("Effect") != "Deny":
        return FAILS
    if not _takes_in(statement, "Action", action, lowered=True):
        return FAILS
    if not _takes_in(statement, "Resource", caller.resource.arn):
        return FAILS
    return combine((_evaluate_principals(statement, caller), evaluate_conditions(statement.get("Condition"), caller)))


def _takes_in(statement: Element, element: str, text: str, *, lowered: bool = False) -> bool:
    """Whether ``Action`` or ``NotAction`` (``Resource``, ``NotResource``) covers it; without either it does."""
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
        return CallerMatch(None, conditions=("the account has a canonical id that it names",))
    return FAILS


def _list_named(principal: Any, caller: OrdinaryCaller) -> Sequence[str]:
    """AWS principals as ARNs, or ``*``; unique ids (``AROA…``) stand for what was deleted, and are nobody."""
    named = as_texts(principal.get("AWS")) if isinstance(principal, dict) else as_texts(principal)
    partition = caller.resource.partition
    spelled = [f"arn:{partition}:iam::{text}:root" if text.isdigit() else text for text in named]
    return [text for text in spelled if text == "*" or text.startswith("arn:")]


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def list_removed(lockout: Lockout) -> tuple[int, ...]:
    """Places of the statements that a correction leaves out: those that deny everyone, or else those that deny all
    but their exceptions.
    """
    return tuple(statement.number for statement in lockout.statements if statement.verdict is lockout.verdict)


def correct_policy(text: str, lockout: Lockout, resource: Resource) -> str | None:
    """The policy of ``resource`` without the statements that lock out; ``None`` if nothing is left of it.

    :raises PolicyDocumentError: if it can't be read.
    """
    document = parse_policy(text, f"The policy of {resource}")
    removed = list_removed(lockout)
    left = [statement for number, statement in enumerate(document.statements) if number not in removed]
    if not left:
        return None
    return json.dumps({**document.content, "Statement": left}, ensure_ascii=False, separators=(",", ":"))


def require_policy_text(kind: ResourceKind, text: str, source: str) -> PolicyDocument:
    """Check as much of a replacement as shows before the resource is known.

    :raises PolicyDocumentError: if it is no policy, or too large.
    """
    require_size(kind, text, source)
    return parse_policy(text, source)


def require_replacement(text: str, resource: Resource, organization_id: str, source: str) -> Lockout:
    """Check a replacement: AWS must take it, and it must not lock everyone out again.

    :returns: what it does; ``DEPENDS`` is left to the person, who knows whether the excepted principals are there.
    :raises PolicyDocumentError: if one of them isn't so.
    """
    document = require_policy_text(resource.kind, text, source)
    require_acceptable(document, resource, source)
    lockout = evaluate_document(document, OrdinaryCaller.of(resource, organization_id))
    if lockout.verdict is LockoutVerdict.LOCKED:
        raise PolicyDocumentError(
            f"{source} would lock everyone out again. {lockout.explanation} Nothing was done.",
            hint="Except a principal that exists in it. To put back a copy that was saved, use --restore.",
        )
    return lockout


class ChangeKind(StrEnum):
    """What a person asks for."""

    CORRECTED = "corrected"
    REMOVE = "remove"
    REPLACE = "replace"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One policy, as it is and as it shall be."""

    resource: Resource
    before: str | None
    """As it was shown; ``None`` for none."""
    after: str | None
    """``None``: it is removed."""

    @property
    def action(self) -> Action:
        return change_action(self.resource.kind, removes=self.after is None)

    @property
    def is_needless(self) -> bool:
        """Whether everything is so already."""
        partition = self.resource.partition
        return fingerprint(self.before, partition) == fingerprint(self.after, partition)


def describe_resource(resource: Resource) -> dict[str, JsonValue]:
    """As the ledger's parameters hold it."""
    return {resource.kind.noun: resource.name, "region": resource.region, "partition": resource.partition}


def describe_change(change: PolicyChange) -> dict[str, JsonValue]:
    """As an intent's parameters hold it: enough to tell later, by a re-read, whether it was done."""
    partition = change.resource.partition
    return {
        **describe_resource(change.resource),
        "previous_sha256": None if change.before is None else hash_policy(change.before),
        "previous_fingerprint": fingerprint(change.before, partition),
        "new_sha256": None if change.after is None else hash_policy(change.after),
        "new_fingerprint": fingerprint(change.after, partition),
    }


def read_resource(action: Action, account_id: AccountId, parameters: Mapping[str, JsonValue]) -> Resource:
    """The resource of an intent that :func:`describe_change` described.

    :raises ValueError: if the parameters aren't such.
    """
    kind = ResourceKind.QUEUE if action is Action.QUEUE_POLICY_SET else ResourceKind.BUCKET
    found = {name: parameters.get(name) for name in (kind.noun, "region", "partition")}
    name, region, partition = found.values()
    if not (isinstance(name, str) and isinstance(region, str) and isinstance(partition, str)):
        raise ValueError(f"an intent of {action} doesn't name its {kind.noun}")
    return Resource(kind, account_id, name, region, partition)


@dataclass(frozen=True, slots=True)
class PolicyRereadResult:
    """What a re-read says of a change."""

    result: Result
    explanation: str
    is_settled: bool
    """``False`` while the policy of before is still shown: AWS may need a while."""


def evaluate_reread(found: str | None, parameters: Mapping[str, JsonValue], partition: str) -> PolicyRereadResult:
    """Compare what stands there now with an intent's parameters; only the new policy itself proves that it was done."""
    shown = fingerprint(found, partition)
    if shown == parameters.get("new_fingerprint"):
        return PolicyRereadResult(Result.DONE, "Done, as a re-read shows.", is_settled=True)
    if shown == parameters.get("previous_fingerprint"):
        return PolicyRereadResult(Result.FAILED, "Not done: a re-read shows the policy of before.", is_settled=False)
    return PolicyRereadResult(
        Result.UNKNOWN, "A re-read shows another policy: somebody else has changed it since.", is_settled=False
    )


def require_unlockable(
    account: Account, inventory: Inventory, included_failsafes: frozenset[AccountId] = frozenset()
) -> None:
    """Refuse what may not be touched, before any root session.

    :raises TargetRefusedError: for the management account, a failsafe that isn't included, an account that isn't
        ACTIVE, and a partition without root users.
    :raises AwsAccessDeniedError: if the delegated administrators can't be read: the failsafe must be known.
    """
    skip = find_skip(
        SelectedAccount(account, is_named=True),
        classify_account_role(account.account_id, inventory),
        inventory.organization.partition,
        AccountProtections(recorded={}, included_failsafes=included_failsafes),
    )
    if skip is not None:
        raise TargetRefusedError(
            f"Refused, nothing was done. {account.account_id} ({account.name}): {skip.detail}",
            hint=_HINTS.get(skip.reason, "Root sessions don't reach it."),
        )
    if inventory.delegated_administrator_ids is None and account.account_id not in included_failsafes:
        raise AwsAccessDeniedError(
            "The delegated administrators can't be read, so the failsafe isn't known; nothing was done.",
            hint="Allow organizations:ListDelegatedAdministrators.",
            operation="organizations:ListDelegatedAdministrators",
        )


_HINTS = {
    SkipReason.FAILSAFE: "If you mean this account, add --include-failsafe with its id.",
    SkipReason.MANAGEMENT_ACCOUNT: "Its own root user can change the policy, once it is signed in.",
    SkipReason.NOT_ACTIVE: "Root sessions reach ACTIVE accounts alone.",
}
