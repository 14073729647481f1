"""The routes of saved views: of the caller alone, and only for pages of the console."""

from __future__ import annotations

import pytest

from rootkeeper.access.rules import ServerRole
from tests.functional.api.serving import ApiServer


def put(api: ApiServer, name: str, address: str, role: ServerRole = ServerRole.VIEWER) -> int:
    return api.ask("PUT", f"/me/views/{name}", {"address": address}, role, {}).status


def test_a_view_is_saved_listed_and_deleted_by_its_owner_alone(api: ApiServer) -> None:
    assert put(api, "mine", "/accounts?status=present&list=-key_used") == 200
    (view,) = api.get("/me/views").json["views"]
    assert (view["name"], view["address"]) == ("mine", "/accounts?status=present&list=-key_used")
    assert api.get("/me/views", ServerRole.OPERATOR).json["views"] == []
    assert api.ask("DELETE", "/me/views/mine", None, ServerRole.OPERATOR, {}).status == 404
    assert api.ask("DELETE", "/me/views/mine", None, ServerRole.VIEWER, {}).json["views"] == []


@pytest.mark.parametrize(
    "address", ["https://example.com/", "//example.com/", "/\\example.com", "accounts", "/a b", "/a\nb", ""]
)
def test_an_address_that_could_lead_elsewhere_is_refused(api: ApiServer, address: str) -> None:
    assert put(api, "elsewhere", address) == 422
    assert api.get("/me/views").json["views"] == []
