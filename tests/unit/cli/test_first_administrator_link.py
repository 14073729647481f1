"""Who sees the first administrator's link: a person at the terminal, or the reader of a private file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from rootkeeper.access.links import LinkFile
from rootkeeper.cli.server_process import announce_ready
from rootkeeper.cli.terminal import Terminal
from rootkeeper.composition.serving import ServerRuntime

LINK = "http://localhost:8700/first-administrator#secret"


@dataclass
class NewServer:
    """As much of a server's runtime as is asked."""

    first_administrator_file: LinkFile
    link: str | None = LINK
    url: str | None = "http://localhost:8700"

    def describe(self) -> str:
        return "organization o-exampleorgid, AWS"

    def offer_first_administration(self) -> str | None:
        return self.link


class Watched(Terminal):
    shows_output = True


def announce(terminal: Terminal, server: NewServer) -> None:
    announce_ready(terminal, cast("ServerRuntime", server), "serves http://localhost:8700")


def test_a_person_at_the_terminal_sees_the_link_and_no_file_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = NewServer(LinkFile(tmp_path / "link"))
    announce(Watched({}), server)
    shown = capsys.readouterr()
    assert shown.out == f"{LINK}\n"
    assert "secret" not in shown.err
    assert not server.first_administrator_file.path.exists()


def test_without_a_terminal_only_a_file_has_the_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = NewServer(LinkFile(tmp_path / "link"))
    announce(Terminal({}), server)
    shown = capsys.readouterr()
    assert "secret" not in shown.out + shown.err
    assert str(tmp_path / "link") in shown.err.replace("\n", "")
    assert server.first_administrator_file.path.read_text() == f"{LINK}\n"


def test_if_the_file_cannot_be_written_the_server_starts_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(Terminal({}), NewServer(LinkFile(tmp_path / "missing" / "link")))
    shown = capsys.readouterr()
    assert "users add NAME --role administrator" in shown.err.replace("\n", " ")
    assert "secret" not in shown.out + shown.err
    assert "Rootkeeper serves" in shown.err


def test_with_an_administrator_there_is_nothing_to_offer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = NewServer(LinkFile(tmp_path / "link"), link=None)
    announce(Terminal({}), server)
    assert "administrator" not in capsys.readouterr().err
    assert not server.first_administrator_file.path.exists()
