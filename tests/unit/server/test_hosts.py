"""What a Host header names."""

from __future__ import annotations

import pytest

from rootkeeper.server.request_path import parse_host_name


@pytest.mark.parametrize(
    ("header", "name"),
    [("localhost:8700", "localhost"), ("[::1]:8700", "::1"), ("[::1]", "::1"), ("127.0.0.1", "127.0.0.1"), ("", "")],
)
def test_a_name_is_separated_from_its_port(header: str, name: str) -> None:
    assert parse_host_name(header) == name
