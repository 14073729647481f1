"""No row of the engine makes the program run anything."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.worker.engine import refuse_pickles


class Trap:
    """What unpickling would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("loads", [pickle.loads, pickle._loads])  # type: ignore[attr-defined]  # the one in Python
def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, loads: Any, protocol: int) -> None:
    refuse_pickles()
    refuse_pickles()
    pickled = pickle.dumps(Trap(tmp_path / "sprung"), protocol)
    with pytest.raises(ValueError, match="unpickles nothing"):
        loads(pickled)
    assert not (tmp_path / "sprung").exists()
