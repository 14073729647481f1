"""URLs of databases, and what is refused."""

from __future__ import annotations

import pytest

from rootkeeper.database.engines import open_store
from rootkeeper.errors import SettingsError
from tests.unit.database.samples import raised_by


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://localhost/x", "postgresql://localhost/x"]
)
def test_a_url_that_cant_be_used_is_refused_with_examples(url: str) -> None:
    error = raised_by(lambda: open_store(url, 1.0), SettingsError)
    assert error.hint is not None
    assert "sqlite:///" in error.hint


def test_p08_a_refused_url_doesnt_show_its_password() -> None:
    error = raised_by(lambda: open_store("mysql://user:hunter2@localhost/x", 1.0), SettingsError)
    assert "hunter2" not in error.message
