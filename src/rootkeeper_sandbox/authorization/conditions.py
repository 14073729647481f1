"""Requirements of policies on a request: condition operators and keys, policy variables, and principals.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "Set operators for multivalued context keys",
"AWS global condition context keys", "IAM policy elements: Variables and tags" and "AWS JSON policy elements:
Principal".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from rootkeeper_sandbox.authorization.patterns import (
    Fragment,
    Fragments,
    Predicate,
    compile_arn,
    compile_wildcards,
    join_fragments,
)
from rootkeeper_sandbox.codec.parameters import format_iso8601
from rootkeeper_sandbox.exchange import Call, Principal, PrincipalKind

if TYPE_CHECKING:
    from rootkeeper_sandbox.state.world import World

ContextValue = str | tuple[str, ...]
Context = Mapping[str, ContextValue]
"""Condition keys of a request, by lower-case name; several values for multivalued keys."""


class DeferredContext(Mapping[str, ContextValue]):
    """A context that is gathered once a policy asks for its first key: most calls are decided without."""

    def __init__(self, gather: Callable[[], Context]) -> None:
        self._gather = gather
        self._gathered: Context | None = None

    def _all(self) -> Context:
        if self._gathered is None:
            self._gathered = self._gather()
        return self._gathered

    def __getitem__(self, key: str) -> ContextValue:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_WITH_DEFAULT = re.compile(r"\s*([^,]+?)\s*,\s*'([^']*)'\s*")
_ESCAPES = frozenset("*?$")


@dataclass(frozen=True, slots=True)
class Variable:
    """A place in a text that a request's condition key fills."""

    key: str
    """In lower case."""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A policy's text, cut into fragments and variables."""

    parts: tuple[Fragment | Variable, ...]

    @property
    def is_constant(self) -> bool:
        return not any(isinstance(part, Variable) for part in self.parts)

    def expand(self, context: Context) -> Fragments | None:
        """Fill the variables in; ``None`` when a variable has neither a single value nor a default."""
        fragments = []
        for part in self.parts:
            fragment = _expand_variable(part, context) if isinstance(part, Variable) else part
            if fragment is None:
                return None
            fragments.append(fragment)
        return tuple(fragments)


def _expand_variable(variable: Variable, context: Context) -> Fragment | None:
    value = context.get(variable.key, variable.default)
    return Fragment(value, is_literal=True) if isinstance(value, str) else None


def parse_template(text: str, *, has_variables: bool) -> Template:
    """Cut a text at its variables; documents of version 2008-10-17 have none."""
    if not has_variables or "${" not in text:
        return Template((Fragment(text),))
    parts: list[Fragment | Variable] = []
    position = 0
    for match in _VARIABLE.finditer(text):
        if match.start() > position:
            parts.append(Fragment(text[position : match.start()]))
        parts.append(_parse_variable(match.group(1)))
        position = match.end()
    if position < len(text):
        parts.append(Fragment(text[position:]))
    return Template(tuple(parts))


def _parse_variable(inside: str) -> Fragment | Variable:
    if inside in _ESCAPES:
        return Fragment(inside, is_literal=True)
    with_default = _WITH_DEFAULT.fullmatch(inside)
    if with_default:
        return Variable(with_default.group(1).lower(), with_default.group(2))
    return Variable(inside.strip().lower())


_PRINCIPAL_TYPES = {
    PrincipalKind.ROLE_SESSION: "AssumedRole",
    PrincipalKind.ROOT_SESSION: "Account",
    PrincipalKind.ROOT_USER: "Account",
    PrincipalKind.USER: "User",
}


def request_context(
    call: Call, resource: str, service_keys: Mapping[str, str], owner_id: str | None = None
) -> dict[str, ContextValue]:
    """Gather the condition keys of a call, by lower-case name; keys without a value are absent.

    ``owner_id`` is the account that the resource belongs to, where its ARN doesn't say so.
    """
    context: dict[str, ContextValue] = {
        "aws:currenttime": format_iso8601(call.now),
        "aws:epochtime": str(int(call.now.timestamp())),
        "aws:principalisawsservice": "false",
        "aws:requestedregion": call.region,
        # AWS is called by TLS only; policies that insist on it would otherwise refuse everything here.
        "aws:securetransport": "true",
        "aws:sourceip": call.source_ip,
        "aws:useragent": call.user_agent,
        "aws:viaawsservice": "false",
    }
    context.update(_principal_keys(call.principal, call.world))
    context.update(_resource_keys(context, owner_id or _resource_account(resource), call.world))
    context.update((key.lower(), value) for key, value in service_keys.items())
    return context


def _resource_keys(
    caller_keys: Mapping[str, ContextValue], owner_id: str | None, world: World
) -> dict[str, ContextValue]:
    """Name the owner of the resource and its place, which mostly are the caller's own."""
    if owner_id is None or owner_id == caller_keys["aws:principalaccount"]:
        keys = {"account": "aws:principalaccount", "orgid": "aws:principalorgid", "orgpaths": "aws:principalorgpaths"}
        return {f"aws:resource{name}": caller_keys[key] for name, key in keys.items() if key in caller_keys}
    path = world.organization_path(owner_id)
    places: dict[str, ContextValue] = {"aws:resourceorgid": world.organization_id, "aws:resourceorgpaths": (path,)}
    return {"aws:resourceaccount": owner_id} | (places if path else {})


def _principal_keys(principal: Principal, world: World) -> dict[str, ContextValue]:
    keys: dict[str, ContextValue] = {
        "aws:principalaccount": principal.account_id,
        "aws:principalarn": principal_arn(principal),
        "aws:principaltype": _PRINCIPAL_TYPES[principal.kind],
        "aws:userid": principal.user_id,
    }
    path = world.organization_path(principal.account_id)
    if path:
        keys["aws:principalorgid"] = world.organization_id
        keys["aws:principalorgpaths"] = (path,)
    if principal.kind is PrincipalKind.USER and principal.identity_name:
        keys["aws:username"] = principal.identity_name
    if principal.identity_name is not None:
        tags = world.principal_tags(principal)
        keys.update((f"aws:principaltag/{name.lower()}", value) for name, value in tags.items())
    keys.update(_session_keys(principal))
    return keys


def _session_keys(principal: Principal) -> dict[str, ContextValue]:
    keys: dict[str, ContextValue] = {}
    if principal.kind is PrincipalKind.ROOT_SESSION:
        keys["aws:assumedroot"] = "true"
    if principal.source_identity:
        keys["aws:sourceidentity"] = principal.source_identity
    if principal.session_issued_at:
        keys["aws:multifactorauthpresent"] = "true" if principal.has_mfa else "false"
        keys["aws:tokenissuetime"] = format_iso8601(principal.session_issued_at)
    return keys


def principal_arn(principal: Principal) -> str:
    """Give aws:PrincipalArn: of a role session it is the role, not the session."""
    if principal.kind is not PrincipalKind.ROLE_SESSION:
        return principal.arn
    if principal.role_arn:
        return principal.role_arn
    partition = principal.arn.split(":")[1]
    return f"arn:{partition}:iam::{principal.account_id}:role/{principal.identity_name}"


def _resource_account(resource: str) -> str | None:
    segments = resource.split(":", 5)
    return segments[4] if len(segments) == 6 and segments[4].isdecimal() else None


@dataclass(frozen=True, slots=True)
class AccessRequest:
    action: str
    """In lower case, such as ``iam:getuser``; actions don't distinguish case."""
    resource: str
    context: Context
    account_id: str = ""
    """The caller's account."""
    principal_arns: frozenset[str] = field(default=frozenset())
    """All ARNs that a Principal element may mean the caller by: a role session's own and its role's."""
    service_principal: str | None = None
    """The AWS service that calls, such as ``events.amazonaws.com``, when no account does."""


_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_ACCOUNT = re.compile(r"(?:arn:[^:]+:iam::)?(\d{12})(?::root)?")


@dataclass(frozen=True, slots=True)
class PrincipalPattern:
    """The callers that a statement means."""

    is_negated: bool
    is_everyone: bool
    account_ids: frozenset[str]
    """Accounts named as a whole: all callers in them that their own policies allow."""
    arns: frozenset[str]
    services: frozenset[str] = frozenset()

    def matches(self, request: AccessRequest) -> bool:
        """Return whether the caller is meant.

        NotPrincipal with an account excepts its root user alone; others must be named themselves.
        """
        if self.is_negated:
            return not (self.is_everyone or self.names(request) or self._names_root_user(request))
        return self.is_everyone or request.account_id in self.account_ids or self.names(request)

    def names(self, request: AccessRequest) -> bool:
        """Return whether the caller is named by itself, not by its account."""
        is_service = request.service_principal is not None and request.service_principal in self.services
        return is_service or not self.arns.isdisjoint(request.principal_arns)

    def _names_root_user(self, request: AccessRequest) -> bool:
        is_root_user = any(arn.endswith(":root") for arn in request.principal_arns)
        return is_root_user and request.account_id in self.account_ids


def parse_principals(element: object, *, is_negated: bool) -> PrincipalPattern:
    """Compile a Principal or NotPrincipal element.

    :raises ValueError: if it names no principal in a known way.
    """
    if element == "*":
        return PrincipalPattern(is_negated, is_everyone=True, account_ids=frozenset(), arns=frozenset())
    if not isinstance(element, Mapping) or not element or element.keys() - _KINDS:
        raise ValueError('Principal must be "*" or an object with AWS, Service, Federated or CanonicalUser.')
    values = {kind: _texts(element[kind]) for kind in element}
    named = values.get("AWS", [])
    accounts = [match.group(1) for match in map(_ACCOUNT.fullmatch, named) if match]
    return PrincipalPattern(
        is_negated=is_negated,
        is_everyone="*" in named,
        account_ids=frozenset(accounts),
        arns=frozenset(named),
        services=frozenset(values.get("Service", [])),
    )


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    texts = [text for text in values if isinstance(text, str)]
    if len(texts) != len(values):
        raise ValueError("A principal must be a text or a list of texts.")
    return texts


Comparison = Callable[[Fragments], Predicate]
"""Compiles a policy's value to the test of a request's value."""


class OperandError(ValueError):
    """A policy's value doesn't suit its operator."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator, without ``IfExists`` and set prefixes."""

    compare: Comparison
    is_negated: bool = False
    """Whether it holds when no value of the policy matches; also when the key is absent."""
    takes_variables: bool = False


def _string_equals(fragments: Fragments) -> Predicate:
    text = join_fragments(fragments)
    return lambda value: value == text


def _string_equals_ignoring_case(fragments: Fragments) -> Predicate:
    text = join_fragments(fragments).lower()
    return lambda value: value.lower() == text


def _bool(fragments: Fragments) -> Predicate:
    text = join_fragments(fragments).lower()
    if text not in ("true", "false"):
        raise OperandError(f"{text!r} is not a boolean.")
    return lambda value: value.lower() == text


def _binary_equals(fragments: Fragments) -> Predicate:
    expected = _decode(join_fragments(fragments))
    if expected is None:
        raise OperandError("A binary value must be base64 text.")
    return lambda value: _decode(value) == expected


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _parse_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _parse_date(text: str) -> float | None:
    """Read an ISO 8601 date or seconds since 1970."""
    number = _parse_number(text)
    if number is not None and not (len(text) == 4 and text.isdecimal()):
        return number
    try:
        moment = datetime.fromisoformat(f"{text}-01-01" if len(text) == 4 else text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _ordered(parse: Callable[[str], float | None], holds: Callable[[float, float], bool], kind: str) -> Comparison:
    def compare(fragments: Fragments) -> Predicate:
        text = join_fragments(fragments)
        expected = parse(text)
        if expected is None:
            raise OperandError(f"{text!r} is not a {kind}.")

        def matches(value: str) -> bool:
            found = parse(value)
            return found is not None and holds(found, expected)

        return matches

    return compare


def _ip_address(fragments: Fragments) -> Predicate:
    text = join_fragments(fragments)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise OperandError(f"{text!r} is not an IP address range.") from None

    def matches(value: str) -> bool:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return matches


def _number(holds: Callable[[float, float], bool], *, is_negated: bool = False) -> Operator:
    return Operator(_ordered(_parse_number, holds, "number"), is_negated)


def _date(holds: Callable[[float, float], bool], *, is_negated: bool = False) -> Operator:
    return Operator(_ordered(_parse_date, holds, "date"), is_negated)


OPERATORS = {
    "ArnEquals": Operator(compile_arn, takes_variables=True),
    "ArnLike": Operator(compile_arn, takes_variables=True),
    "ArnNotEquals": Operator(compile_arn, is_negated=True, takes_variables=True),
    "ArnNotLike": Operator(compile_arn, is_negated=True, takes_variables=True),
    "BinaryEquals": Operator(_binary_equals),
    "Bool": Operator(_bool, takes_variables=True),
    "DateEquals": _date(operator.eq),
    "DateGreaterThan": _date(operator.gt),
    "DateGreaterThanEquals": _date(operator.ge),
    "DateLessThan": _date(operator.lt),
    "DateLessThanEquals": _date(operator.le),
    "DateNotEquals": _date(operator.eq, is_negated=True),
    "IpAddress": Operator(_ip_address),
    "NotIpAddress": Operator(_ip_address, is_negated=True),
    "NumericEquals": _number(operator.eq),
    "NumericGreaterThan": _number(operator.gt),
    "NumericGreaterThanEquals": _number(operator.ge),
    "NumericLessThan": _number(operator.lt),
    "NumericLessThanEquals": _number(operator.le),
    "NumericNotEquals": _number(operator.eq, is_negated=True),
    "StringEquals": Operator(_string_equals, takes_variables=True),
    "StringEqualsIgnoreCase": Operator(_string_equals_ignoring_case, takes_variables=True),
    "StringLike": Operator(compile_wildcards, takes_variables=True),
    "StringNotEquals": Operator(_string_equals, is_negated=True, takes_variables=True),
    "StringNotEqualsIgnoreCase": Operator(_string_equals_ignoring_case, is_negated=True, takes_variables=True),
    "StringNotLike": Operator(compile_wildcards, is_negated=True, takes_variables=True),
}
"""All operators but Null, which asks for the key and not for its value."""

_OPERATORS_BY_LOWER_NAME = {name.lower(): known for name, known in OPERATORS.items()}
_IF_EXISTS = "ifexists"
_NULL = "null"
ValueTest = Callable[[str, Context], bool]


class Condition(Protocol):
    """A key under an operator."""

    def holds(self, context: Context) -> bool:
        """Return whether a request satisfies it."""


class SetOperator(StrEnum):
    """How the values of a multivalued key are taken together."""

    FOR_ALL_VALUES = "forallvalues"
    FOR_ANY_VALUE = "foranyvalue"


@dataclass(frozen=True, slots=True)
class NullCondition:
    """Asks whether a key is absent."""

    key: str
    is_absent: bool

    def holds(self, context: Context) -> bool:
        return (self.key not in context) is self.is_absent


@dataclass(frozen=True, slots=True)
class ValueCondition:
    """Compares a key's values with the policy's."""

    key: str
    is_negated: bool
    set_operator: SetOperator | None
    if_exists: bool
    tests: tuple[ValueTest, ...]
    """A test for each value of the policy; at least one must match, or none if negated."""

    def holds(self, context: Context) -> bool:
        found = context.get(self.key)
        if found is None:
            if self.if_exists or self.set_operator is SetOperator.FOR_ALL_VALUES:
                return True
            return self.is_negated and self.set_operator is None
        values = (found,) if isinstance(found, str) else found
        if self.set_operator is SetOperator.FOR_ALL_VALUES:
            return all(self._matches(value, context) is not self.is_negated for value in values)
        if self.set_operator is SetOperator.FOR_ANY_VALUE:
            return any(self._matches(value, context) is not self.is_negated for value in values)
        return any(self._matches(value, context) for value in values) is not self.is_negated

    def _matches(self, value: str, context: Context) -> bool:
        return any(test(value, context) for test in self.tests)


def parse_conditions(element: object, *, has_variables: bool) -> tuple[Condition, ...]:
    """Compile a Condition element.

    :raises ValueError: if an operator is unknown or a value doesn't suit it.
    """
    return tuple(
        _parse_condition(operator_name, key, values, has_variables)
        for operator_name, keys in _items(element, "Condition")
        for key, values in _items(keys, operator_name)
    )


def _items(element: object, name: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(element, Mapping):
        raise OperandError(f"{name} must be an object.")
    return element.items()


def _parse_condition(operator_name: str, key: str, values: object, has_variables: bool) -> Condition:
    set_operator, base, if_exists = _split_operator_name(operator_name)
    texts = [_to_text(value) for value in (values if isinstance(values, list) else [values])]
    if base == _NULL and set_operator is None and not if_exists:
        if len(texts) != 1 or texts[0].lower() not in ("true", "false"):
            raise OperandError("Null takes one boolean.")
        return NullCondition(key.lower(), texts[0].lower() == "true")
    known = _OPERATORS_BY_LOWER_NAME.get(base)
    if known is None:
        raise OperandError(f"There is no condition operator {operator_name}.")
    tests = tuple(_compile_test(known, text, has_variables and known.takes_variables) for text in texts)
    return ValueCondition(key.lower(), known.is_negated, set_operator, if_exists, tests)


def _split_operator_name(name: str) -> tuple[SetOperator | None, str, bool]:
    prefix, colon, base = name.lower().rpartition(":")
    if colon and prefix not in list(SetOperator):
        raise OperandError(f"There is no condition operator {name}.")
    set_operator = SetOperator(prefix) if colon else None
    return set_operator, base.removesuffix(_IF_EXISTS), base.endswith(_IF_EXISTS)


def _to_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise OperandError("A condition's values must be texts, numbers or booleans.")


def _compile_test(known: Operator, text: str, has_variables: bool) -> ValueTest:
    template = parse_template(text, has_variables=has_variables)
    fragments = template.expand({}) if template.is_constant else None
    if fragments is None:
        return _template_test(known, template)
    matches = known.compare(fragments)
    return lambda value, _context: matches(value)


def _template_test(known: Operator, template: Template) -> ValueTest:
    """Make a test with a value that depends on the request; a value that can't be filled in matches nothing."""

    def test(value: str, context: Context) -> bool:
        fragments = template.expand(context)
        if fragments is None:
            return False
        try:
            return known.compare(fragments)(value)
        except OperandError:
            return False

    return test
