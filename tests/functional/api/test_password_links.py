"""People who are invited or reset by a link, or change their own password; no administrator's request has one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from rootkeeper.access.rules import ServerRole
from tests.fakes.api_services import FakeServices
from tests.functional.api.browsers import PASSWORD, Browser, add_user
from tests.functional.api.serving import Answer, ApiServer

NEW_PASSWORD = "seven quiet lanterns"
ADMINISTRATOR = ServerRole.ADMINISTRATOR


def make_link(api: ApiServer, path: str = "/users", body: object = None) -> Any:
    answer = api.post(path, {"name": "ana@example.com", "role": "operator"} if body is None else body, ADMINISTRATOR)
    assert answer.status in {200, 201}, answer
    return answer.json


def token_of(made: Any) -> str:
    return str(made["link"]).partition("/set-password#")[2]


def open_link(api: ApiServer, token: str, password: str = NEW_PASSWORD) -> tuple[Browser, Answer]:
    browser = Browser(api)
    return browser, browser.post("/auth/password-link", {"link_token": token, "password": password})


def test_an_invited_person_sets_password_and_factor_and_no_answer_shows_the_link_again(api: ApiServer) -> None:
    made = make_link(api)
    assert (made["name"], made["role"], made["is_usable"]) == ("ana@example.com", "operator", True)
    assert made["link"].startswith(f"http://127.0.0.1:{api.port}/set-password#ana@example.com.")
    listed = api.get("/users", ADMINISTRATOR)
    assert token_of(made) not in listed.content.decode()
    assert listed.json["identities"][0]["link_ends_at"] == made["link_ends_at"]
    browser, answer = open_link(api, token_of(made))
    assert (answer.status, answer.json["name"], answer.json["needs"]) == (200, "ana@example.com", "enrolment")
    assert browser.get("/windows").code == "access.sign_in_unfinished"
    browser.enrol()
    assert browser.get("/windows").status == 200
    assert api.get("/users", ADMINISTRATOR).json["identities"][0]["link_ends_at"] is None
    assert Browser(api).sign_in("ana@example.com", NEW_PASSWORD)["needs"] == "factor"


def test_the_link_begins_with_the_servers_public_address(services: FakeServices, api: ApiServer) -> None:
    server = replace(services.settings.server, public_url="https://keeper.example.com")
    services.settings = replace(services.settings, server=server)
    assert make_link(api)["link"].startswith("https://keeper.example.com/set-password#")


def test_of_two_who_open_a_link_at_once_one_gets_in(api: ApiServer) -> None:
    token = token_of(make_link(api))
    with ThreadPoolExecutor(2) as people:
        opened = list(people.map(lambda _: open_link(api, token), range(2)))
    assert sorted(answer.status for _, answer in opened) == [200, 401]


def test_a_used_and_an_unknown_link_and_one_of_a_removed_person_are_refused_alike(api: ApiServer) -> None:
    used = token_of(make_link(api))
    assert open_link(api, used)[1].status == 200
    gone = token_of(make_link(api, "/users", {"name": "gone", "role": "viewer"}))
    assert api.post("/identities/gone/disable", None, ADMINISTRATOR).status == 200
    answers = [open_link(api, token)[1] for token in (used, gone, "unknown.secret", "nothing")]
    assert {(answer.status, answer.code) for answer in answers} == {(401, "access.not_signed_in")}
    assert len({answer.json["detail"] for answer in answers}) == 1


def test_guesses_at_links_wait_like_guesses_at_passwords(api: ApiServer) -> None:
    for number in range(10):
        assert open_link(api, f"ana.{number}")[1].status == 401
    limited = open_link(api, "ana.more")[1]
    assert (limited.status, limited.code, limited.headers["retry-after"]) == (429, "access.too_many_attempts", "5")


def test_a_page_of_another_server_uses_no_link(api: ApiServer) -> None:
    token = token_of(make_link(api))
    answer = Browser(api).ask(
        "POST",
        "/auth/password-link",
        {"link_token": token, "password": NEW_PASSWORD},
        {"Origin": "https://evil.example.com", "Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status == 403
    assert open_link(api, token)[1].status == 200


def test_a_reset_ends_password_and_sign_ins_at_once_and_leaves_the_second_factor(api: ApiServer) -> None:
    add_user(api, "olga", ServerRole.OPERATOR)
    before = Browser(api)
    before.sign_in("olga")
    app = before.enrol()
    made = make_link(api, "/identities/olga/reset-link", {})
    assert before.get("/me").status == 401
    assert Browser(api).post("/auth/sign-in", {"name": "olga", "password": PASSWORD}).status == 401
    browser, answer = open_link(api, token_of(made))
    assert answer.json["needs"] == "factor"
    api.services.clock.advance(30)
    assert browser.post("/auth/factor", {"totp": browser.code_of(app)}).json["needs"] is None
    again = Browser(api)
    assert again.sign_in("olga", NEW_PASSWORD)["needs"] == "factor"


def test_changes_of_a_person_are_in_the_ledger_and_notify_the_person(api: ApiServer) -> None:
    made = make_link(api)
    open_link(api, token_of(made))
    make_link(api, "/identities/ana@example.com/reset-link", {})
    for change, body in (("reset-factors", {}), ("set-role", {"role": "viewer"}), ("disable", {})):
        assert api.post(f"/identities/ana@example.com/{change}", body, ADMINISTRATOR).status == 200
    notified = [one for one in api.services.notifier.notifications if one.person == "ana@example.com"]
    assert [one.event.value for one in notified] == [
        "user:invite:done",
        "user:password:changed",
        "user:reset:done",
        "user:reset:done",
        "user:role:changed",
        "user:disable:done",
    ]
    entries = [one for one in api.services.database.entries if one.parameters.get("name") == "ana@example.com"]
    assert [(entry.action.value, entry.parameters.get("change")) for entry in entries] == [
        ("identity:add", None),
        ("identity:change", "password_by_link"),
        ("identity:change", "reset_by_link"),
        ("identity:change", "factors_reset"),
        ("identity:change", "role"),
        ("identity:change", "disabled"),
    ]
    assert token_of(made).rpartition(".")[2] not in f"{notified} {entries}"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/users", {"name": "eva", "role": "viewer", "password": PASSWORD}),
        ("/identities/vera/set-password", {"password": PASSWORD}),
    ],
)
def test_no_administrator_sets_a_password_of_another_person(api: ApiServer, path: str, body: dict[str, str]) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    assert api.post(path, body, ADMINISTRATOR).status in {404, 405, 422}
    assert Browser(api).post("/auth/sign-in", {"name": "eva", "password": PASSWORD}).status == 401
    assert Browser(api).sign_in("vera")["needs"] is None


def test_an_administrator_resets_others_and_not_the_own_sign_in(api: ApiServer) -> None:
    add_user(api, "adam", ADMINISTRATOR)
    adam = Browser(api)
    adam.sign_in("adam")
    adam.enrol()
    answer = adam.post("/identities/adam/reset-link")
    assert (answer.status, "Change your password" in str(answer.json["hint"])) == (422, True)
    assert adam.get("/me").status == 200


def test_the_own_password_is_changed_and_the_other_sign_ins_end(api: ApiServer) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    here, elsewhere = Browser(api), Browser(api)
    for browser in (here, elsewhere):
        browser.sign_in("vera")
    bearer = api.post("/auth/sign-in", {"name": "vera", "password": PASSWORD}, None).json["token"]
    wrong = here.post("/me/password", {"password": "wrong", "new_password": NEW_PASSWORD})
    assert (wrong.status, elsewhere.get("/me").status) == (422, 200)
    changed = here.post("/me/password", {"password": PASSWORD, "new_password": NEW_PASSWORD})
    assert changed.status == 204, changed
    assert (here.get("/me").status, elsewhere.get("/me").status) == (200, 401)
    assert api.get("/me", None, Authorization=f"Bearer {bearer}").status == 401
    assert Browser(api).post("/auth/sign-in", {"name": "vera", "password": PASSWORD}).status == 401
    assert Browser(api).sign_in("vera", NEW_PASSWORD)["needs"] is None


def test_a_token_has_no_password_to_change(api: ApiServer) -> None:
    body = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    assert api.post("/me/password", body, ADMINISTRATOR).status == 422
