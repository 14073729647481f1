"""Where an emergency is recorded when the database can't be reached."""

from __future__ import annotations

from pathlib import Path

from rootkeeper.composition.application import make_emergency_settings
from rootkeeper.settings.reading import load_settings
from tests.fakes.clock import START


def test_everything_goes_beside_a_fresh_file_of_that_moment(tmp_path: Path) -> None:
    configured = {
        "ROOTKEEPER_DATABASE_URL": "postgresql+psycopg://rootkeeper@db.example.com/rootkeeper",
        "ROOTKEEPER_LEDGER_ANCHOR": "/elsewhere/anchor.jsonl",
        "ROOTKEEPER_WINDOWS_EMERGENCY": "true",
    }
    settings, path = make_emergency_settings(load_settings(None, configured, tmp_path), tmp_path, START)
    assert path == tmp_path / "emergency-20260115T090000Z.db"
    assert settings.database.url == f"sqlite:///{path}"
    assert settings.ledger.anchor == tmp_path / "emergency-20260115T090000Z.db.anchor.jsonl"
    assert settings.ledger.mirror == tmp_path / "emergency-20260115T090000Z.db.mirror.jsonl"
    assert settings.ledger.spill == tmp_path
    assert settings.windows.emergency
    assert not path.exists()
