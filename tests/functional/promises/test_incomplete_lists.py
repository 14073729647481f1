"""P13: a list of accounts that is empty, cut off or malformed is an error, and nothing is concluded from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.promises.interposed_proxy import Answer, InterposedProxy, Request
from tests.functional.promises.stage import EVERYTHING, MANAGEMENT, Stage, assert_clean_ending

Body = dict[str, Any]
Change = Callable[[Body], Body]


def rewriting(operation: str, change: Change) -> Callable[[Request, Answer], Answer]:
    """A hook that changes every answer of an operation of Organizations."""

    def rewrite(request: Request, answer: Answer) -> Answer:
        if request.operation != operation or answer.status != 200:
            return answer
        return Answer(answer.status, answer.headers, json.dumps(change(json.loads(answer.body))).encode())

    return rewrite


def without(*names: str) -> Change:
    return lambda body: {name: value for name, value in body.items() if name not in names}


def each_account(change: Change) -> Change:
    return lambda body: body | {"Accounts": [change(account) for account in body["Accounts"]]}


def no_accounts(body: Body) -> Body:
    return {"Accounts": []}


def without_the_management_account(body: Body) -> Body:
    return body | {"Accounts": [one for one in body["Accounts"] if one["Id"] != MANAGEMENT]}


def without_anycompany(body: Body) -> Body:
    return body | {"OrganizationalUnits": [one for one in body["OrganizationalUnits"] if one["Name"] != "AnyCompany"]}


def always_the_same_page() -> Callable[[Request, Answer], Answer]:
    """A server that forgets its tokens: the first page again, with its token."""
    first: list[Answer] = []

    def repeat(request: Request, answer: Answer) -> Answer:
        if request.operation != "ListAccounts":
            return answer
        first.append(answer)
        return first[0]

    return repeat


INCOMPLETE: dict[str, Callable[[Request, Answer], Answer]] = {
    "no account": rewriting("ListAccounts", no_accounts),
    "empty pages": rewriting("ListAccounts", lambda body: body | {"Accounts": []}),
    "no list at all": rewriting("ListAccounts", without("Accounts")),
    "a list that is null": rewriting("ListAccounts", lambda body: body | {"Accounts": None}),
    "without the management account": rewriting("ListAccounts", without_the_management_account),
    "no organization root": rewriting("ListRoots", lambda body: {"Roots": []}),
    "no list of organizational units": rewriting("ListOrganizationalUnitsForParent", without("OrganizationalUnits")),
    "an organizational unit missing": rewriting("ListOrganizationalUnitsForParent", without_anycompany),
    "an account without an id": rewriting("ListAccounts", each_account(without("Id"))),
}
QUICK = {"no account", "a list that is null", "an organizational unit missing"}
"""Tried in the quick suite too."""
COMMANDS = (
    ("audit", "--refresh", "-o", "json"),
    ("delete", EVERYTHING, "--yes", "-o", "json"),
    ("recover", "Shop Test", "--reason", "drill", "--leave-open", "--yes"),
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.long) for name in INCOMPLETE]
)
def test_p13_nothing_is_concluded_from_a_list_that_cannot_be_complete(
    stage: Stage, proxy: InterposedProxy, name: str
) -> None:
    proxy.after = INCOMPLETE[name]
    for command in COMMANDS:
        run = stage.run(*command, through=proxy)
        assert_clean_ending(run, 3)
        assert run.stdout == "", run.shown
        assert "error: " in run.stderr
    assert proxy.mutating == []


def test_p13_a_delegated_administrator_s_list_without_the_management_account_is_an_error(
    stage: Stage, proxy: InterposedProxy
) -> None:
    credentials = stage.sandbox.environment("delegated-admin")
    assert stage.run("audit", through=proxy, changes=credentials).status == 1
    proxy.after = rewriting("ListAccounts", without_the_management_account)
    fresh = {"ROOTKEEPER_DATABASE_URL": f"sqlite:///{stage.folder}/fresh.db"}
    run = stage.run("audit", through=proxy, changes=credentials | fresh)
    assert_clean_ending(run, 3)
    assert MANAGEMENT in run.stderr


def test_p13_a_page_that_repeats_its_token_is_an_error_and_comes_to_an_end(
    stage: Stage, proxy: InterposedProxy
) -> None:
    proxy.after = always_the_same_page()
    run = stage.run("audit", "-o", "json", through=proxy)
    assert_clean_ending(run, 3)
    assert run.stdout == ""
    assert proxy.operations.count("ListAccounts") < 5


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(without("NextToken"), id="cut off"),
        pytest.param(lambda body: body | {"Accounts": body["Accounts"][:-1]}, id="short pages", marks=pytest.mark.long),
    ],
)
def test_p13_a_list_that_lacks_accounts_is_found_by_those_that_were_there_before(
    stage: Stage, proxy: InterposedProxy, change: Change
) -> None:
    assert stage.run("audit", through=proxy).status == 1
    proxy.after = rewriting("ListAccounts", change)
    for command in COMMANDS:
        run = stage.run(*command, through=proxy)
        assert_clean_ending(run, 3)
        assert run.stdout == ""
        assert "is in the organization, but not in the list" in run.stderr, run.shown
    assert proxy.mutating == []
    proxy.forget()
    whole = stage.run("audit", "-o", "json", through=proxy)
    assert len(json.loads(whole.stdout)["accounts"]) == len(stage.sandbox.accounts())


def test_p13_a_list_that_ends_early_by_an_error_is_an_error(stage: Stage, proxy: InterposedProxy) -> None:
    def refuse_second_page(request: Request) -> Answer | None:
        is_second = request.operation == "ListAccounts" and proxy.operations.count("ListAccounts") > 1
        return request.refuse("InvalidInputException", 400) if is_second else None

    proxy.before = refuse_second_page
    run = stage.run("audit", "-o", "json", through=proxy)
    assert_clean_ending(run, 3)
    assert run.stdout == ""


@pytest.mark.parametrize("kept", ["State", "Status"])
def test_p13_either_word_for_the_state_of_an_account_is_enough(stage: Stage, proxy: InterposedProxy, kept: str) -> None:
    dropped = "Status" if kept == "State" else "State"
    proxy.after = rewriting("ListAccounts", each_account(without(dropped)))
    run = stage.run("audit", "-o", "json", through=proxy)
    assert_clean_ending(run, 1)
    audited = {one["account_id"]: (one["state"], one["status"]) for one in json.loads(run.stdout)["accounts"]}
    proxy.forget()
    usual = json.loads(stage.run("audit", "-o", "json", through=proxy).stdout)["accounts"]
    assert audited == {one["account_id"]: (one["state"], one["status"]) for one in usual}


@pytest.mark.parametrize("change", [without("State", "Status"), lambda one: one | {"State": "NEW", "Status": "NEW"}])
def test_p13_an_account_whose_state_is_not_known_is_unknown_and_is_not_touched(
    stage: Stage, proxy: InterposedProxy, change: Change
) -> None:
    proxy.after = rewriting("ListAccounts", each_account(change))
    audited = stage.run("audit", "-o", "json", through=proxy)
    assert_clean_ending(audited, 1)
    statuses = {one["status"] for one in json.loads(audited.stdout)["accounts"] if one["role"] == "member"}
    assert statuses == {"unknown"}
    deleted = stage.run("delete", EVERYTHING, "--yes", through=proxy)
    assert_clean_ending(deleted, 1, 2, 4)
    assert proxy.mutating == []
