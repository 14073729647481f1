"""One request put to both evaluators: the product's, and the sandbox's, which shares no code with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rootkeeper.policy_language.conditions import EvaluationContext, OneOf, known_values
from rootkeeper.policy_language.documents import AccessRequest, PolicyKind, PolicyLabel, parse_policy
from rootkeeper.policy_language.evaluation import ApplicablePolicies, Decision, PolicyLevel, evaluate
from rootkeeper.policy_language.patterns import PartialText, known_text
from rootkeeper_sandbox.authorization.authorizer import RequestPolicies as SandboxStanding
from rootkeeper_sandbox.authorization.authorizer import decide
from rootkeeper_sandbox.authorization.conditions import AccessRequest as SandboxRequest
from rootkeeper_sandbox.exchange import AttachedPolicy

Context = Mapping[str, str | tuple[str, ...]]
"""Condition keys by lower-case name; what isn't there is absent."""
Levels = Sequence[Sequence[str]]
"""Documents at each level, as JSON text."""

FULL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
FULL_RESOURCE = FULL.replace('"Effect"', '"Principal":"*","Effect"')
_KEY = re.compile(r'"([\w.-]+:[\w./-]+)"')


@dataclass(frozen=True, slots=True)
class Question:
    """One request, of which everything is known."""

    action: str
    resource: str
    context: Context

    @property
    def account_id(self) -> str:
        return str(self.context.get("aws:principalaccount", ""))


def ask_product(
    question: Question,
    service_levels: Levels,
    resource_levels: Levels = (),
    identity: Sequence[str] | None = None,
    hidden: Iterable[str] = (),
) -> Decision:
    """The product's answer; ``hidden`` are keys of which it doesn't even know whether they are there."""
    documents = [text for level in (*service_levels, *resource_levels, identity or ()) for text in level]
    concealed = frozenset(hidden)
    context = EvaluationContext(
        known_values({key: value for key, value in question.context.items() if key not in concealed}),
        absent=_list_keys(documents) - question.context.keys() - concealed,
    )
    request = AccessRequest(question.action, known_text(question.resource), context)
    standing = ApplicablePolicies(
        service_control_levels=_parse_levels(service_levels, PolicyKind.SERVICE_CONTROL),
        resource_control_levels=_parse_levels(resource_levels, PolicyKind.RESOURCE_CONTROL),
        identity_policies=None
        if identity is None
        else tuple(
            parse_policy(text, PolicyLabel(f"i-{number}", ""), PolicyKind.IDENTITY)
            for number, text in enumerate(identity)
        ),
    )
    return evaluate(request, standing)


def ask_sandbox(
    question: Question, service_levels: Levels, resource_levels: Levels = (), identity: Sequence[str] | None = None
) -> bool:
    """Whether the sandbox would let it pass."""
    request = SandboxRequest(question.action.lower(), question.resource, question.context, question.account_id)
    standing = SandboxStanding(
        service_control_levels=_attach(service_levels),
        identity_policies=identity,
        resource_control_levels=_attach(resource_levels),
    )
    return decide(request, standing) is None


def make_concrete(request: AccessRequest, fillings: Sequence[str], unknown: Context) -> Question:
    """A request of the preflight with everything filled in that it leaves open."""
    context: dict[str, str | tuple[str, ...]] = dict(unknown)
    for key, values in request.context.values.items():
        found = values.values[:1] if isinstance(values, OneOf) else values
        texts = tuple(_fill(value, fillings) for value in found)
        context[key] = texts if key.endswith("orgpaths") else texts[0]
    return Question(request.action, _fill(request.resource, fillings), context)


def _fill(text: PartialText, fillings: Sequence[str]) -> str:
    """Region and name of a queue, the name alone of everything else."""
    gaps = len(text.pieces) - 1
    chosen = fillings[:gaps] if ":sqs:" in text.pieces[0] else fillings[len(fillings) - gaps :]
    filled = text.pieces[0]
    for filling, piece in zip(chosen, text.pieces[1:], strict=True):
        filled += filling + piece
    return filled


def _list_keys(documents: Iterable[str]) -> frozenset[str]:
    return frozenset(key.lower() for text in documents for key in (*_KEY.findall(text), *_list_variables(text)))


def _list_variables(text: str) -> list[str]:
    return re.findall(r"\$\{([\w:/.-]+)", text)


def _parse_levels(levels: Levels, kind: PolicyKind) -> tuple[PolicyLevel, ...]:
    return tuple(
        PolicyLevel(
            f"ou-{depth}",
            tuple(
                parse_policy(text, PolicyLabel(f"p-{depth}-{number}", "policy"), kind)
                for number, text in enumerate(level)
            ),
        )
        for depth, level in enumerate(levels)
    )


def _attach(levels: Levels) -> list[list[AttachedPolicy]]:
    return [[AttachedPolicy("arn:aws:organizations::policy", "policy", text) for text in level] for level in levels]


def render_policy(*statements: Mapping[str, object], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})
