"""Which process is which, and which is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rootkeeper.database.processes import ProcessIdentity, identify_this_process, is_provably_gone

LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def identify(process_id: int) -> ProcessIdentity:
    """Another process of this host, as it would identify itself."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return replace(identify_this_process(), process_id=process_id, process_started=fields[19])


def test_this_process_isnt_gone() -> None:
    identity = identify_this_process()
    assert identity.process_id == os.getpid()
    assert identity.process_started
    assert not is_provably_gone(identity)


@LINUX
def test_p03_a_stopped_process_isnt_gone_and_a_killed_one_is() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = identify(process.pid)
        os.kill(process.pid, signal.SIGSTOP)
        assert not is_provably_gone(identity)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_provably_gone(identity), "a zombie acts no more"
        process.wait()
        assert is_provably_gone(identity)


@LINUX
def test_p03_a_process_that_only_doesnt_show_isnt_gone(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "stat").touch()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = identify(process.pid)
        assert not is_provably_gone(identity, tmp_path)
        process.kill()
        process.wait()
        assert is_provably_gone(identity, tmp_path)


def test_a_process_id_that_was_given_out_again_is_another_process() -> None:
    assert is_provably_gone(replace(identify_this_process(), process_started="1"))


@pytest.mark.parametrize(
    "changes", [{"host": "another-host"}, {"boot_id": "another boot"}, {"process_started": ""}], ids=str
)
def test_what_cant_be_known_isnt_taken_for_gone(changes: dict[str, str]) -> None:
    identity = replace(identify_this_process(), process_id=2**22 + 1)
    assert is_provably_gone(identity)
    assert not is_provably_gone(replace(identity, **changes))  # type: ignore[arg-type]  # texts only


def test_a_process_is_described_for_a_person() -> None:
    identity = replace(identify_this_process(), host="build-1", process_id=42, user_name="operator")
    assert identity.describe() == "operator (process 42 on build-1)"
