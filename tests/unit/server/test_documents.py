"""The OpenAPI document: what it is made from, and what it costs."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest
from fastapi.routing import APIRoute

from rootkeeper.server.application import make_application
from rootkeeper.server.documents import DescriptionFile, describe_api
from rootkeeper.server.parameters import Body
from rootkeeper.server.served_files import ServedFile
from tests.fakes.api_services import FakeServices


class JobAnswer(Body):
    """A body with the name of an answer."""

    title: str


def take_job(body: JobAnswer) -> None:
    """Take it."""


def test_a_body_and_an_answer_of_one_name_are_distinguished() -> None:
    application = make_application(FakeServices().as_server)
    application.router.add_api_route("/api/v1/jobs", take_job, methods=["PUT"], response_model=None)
    with pytest.raises(ValueError, match="Two types of the API are named JobAnswer"):
        describe_api(application)


def test_no_route_checks_or_copies_what_it_answers() -> None:
    routes = [route for route in make_application(FakeServices().as_server).routes if isinstance(route, APIRoute)]
    assert [route.path for route in routes if route.response_field is not None] == []
    assert [route.path for route in routes if route.response_fields] == []


def test_p32_the_description_is_encoded_once_for_all() -> None:
    application, description = make_application(FakeServices().as_server), DescriptionFile()

    async def take_often() -> list[ServedFile]:
        return await asyncio.gather(*(description.take(application) for _ in range(20)))

    first, *others = asyncio.run(take_often())
    assert all(one is first for one in others)
    assert json.loads(first.content) == describe_api(application)
    assert first.compressed is not None
    assert gzip.decompress(first.compressed) == first.content
