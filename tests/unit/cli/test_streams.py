"""A command's streams, as the program that reads them through a pipe sees them."""

from __future__ import annotations

import os
import sys

import pytest

from rootkeeper.cli.terminal import Terminal, prepare_streams


def test_each_line_leaves_at_once_also_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        prepare_streams()
        Terminal({}).write("one account\n")
        assert reader.read() == b"one account\n"
