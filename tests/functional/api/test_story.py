"""The guided story is shown by a demo's server, and by no other."""

from __future__ import annotations

from rootkeeper.organization.accounts import Endpoint
from tests.functional.api.serving import ApiServer
from tests.sandbox_process import SandboxProcess


def test_a_demo_shows_its_story(api: ApiServer) -> None:
    with SandboxProcess.start("--scenario", "demo") as sandbox:
        sandbox.control("POST", "identity-center", {"status": "down"})
        api.services.has_story, api.services.endpoint = True, Endpoint(sandbox.endpoint_label)
        reported = api.get("/story").json
    assert reported["people_url"] == api.services.endpoint.people_url
    assert [step["step_id"] for step in reported["steps"] if step["is_done"]] == ["outage"]
    assert reported["steps"][0]["place"] == "console"


def test_any_other_server_has_none(api: ApiServer) -> None:
    answer = api.get("/story")
    assert (answer.status, answer.code) == (404, "input.not_found")
