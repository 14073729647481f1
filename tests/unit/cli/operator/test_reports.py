"""``rootkeeper report`` through a server: the server's bytes, and the exit status that they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.remote_desk import RemoteDesk
from tests.fakes.rootkeeper_server import Answer

CONTENT = b'{"a": "\xc3\xa9"}\r\n\x00\xff'


def have_report(desk: RemoteDesk, findings: str | None) -> None:
    headers = () if findings is None else (("Rootkeeper-Findings", findings),)
    desk.server.answer("GET reports", Answer(CONTENT, headers=headers))


@pytest.mark.parametrize(
    ("findings", "fail_on", "status"),
    [
        ("none", "present,unknown", 0),
        ("none", "none", 0),
        ("unknown", "present,unknown", 1),
        ("unknown", "present", 0),
        ("present, unknown", "present", 1),
        ("present, unknown", "none", 0),
    ],
)
def test_the_exit_status_is_that_of_the_report(
    desk: RemoteDesk, tmp_path: Path, findings: str, fail_on: str, status: int
) -> None:
    have_report(desk, findings)
    out = str(tmp_path / "report.html")
    run = desk.run("report", "--from", "2026-01-01", "--out", out, "--format", "html", "--fail-on", fail_on)
    assert run.status == status, run.shown
    assert "this report is about a sandbox" in run.stderr


def test_the_file_has_the_bytes_of_the_server(desk: RemoteDesk, tmp_path: Path) -> None:
    have_report(desk, "none")
    out = tmp_path / "evidence.findings.csv"
    run = desk.run("report", "--from", "2026-01-01", "--to", "2026-03-31", "--stale-after", "7d", "--out", str(out))
    assert (run.status, out.read_bytes()) == (0, CONTENT)
    (asked,) = [one.path for one in desk.server.asked if one.path.startswith("reports")]
    assert asked.startswith("reports?from=2026-01-01T00%3A00%3A00%2B00%3A00&to=2026-03-31T23%3A59%3A59%2B00%3A00")
    assert asked.endswith("&format=findings-csv&stale_after_days=7")


def test_a_period_without_an_end_ends_by_the_clock_of_the_server(desk: RemoteDesk, tmp_path: Path) -> None:
    have_report(desk, "none")
    assert desk.run("report", "--from", "90d", "--out", str(tmp_path / "all.csv"), "--format", "csv").status == 0
    (asked,) = [one.path for one in desk.server.asked if one.path.startswith("reports")]
    assert "to=" not in asked
    assert "stale_after" not in asked  # the server has a setting


@pytest.mark.parametrize("findings", [None, "", "good"])
def test_a_server_that_does_not_say_what_it_found_gives_no_good_status(desk: RemoteDesk, findings: str | None) -> None:
    have_report(desk, findings)
    run = desk.run("report", "--from", "2026-01-01", "--format", "html")
    assert run.status == 3
    assert "can't be understood" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stale-after", "12h"), "whole days"),
        (("--stale-after", "36h"), "whole days"),
        (("--organization", "o-exampleorgid"), "--organization"),
    ],
)
def test_what_a_server_can_not_do_is_refused(desk: RemoteDesk, arguments: tuple[str, ...], said: str) -> None:
    have_report(desk, "none")
    run = desk.run("report", "--from", "2026-01-01", "--format", "html", *arguments)
    assert run.status == 2, run.shown
    assert said in run.stderr
