"""``doctor`` through a server: that it answers, is ready, and knows who asks."""

from __future__ import annotations

from typing import Any

from tests.functional.published_schemas import require_fits
from tests.functional.running import Run
from tests.functional.through_server.stage import ServedStage
from tests.ports import reserved_port


def read_checks(run: Run) -> list[tuple[str, str]]:
    return [(one["name"], one["verdict"]) for one in run.json["checks"]]


def find(run: Run, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in run.json["checks"] if one["name"] == name)
    return found


def test_a_person_sees_that_the_server_is_ready_and_who_they_are_on_it(stage: ServedStage) -> None:
    run = stage.person("vera").run("doctor", "-o", "json")
    assert run.status == 0, run.shown
    require_fits(run.json, "doctor")
    assert read_checks(run) == [("installation", "good"), ("server", "good"), ("credentials", "good")]
    assert "You are vera with the role viewer" in find(run, "credentials")["text"]


def test_a_person_without_a_token_sees_that_the_server_answers_and_how_to_sign_in(stage: ServedStage) -> None:
    run = stage.person("vera").run("doctor", "-o", "json", ROOTKEEPER_TOKEN=None)
    assert run.status == 1, run.shown
    assert read_checks(run) == [("installation", "good"), ("server", "good"), ("credentials", "problem")]
    assert "rootkeeper login" in find(run, "credentials")["fix"]


def test_a_server_that_cannot_be_reached_is_a_problem(stage: ServedStage) -> None:
    with reserved_port() as port:
        run = stage.person("vera").run("doctor", "-o", "json", "--server", f"http://127.0.0.1:{port}")
    assert run.status == 1, run.shown
    assert read_checks(run) == [("installation", "good"), ("server", "problem")]


def test_another_server_at_the_address_is_a_problem(stage: ServedStage) -> None:
    run = stage.person("vera").run("doctor", "-o", "json", "--server", stage.sandbox.base_url)
    assert (run.status, read_checks(run)[1]) == (1, ("server", "problem"))
    assert "doesn't answer as a Rootkeeper server" in find(run, "server")["text"]
