"""SQLite databases with their tables in them, copied from one that is made once in each process.

Making the tables costs a test ten times as much as copying the file.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from rootkeeper.ledger.database import open_database


def place_database(path: Path) -> str:
    """Put a current, empty database at ``path``; return its URL."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(_make_template())
    return f"sqlite:///{path}"


@cache
def _make_template() -> bytes:
    folder = Path(tempfile.mkdtemp(prefix="rootkeeper-template-"))
    try:
        open_database(f"sqlite:///{folder / 'template.db'}").close()
        return (folder / "template.db").read_bytes()
    finally:
        shutil.rmtree(folder)
