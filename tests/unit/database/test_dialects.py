"""What database errors mean; those of one database are tested with its store."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from rootkeeper.database.problems import DatabaseReplacedError, explain, was_cut_off


def test_other_errors_are_shown_by_their_own_text() -> None:
    assert explain(FileNotFoundError(2, "No such file or directory"))[0] == "No such file or directory"
    assert explain(SQLAlchemyError("first line\nsecond line")) == ("first line", None)
    assert explain(DatabaseReplacedError("the file was replaced"))[0] == "the file was replaced"


def test_a_connection_that_the_server_ended_is_told_by_the_servers_reason_if_it_is_known() -> None:
    idle = DBAPIError("SELECT 7", None, psycopg.errors.IdleInTransactionSessionTimeout("idle"))
    lost = psycopg.OperationalError("consuming input failed: server closed the connection unexpectedly")
    cut_off = DBAPIError("SELECT 7", None, lost, connection_invalidated=True)
    assert explain(idle)[0] == "this process was idle for too long"
    assert explain(cut_off)[0] == "the connection was lost"
    assert was_cut_off(idle)
    assert was_cut_off(cut_off)
