"""The guided story is told by a demo's server, and by no other."""

from __future__ import annotations

from rootkeeper.composition.story import StoryState, evaluate_story
from tests.functional.api.serving import ApiServer

ENABLED = {"features": ["RootSessions", "RootCredentialsManagement"], "delegated_administrators": ["222233334444"]}


def test_a_demo_tells_its_story(api: ApiServer) -> None:
    api.services.story = evaluate_story(StoryState(ENABLED, False, [], []))
    reported = api.get("/story").json
    assert reported["people_url"] == "http://127.0.0.1:4599"
    assert [step["step_id"] for step in reported["steps"] if step["is_done"]] == ["enable"]
    assert reported["steps"][0]["place"] == "console"


def test_any_other_server_has_none(api: ApiServer) -> None:
    answer = api.get("/story")
    assert (answer.status, answer.code) == (404, "input.not_found")
