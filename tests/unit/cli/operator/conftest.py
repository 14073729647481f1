"""A person who works through a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.remote_desk import RemoteDesk, open_identity_administration


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteDesk]:
    with open_identity_administration(capsys, monkeypatch) as opened:
        yield opened
