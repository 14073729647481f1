"""What unit tests share: a database of its own for each, and an operator on an organization that the test brings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rootkeeper.ledger.database import Database
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization
from tests.postgresql import PostgresqlServer
from tests.unit.database.samples import Stage, Worker, make_worker

ON_FILES_ALONE = {
    "test_adoption",
    "test_copying",
    "test_mirror",
    "test_rolling",
    "test_server_locks",
    "test_spill",
    "test_sqlite_store",
    "test_a_current_database_is_opened_without_migrating_or_writing",
    "test_a_database_that_was_moved_with_its_copies_is_intact",
    "test_a_creation_that_was_interrupted_is_taken_up",
    "test_a_database_of_another_alembic_program_is_left_alone",
    "test_a_folder_in_the_place_of_the_file_is_reported",
    "test_a_ledger_on_a_read_only_file_in_a_read_only_folder_is_verified",
    "test_a_missing_database_is_made_unless_it_is_only_to_be_read",
    "test_a_place_where_nothing_can_be_made_is_reported",
    "test_by_default_a_spill_is_beside_the_database",
    "test_closing_leaves_no_thread_and_no_open_file",
    "test_everything_handed_out_implements_its_port",
    "test_fifty_thousand_entries_are_verified_in_little_memory",
    "test_p02_a_database_that_was_replaced_by_an_older_copy_refuses",
    "test_p02_a_deleted_folder_refuses_although_its_files_are_still_open",
    "test_p02_an_older_copy_written_over_the_file_is_seen_by_connections_that_keep_its_pages",
    "test_p02_a_full_disk_refuses_entries_until_there_is_space_again",
    "test_p02_a_read_only_ledger_refuses_every_intent",
    "test_p08_a_secret_never_reaches_the_ledger",
    "test_someone_elses_database_is_left_alone",
    "test_without_options_the_mirror_is_beside_the_database_and_warnings_are_logged",
}
"""Modules and tests about files: of the database or beside it. All others are tried on PostgreSQL too."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = {metafunc.module.__name__.rpartition(".")[2], metafunc.definition.originalname}
    if "stage" in metafunc.fixturenames and not names & ON_FILES_ALONE:
        metafunc.parametrize("stage", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Stage:
    stage = Stage(tmp_path)
    if getattr(request, "param", "sqlite") == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        stage.use_postgresql(server.create_current_database())
    return stage


@pytest.fixture
def database(stage: Stage) -> Iterator[Database]:
    stage.place_database()
    with stage.open() as database:
        yield database


@pytest.fixture
def worker(database: Database) -> Iterator[Worker]:
    worker = make_worker(database)
    yield worker
    worker.owner.close()


@pytest.fixture
def fake_database(organization: FakeOrganization) -> FakeDatabase:
    """A database in memory that several operators share."""
    return FakeDatabase(organization.clock)


@pytest.fixture
def dead(organization: FakeOrganization, fake_database: FakeDatabase) -> Operator:
    """A process that leaves intents behind; it is dead from the start."""
    operator = Operator(organization, fake_database)
    operator.die()
    return operator


@pytest.fixture
def operator(organization: FakeOrganization, fake_database: FakeDatabase) -> Operator:
    return Operator(organization, fake_database)
