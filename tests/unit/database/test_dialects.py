"""What database errors mean; those of one database are tested with its store."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from rootkeeper.database.engines import DatabaseReplacedError, explain


def test_other_errors_are_shown_by_their_own_text() -> None:
    assert explain(FileNotFoundError(2, "No such file or directory"))[0] == "No such file or directory"
    assert explain(SQLAlchemyError("first line\nsecond line")) == ("first line", None)
    assert explain(DatabaseReplacedError("the file was replaced"))[0] == "the file was replaced"
