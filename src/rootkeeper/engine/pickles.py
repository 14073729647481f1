"""Nothing is unpickled: whoever can write the engine's tables must not gain the power of the server by that.

Each row of DBOS names its own serializer, and a row that names pickle is unpickled whatever serializer was configured.
There is no switch for that, so the one method that unpickles is replaced.
Source: dbos 3.4, _serialization.py, deserialize_value and deserialize_args.
"""

from __future__ import annotations

from typing import Any, NoReturn


def refuse_pickles() -> None:
    """From now on, in this process; again and again without harm."""
    from dbos import _serialization

    _serialization.DefaultSerializer.deserialize = _refuse  # type: ignore[method-assign,assignment]  # there is no switch


def _refuse(_serializer: Any, serialized_data: str) -> NoReturn:
    raise ValueError(f"A row of the engine holds {len(serialized_data)} characters of pickle, which isn't read.")
