"""What the manifests of Kubernetes and Compose run beside a server, run here: upgrades and backups that restore."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, make_url, text

from rootkeeper.database.schema import SCHEMA_VERSION
from rootkeeper.ledger.database import DatabaseOptions, open_database
from tests.container.local_containers import (
    LocalContainers,
    image_environment,
    list_containers,
    put_in_place,
    read_manifests,
    read_pod,
    run_command,
)
from tests.functional.running import Run
from tests.old_databases import ENTRIES, VERSION, fill_old_postgresql, place_old_database
from tests.postgresql import PostgresqlServer
from tests.unit.database.samples import REPOSITORY, make_worker

VARIANTS = ("postgresql", "sqlite")
KEPT = 2


def read_version(url: str) -> str:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    finally:
        engine.dispose()


def count_entries(url: str) -> int:
    """Entries of a ledger that is intact."""
    with open_database(url, DatabaseOptions(create=False)) as database:
        found = database.ledger_reader().verify()
    assert found.is_intact, found.problem
    return found.entries


def restore_dump(dump: Path, server: PostgresqlServer) -> str:
    """Restore it into an empty database, as the guide does; the database's URL."""
    url = server.create_database()
    command = [
        "sh",
        "-c",
        'pg_restore --exit-on-error --single-transaction --dbname="$0" "$1"',
        url.replace("+psycopg", ""),
    ]
    done = run_command([*command, str(dump)], image_environment({}), server.tools)
    assert done.status == 0, done.shown
    return url


def require_good(runs: list[Run]) -> None:
    assert [run.status for run in runs] == [0] * len(runs), "\n".join(run.shown for run in runs)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> LocalContainers:
    containers = LocalContainers(tmp_path)
    containers.write_settings("sqlite", "")
    return containers


@pytest.fixture
def on_postgresql(tmp_path: Path, postgresql: PostgresqlServer) -> LocalContainers:
    return LocalContainers(tmp_path, postgresql.tools)


def sqlite_file(containers: LocalContainers) -> Path:
    folder = containers.mount("/data") / "rootkeeper"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / "rootkeeper.db"


def test_kubernetes_upgrades_an_older_sqlite_file_after_a_backup(on_sqlite: LocalContainers) -> None:
    file = sqlite_file(on_sqlite)
    url = place_old_database(file)
    pod = read_pod("sqlite/upgrade/upgrade-job.yaml")
    require_good(on_sqlite.run_pod(pod))
    assert (read_version(url), count_entries(url)) == (SCHEMA_VERSION, ENTRIES)
    (backup,) = file.with_name("rootkeeper.db.backups").iterdir()
    assert read_version(f"sqlite:///{backup / 'rootkeeper.db'}") == VERSION
    (again,) = on_sqlite.run_pod(pod)
    assert (again.status, "Nothing to upgrade" in again.stderr) == (0, True), again.shown


def test_kubernetes_upgrades_an_older_postgresql_database_after_a_dump(
    on_postgresql: LocalContainers, postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    url = postgresql.create_database()
    (tmp_path / "old").mkdir()
    fill_old_postgresql(url, tmp_path / "old")
    on_postgresql.write_settings("postgresql", url)
    require_good(on_postgresql.run_pod(read_pod("postgresql/upgrade/upgrade-job.yaml")))
    assert (read_version(url), count_entries(url)) == (SCHEMA_VERSION, ENTRIES)
    (dump,) = on_postgresql.mount("/backups").iterdir()
    assert read_version(restore_dump(dump, postgresql)) == VERSION


def test_kubernetes_upgrades_nothing_if_the_dump_fails(
    on_postgresql: LocalContainers, postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    url = postgresql.create_database()
    (tmp_path / "old").mkdir()
    fill_old_postgresql(url, tmp_path / "old")
    on_postgresql.write_settings("postgresql", url)
    service = on_postgresql.mount("/run/secrets/rootkeeper") / "pg_service.conf"
    service.write_text(service.read_text().replace("dbname=", "dbname=not_"))
    runs = on_postgresql.run_pod(read_pod("postgresql/upgrade/upgrade-job.yaml"))
    assert [run.status == 0 for run in runs] == [False]
    assert read_version(url) == VERSION
    assert [path.suffix for path in on_postgresql.mount("/backups").iterdir() if path.suffix == ".dump"] == []


def append_pair(url: str) -> int:
    """Write a ledger on, as a server would; the number of entries afterwards."""
    with open_database(url) as database:
        worker = make_worker(database)
        worker.append_pair()
        worker.owner.close()
        return database.ledger_reader().verify().entries


def test_kubernetes_backs_up_a_sqlite_file_that_is_in_use_and_keeps_the_newest(on_sqlite: LocalContainers) -> None:
    file = sqlite_file(on_sqlite)
    url = f"sqlite:///{file}"
    pod = read_pod("sqlite/backup-cronjob.yaml")
    backups = on_sqlite.mount("/backups")
    for day in range(3):
        (backups / f"rootkeeper-2026010{day}T060000Z").mkdir()
    (backups / "notes").mkdir()
    append_pair(url)
    with closing(sqlite3.connect(file)) as open_elsewhere:
        open_elsewhere.execute("BEGIN IMMEDIATE")
        require_good(on_sqlite.run_pod(pod, KEPT=str(KEPT)))
    *_, newest = made = sorted(path for path in backups.iterdir() if path.name != "notes")
    assert [path.name for path in made[:-1]] == ["rootkeeper-20260102T060000Z"]
    assert (backups / "notes").exists()
    append_pair(url)
    restored = restore_in_maintenance(on_sqlite, newest)
    assert restored.status == 0, restored.shown
    assert count_lines(url) == 2
    (aside,) = (path for path in file.parent.glob("rootkeeper.db.before-*") if path.name.endswith("Z"))
    assert count_lines(f"sqlite:///{aside}") == 4


def restore_in_maintenance(containers: LocalContainers, backup: Path) -> Run:
    """Run the guide's command in the Pod for maintenance."""
    (container,) = read_pod("sqlite/maintenance/pod.yaml")["containers"]
    command = ["database", "restore", f"/backups/{backup.name}", "--config", "/etc/rootkeeper/rootkeeper.toml", "--yes"]
    return containers.run({**container, "command": command, "args": []})


def count_lines(url: str) -> int:
    """Entries of a ledger, whatever its copies say."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM ledger_entries")).scalar_one())
    finally:
        engine.dispose()


def test_a_backup_that_fails_removes_no_older_one(on_sqlite: LocalContainers) -> None:
    pod = read_pod("sqlite/backup-cronjob.yaml")
    for day in range(3):
        (on_sqlite.mount("/backups") / f"rootkeeper-2026010{day}T060000Z").mkdir()
    (failed,) = on_sqlite.run_pod(pod, KEPT="1")
    assert (failed.status, "There is no database" in failed.stderr) == (3, True), failed.shown
    assert len(list(on_sqlite.mount("/backups").iterdir())) == 3


def test_kubernetes_dumps_a_postgresql_database_and_keeps_the_newest(
    on_postgresql: LocalContainers, postgresql: PostgresqlServer
) -> None:
    url = postgresql.create_current_database()
    on_postgresql.write_settings("postgresql", url)
    append_pair(url)
    backups = on_postgresql.mount("/backups")
    pod = read_pod("postgresql/backup-cronjob.yaml")
    check_dumps(backups, lambda: on_postgresql.run_pod(pod, KEPT=str(KEPT)), postgresql)


def check_dumps(backups: Path, run: Any, server: PostgresqlServer) -> None:
    """The newest dump restores; of the others the newest stay; what was cut off goes."""
    for day in range(3):
        (backups / f"rootkeeper-2026010{day}T060000Z.dump").touch()
    (backups / "rootkeeper-20260103T060000Z.dump.unfinished").touch()
    (backups / "before-upgrade-20260103T060000Z.dump").touch()
    require_good(run())
    other, old, newest = sorted(backups.iterdir())
    assert (other.name, old.name) == ("before-upgrade-20260103T060000Z.dump", "rootkeeper-20260102T060000Z.dump")
    assert newest.stat().st_mode & 0o077 == 0
    assert count_entries(restore_dump(newest, server)) == 2


def read_service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((REPOSITORY / "deploy/compose/compose.yaml").read_text())["services"][name]
    return found


def test_compose_upgrades_an_older_database(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    url = postgresql.create_database()
    (tmp_path / "old").mkdir()
    fill_old_postgresql(url, tmp_path / "old")
    secret = tmp_path / "database_url"
    secret.touch(mode=0o400)
    secret.chmod(0o600)
    secret.write_text(url)
    upgrade, server = read_service("upgrade"), read_service("server")
    assert [upgrade[name] for name in ("image", "volumes", "secrets", "hostname")] == [
        server[name] for name in ("image", "volumes", "secrets", "hostname")
    ]
    mounts = {"/data": str(tmp_path / "data"), "/run/secrets/database_url": str(secret)}
    variables = {
        name: put_in_place(value, mounts) for name, value in upgrade["environment"].items() if "$" not in value
    }
    done = run_command(upgrade["command"], image_environment(mounts) | variables, None)
    assert done.status == 0, done.shown
    assert (read_version(url), count_entries(url)) == (SCHEMA_VERSION, ENTRIES)


def test_compose_dumps_its_database_and_keeps_the_newest(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    url = postgresql.create_current_database()
    append_pair(url)
    (tmp_path / "password").write_text("not asked for on a socket\n")
    service = read_service("backup")
    address = make_url(url)
    there = {
        "PGHOST": str(address.query["host"]),
        "PGDATABASE": str(address.database),
        "PGUSER": "postgres",
        "PASSWORD_FILE": str(tmp_path / "password"),
        "BACKUPS": str(tmp_path / "backups"),
        "KEPT": str(KEPT),
    }
    assert there.keys() == service["environment"].keys()
    (tmp_path / "backups").mkdir()
    command = [*service["entrypoint"], *(word.replace("$$", "$") for word in service["command"])]

    def run() -> list[Run]:
        return [run_command(command, image_environment({}) | there, postgresql.tools)]

    check_dumps(tmp_path / "backups", run, postgresql)


def list_pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for variant in VARIANTS:
        yield f"{variant} upgrade", read_pod(f"{variant}/upgrade/upgrade-job.yaml")
        yield f"{variant} backup", read_pod(f"{variant}/backup-cronjob.yaml")
        yield f"{variant} maintenance", read_pod(f"{variant}/maintenance/pod.yaml")


@pytest.mark.parametrize(("name", "pod"), list(list_pods()), ids=[name for name, _ in list_pods()])
def test_jobs_are_shut_in_as_the_server_is(name: str, pod: dict[str, Any]) -> None:
    server = read_pod("base/server.yaml")
    assert pod["securityContext"] == server["securityContext"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["restartPolicy"] == "Never"
    for container in list_containers(pod):
        assert container["securityContext"] == server["containers"][0]["securityContext"]
        assert container["resources"]["limits"].keys() == {"memory"}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("path", ["upgrade/upgrade-job.yaml", "maintenance/pod.yaml"])
def test_upgrade_and_maintenance_have_the_servers_mounts_and_secrets(variant: str, path: str) -> None:
    server, pod = read_pod("base/server.yaml"), read_pod(f"{variant}/{path}")
    mounts, volumes = list(server["containers"][0]["volumeMounts"]), list(server["volumes"])
    if variant == "postgresql":
        patch = read_pod("postgresql/server.yaml")
        mounts += patch["containers"][0]["volumeMounts"]
        volumes += patch["volumes"]
    container = pod["containers"][0]
    assert [mount for mount in mounts if mount not in container["volumeMounts"]] == []
    assert [volume for volume in volumes if volume not in pod["volumes"]] == []
    (claim,) = read_manifests("base/server.yaml")[0]["spec"]["volumeClaimTemplates"]
    claimed = [volume for volume in pod["volumes"] if "persistentVolumeClaim" in volume]
    claims = {volume["name"]: volume["persistentVolumeClaim"] for volume in claimed}
    assert claims[claim["metadata"]["name"]] == {"claimName": "data-rootkeeper-0"}
    # The ledger's copies beside PostgreSQL are of a machine, by its name.
    assert pod.get("hostname") == ("rootkeeper-0" if variant == "postgresql" else None)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_pod_for_maintenance_waits_and_ends_at_once(variant: str) -> None:
    for container in read_pod(f"{variant}/maintenance/pod.yaml")["containers"]:
        command = [*container["command"], *container["args"]]
        program = sys.executable if command[0] == "python3" else command[0]
        with subprocess.Popen([program, *command[1:]]) as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(2)
            process.terminate()
            assert process.wait(5) == 0
