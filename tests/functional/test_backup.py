"""Backup and restore, as the guide has them: alone, and with a server that runs meanwhile."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rootkeeper.ledger.database import DatabaseOptions, open_database
from rootkeeper.ledger.rules import Action
from rootkeeper.maintenance import backups
from rootkeeper.maintenance.backups import find_places
from rootkeeper.settings.reading import load_settings
from rootkeeper.values import json_time
from tests.current_databases import place_database
from tests.fakes.clock import FakeClock
from tests.forked import run_forked
from tests.functional.running import Program, Run
from tests.postgresql import PostgresqlServer
from tests.server_process import ServerProcess
from tests.unit.database.samples import ACCOUNT_ID, ORGANIZATION_ID, make_worker

WITHOUT_AWS = dict.fromkeys(("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))


def run_database(*arguments: str | Path, environment: Mapping[str, str]) -> Run:
    done = run_forked(["database", *map(str, arguments)], environment)
    return Run(done.returncode, done.stdout, done.stderr)


def back_up(folder: Path, environment: Mapping[str, str]) -> Path:
    done = run_database("backup", "--to", folder, environment=environment)
    assert done.status == 0, done.shown
    made = Path(done.stdout.strip())
    assert made.parent == folder
    return made


def restore(backup: Path, environment: Mapping[str, str]) -> Run:
    return run_database("restore", backup, "--yes", environment=environment)


def settings_in(folder: Path, **more: str) -> dict[str, str]:
    """An environment whose database lies in a folder."""
    return {**os.environ, "ROOTKEEPER_DATABASE_URL": f"sqlite:///{folder / 'rootkeeper.db'}", **more}


def count_entries(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM ledger_entries").fetchone()
        return int(count)


def write_ledger(folder: Path, pairs: int) -> Path:
    """A database with so many pairs of entries; what a server leaves beside it is made up."""
    path = folder / "rootkeeper.db"
    if not path.exists():
        place_database(path)
    options = DatabaseOptions(anchor_path=folder / "rootkeeper.db.anchor.jsonl")
    with open_database(f"sqlite:///{path}", options) as database:
        worker = make_worker(database)
        for number in range(pairs):
            worker.append_pair(number=number)
        worker.owner.close()
    (folder / "rootkeeper.db.key").write_text("the key\n")
    (folder / "rootkeeper.db.policies").mkdir(exist_ok=True)
    (folder / "rootkeeper.db.policies" / "bucket.json").write_text("{}")
    return path


def test_a_server_that_runs_is_backed_up_and_restored_and_the_restore_is_recorded(
    enabled: Program, tmp_path: Path
) -> None:
    environment = enabled.surroundings()
    with ServerProcess.start(environment) as server:
        adam = server.token("administrator", "adam")
        backup = back_up(tmp_path / "backups", environment)
        server.token("viewer", "vera")
        refused = restore(backup, environment)
        assert refused.status == 3, refused.shown
        assert "A server runs on" in refused.stderr
        server.stop()
    restored = restore(backup, environment)
    assert restored.status == 0, restored.shown
    late = enabled.run("delete", "AnyCompany Data", "--yes")
    assert late.status == 3, late.shown
    assert "ledger adopt" in late.stderr
    (since,) = re.findall(r"rootkeeper ledger adopt --since (\S+)", restored.stdout)
    assert since == json_time(datetime.strptime(backup.name, "rootkeeper-%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
    adopted = enabled.run("ledger", "adopt", "--since", since, "--yes", **WITHOUT_AWS)
    assert adopted.status == 1, "recorded, but AWS couldn't be asked what the lost part opened"
    names = [one["name"] for one in enabled.run("users", "list", "-o", "json").json["identities"]]
    assert "vera" not in names
    with ServerProcess.start(environment) as server:
        assert server.ask("GET", "/api/v1/ledger").status == 401
        server.tokens["adam"] = adam
        assert server.ask("GET", "/api/v1/ledger", name="adam").status == 200
        server.stop()
    verified = enabled.run("ledger", "verify", **WITHOUT_AWS)
    assert verified.status == 0, verified.shown


def test_on_a_new_machine_everything_is_there_and_the_ledger_is_intact(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    write_ledger(old, 20)
    backup = back_up(tmp_path / "backups", settings_in(old))
    done = restore(backup, settings_in(new))
    assert done.status == 0, done.shown
    assert count_entries(new / "rootkeeper.db") == 40
    for name in ("rootkeeper.db.mirror.jsonl", "rootkeeper.db.anchor.jsonl", "rootkeeper.db.key"):
        assert (new / name).read_bytes() == (old / name).read_bytes()
    assert (new / "rootkeeper.db.policies" / "bucket.json").read_text() == "{}"
    for path in (new / "rootkeeper.db", new / "rootkeeper.db.key", new / "rootkeeper.db.mirror.jsonl"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with open_database(f"sqlite:///{new / 'rootkeeper.db'}", DatabaseOptions(create=False)) as database:
        database.require_not_outdated()
        assert database.ledger_reader().verify().is_intact


def test_a_backup_is_of_one_moment_however_much_is_written_meanwhile(tmp_path: Path) -> None:
    path = write_ledger(tmp_path, 5)
    copied = threading.Event()
    with open_database(f"sqlite:///{path}") as database, ThreadPoolExecutor(1) as pool:
        worker = make_worker(database)

        def write() -> None:
            while not copied.wait(0.01):
                worker.append_pair()

        writing = pool.submit(write)
        try:
            backup = back_up(tmp_path / "backups", settings_in(tmp_path))
        finally:
            copied.set()
        writing.result()
        worker.append_pair()
        worker.owner.close()
    head = json.loads((backup / "backup.json").read_text())["ledger_head"]["sequence"]
    assert 10 < head < count_entries(path)
    assert count_entries(backup / "rootkeeper.db") == head
    assert restore(backup, settings_in(tmp_path / "new")).status == 0
    with open_database(f"sqlite:///{tmp_path / 'new' / 'rootkeeper.db'}", DatabaseOptions(create=False)) as restored:
        assert restored.ledger_reader().verify().is_intact


def test_what_was_there_is_kept_beside_and_mirror_and_anchor_stay(tmp_path: Path) -> None:
    path = write_ledger(tmp_path, 5)
    backup = back_up(tmp_path / "backups", settings_in(tmp_path))
    write_ledger(tmp_path, 5)
    (tmp_path / "rootkeeper.db.key").write_text("another key\n")
    mirror = (tmp_path / "rootkeeper.db.mirror.jsonl").read_bytes()
    assert restore(backup, settings_in(tmp_path)).status == 0
    assert count_entries(path) == 10
    (aside,) = (one for one in tmp_path.glob("rootkeeper.db.before-*") if not one.name.endswith(("-wal", "-shm")))
    assert count_entries(aside) == 20
    assert (tmp_path / "rootkeeper.db.mirror.jsonl").read_bytes() == mirror
    assert (tmp_path / "rootkeeper.db.key").read_text() == "the key\n"
    (key,) = tmp_path.glob("rootkeeper.db.key.before-*")
    assert key.read_text() == "another key\n"


def test_two_restores_within_a_second_both_keep_what_was_there(tmp_path: Path) -> None:
    path = write_ledger(tmp_path, 5)
    places = find_places(load_settings(None, {"ROOTKEEPER_DATABASE_URL": f"sqlite:///{path}"}, tmp_path))
    backup = backups.open_backup(back_up(tmp_path / "backups", settings_in(tmp_path)), places)
    for pairs in (2, 3):
        write_ledger(tmp_path, pairs)
        backups.restore(backup, places, FakeClock())
    kept = [one for one in tmp_path.glob("rootkeeper.db.before-*") if not one.name.endswith(("-wal", "-shm"))]
    assert sorted(map(count_entries, kept)) == [14, 16]


SYNC_NOTED = """
import os, runpy, sys
sync = os.fsync
def note(number):
    print("SYNCED", os.readlink(f"/proc/self/fd/{number}"), file=sys.stderr)
    sync(number)
os.fsync = note
runpy.run_module("rootkeeper", run_name="__main__", alter_sys=True)
"""


def list_synced(*arguments: str | Path, environment: Mapping[str, str]) -> list[str]:
    """Names of the files and folders that a command has waited for until they were on disk."""
    done = subprocess.run(
        [sys.executable, "-c", SYNC_NOTED, "database", *arguments],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [Path(line.split()[1]).name for line in done.stderr.splitlines() if line.startswith("SYNCED ")]


def test_what_was_copied_is_on_disk_before_the_command_ends(tmp_path: Path) -> None:
    write_ledger(tmp_path, 1)
    target = tmp_path / "backups"
    made = list_synced("backup", "--to", target, environment=settings_in(tmp_path))
    assert {"backup.json", "server.key", "bucket.json", "policies", "backups"} <= set(made)
    (backup,) = target.iterdir()
    (tmp_path / "new").mkdir()
    put = list_synced("restore", backup, "--yes", environment=settings_in(tmp_path / "new"))
    assert put.index("rootkeeper.db.key") < len(put) - 1 - put[::-1].index("new")
    assert {"rootkeeper.db", "bucket.json", "rootkeeper.db.policies"} <= set(put)


def test_a_backup_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_ledger(tmp_path, 1)
    backup = back_up(tmp_path / "backups", settings_in(tmp_path))
    found = [backup, *backup.rglob("*")]
    assert [path for path in found if path.stat().st_mode & 0o077] == []
    assert "the key" not in (backup / "backup.json").read_text()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger and, in ``backup``, its backup; to be copied by those who change it."""
    folder = tmp_path_factory.mktemp("whole")
    write_ledger(folder, 3)
    back_up(folder / "backups", settings_in(folder)).rename(folder / "backup")
    return folder


@pytest.mark.parametrize("change", ["cut", "changed", "missing", "added", "no manifest", "another version"])
def test_a_backup_that_isnt_whole_is_refused_and_nothing_is_touched(tmp_path: Path, whole: Path, change: str) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    path, backup = tmp_path / "rootkeeper.db", tmp_path / "backup"
    copied = backup / "rootkeeper.db"
    if change == "cut":
        copied.write_bytes(copied.read_bytes()[:-512])
    elif change == "changed":
        copied.write_bytes(copied.read_bytes()[:-1] + b"x")
    elif change == "missing":
        copied.unlink()
    elif change == "added":
        (backup / "server.key").write_text("of another server")
    elif change == "no manifest":
        (backup / "backup.json").unlink()
    else:
        manifest = json.loads((backup / "backup.json").read_text())
        (backup / "backup.json").write_text(json.dumps({**manifest, "schema_version": 2}))
    refused = restore(backup, settings_in(tmp_path))
    assert refused.status == 2, refused.shown
    assert count_entries(path) == 6
    assert list(tmp_path.glob("*.before-*")) == []


def test_without_a_database_or_a_place_for_the_backup_nothing_is_left_behind(tmp_path: Path) -> None:
    missing = run_database("backup", "--to", tmp_path / "backups", environment=settings_in(tmp_path))
    assert missing.status == 3, missing.shown
    assert "There is no database" in missing.stderr
    assert not (tmp_path / "backups").exists()
    write_ledger(tmp_path, 1)
    (tmp_path / "file").write_text("in the way")
    refused = run_database("backup", "--to", tmp_path / "file", environment=settings_in(tmp_path))
    assert refused.status == 2, refused.shown


def test_a_damaged_database_makes_no_backup(tmp_path: Path) -> None:
    path = write_ledger(tmp_path, 30)
    with path.open("r+b") as database:
        database.seek(4096 * 3)
        database.write(b"\xff" * 4096 * 3)
    refused = run_database("backup", "--to", tmp_path / "backups", environment=settings_in(tmp_path))
    assert refused.status == 3, refused.shown
    assert list((tmp_path / "backups").iterdir()) == []


def test_on_postgresql_it_is_a_dump_that_an_empty_database_takes(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    urls = [postgresql.create_current_database(), postgresql.create_database()]
    with open_database(urls[0]) as database:
        worker = make_worker(database)
        worker.ledger.append_fact(Action.EXCEPTION_ADD, account_id=ACCOUNT_ID)
        worker.owner.close()
    environments = [
        {**os.environ, "PATH": f"{postgresql.tools}{os.pathsep}{os.environ['PATH']}", "ROOTKEEPER_DATABASE_URL": url}
        for url in urls
    ]
    backup = back_up(tmp_path / "backups", environments[0])
    assert (backup / "database.dump").stat().st_size > 0
    for _ in range(2):
        done = restore(backup, environments[1])
    assert done.status == 2, done.shown
    assert "isn't empty" in done.stderr
    with open_database(urls[1], DatabaseOptions(create=False)) as database:
        assert database.list_organization_ids() == (ORGANIZATION_ID,)
        assert database.ledger_reader().verify().is_intact
    refused = restore(backup, settings_in(tmp_path))
    assert refused.status == 2, refused.shown
    assert "of postgresql" in refused.stderr


def test_p08_a_password_of_the_database_is_neither_shown_nor_on_a_command_line_or_in_an_environment(
    tmp_path: Path,
) -> None:
    tool = tmp_path / "tools" / "pg_dump"
    tool.parent.mkdir()
    tool.write_text(
        '#!/bin/sh\necho "$0 $@" > "$SEEN"\nenv > "$SEEN.environment"\n'
        'for word in $*; do case $word in passfile=*) cat "${word#passfile=}" > "$SEEN.file" ;; esac; done\nexit 1\n'
    )
    tool.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tool.parent}{os.pathsep}{os.environ['PATH']}",
        "SEEN": str(tmp_path / "seen"),
    }
    program = (
        "from pathlib import Path\n"
        "from rootkeeper.database.copying import dump_postgresql\n"
        "url = 'postgresql+psycopg://keeper:hunter2%3A%5C@127.0.0.1:1/rootkeeper'\n"
        "dump_postgresql(url, Path('rootkeeper.dump'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert "pg_dump failed" in done.stderr
    assert "hunter2" not in done.stderr
    for name in ("seen", "seen.environment"):
        assert "hunter2" not in (tmp_path / name).read_text()
    assert (tmp_path / "seen.file").read_text() == "*:*:*:*:hunter2\\:\\\\\n"
