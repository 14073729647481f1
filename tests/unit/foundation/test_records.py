"""A record follows from its dataclass: names, order, types, docstrings and values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, NotRequired

import pytest
from pydantic import TypeAdapter

from rootkeeper.server.documents import RecordJsonSchema
from rootkeeper.shapes import (
    Count,
    JsonAnswer,
    JsonRecord,
    WholeSecond,
    fill_record,
    filled_from,
    record_for,
    record_of,
)

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Colour(StrEnum):
    GREEN = "green"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Wheel:
    position: int
    colours: frozenset[Colour]


@dataclass(frozen=True, slots=True)
class Maker:
    name: str
    secret: str


@dataclass(frozen=True, slots=True)
class Car:
    maker: Maker
    wheels: tuple[Wheel, ...]
    seats: Count
    """``None`` is no number of seats."""
    built_at: datetime | None
    is_sold: bool = False

    @property
    def has_seats(self) -> bool:
        return self.seats > 0


@record_of(Wheel)
class WheelRecord(JsonRecord):
    """A wheel."""


@record_of(
    Car,
    inside={"maker": Maker},
    without=("secret",),
    renamed={"name": "maker", "is_sold": "sold"},
    before={"sold": "wheels", "has_seats": "built_at"},
    moment=WholeSecond,
)
class CarAnswer(JsonAnswer):
    """A car."""

    has_seats: bool
    price: Annotated[int, NotRequired]


@record_of(Car, only=("built_at", "seats"))
class ShortRecord(JsonRecord):
    """Few fields, in their own order."""

    seats: int


@record_for(Colour, Count)
class ColourCounts(JsonRecord):
    """How many of each colour."""

    all: Count


CAR = Car(Maker("Ana", "hidden"), (Wheel(1, frozenset({Colour.RED, Colour.GREEN})),), 4, AT)


def describe(shape: Any) -> dict[str, Any]:
    return TypeAdapter(shape).json_schema(mode="serialization", schema_generator=RecordJsonSchema)


def test_a_record_has_the_fields_of_its_dataclass_at_their_places() -> None:
    assert list(fill_record(CarAnswer, CAR, price=7).items()) == [
        ("schema_version", 1),
        ("maker", "Ana"),
        ("sold", False),
        ("wheels", [{"position": 1, "colours": ["green", "red"]}]),
        ("seats", 4),
        ("has_seats", True),
        ("built_at", "2026-01-02T03:04:05Z"),
        ("price", 7),
    ]
    assert list(fill_record(ShortRecord, CAR)) == ["built_at", "seats"]


def test_its_schema_has_the_types_and_docstrings_of_the_dataclass() -> None:
    schema = describe(CarAnswer)
    fields = schema["properties"]

    assert list(fields) == ["schema_version", "maker", "sold", "wheels", "seats", "has_seats", "built_at", "price"]
    assert schema["required"] == [name for name in fields if name != "price"]
    assert schema["additionalProperties"] is False
    assert fields["seats"] == {"minimum": 0, "type": "integer", "description": "`null` is no number of seats."}
    assert fields["built_at"]["anyOf"][0]["pattern"].endswith("Z$")
    assert fields["wheels"]["items"] == {"$ref": "#/$defs/WheelRecord"}
    assert describe(ShortRecord)["properties"]["seats"] == {"type": "integer"}


def test_a_record_can_have_a_field_for_each_member_of_an_enumeration() -> None:
    assert list(describe(ColourCounts)["properties"]) == ["all", "green", "red"]


@dataclass(frozen=True, slots=True)
class Garage:
    owner: Maker | None
    cars: tuple[Car, ...]

    @property
    def best(self) -> Car | None:
        return max(self.cars, key=lambda car: car.seats, default=None)


@filled_from(best="best", owner_name="owner.name")
class GarageAnswer(JsonAnswer):
    """Cars, and whose."""

    owner_name: str | None
    cars: list[ShortRecord]
    best: ShortRecord | None


@filled_from(where="owner.name")
class NamedGarageAnswer(GarageAnswer):
    """The same, with its place."""

    where: str | None


def test_records_in_a_record_are_filled_from_the_dataclasses_in_its_dataclass() -> None:
    short = {"built_at": "2026-01-02T03:04:05Z", "seats": 4}
    garage = Garage(Maker("Ana", "hidden"), (CAR,))
    full = {"schema_version": 1, "owner_name": "Ana", "cars": [short], "best": short}

    assert fill_record(GarageAnswer, garage) == full
    assert fill_record(NamedGarageAnswer, garage, cars=[short, CAR]) == {**full, "cars": [short] * 2, "where": "Ana"}
    assert fill_record(GarageAnswer, Garage(None, ())) == {**full, "owner_name": None, "cars": [], "best": None}


def test_a_place_of_a_field_that_the_record_does_not_have_is_a_bug() -> None:
    @filled_from(colour="maker.name")
    class CarRecord(JsonRecord):
        """A car."""

    with pytest.raises(TypeError, match="CarRecord has no colour"):
        fill_record(CarRecord, CAR)


def test_a_name_that_the_dataclass_does_not_have_is_a_bug() -> None:
    with pytest.raises(TypeError, match="Wheel has no side"):
        record_of(Wheel, without=("side",))(WheelRecord)


def test_a_secret_field_is_never_published() -> None:
    @dataclass(frozen=True, slots=True)
    class Session:
        name: str
        token: str = field(repr=False)

    class SessionRecord(JsonRecord):
        """A session."""

    with pytest.raises(TypeError, match="secret"):
        record_of(Session)(SessionRecord)
    record_of(Session, without=("token",))(SessionRecord)
