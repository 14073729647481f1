"""The schema's version: made by migrations, opened without them when current, refused when newer."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from rootkeeper.database import migrations, schema
from rootkeeper.database.version import UNCLOSED_STATES
from rootkeeper.errors import DatabaseError
from rootkeeper.ledger.database import Database
from rootkeeper.windows.rules import OWING_STATES, WindowState
from rootkeeper.windows.store import RecoveryWindowStore
from tests.unit.database.samples import NOW, ORGANIZATION_ID, Stage, raised_by
from tests.unit.windows.test_windows_store import WINDOW


def test_the_migrations_make_exactly_the_schema(database: Database) -> None:
    with database.store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_the_last_migration_is_the_programs_version() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == schema.SCHEMA_VERSION


def test_a_migration_imports_nothing_that_changes_later() -> None:
    steps = sorted((Path(migrations.__file__).parent / "versions").glob("v*.py"))
    assert [step.name[:5] for step in steps] == [f"v{number:04}" for number in range(1, len(steps) + 1)]
    assert [step.name for step in steps if "rootkeeper" in step.read_text()] == []


def test_the_version_is_kept_in_the_database(stage: Stage) -> None:
    stage.open().close()
    assert stage.query("SELECT version_num FROM alembic_version") == [(schema.SCHEMA_VERSION,)]


def test_a_current_database_is_opened_without_migrating_or_writing(stage: Stage) -> None:
    stage.open().close()
    before = stage.path.read_bytes()
    program = (
        "import sys\n"
        "from rootkeeper.ledger.database import DatabaseOptions, open_database\n"
        f"with open_database({stage.url!r}, DatabaseOptions()) as database:\n"
        "    list(database.ledger_reader().list_entries())\n"
        "assert not any(name.startswith('alembic') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert stage.path.read_bytes() == before


def test_a_newer_schema_is_refused_and_its_open_windows_are_named(stage: Stage) -> None:
    with stage.open() as database:
        windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
        windows.add(WINDOW)
        windows.change(WINDOW, WindowState.OPEN)
    stage.run_sql("UPDATE alembic_version SET version_num = '9999'")
    error = raised_by(stage.open, DatabaseError)
    assert "newer version" in error.message
    assert "w-1 on account 111122223333 (OPEN)" in error.message
    assert error.hint is not None


def test_a_newer_schema_whose_windows_cant_be_read_says_so(stage: Stage) -> None:
    stage.open().close()
    stage.run_sql("UPDATE alembic_version SET version_num = '9999'", "ALTER TABLE recovery_windows RENAME TO windows")
    assert "can't be read" in raised_by(stage.open, DatabaseError).message


def test_a_newer_schema_without_open_windows_is_refused_shortly(stage: Stage) -> None:
    stage.open().close()
    stage.run_sql("UPDATE alembic_version SET version_num = '9999'")
    assert raised_by(stage.open, DatabaseError).message.endswith("Rootkeeper wrote it.")


def test_someone_elses_database_is_left_alone(stage: Stage) -> None:
    stage.path.parent.mkdir()
    with closing(sqlite3.connect(stage.path)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    before = stage.path.read_bytes()
    assert "isn't one of Rootkeeper's" in raised_by(stage.open, DatabaseError).message
    assert stage.path.read_bytes() == before


def test_a_database_of_another_alembic_program_is_left_alone(stage: Stage) -> None:
    stage.path.parent.mkdir()
    with closing(sqlite3.connect(stage.path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('ae1027a6acf')")
    assert "isn't one of Rootkeeper's" in raised_by(stage.open, DatabaseError).message


def test_a_creation_that_was_interrupted_is_taken_up(stage: Stage) -> None:
    stage.path.parent.mkdir()
    stage.path.touch()
    with stage.open() as database:
        assert database.ledger_reader().verify().entries == 0
        assert database.get_store(RecoveryWindowStore, ORGANIZATION_ID).list_overdue(NOW + timedelta(days=1)) == ()


def test_the_unclosed_states_are_those_of_recovery_windows() -> None:
    assert sorted(state.value for state in OWING_STATES) == list(UNCLOSED_STATES)
