"""AWS's answers drip, a byte every two seconds: no read ever times out, and no window may stay open for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attack.dripping_proxy import DrippingProxy, start_dripping_proxy
from tests.attack.stage import AttackStage

pytestmark = pytest.mark.long


@pytest.fixture
def proxy(stage: AttackStage) -> Iterator[DrippingProxy]:
    with start_dripping_proxy(stage.environment["AWS_ENDPOINT_URL"]) as proxy:
        stage.environment["AWS_ENDPOINT_URL"] = proxy.url
        yield proxy


def test_p11_a_dripping_answer_to_the_first_assume_root_keeps_no_window_open(
    stage: AttackStage, proxy: DrippingProxy
) -> None:
    server = stage.start_server()
    window = stage.open_window(10)
    stage.wait_known(window)
    proxy.drip(b"Action=AssumeRoot&", 1)
    stage.require_closed_on_time(window)
    assert proxy.dripped == 1
    stage.wait_error("Closing it again on a new connection to AWS")
    place = f"/api/v1/windows/{window.window_id}"
    server.wait_until(lambda: server.ask("GET", place, name="olga").body["state"] == "CLOSED_VERIFIED")


def test_p11_a_window_that_cannot_be_closed_makes_the_server_unready_and_no_close_says_200(
    stage: AttackStage, proxy: DrippingProxy
) -> None:
    server = stage.start_server({"ROOTKEEPER_AWS_CALL_TIMEOUT_SECONDS": "5"})
    window = stage.open_window(10)
    stage.wait_known(window)
    proxy.drip(b"Action=AssumeRoot&", 1_000)
    answer = server.ask("POST", f"/api/v1/windows/{window.window_id}/close", {}, name="olga")
    assert answer.status == 202, answer
    assert answer.body["outcome"] in ("busy", "failed")

    def is_unready() -> bool:
        ready = server.ask("GET", "/readyz")
        return ready.status == 503 and any(
            one["name"] == "windows" and not one["is_good"] for one in ready.body["checks"]
        )

    server.wait_until(is_unready)
    assert stage.is_open(window.account_id)
