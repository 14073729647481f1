"""People who sign in by a browser: cookies, forged requests, second factors, and the ends of sign-ins."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper.access.factor_store import name_cookie
from rootkeeper.access.rules import ServerRole
from rootkeeper.ledger.rules import Action
from rootkeeper.server.application import ROWS, make_application
from rootkeeper.server.guards import ACCESS_KEY, FRESH_FACTOR_KEY, AccessRequirement
from tests.fakes.api_services import FakeServices
from tests.fakes.authenticators import SoftPasskey
from tests.functional.api.browsers import PASSWORD, Browser, add_user
from tests.functional.api.serving import ApiServer

FRESH = {(row.method, row.path) for row in ROWS if row.needs_fresh_factor}


@pytest.fixture
def browser(api: ApiServer) -> Browser:
    return Browser(api)


def operate(browser: Browser, name: str = "olga", role: ServerRole = ServerRole.OPERATOR) -> Any:
    """Sign a user in who has just set an authenticator app up; the app."""
    add_user(browser.api, name, role)
    browser.sign_in(name)
    return browser.enrol()


# The cookie.


def test_a_browsers_sign_in_is_a_cookie_that_scripts_and_other_sites_dont_get(api: ApiServer, browser: Browser) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    reported = browser.sign_in("vera")
    (cookie,) = browser.set_cookies
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {"httponly", "samesite=strict", "path=/"}
    assert cookie.startswith("rootkeeper=")
    assert (reported["name"], reported["role"], reported["needs"]) == ("vera", "viewer", None)
    assert "token" not in reported
    assert str(browser.cookie) not in str(reported)
    me = browser.get("/me").json
    assert (me["name"], me["kind"], me["is_sandbox"], me["people_url"]) == (
        "vera",
        "user",
        True,
        "http://127.0.0.1:4599",
    )
    assert me["factor"] == {"required": False, "enrolled": [], "fresh_until": None}
    assert browser.get("/auth/session").json == reported


def test_without_the_consoles_header_a_password_gives_a_bearer_token_and_no_cookie(
    api: ApiServer, browser: Browser
) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    answer = browser.post("/auth/sign-in", {"name": "vera", "password": PASSWORD}, X_Rootkeeper_Console="")
    assert "set-cookie" not in answer.headers
    token = answer.json["token"]
    assert api.get("/me", None, Authorization=f"Bearer {token}").json["name"] == "vera"
    assert Browser(api, cookie=token).get("/me").status == 401
    browser.sign_in("vera")
    assert api.get("/me", None, Authorization=f"Bearer {browser.cookie}").status == 401


def test_a_secret_from_before_the_sign_in_is_never_taken_over(api: ApiServer, browser: Browser) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    planted = Browser(api, cookie="planted-by-an-attacker")
    planted.sign_in("vera")
    assert planted.cookie != "planted-by-an-attacker"
    assert Browser(api, cookie="planted-by-an-attacker").get("/me").status == 401
    first = planted.cookie
    planted.sign_in("vera")
    assert planted.cookie != first
    assert Browser(api, cookie=first).get("/me").status == 401


def test_each_factor_changes_the_secret_and_the_token_against_forged_requests(api: ApiServer, browser: Browser) -> None:
    add_user(api, "olga", ServerRole.OPERATOR)
    browser.sign_in("olga")
    seen = [(browser.cookie, browser.csrf_token)]
    app = browser.enrol()
    seen.append((browser.cookie, browser.csrf_token))
    api.services.clock.advance(60)
    assert browser.post("/auth/step-up", {"totp": browser.code_of(app)}).status == 200
    seen.append((browser.cookie, browser.csrf_token))
    assert len({cookie for cookie, _ in seen}) == len({token for _, token in seen}) == 3
    for cookie, token in seen[:-1]:
        assert Browser(api, cookie=cookie, csrf_token=token).get("/me").status == 401


# Forged requests.


@pytest.mark.parametrize("token", ["", "wrong", "\xfc", "0" * 64])
def test_a_change_without_the_right_csrf_token_is_refused(browser: Browser, token: str) -> None:
    operate(browser)
    browser.csrf_token = None
    answer = browser.post("/audits", None, X_CSRF_Token=token)
    assert (answer.status, answer.code) == (403, "access.csrf")
    assert browser.api.services.jobs.list_jobs() == ()


def test_the_csrf_token_of_another_sign_in_is_refused(api: ApiServer, browser: Browser) -> None:
    operate(browser)
    other = Browser(api)
    operate(other, "otto")
    answer = browser.post("/audits", None, X_CSRF_Token=other.csrf_token or "")
    assert (answer.status, answer.code) == (403, "access.csrf")
    assert browser.post("/audits").status == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Origin": ""},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_cookie_isnt_taken_from_another_page_even_on_another_port_of_this_host(
    browser: Browser, headers: dict[str, str], method: str
) -> None:
    operate(browser)
    answer = browser.ask(method, "/audits", None if method == "GET" else {}, headers)
    assert (answer.status, answer.code) == (403, "access.csrf")
    assert browser.api.services.jobs.list_jobs() == ()


def test_another_page_can_neither_sign_in_nor_sign_out_nor_become_administrator(
    api: ApiServer, browser: Browser
) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    foreign = {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}
    api.services.first_administrators.add_link("link", api.services.clock.now().replace(year=2099))
    become = {"link_token": "link", "name": "eve", "password": PASSWORD}
    for path, body in (
        ("/auth/sign-in", {"name": "vera", "password": PASSWORD}),
        ("/auth/first-administrator", become),
    ):
        answer = browser.post(path, body, **foreign)
        assert (answer.status, answer.code) == (403, "access.csrf")
    browser.sign_in("vera")
    assert browser.post("/auth/sign-out", None, **foreign).code == "access.csrf"
    assert browser.post("/auth/sign-out", None, X_CSRF_Token="wrong").code == "access.csrf"
    assert browser.get("/me").status == 200


def test_a_bearer_token_needs_no_csrf_token_and_isnt_helped_by_a_cookie(api: ApiServer, browser: Browser) -> None:
    operate(browser)
    browser.csrf_token = None
    bearer = f"Bearer {api.token(ServerRole.AUDITOR)}"
    assert browser.post("/audits", None, Authorization=bearer, Sec_Fetch_Site="cross-site").status == 202
    assert browser.get("/me", Authorization="Bearer rk_wrong").status == 401
    assert browser.get("/me", Authorization="Basic YTpi").status == 401


# Signing out, and other ends.


def test_signing_out_ends_the_sign_in_and_the_cookie(browser: Browser) -> None:
    operate(browser)
    cookie, token = browser.cookie, browser.csrf_token
    assert browser.post("/auth/sign-out").status == 204
    assert browser.cookie is None
    assert "max-age=0" in browser.set_cookies[-1].lower()
    assert Browser(browser.api, cookie=cookie, csrf_token=token).get("/me").status == 401
    assert browser.post("/auth/sign-out").status == 204


def test_a_sign_in_ends_when_it_is_idle_and_at_its_end_however_it_is_used(api: ApiServer, browser: Browser) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    browser.sign_in("vera")
    api.services.clock.advance(29 * 60)
    assert browser.get("/me").status == 200
    api.services.clock.advance(30 * 60)
    assert (browser.get("/me").status, browser.get("/me").code) == (401, "access.not_signed_in")
    browser.sign_in("vera")
    for _ in range(12 * 3 - 1):
        api.services.clock.advance(20 * 60)
        assert browser.get("/me").status == 200
    api.services.clock.advance(20 * 60)
    assert browser.get("/me").status == 401


def test_a_page_that_asks_by_itself_doesnt_keep_its_sign_in_from_ending(api: ApiServer, browser: Browser) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    browser.sign_in("vera")
    for _ in range(2):
        api.services.clock.advance(20 * 60)
        answer = browser.get("/me", X_Rootkeeper_Idle="1")
    assert answer.status == 401


def test_a_disabled_user_acts_no_more_nor_does_one_with_a_new_password(api: ApiServer, browser: Browser) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    add_user(api, "ben", ServerRole.VIEWER)
    other = Browser(api)
    browser.sign_in("vera")
    other.sign_in("ben")
    api.services.identities.disable("vera", api.services.clock.now())
    api.services.identities.set_password("ben", "another horse battery")
    assert browser.get("/me").status == 401
    assert other.get("/me").status == 401


def test_a_new_role_is_judged_at_the_next_request_and_asks_for_its_factor(api: ApiServer, browser: Browser) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    browser.sign_in("vera")
    assert browser.get("/windows").status == 200
    api.services.identities.set_role("vera", ServerRole.OPERATOR)
    answer = browser.get("/windows")
    assert (answer.status, answer.code) == (401, "access.sign_in_unfinished")
    assert browser.get("/auth/session").json["needs"] == "enrolment"
    browser.enrol()
    assert browser.get("/windows").status == 200


def test_one_sees_and_ends_ones_own_sign_ins_and_an_administrator_everyones(api: ApiServer) -> None:
    vera, elsewhere, adam = Browser(api), Browser(api), Browser(api)
    add_user(api, "vera", ServerRole.VIEWER)
    for browser in (vera, elsewhere):
        browser.sign_in("vera")
        api.services.clock.advance(1)
    operate(adam, "adam", ServerRole.ADMINISTRATOR)
    mine = vera.get("/sessions").json["sessions"]
    assert [(one["name"], one["is_current"]) for one in mine] == [("vera", False), ("vera", True)]
    of_everyone = adam.get("/sessions").json["sessions"]
    assert [one["name"] for one in of_everyone] == ["adam", "vera", "vera"]
    assert of_everyone[0]["address"] == "127.0.0.1"
    assert vera.delete(f"/sessions/{of_everyone[0]['session_id']}").status == 404
    assert vera.delete(f"/sessions/{mine[0]['session_id']}").status == 204
    assert elsewhere.get("/me").status == 401
    assert adam.delete(f"/sessions/{mine[1]['session_id']}").status == 204
    assert vera.get("/me").status == 401
    changes = [one.parameters["change"] for one in api.services.database.entries if "change" in one.parameters]
    assert changes == ["factor_added", "signed_out"]


def test_an_administrator_signs_a_user_out_everywhere(api: ApiServer, browser: Browser) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    browser.sign_in("vera")
    token = api.post("/auth/sign-in", {"name": "vera", "password": PASSWORD}, None).json["token"]
    ended = api.post("/identities/vera/sign-out", None, ServerRole.ADMINISTRATOR)
    assert (ended.status, ended.json["ended"]) == (200, 2)
    assert browser.get("/me").status == 401
    assert api.get("/me", None, Authorization=f"Bearer {token}").status == 401


# The second factor.


@pytest.mark.parametrize("role", [ServerRole.OPERATOR, ServerRole.APPROVER, ServerRole.ADMINISTRATOR])
def test_above_auditor_nothing_answers_before_a_factor_is_set_up(
    api: ApiServer, browser: Browser, role: ServerRole
) -> None:
    add_user(api, "olga", role)
    assert browser.sign_in("olga")["needs"] == "enrolment"
    for row in ROWS:
        if row.demand is AccessRequirement.ANYONE or row.method != "GET":
            continue
        answer = browser.get(row.path.removeprefix("/api/v1")) if row.path.startswith("/api/v1") else None
        if answer is not None and row.demand is AccessRequirement.SIGNING_IN:
            assert answer.status == 200, row.path
        elif answer is not None:
            assert (answer.status, answer.code) == (401, "access.sign_in_unfinished"), row.path
    assert browser.post("/audits").code == "access.sign_in_unfinished"
    browser.enrol()
    assert browser.get("/auth/session").json["needs"] is None
    assert browser.get("/me").json["factor"]["enrolled"] == ["totp"]


def test_what_answers_before_the_factor_is_about_signing_in_and_nothing_else() -> None:
    paths = {row.path.removeprefix("/api/v1") for row in ROWS if row.demand is AccessRequirement.SIGNING_IN}
    assert all(path == "/me" or path.startswith(("/auth/", "/me/factors")) for path in paths)


def test_the_openapi_document_says_what_needs_a_fresh_factor() -> None:
    document: dict[str, Any] = {}
    for route in make_application(FakeServices().as_server).routes:
        extra = getattr(route, "openapi_extra", None)
        if extra and extra.get(FRESH_FACTOR_KEY):
            document[getattr(route, "path", "")] = extra[ACCESS_KEY]
    assert set(document) == {path for _, path in FRESH}
    weighty = {
        "/deletions",
        "/jobs/{job_id}/resume",
        "/windows/{window_id}/activate",
        "/windows/{window_id}/approve",
        "/windows/{window_id}/extend",
        "/tokens",
        "/users",
        "/identities/{name}/disable",
        "/identities/{name}/set-role",
        "/identities/{name}/reset-link",
        "/me/password",
        "/identities/{name}/reset-factors",
    }
    assert {f"/api/v1{path}" for path in weighty} <= set(document)
    assert "/api/v1/windows/{window_id}/deny" not in document


@pytest.mark.parametrize(("method", "path"), sorted(FRESH))
def test_what_is_weighty_asks_again_for_the_factor_after_five_minutes(
    api: ApiServer, browser: Browser, method: str, path: str
) -> None:
    app = operate(browser, "adam", ServerRole.ADMINISTRATOR)
    address = path.removeprefix("/api/v1")
    for part in ("{window_id}", "{name}", "{factor_id}", "{job_id}"):
        address = address.replace(part, "none-such")
    api.services.clock.advance(299)
    assert browser.ask(method, address, {} if method == "POST" else None, {}).status != 403
    api.services.clock.advance(1)
    answer = browser.ask(method, address, {} if method == "POST" else None, {})
    assert (answer.status, answer.code) == (403, "access.factor_needed")
    assert browser.post("/auth/step-up", {"totp": browser.code_of(app)}).status == 200
    assert browser.ask(method, address, {} if method == "POST" else None, {}).status != 403


def test_a_change_of_a_resource_policy_asks_again_for_the_factor_and_a_look_does_not(
    api: ApiServer, browser: Browser
) -> None:
    app = operate(browser)
    change = {"account": "222233334444", "kind": "s3", "resource": "logs", "change": "remove", "shown_sha256": "0" * 64}
    api.services.clock.advance(300)
    answer = browser.post("/unlocks", change)
    assert (answer.status, answer.code) == (403, "access.factor_needed")
    assert browser.post("/unlocks", {"account": "222233334444", "kind": "s3"}).status == 202
    assert browser.post("/auth/step-up", {"totp": browser.code_of(app)}).status == 200
    assert browser.post("/unlocks", change).status != 403


def test_a_password_alone_finishes_nothing_once_a_factor_is_set_up(api: ApiServer, browser: Browser) -> None:
    app = operate(browser)
    again = Browser(api)
    assert again.sign_in("olga")["needs"] == "factor"
    assert again.get("/windows").code == "access.sign_in_unfinished"
    for path in ("/me/factors/totp", "/me/factors/passkeys/options"):
        assert again.post(path).code == "access.factor_needed"
    (factor,) = again.get("/me/factors").json["factors"]
    assert again.delete(f"/me/factors/{factor['factor_id']}").code == "access.factor_needed"
    api.services.clock.advance(30)
    assert again.post("/auth/factor", {"totp": again.code_of(app)}).json["needs"] is None
    assert again.get("/windows").status == 200


def test_a_code_is_taken_once_and_neither_an_old_one_nor_a_wrong_one(api: ApiServer, browser: Browser) -> None:
    app = operate(browser)
    refused = browser.post("/auth/step-up", {"totp": browser.code_of(app)})
    assert (refused.status, refused.code) == (422, "access.factor_refused")
    api.services.clock.advance(30)
    code = browser.code_of(app)
    assert browser.post("/auth/step-up", {"totp": code}).status == 200
    for wrong in (code, app.at(api.services.clock.now(), counter_offset=-1), "000000", "abcdef", "١٢٣٤٥٦"):
        assert browser.post("/auth/step-up", {"totp": wrong}).code == "access.factor_refused", wrong
    following = app.at(api.services.clock.now(), counter_offset=1)
    assert browser.post("/auth/step-up", {"totp": following}).status == 200
    assert browser.post("/auth/step-up", {"totp": app.at(api.services.clock.now(), counter_offset=2)}).status == 422


def test_guesses_at_a_code_are_few_and_counted_for_the_user_over_all_browsers(api: ApiServer) -> None:
    app = operate(Browser(api))
    api.services.clock.advance(60)
    wrong = "000000" if app.at(api.services.clock.now()) != "000000" else "000001"
    for number in range(10):
        guesser = Browser(api)
        guesser.sign_in("olga")
        assert guesser.post("/auth/factor", {"totp": wrong}).code == "access.factor_refused", number
    late = Browser(api)
    late.sign_in("olga")
    limited = late.post("/auth/factor", {"totp": late.code_of(app)})
    assert (limited.status, limited.code) == (429, "access.too_many_attempts")
    assert limited.headers["retry-after"] == "3600"
    api.services.clock.advance(3600)
    late.sign_in("olga")
    assert late.post("/auth/factor", {"totp": late.code_of(app)}).status == 200


# Known devices.


def guess(api: ApiServer, name: str, times: int) -> list[int]:
    """Wrong passwords from a browser in which no one has signed in."""
    wrong = {"name": name, "password": "a wrong password"}
    return [Browser(api).post("/auth/sign-in", wrong).status for _ in range(times)]


def test_p32_wrong_passwords_of_others_do_not_lock_out_a_device_that_is_known(api: ApiServer, browser: Browser) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    browser.sign_in("vera")
    assert guess(api, "vera", 11) == [401] * 10 + [429]

    browser.sign_in("Vera")
    stranger = Browser(api).post("/auth/sign-in", {"name": "vera", "password": PASSWORD})
    assert (stranger.status, stranger.headers["retry-after"]) == (429, "5")


def test_a_known_device_waits_for_its_own_wrong_passwords_alone(api: ApiServer, browser: Browser) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    browser.sign_in("vera")
    another = Browser(api)
    another.sign_in("vera")
    wrong = {"name": "vera", "password": "a wrong password"}
    assert [browser.post("/auth/sign-in", wrong).status for _ in range(11)] == [401] * 10 + [429]

    another.sign_in("vera")
    Browser(api).sign_in("vera")


def test_a_device_is_known_for_its_user_alone_and_only_after_the_whole_sign_in(api: ApiServer) -> None:
    for name in ("vera", "vito"):
        add_user(api, name, ServerRole.VIEWER)
    of_vera = Browser(api)
    of_vera.sign_in("vera")
    (cookie,) = of_vera.devices.values()
    guess(api, "vito", 10)
    of_vera.devices |= dict.fromkeys((name_cookie("vito"), name_cookie("vera")), cookie)
    assert of_vera.post("/auth/sign-in", {"name": "vito", "password": PASSWORD}).status == 429

    operator = Browser(api)
    app = operate(operator)
    assert list(operator.devices) == [name_cookie("olga")]
    half = Browser(api)
    half.sign_in("olga")
    assert half.devices == {}
    api.services.clock.advance(60)
    assert half.post("/auth/factor", {"totp": half.code_of(app)}).status == 200
    assert list(half.devices) == [name_cookie("olga")]


def test_p32_wrong_codes_of_others_neither_lock_out_a_known_device_nor_passkeys(api: ApiServer) -> None:
    """The guesser knows the password."""
    known = Browser(api)
    app = operate(known)
    device = SoftPasskey(known.origin, "localhost")
    register(known, device)
    api.services.clock.advance(60)
    for number in range(10):
        guesser = Browser(api)
        guesser.sign_in("olga")
        assert guesser.post("/auth/factor", {"totp": "abcdef"}).status == 422, number

    stranger = Browser(api)
    stranger.sign_in("olga")
    assert stranger.post("/auth/factor", {"totp": stranger.code_of(app)}).status == 429
    proof = device.prove(stranger.post("/auth/passkey-options").json)
    assert stranger.post("/auth/factor", {"passkey": proof}).status == 200
    known.sign_in("olga")
    assert known.post("/auth/factor", {"totp": known.code_of(app)}).status == 200


@pytest.mark.parametrize("body", [{}, {"totp": "123456", "passkey": {}}, {"totp": None}, {"code": "123456"}])
def test_a_factor_is_one_code_or_one_passkey(browser: Browser, body: object) -> None:
    operate(browser)
    assert browser.post("/auth/step-up", body).status == 422


def test_the_last_factor_stays_where_the_role_needs_one(api: ApiServer, browser: Browser) -> None:
    operate(browser)
    (factor,) = browser.get("/me/factors").json["factors"]
    assert browser.delete(f"/me/factors/{factor['factor_id']}").status == 422
    browser.enrol()
    assert browser.delete(f"/me/factors/{factor['factor_id']}").status == 204
    assert browser.delete("/me/factors/none-such").status == 404
    vera = Browser(api)
    operate(vera, "vera", ServerRole.VIEWER)
    (own,) = vera.get("/me/factors").json["factors"]
    assert vera.delete(f"/me/factors/{own['factor_id']}").status == 204


def test_lost_factors_are_reset_by_an_administrator_and_the_ledger_names_no_secret(
    api: ApiServer, browser: Browser
) -> None:
    app = operate(browser)
    reset = api.post("/identities/olga/reset-factors", None, ServerRole.ADMINISTRATOR)
    assert (reset.status, reset.json["removed"]) == (200, 1)
    assert browser.get("/me").status == 401
    assert browser.sign_in("olga")["needs"] == "enrolment"
    facts = [one for one in api.services.database.entries if one.action is Action.IDENTITY_CHANGE]
    assert [(one.parameters["name"], one.parameters["change"], one.parameters["factor"]) for one in facts] == [
        ("olga", "factor_added", "totp"),
        ("olga", "factors_reset", None),
    ]
    acts = [(act, actor.name) for act, actor, _ in api.services.acts]
    assert acts == [("factors", "olga"), ("factors", "olga"), ("factors", "administrator-token")]
    assert app.secret not in str(facts)


def test_an_api_token_has_no_factors_and_no_browser(api: ApiServer) -> None:
    assert api.get("/me/factors").json["factors"] == []
    assert api.get("/me").json["factor"] == {"required": False, "enrolled": [], "fresh_until": None}
    for path in ("/me/factors/totp", "/auth/step-up", "/auth/passkey-options"):
        assert api.post(path, None, ServerRole.ADMINISTRATOR).status == 422
    assert api.post("/identities/viewer-token/reset-factors", None, ServerRole.ADMINISTRATOR).status == 422


def test_a_bearer_token_by_password_needs_the_factor_at_once(api: ApiServer, browser: Browser) -> None:
    add_user(api, "olga", ServerRole.OPERATOR)
    body = {"name": "olga", "password": PASSWORD}
    unset = api.post("/auth/sign-in", body, None)
    assert (unset.status, unset.code) == (401, "access.sign_in_unfinished")
    browser.sign_in("olga")
    app = browser.enrol()
    api.services.clock.advance(60)
    needed = api.post("/auth/sign-in", body, None)
    assert (needed.status, needed.code) == (403, "access.factor_needed")
    assert api.post("/auth/sign-in", {**body, "totp": "12345"}, None).code == "access.factor_refused"
    assert [one.kind.value for one in api.services.identities.sign_ins.values()] == ["browser"]
    token = api.post("/auth/sign-in", {**body, "totp": browser.code_of(app)}, None).json["token"]
    assert token.startswith("rk_")
    assert api.get("/windows", None, Authorization=f"Bearer {token}").status == 200


def test_a_bearer_sign_in_without_a_factor_acts_no_more_once_the_role_needs_one(api: ApiServer) -> None:
    add_user(api, "vera", ServerRole.VIEWER)
    token = api.post("/auth/sign-in", {"name": "vera", "password": PASSWORD}, None).json["token"]
    api.services.identities.set_role("vera", ServerRole.ADMINISTRATOR)
    answer = api.get("/windows", None, Authorization=f"Bearer {token}")
    assert (answer.status, answer.code) == (401, "access.sign_in_unfinished")


# Passkeys.


def register(browser: Browser, passkey: SoftPasskey) -> None:
    options = browser.post("/me/factors/passkeys/options")
    assert options.status == 200, options
    added = browser.post("/me/factors/passkeys", {"passkey": passkey.register(options.json), "name": "blue key"})
    assert added.status == 200, added


def test_a_passkey_is_set_up_and_finishes_a_sign_in(api: ApiServer, browser: Browser) -> None:
    add_user(api, "olga", ServerRole.OPERATOR)
    assert browser.sign_in("olga")["needs"] == "enrolment"
    passkey = SoftPasskey(browser.origin, "localhost")
    register(browser, passkey)
    (factor,) = browser.get("/me/factors").json["factors"]
    assert (factor["kind"], factor["name"]) == ("passkey", "blue key")
    assert browser.get("/windows").status == 200
    again = Browser(api)
    assert again.sign_in("olga")["needs"] == "factor"
    options = again.post("/auth/passkey-options").json
    assert options["rpId"] == "localhost"
    given = again.post("/auth/factor", {"passkey": passkey.prove(options)})
    assert (given.status, given.json["needs"]) == (200, None)
    assert again.get("/windows").status == 200


def test_an_answer_of_a_passkey_is_taken_once_in_time_and_by_the_sign_in_that_was_asked(
    api: ApiServer, browser: Browser
) -> None:
    add_user(api, "olga", ServerRole.OPERATOR)
    browser.sign_in("olga")
    passkey = SoftPasskey(browser.origin, "localhost")
    register(browser, passkey)
    answer = passkey.prove(browser.post("/auth/passkey-options").json)
    other = Browser(api)
    other.sign_in("olga")
    assert other.post("/auth/factor", {"passkey": answer}).code == "access.factor_refused"
    assert browser.post("/auth/step-up", {"passkey": answer}).status == 200
    assert browser.post("/auth/step-up", {"passkey": answer}).code == "access.factor_refused"
    late = passkey.prove(browser.post("/auth/passkey-options").json)
    api.services.clock.advance(300)
    assert browser.post("/auth/step-up", {"passkey": late}).code == "access.factor_refused"


@pytest.mark.parametrize("trick", ["origin", "host", "key", "count", "credential", "purpose"])
def test_a_passkey_that_isnt_right_in_any_way_is_refused(api: ApiServer, browser: Browser, trick: str) -> None:
    add_user(api, "olga", ServerRole.OPERATOR)
    browser.sign_in("olga")
    passkey = SoftPasskey(browser.origin, "localhost")
    register(browser, passkey)
    options = browser.post("/auth/passkey-options").json
    assert browser.post("/auth/step-up", {"passkey": passkey.prove(options)}).status == 200
    options = browser.post("/auth/passkey-options").json
    stranger = SoftPasskey(browser.origin, "localhost")
    if trick == "origin":
        passkey.origin = "https://evil.example"
    elif trick == "host":
        passkey.host = "evil.example"
    elif trick == "key":
        passkey.key = stranger.key
    elif trick == "count":
        passkey.sign_count = 0
    elif trick == "credential":
        passkey.credential_id = stranger.credential_id
    else:
        options = browser.post("/me/factors/passkeys/options").json
    refused = browser.post("/auth/step-up", {"passkey": passkey.prove(options)})
    assert (refused.status, refused.code) == (422, "access.factor_refused")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"response": None},
        {"response": {"clientDataJSON": 5}},
        {"response": {"clientDataJSON": "!!"}},
        {"response": {"clientDataJSON": "e30"}},
        {"response": {"clientDataJSON": "eyJ0eXBlIjoxLCJjaGFsbGVuZ2UiOjEsIm9yaWdpbiI6MX0"}},
        {"rawId": [], "response": {}},
    ],
)
def test_what_isnt_a_passkeys_answer_is_refused_as_such(browser: Browser, answer: object) -> None:
    operate(browser)
    for path in ("/auth/step-up", "/me/factors/passkeys"):
        assert browser.post(path, {"passkey": answer}).code == "access.factor_refused"


def test_for_a_bare_address_no_passkey_is_asked_and_the_hint_names_another_one(api: ApiServer) -> None:
    browser = Browser(api, "127.0.0.1")
    operate(browser)
    refused = browser.post("/me/factors/passkeys/options")
    assert refused.status == 422
    assert f"http://localhost:{api.port}" in refused.json["hint"]


# The first administrator.


def test_the_first_administrator_comes_by_a_link_that_works_once(api: ApiServer, browser: Browser) -> None:
    clock = api.services.clock
    api.services.first_administrators.add_link("the-link", clock.now().replace(year=2099))
    body = {"link_token": "the-link", "name": "adam", "password": PASSWORD}
    assert browser.post("/auth/first-administrator", {**body, "link_token": "another"}).status == 401
    assert browser.post("/auth/first-administrator", {**body, "password": "short"}).status == 422
    reported = browser.post("/auth/first-administrator", body)
    assert (reported.status, reported.json["role"], reported.json["needs"]) == (200, "administrator", "enrolment")
    browser.enrol()
    assert browser.get("/identities").status == 200
    again = Browser(api).post("/auth/first-administrator", {**body, "name": "eve"})
    assert (again.status, again.code) == (401, "access.not_signed_in")
    (added,) = [one for one in api.services.database.entries if one.action is Action.IDENTITY_ADD]
    assert (added.parameters["name"], added.parameters["added_by"]) == ("adam", "one_time_link")
    assert {actor.name for act, actor, _ in api.services.acts if act == "identities"} == {"rootkeeper"}
    assert "the-link" not in str(added)
