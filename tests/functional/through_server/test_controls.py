"""``controls`` through a server: the same verdicts, and attestations of who signed in."""

from __future__ import annotations

import pytest

from tests.functional.published_schemas import require_fits
from tests.functional.through_server.stage import ServedStage

ATTEST = ("controls", "attest", "soc-2/CC7.2", "--owner", "Ana", "--reason", "Alarms page the team", "--until", "30d")


@pytest.fixture(scope="module", autouse=True)
def read_accounts(stage: ServedStage) -> None:
    assert stage.person("aldo").run("audit", "--fail-on", "none").status == 0


def test_the_verdicts_and_the_accounts_are_the_same(stage: ServedStage) -> None:
    end = ("--from", "2026-01-01", "--to", "2100-01-01")
    for arguments, schema in (
        (("controls", "list", "--framework", "cis-7.0", "--framework", "soc-2", *end), "controls"),
        (("controls", "show", "cis-7.0/2.4", *end), "control"),
    ):
        ours = stage.local.run(*arguments, "-o", "json")
        theirs = stage.person("aldo").run(*arguments, "-o", "json")
        assert ours.status == theirs.status == 1, theirs.shown
        assert theirs.json == ours.json
        require_fits(theirs.json, schema)


def test_the_ledger_names_the_person_who_attests(stage: ServedStage) -> None:
    run = stage.person("boris").run(*ATTEST, "--yes", "-o", "json")
    assert run.status == 0, run.shown
    require_fits(run.json, "control-attestations")
    attested = run.json["attestations"][0]
    assert (attested["recorded_by"], attested["recorded_by_kind"]) == ("boris", "token")
    shown = stage.person("aldo").run("controls", "show", "soc-2/CC7.2", "--fail-on", "none", "-o", "json")
    assert shown.json["control"]["attestation"] == attested


@pytest.mark.parametrize("name", ["vera", "aldo", "olga"])
def test_who_reads_or_operates_attests_nothing(stage: ServedStage, name: str) -> None:
    run = stage.person(name).run(*ATTEST, "--yes")
    assert run.status == 3, run.shown
    assert "controls:attest" in run.stderr


def test_a_viewer_reads_no_verdicts(stage: ServedStage) -> None:
    run = stage.person("vera").run("controls", "list", "--framework", "cis-7.0")
    assert run.status == 3, run.shown
    assert "reports:read" in run.stderr
