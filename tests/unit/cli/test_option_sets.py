"""Options written once are parameters of each command that takes them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import click
import pytest
from click.testing import CliRunner

from rootkeeper.cli.invocation import command, list_parameters
from rootkeeper.cli.outputs import OptionSet, argument, option


class Finish(StrEnum):
    """A choice whose words aren't the names of its members."""

    FLAT = "matt"
    SHINY = "gloss"


@dataclass(frozen=True, slots=True)
class Paint(OptionSet):
    """Some options."""

    colour: Annotated[str, option("--colour NAME", "Which colour.")]
    coats: Annotated[int, option("--coats -c", "How many.")] = 1
    finishes: Annotated[list[Finish] | None, option("--finish", "How it looks.")] = None


def paint(thing: Annotated[Path, argument("THING", "What to paint.")], paint: Paint) -> int:
    """Paint a thing."""
    click.echo(f"{thing!r} {paint.colour} {paint.coats!r} {paint.finishes!r}")
    return 0


def run(*arguments: str) -> str:
    return CliRunner().invoke(command(paint), arguments).output


def test_fields_become_parameters() -> None:
    sets, parameters = list_parameters(paint)
    assert sets == {"paint": Paint}
    assert [parameter.name for parameter in parameters] == ["thing", "colour", "coats", "finishes"]


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        (("--colour", "red"), "red 1 ()"),
        (("--colour", "red", "-c", "2"), "red 2 ()"),
        (("--colour", "red", "--finish", "matt", "--finish", "gloss"), f"red 1 {(Finish.FLAT, Finish.SHINY)!r}"),
    ],
)
def test_values_are_put_together_again(arguments: tuple[str, ...], values: str) -> None:
    assert run("door", *arguments) == f"{Path('door')!r} {values}\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "Missing option '--colour'"),
        (("--colour", "red", "--coats", "x"), "'x' is not a valid integer"),
        (("--colour", "red", "--finish", "FLAT"), "'FLAT' is not one of 'matt', 'gloss'"),
    ],
)
def test_values_of_another_type_are_refused(arguments: tuple[str, ...], problem: str) -> None:
    assert problem in run("door", *arguments)


def test_the_help_shows_them() -> None:
    page = run("--help")
    for line in (
        "THING  What to paint.",
        "--colour NAME",
        "-c, --coats INTEGER",
        "--finish matt|gloss",
        "[default: 1]",
    ):
        assert line in page


@pytest.mark.parametrize(
    ("default", "annotation", "usage"),
    [(..., str, "THING"), (None, str | None, "[THING]"), (None, list[str] | None, "[THING]...")],
)
def test_the_usage_shows_by_brackets_which_arguments_can_be_left_out(default: Any, annotation: Any, usage: str) -> None:
    parameter = argument("THING", "What to paint.").make_parameter("thing", annotation, default)
    assert parameter.make_metavar(click.Context(click.Command("paint"))) == usage
