"""What hands the server its AWS credentials stops doing so while a window is open: that is reported, and fixed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.functional.running import Runner
from tests.functional.serving.outposts import Outpost, open_outpost
from tests.sandbox_process import Principal

LASTING = timedelta(minutes=5)
"""So short that the AWS SDK asks for new ones each time. Source: botocore, RefreshableCredentials, 10 minutes."""
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Supply:
    """A ``credential_process`` that can be made to fail."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        config = self.folder / "aws-config"
        config.write_text(f"[default]\ncredential_process = /bin/cat {self._file}\n")
        return {
            "AWS_CONFIG_FILE": str(config),
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
            "ROOTKEEPER_AWS_CREDENTIALS_RENEWED": "true",
        }

    @property
    def _file(self) -> Path:
        return self.folder / "handed-out.json"

    def give(self, principal: Principal) -> None:
        handed_out = {
            "Version": 1,
            "AccessKeyId": principal.access_key_id,
            "SecretAccessKey": principal.secret_access_key,
            "Expiration": (datetime.now(UTC) + LASTING).isoformat(timespec="seconds"),
        }
        self._file.write_text(json.dumps(handed_out))

    def fail(self) -> None:
        self._file.unlink()


@pytest.fixture
def supply(tmp_path: Path) -> Supply:
    return Supply(tmp_path)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def outpost(request: pytest.FixtureRequest, tmp_path: Path, runner: Runner, supply: Supply) -> Iterator[Outpost]:
    with open_outpost(
        request.param,
        tmp_path,
        runner,
        lambda: request.getfixturevalue("postgresql"),
        ROOTKEEPER_WINDOWS_APPROVALS="0",
        **supply.environment,
    ) as opened:
        supply.give(opened.sandbox.principals()["management-admin"])
        yield opened


def is_ready(outpost: Outpost, check: str) -> bool:
    answer = outpost.server.ask("GET", "/readyz")
    return answer.status == 200 and all(one["is_good"] for one in answer.body["checks"] if one["name"] == check)


def test_p11_a_server_without_credentials_says_why_a_window_stays_open_and_closes_it_once_they_are_back(
    outpost: Outpost, supply: Supply
) -> None:
    account_id = outpost.take_account()
    server = outpost.start()
    assert is_ready(outpost, "aws")
    window_id = outpost.open(account_id, "10s")
    supply.fail()

    server.wait_until(lambda: outpost.reported("window:close:failed"), SECONDS)
    (failed, *_) = outpost.reported("window:close:failed")
    assert (failed["window_id"], failed["account_id"]) == (window_id, account_id)
    assert "credential" in failed["body"]
    server.wait_until(lambda: server.has_error(window_id), SECONDS)
    server.wait_until(lambda: outpost.reported("aws_credentials:renew:failed"), SECONDS)
    assert outpost.reported("aws_credentials:renew:failed")[0]["severity"] == "critical"
    server.wait_until(lambda: not is_ready(outpost, "aws"), SECONDS)
    window = outpost.wait_failed(window_id)
    assert "credential" in window["failure"]
    assert window["is_overdue"]
    assert outpost.is_open(account_id)

    supply.give(outpost.sandbox.principals()["management-admin"])
    server.wait_until(lambda: outpost.find(window_id)["state"] == "CLOSED_VERIFIED", SECONDS)
    assert not outpost.is_open(account_id)
    server.wait_until(lambda: outpost.reported("aws_credentials:renew:restored"), SECONDS)
    server.wait_until(lambda: is_ready(outpost, "aws"), SECONDS)
    outpost.verify_ledger()
