"""The systemd unit: what it starts is a command line that the program takes, and it is as shut in as it can be."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

from rootkeeper.server.connections import choose_limits
from rootkeeper.settings.sections import ServerSettings
from tests.architecture.source_files import REPOSITORY
from tests.functional.running import Program

UNIT = REPOSITORY / "packaging" / "rootkeeper.service"
MOST_EXPOSED = 20
"""Tenths of what ``systemd-analyze security`` calls exposure: below 2.0 it says OK."""


def read_unit() -> dict[str, list[str]]:
    """Every value that each key is given, in order."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_what_it_starts_is_a_command_line_that_the_program_takes(program: Program, tmp_path: Path) -> None:
    (command,) = read_unit()["ExecStart"]
    executable, *arguments = shlex.split(command)
    assert executable == "/opt/rootkeeper/bin/rootkeeper"
    settings = tmp_path / "rootkeeper.toml"
    settings.write_text("[server]\nengine = true\n")
    given = [str(settings) if one == "/etc/rootkeeper/rootkeeper.toml" else one for one in arguments]
    refused = program.run(*given, "--host", "192.0.2.1")
    assert refused.status == 2, refused.shown
    assert "Other machines can reach" in refused.stderr


def test_it_is_ended_as_it_wants_to_be_and_always_comes_back() -> None:
    unit = read_unit()
    assert int(unit["TimeoutStopSec"][0]) > 10
    assert (unit["Restart"], unit["StartLimitIntervalSec"]) == (["always"], ["0"])
    assert "KillSignal" not in unit


def test_it_may_write_its_own_folders_alone_and_gains_nothing() -> None:
    unit = read_unit()
    for key in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictNamespaces", "RemoveIPC"):
        assert unit[key] == ["yes"], key
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == [""]
    assert (unit["StateDirectoryMode"], unit["UMask"]) == (["0700"], ["0077"])
    assert unit["User"] == ["rootkeeper"]
    homes = dict(pair.split("=", 1) for line in unit["Environment"] for pair in shlex.split(line))
    written = ("/var/lib/rootkeeper", "/run/rootkeeper")
    assert [name for name, folder in homes.items() if not folder.startswith(written)] == []


def test_it_leaves_no_core_and_has_files_in_reserve_for_closing() -> None:
    """The reserve: connections take at most half of the files, and as the settings are, far less."""
    unit = read_unit()
    assert unit["LimitCORE"] == ["0"]
    (open_files,) = map(int, unit["LimitNOFILE"])
    usual = ServerSettings()
    limits = choose_limits(usual.connections, usual.connections_per_address, (), open_files)
    assert limits.most == usual.connections
    assert open_files - limits.most > 10 * usual.closing_concurrency
    explained = UNIT.read_text().partition("LimitCORE")[0].rpartition("\n\n")[2]
    assert "reserve for closing" in explained


def test_what_it_prints_goes_to_the_journal_so_the_first_administrators_link_must_not() -> None:
    """Its stdout is no terminal; ``tests/unit/cli/test_first_administrator_link.py`` shows where the link goes then."""
    unit = read_unit()
    assert not {"StandardOutput", "TTYPath", "StandardInput"} & set(unit)


def test_it_still_sees_which_other_processes_live() -> None:
    assert not {"ProtectProc", "ProcSubset", "PrivatePIDs"} & set(read_unit())


def test_systemd_understands_it_and_finds_it_shut_in(tmp_path: Path) -> None:
    """Where there is no systemd, nothing is asked of it."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/rootkeeper/bin/rootkeeper", "/bin/true"))
    verified = subprocess.run([analyze, "verify", copy], capture_output=True, text=True, check=False, timeout=60)
    assert (verified.returncode, verified.stderr) == (0, "")
    evaluated = subprocess.run(
        [analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", copy],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert evaluated.returncode == 0 or "unrecognized option" in evaluated.stderr, evaluated.stdout[-400:]
