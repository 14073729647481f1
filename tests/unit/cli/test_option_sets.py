"""Options written once, shown to Typer one by one."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from rootkeeper.cli.outputs import OptionSet, expand, option


@dataclass(frozen=True, slots=True)
class Paint(OptionSet):
    """Two options."""

    colour: Annotated[str, option("--colour NAME", "Which colour.")]
    coats: Annotated[int, option("--coats -c", "How many.")] = 1


def paint(thing: str, paint: Paint) -> str:
    """Paint a thing."""
    return f"{thing} {paint.colour} {paint.coats}"


def test_fields_become_parameters() -> None:
    assert list(inspect.signature(expand(paint)).parameters) == ["thing", "colour", "coats"]


def test_values_are_put_together_again() -> None:
    assert expand(paint)(thing="door", colour="red", coats=2) == "door red 2"


def test_typer_shows_and_reads_them() -> None:
    application = typer.Typer()

    @application.command()
    @expand
    def show(thing: Annotated[str, typer.Argument()], paint: Paint) -> None:
        typer.echo(f"{thing} {paint.colour} {paint.coats}")

    result = CliRunner().invoke(application, ["door", "--colour", "red"])
    assert result.output == "door red 1\n"
    assert CliRunner().invoke(application, ["door", "--colour", "red", "-c", "2"]).output == "door red 2\n"
    page = CliRunner().invoke(application, ["--help"]).output
    assert "--coats" in page
    assert "NAME" in page
