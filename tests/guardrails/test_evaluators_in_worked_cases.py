"""In every worked case both evaluators say the same of every action, once everything about the request is known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rootkeeper.guardrails.tasks import AccountPlace, Task, assume_root_request, list_requests
from rootkeeper.organization.accounts import AccountId
from rootkeeper.policy_language.documents import AccessRequest
from rootkeeper.policy_language.evaluation import AccessVerdict
from tests.guardrails.both_evaluators import FULL, FULL_RESOURCE, Levels, ask_product, ask_sandbox, make_concrete
from tests.guardrails.worked_cases import ACCOUNT, DELEGATE, ORGANIZATION_ID, Case, list_cases

PLACES = {"root": "r-exam", "Workloads": "ou-exam-workload", "Prod": "ou-exam-prod"}
ORDERS = AccountPlace(AccountId(ACCOUNT), ORGANIZATION_ID, tuple(PLACES.values()), "aws")
SECURITY = AccountPlace(AccountId(DELEGATE), ORGANIZATION_ID, ("r-exam", "ou-exam-security"), "aws")
FILLINGS = ("us-east-1", "orders-incoming")
UNKNOWN = {
    "aws:currenttime": "2026-01-15T09:00:00Z",
    "aws:epochtime": "1768467600",
    "aws:requestedregion": "us-east-1",
    "aws:sourceip": "127.0.0.1",
    "aws:tokenissuetime": "2026-01-15T08:59:00Z",
    "aws:useragent": "rootkeeper",
}


def levels_of(case: Case, places: tuple[str, ...], kind: str) -> Levels:
    """The documents at each place, full access included unless it is detached."""
    full = FULL if kind == "SERVICE_CONTROL_POLICY" else FULL_RESOURCE
    return [
        [
            *([] if place in case.without_full_access and full is FULL else [full]),
            *(
                policy.document.replace("{Workloads}", PLACES["Workloads"])
                for policy in case.policies
                if policy.type == kind and place in policy.at
            ),
        ]
        for place in places
    ]


def list_questions() -> Iterator[tuple[Task, AccessRequest]]:
    for task in Task:
        if task is Task.ASSUME_ROOT:
            yield task, assume_root_request(SECURITY, ORDERS)
        else:
            yield from ((task, request) for request in list_requests(task, ORDERS))


@pytest.mark.parametrize("case", list_cases(), ids=str)
def test_both_say_the_same(case: Case) -> None:
    denied: set[Task] = set()
    for task, request in list_questions():
        is_call = task is Task.ASSUME_ROOT
        places = ("root", "security", "delegate") if is_call else (*PLACES, "account")
        scps = levels_of(case, places, "SERVICE_CONTROL_POLICY")
        is_guarded = request.action.startswith(("s3:", "sqs:"))
        rcps = levels_of(case, places, "RESOURCE_CONTROL_POLICY") if is_guarded else ()
        question = make_concrete(request, ("role", "admin") if is_call else FILLINGS, UNKNOWN)
        is_allowed = ask_sandbox(question, scps, rcps)
        assert (ask_product(question, scps, rcps).verdict is AccessVerdict.ALLOWED) is is_allowed, request.action
        denied |= set() if is_allowed else {task}
    for task, expected in case.expected.items():
        assert expected.verdict is AccessVerdict.DEPENDS or (task in denied) is (
            expected.verdict is AccessVerdict.BLOCKED
        ), task
