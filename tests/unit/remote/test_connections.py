"""One request and its answer, over real sockets: reading is tried again, a change is sent once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rootkeeper.errors import (
    InputError,
    NotSignedInError,
    RootkeeperError,
    ServerUnreachableError,
    UnprovenChangeError,
    WindowConflictError,
)
from rootkeeper.remote.connections import Connection, segment
from tests.fakes.rootkeeper_server import Answer, FakeRootkeeperServer, problem
from tests.fakes.tls_server import make_authority

TOKEN = "rk_canary-0123456789"
DOWN = problem(503, None, "starting")


@pytest.fixture
def server() -> Iterator[FakeRootkeeperServer]:
    with FakeRootkeeperServer.start() as started:
        yield started


class Pauses(list[float]):
    """Remembers what was slept, and sleeps not at all."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def connection(server: FakeRootkeeperServer, pauses: Pauses) -> Connection:
    return Connection(server.url, TOKEN, sleep=pauses)


def test_the_token_goes_with_every_request(server: FakeRootkeeperServer, connection: Connection) -> None:
    server.answer("GET me", {"name": "anna"})
    assert connection.get("me") == {"name": "anna"}
    assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_query_is_written_as_the_api_reads_it(server: FakeRootkeeperServer, connection: Connection) -> None:
    server.answer("GET windows", {})
    connection.get("windows", {"unfinished": True, "limit": 5, "after": None, "q": "a b&c"})
    assert server.lines == ["GET windows?unfinished=true&limit=5&q=a+b%26c"]


def test_text_in_a_path_stays_one_part_of_it() -> None:
    assert segment("../users?x=1#y") == "..%2Fusers%3Fx%3D1%23y"


def test_reading_is_tried_again_until_it_succeeds(
    server: FakeRootkeeperServer, connection: Connection, pauses: Pauses
) -> None:
    server.answer("GET me", Answer(cut=True), DOWN, {"name": "anna"})
    assert connection.get("me") == {"name": "anna"}
    assert len(pauses) == 2


def test_reading_ends_some_time(server: FakeRootkeeperServer, connection: Connection, pauses: Pauses) -> None:
    server.answer("GET me", DOWN)
    with pytest.raises(ServerUnreachableError, match="starting"):
        connection.get("me")
    assert len(server.asked) == len(pauses) + 1 == 4


def test_a_change_whose_answer_is_lost_is_not_sent_again(server: FakeRootkeeperServer, connection: Connection) -> None:
    server.answer("POST windows", Answer(cut=True))
    with pytest.raises(UnprovenChangeError, match="may be done"):
        connection.post("windows", {"reason": "x"})
    assert server.lines == ["POST windows"]


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_change_that_the_server_broke_off_is_not_called_undone(
    server: FakeRootkeeperServer, connection: Connection, status: int
) -> None:
    server.answer("POST windows", problem(status, None, "broken"))
    with pytest.raises(UnprovenChangeError):
        connection.post("windows")
    assert len(server.asked) == 1


def test_a_change_that_was_refused_is_refused(server: FakeRootkeeperServer, connection: Connection) -> None:
    server.answer("POST windows", problem(409, "window.conflict", "The account has a window.", "Close it."))
    with pytest.raises(WindowConflictError, match="has a window") as caught:
        connection.post("windows", {"reason": "x"})
    assert caught.value.hint == "Close it."


def test_a_change_that_never_left_is_not_called_unclear() -> None:
    with FakeRootkeeperServer.start() as gone:
        pass
    with pytest.raises(ServerUnreachableError, match="can't be reached"):
        Connection(gone.url, TOKEN).post("windows")


def test_a_server_that_is_down_is_named_with_what_to_check(pauses: Pauses) -> None:
    with FakeRootkeeperServer.start() as gone:
        pass
    with pytest.raises(ServerUnreachableError) as caught:
        Connection(gone.url, TOKEN, sleep=pauses).get("me")
    assert gone.url in caught.value.message
    assert "refused" in caught.value.message
    assert "rootkeeper serve" in (caught.value.hint or "")


def test_a_token_is_never_sent_where_a_redirect_points(server: FakeRootkeeperServer, connection: Connection) -> None:
    with FakeRootkeeperServer.start() as other:
        server.answer("GET me", Answer(status=307, headers=(("Location", f"{other.url}/api/v1/me"),)))
        with pytest.raises(ServerUnreachableError, match="doesn't answer as a Rootkeeper server"):
            connection.get("me")
        assert other.asked == []


def test_another_kind_of_server_is_known_by_its_answer(server: FakeRootkeeperServer, connection: Connection) -> None:
    server.answer("GET me", Answer(b"<html>Welcome</html>"))
    with pytest.raises(ServerUnreachableError, match="doesn't answer as a Rootkeeper server"):
        connection.get("me")


def test_pages_are_asked_for_until_the_last(server: FakeRootkeeperServer, connection: Connection) -> None:
    server.answer("GET jobs", {"jobs": [1, 2], "next": "b/c"}, {"jobs": [3], "next": None})
    assert list(connection.list_pages("jobs", "jobs", {"limit": 2})) == [1, 2, 3]
    assert server.lines == ["GET jobs?limit=2", "GET jobs?limit=2&after=b%2Fc"]


def test_an_answer_of_another_version_is_an_error_and_no_bug(
    server: FakeRootkeeperServer, connection: Connection
) -> None:
    server.answer("GET jobs", {"tasks": []})
    with pytest.raises(ServerUnreachableError, match="can't be understood"):
        list(connection.list_pages("jobs", "jobs"))
    server.answer("GET windows", {"windows": None})
    with pytest.raises(ServerUnreachableError, match="can't be understood"):
        list(connection.list_pages("windows", "windows"))
    with pytest.raises(ServerUnreachableError, match="understood"):
        connection.parse_answer(lambda record: record["name"], ["no", "record"])


def test_the_token_is_in_no_error_and_no_representation(server: FakeRootkeeperServer, connection: Connection) -> None:
    server.answer("GET me", problem(401, "access.not_signed_in", "Ended."))
    server.answer("POST windows", Answer(cut=True))
    shown = [repr(connection)]
    asks: tuple[Callable[[], object], ...] = (lambda: connection.get("me"), lambda: connection.post("windows"))
    for ask in asks:
        with pytest.raises((NotSignedInError, UnprovenChangeError)) as caught:
            ask()
        error: BaseException | None = caught.value
        while error is not None:
            shown.append(repr(error))
            error = error.__cause__ or error.__context__
    assert [text for text in shown if TOKEN in text] == []


def test_a_certificate_that_no_authority_signed_is_refused(tmp_path: Path) -> None:
    certificate = make_authority(tmp_path).issue("127.0.0.1")
    with FakeRootkeeperServer.start(certificate) as server:
        with pytest.raises(ServerUnreachableError, match="isn't trusted") as caught:
            Connection(server.url, TOKEN).get("me")
        assert "SSL_CERT_FILE" in (caught.value.hint or "")
        assert server.asked == []


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = make_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with FakeRootkeeperServer.start(authority.issue("other.example.com")) as server:
        with pytest.raises(ServerUnreachableError, match="isn't trusted"):
            Connection(server.url, TOKEN).get("me")
        assert server.asked == []


def test_a_certificate_of_an_authority_of_ones_own_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = make_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with FakeRootkeeperServer.start(authority.issue("127.0.0.1")) as server:
        server.answer("GET me", {"name": "anna"})
        assert Connection(server.url, TOKEN).get("me") == {"name": "anna"}


def test_no_proxy_is_between_a_command_and_this_machine(
    server: FakeRootkeeperServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answer("GET me", {"name": "anna"})
    assert Connection(server.url, TOKEN).get("me") == {"name": "anna"}


def test_another_machine_is_reached_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeRootkeeperServer.start() as gone:
        pass
    monkeypatch.setenv("https_proxy", gone.url)
    away = Connection("https://rootkeeper.example.com", TOKEN, sleep=Pauses())
    with pytest.raises(ServerUnreachableError, match="can't be reached"):
        away.get("me")
    with pytest.raises(ServerUnreachableError, match="can't be reached"):
        away.post("windows")  # nothing has left this machine


def test_what_no_server_of_ours_would_answer_is_an_error_of_input(
    server: FakeRootkeeperServer, connection: Connection
) -> None:
    server.answer("POST jobs", Answer(status=418, body={"detail": "I'm a teapot."}))
    with pytest.raises(InputError, match="teapot"):
        connection.post("jobs")
    assert issubclass(InputError, RootkeeperError)
