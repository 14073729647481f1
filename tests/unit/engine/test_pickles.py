"""No row of the engine makes the program run anything."""

from __future__ import annotations

import base64
import pickle
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.engine.pickles import refuse_pickles


class Trap:
    """What unpickling would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_is_refused_and_does_nothing(tmp_path: Path) -> None:
    from dbos import _serialization

    refuse_pickles()
    refuse_pickles()
    text = base64.b64encode(pickle.dumps(Trap(tmp_path / "sprung"))).decode()
    with pytest.raises(ValueError, match="pickle"):
        _serialization.deserialize_args(text, "py_pickle", _serialization.DBOSPortableJSON)
    assert not (tmp_path / "sprung").exists()
