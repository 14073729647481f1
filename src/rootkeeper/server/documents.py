"""The rows that define routes and who may call them, and the OpenAPI document that is made from them."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from typing_extensions import get_original_bases

from rootkeeper.server.bodies import USUAL_BYTES
from rootkeeper.server.guards import HEADER, AccessRequirement, Demand
from rootkeeper.server.request_path import PREFIX
from rootkeeper.server.served_files import ServedFile, make_file
from rootkeeper.server.sign_ins import COOKIE_NAME
from rootkeeper.server.turns import RouteLoad
from rootkeeper.shapes import SOURCES


@dataclass(frozen=True, slots=True)
class Row:
    """A route."""

    method: str
    path: str
    demand: Demand
    """Who may call it."""
    endpoint: Callable[..., Any]
    status: HTTPStatus = HTTPStatus.OK
    needs_fresh_factor: bool = False
    """Whether a browser's sign-in needs a fresh second factor."""
    response_class: type[Response] = JSONResponse
    """Determines the media type in the OpenAPI document."""
    media_types: tuple[str, ...] = ()
    """If there are several."""
    answer: Any = None
    """The type of the JSON answer; ``None`` if the answer is empty or a file."""
    further_statuses: tuple[HTTPStatus, ...] = ()
    """Other statuses with JSON of that type."""
    largest_bytes: int = USUAL_BYTES
    """Of its body. Only a path without parameters can have another limit."""
    load: RouteLoad = RouteLoad.LIGHT
    """Whose threads it takes."""
    is_file: bool = False
    """Whether its answer is the same for all, with a tag, also without sign-in."""

    @property
    def operation_id(self) -> str:
        return f"{self.method.lower()}_{self.endpoint.__name__}"

    @property
    def tag(self) -> str:
        """The first part of its path."""
        return self.path.removeprefix(PREFIX).strip("/").partition("/")[0] or "server"


def read(
    path: str,
    demand: Demand,
    endpoint: Callable[..., Any],
    answer: Any,
    status: HTTPStatus = HTTPStatus.OK,
    response_class: type[Response] = JSONResponse,
    *,
    load: RouteLoad = RouteLoad.LIGHT,
) -> Row:
    """Make a route that changes nothing."""
    return Row("GET", PREFIX + path, demand, endpoint, status, response_class=response_class, answer=answer, load=load)


def read_file(
    path: str,
    demand: Demand,
    endpoint: Callable[..., Any],
    media_types: tuple[str, ...],
    *,
    load: RouteLoad = RouteLoad.LIGHT,
) -> Row:
    """Make a route of a file or a stream."""
    return Row("GET", PREFIX + path, demand, endpoint, response_class=Response, media_types=media_types, load=load)


def change(
    path: str,
    demand: Demand,
    endpoint: Callable[..., Any],
    answer: Any,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    needs_fresh_factor: bool = False,
    method: str = "POST",
    largest_bytes: int = USUAL_BYTES,
    load: RouteLoad = RouteLoad.LIGHT,
    further_statuses: tuple[HTTPStatus, ...] = (),
) -> Row:
    """Make a route that changes something or starts work."""
    return Row(
        method,
        PREFIX + path,
        demand,
        endpoint,
        status,
        needs_fresh_factor,
        answer=answer,
        largest_bytes=largest_bytes,
        load=load,
        further_statuses=further_statuses,
    )


remove = partial(change, method="DELETE")
EXAMPLES_FILE = Path(__file__).parent / "examples.json"
"""Answers of many operations, recorded from a server."""

_JSON = "application/json"
_PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}

_PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "RFC 9457.",
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "The code of a Rootkeeper error; never changes."},
        "hint": {"type": "string", "description": "What to do next."},
        "hint_code": {"type": "string", "description": "Identifies the hint, for clients that word it themselves."},
        "hint_facts": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Identifiers that the hint is about.",
        },
        "request_id": {"type": "string", "description": "The server's log has it too."},
    },
    "required": ["type", "title", "status"],
}

_OF_BODIES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body isn't JSON.", **_PROBLEM},
    408: {"description": "The body took too long to arrive.", **_PROBLEM},
    413: {"description": "The body is too large.", **_PROBLEM},
}

OPEN_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"description": "The request isn't signed in.", **_PROBLEM},
    404: {"description": "Not found.", **_PROBLEM},
    409: {"description": "It conflicts with the current state.", **_PROBLEM},
    422: {"description": "The request is invalid.", **_PROBLEM},
    429: {"description": "Too many attempts; Retry-After says when to try again.", **_PROBLEM},
    503: {"description": "The server can't do it now; if it is busy, Retry-After says when to try again.", **_PROBLEM},
}
"""The problems of a route without sign-in."""

PROBLEMS: dict[int | str, dict[str, Any]] = {
    **OPEN_PROBLEMS,
    403: {"description": "The role doesn't permit it.", **_PROBLEM},
    502: {"description": "AWS denied the call or can't be reached.", **_PROBLEM},
}
"""The problems of all other routes. Source: RFC 9457."""

IDEMPOTENCY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "If the same request is sent again with the same key, it gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
"""A header that every changing request with a sign-in may have."""

_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client already has this answer, by its If-None-Match."}
}


def list_answers(row: Row) -> dict[int | str, dict[str, Any]]:
    """List the answers of a route beside its usual JSON."""
    is_open = row.demand is AccessRequirement.ANYONE
    problems = OPEN_PROBLEMS if is_open and row.tag != "auth" else PROBLEMS
    answers = {**problems, **(_OF_BODIES if row.method == "POST" else {})}
    if row.method == "GET" and (not is_open or row.is_file):
        answers |= _NOT_MODIFIED
    if row.media_types:
        answers[int(row.status)] = {
            "description": "A file or a stream.",
            "content": {
                # Source: RFC 6839, section 3.1, the suffix ``+json``.
                name: {"schema": {"type": ["array", "object"] if name.endswith(("/json", "+json")) else "string"}}
                for name in row.media_types
            },
        }
    for status in row.further_statuses:
        answers[int(status)] = {"description": "The same JSON, in another state.", "content": {_JSON: {}}}
    return dict(sorted(answers.items(), key=lambda answer: int(answer[0])))


def describe_api(application: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document; it is made once."""
    if application.openapi_schema is None:
        document = get_openapi(title=application.title, version=application.version, routes=application.routes)
        components = document.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = _PROBLEM_SCHEMA
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE_NAME},
        }
        _add_answers(document, application.state.rows)
        examples = json.loads(EXAMPLES_FILE.read_text(encoding="utf-8"))
        for operation in (described for path in document["paths"].values() for described in path.values()):
            example = examples.get(operation["operationId"])
            for status, answer in operation["responses"].items():
                if example is not None and status.startswith("2"):
                    answer["content"][_JSON]["example"] = example
        application.openapi_schema = document
    return application.openapi_schema


class DescriptionFile:
    """The OpenAPI document as bytes, plain and compressed. Anyone may ask for it, so it is encoded once."""

    def __init__(self) -> None:
        self._file: ServedFile | None = None
        self._making = asyncio.Lock()

    async def take(self, application: FastAPI) -> ServedFile:
        async with self._making:
            if self._file is None:
                self._file = await run_in_threadpool(_encode_description, application)
        return self._file


def _encode_description(application: FastAPI) -> ServedFile:
    return make_file(bytes(JSONResponse(describe_api(application)).body), ".json")


class RecordJsonSchema(GenerateJsonSchema):
    """Describes records by their docstrings, without titles that only repeat the names of fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - of no field
        return False

    def typed_dict_schema(self, schema: Any) -> dict[str, Any]:
        described = super().typed_dict_schema(schema)
        described.pop("title", None)
        texts = read_field_docstrings(getattr(schema["cls"], "record", schema["cls"]))
        for name, text in texts.items():
            if name in described["properties"]:
                described["properties"][name]["description"] = text
        return described


def read_field_docstrings(record: type) -> dict[str, str]:
    """Read the docstring under each field of a record, of its dataclass, and of the records that it extends.

    pydantic reads only docstrings of the record itself.
    """
    found: dict[str, str] = {}
    for base in get_original_bases(record):
        if isinstance(base, type) and base.__module__.startswith("rootkeeper."):
            found |= read_field_docstrings(base)
    if record in SOURCES:
        texts = SOURCES[record].collect(read_field_docstrings)
        found |= {name: text for name, text in texts.items() if name not in record.__annotations__}
    try:
        source = inspect.getsource(record)
    except OSError:  # a field's name is a keyword of Python, so the record isn't written as a class
        return found
    definition = cast("ast.ClassDef", ast.parse(source).body[0])
    for field, text in pairwise(definition.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = (
                " ".join(ast.literal_eval(text.value).split()).replace("``None``", "`null`").replace("``", "`")
            )
    return found


def _add_answers(document: dict[str, Any], rows: Iterable[Row]) -> None:
    """Add the schemas of all answers.

    :raises ValueError: if two different types have the same name.
    """
    reported = [row for row in rows if row.answer is not None]
    schemas, definitions = TypeAdapter.json_schemas(
        [(row.operation_id, "serialization", TypeAdapter(row.answer)) for row in reported],
        ref_template="#/components/schemas/{model}",
        schema_generator=RecordJsonSchema,
    )
    known = document["components"]["schemas"]
    for name, definition in definitions["$defs"].items():
        if known.setdefault(name, definition) != definition:
            raise ValueError(f"Two types of the API are named {name}.")
    for row in reported:
        answers = document["paths"][row.path][row.method.lower()]["responses"]
        for status in (row.status, *row.further_statuses):
            answers[str(int(status))]["content"][_JSON]["schema"] = schemas[row.operation_id, "serialization"]
