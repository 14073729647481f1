"""What a server refused becomes the error that a command on the database would have met."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rootkeeper.errors import (
    ApprovalRefusedError,
    AwsThrottledError,
    InputError,
    NotFoundError,
    NotSignedInError,
    PermissionDeniedError,
    RootkeeperError,
    ServerUnreachableError,
    WindowConflictError,
)
from rootkeeper.remote.connections import error_of

URL = "https://rootkeeper.example.com"


def list_errors(of: type[RootkeeperError] = RootkeeperError) -> Iterator[type[RootkeeperError]]:
    for below in of.__subclasses__():
        if below.__module__ == "rootkeeper.errors":
            yield below
            yield from list_errors(below)


OURS = sorted(set(list_errors()) - {NotSignedInError}, key=lambda kind: kind.code)


@pytest.mark.parametrize("kind", OURS, ids=[kind.code for kind in OURS])
def test_every_error_of_ours_comes_back_as_itself(kind: type[RootkeeperError]) -> None:
    error = error_of(422, {"code": kind.code, "detail": "What failed.", "hint": "What to do."}, url=URL)
    assert type(error) is kind
    assert (error.message, error.hint) == ("What failed.", "What to do.")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, InputError),
        (401, NotSignedInError),
        (403, PermissionDeniedError),
        (413, InputError),
        (422, InputError),
        (429, ServerUnreachableError),
        (500, ServerUnreachableError),
        (503, ServerUnreachableError),
    ],
)
def test_without_a_code_of_ours_the_status_decides(status: int, expected: type[RootkeeperError]) -> None:
    documents: tuple[object, ...] = (
        {"detail": "No."},
        {"code": "from.the.future", "detail": "No."},
        None,
        [],
        "text",
        3,
    )
    for document in documents:
        assert type(error_of(status, document, url=URL)) is expected


def test_an_address_that_is_not_there_means_another_version_or_another_program() -> None:
    assert type(error_of(404, {"detail": "Not Found"}, url=URL)) is ServerUnreachableError
    assert type(error_of(404, {"code": "from.the.future", "detail": "No window."}, url=URL)) is NotFoundError


def test_a_user_who_is_not_signed_in_is_shown_how() -> None:
    error = error_of(401, {"code": NotSignedInError.code, "detail": "The token has ended."}, url=URL)
    assert "The token has ended." in error.message
    assert f"rootkeeper login --server {URL}" in (error.hint or "")


def test_a_failure_of_the_server_names_its_request() -> None:
    assert "request r-17" in error_of(500, {"request_id": "r-17"}, url=URL).message


def test_the_exit_statuses_stay_those_of_a_command_on_the_database() -> None:
    codes = [ApprovalRefusedError.code, WindowConflictError.code, AwsThrottledError.code, "account.busy"]
    assert [error_of(409, {"code": code, "detail": "No."}, url=URL).exit_status for code in codes] == [2, 2, 3, 4]
