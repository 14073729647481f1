"""Lists: who has one already gets a short answer instead of the list again; they come in pages, and are narrowed."""

from __future__ import annotations

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.organization.statuses import AccountRole, AccountStatus, Status
from tests.api_conformance import DOCUMENT
from tests.fakes.api_services import make_inventory
from tests.functional.api.odd_inputs import OPERATIONS
from tests.functional.api.serving import ApiServer

LISTS = [path for method, path in OPERATIONS if method == "GET" and path.startswith("/api/v1/") and "{" not in path]
ADMINISTRATOR = ServerRole.ADMINISTRATOR


@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_hasnt_changed_isnt_sent_again(walked: ApiServer, path: str) -> None:
    operation = DOCUMENT["paths"][path]["get"]
    first = walked.get(path.removeprefix("/api/v1"), ADMINISTRATOR)
    if first.status != 200 or first.headers["content-type"] != "application/json":
        return
    if operation["x-rootkeeper-access"] == "anyone":
        return
    tag = first.headers["etag"]
    again = walked.get(path.removeprefix("/api/v1"), ADMINISTRATOR, If_None_Match=tag)
    # Who uses a token changes when it was used last.
    assert (again.status, again.content) == (304, b"") or path.endswith(("/identities", "/tokens", "/me")), again
    assert "304" in operation["responses"]


def test_a_list_that_has_changed_is_sent(api: ApiServer) -> None:
    tag = api.get("/accounts").headers["etag"]
    assert api.get("/accounts", If_None_Match=tag).status == 304
    payments = make_inventory().accounts[1]
    status = AccountStatus(payments, AccountRole.MEMBER, Status.NOT_PRESENT, observed_at=api.services.clock.now())
    api.services.inventory_store.save_statuses([status])
    changed = api.get("/accounts", If_None_Match=tag)
    assert (changed.status, changed.json["summary"]["not_present"]) == (200, 1)
    assert api.get("/accounts?status=present", If_None_Match=changed.headers["etag"]).status == 200


def test_a_tag_reveals_nothing_without_permission(api: ApiServer) -> None:
    tag = api.get("/identities", ADMINISTRATOR).headers["etag"]
    assert api.get("/identities", ServerRole.VIEWER, If_None_Match=tag).status == 403
    assert api.get("/identities", None, If_None_Match=tag).status == 401


def test_only_what_is_read_has_a_tag(api: ApiServer) -> None:
    assert "etag" not in api.post("/windows", {"account": "payments", "reason": "a test"}).headers
    assert "etag" not in api.get("/jobs/none").headers


def test_the_list_of_jobs_can_be_narrowed_by_kind(api: ApiServer) -> None:
    api.services.add_job("j-1")
    assert len(api.get("/jobs?kind=audit").json["jobs"]) == 1
    assert api.get("/jobs?kind=plan&kind=deletion").json["jobs"] == []
    assert api.get("/jobs?kind=other").status == 422


def test_identities_come_in_pages(api: ApiServer) -> None:
    for role in ServerRole:
        api.token(role)
    first = api.get("/tokens?limit=3", ADMINISTRATOR).json
    assert (len(first["identities"]), first["total"]) == (3, 5)
    second = api.get(f"/tokens?limit=3&after={first['next']}", ADMINISTRATOR).json
    assert (len(second["identities"]), second["next"]) == (2, None)
    assert api.get("/users?after=none", ADMINISTRATOR).status == 422
