"""P16: STS is called in a Region, in spite of any settings; that hosts are Regional too is shown where clients are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.functional.promises.stage import CLEAN, Stage, assert_clean_ending


@pytest.mark.parametrize(
    "changes",
    [
        {"AWS_STS_REGIONAL_ENDPOINTS": "legacy"},
        {"AWS_STS_REGIONAL_ENDPOINTS": "legacy", "AWS_REGION": "eu-central-1"},
        {"AWS_REGION": "ap-northeast-1", "AWS_DEFAULT_REGION": "aws-global"},
    ],
    ids=lambda changes: " ".join(changes.values()),
)
def test_p16_every_call_of_sts_is_made_in_the_region_of_the_caller(stage: Stage, changes: dict[str, str]) -> None:
    since = stage.sandbox.last_request()
    run = stage.run("audit", CLEAN, changes=changes)
    assert_clean_ending(run, 0)
    regions = {request["region"] for request in stage.sandbox.requests(since) if request["service"] == "sts"}
    assert regions == {changes.get("AWS_REGION", "us-east-1")}


def test_p16_the_global_endpoint_is_refused_before_any_call(stage: Stage, tmp_path: Path) -> None:
    since = stage.sandbox.last_request()
    for how in ({"changes": {"AWS_REGION": "aws-global"}}, {}):
        arguments = ("audit", CLEAN) if how else ("audit", CLEAN, "--region", "aws-global")
        run = stage.run(*arguments, **how)
        assert_clean_ending(run, 2)
        assert "Region" in run.stderr
    assert stage.sandbox.requests(since) == []
