"""Which names stand for this machine."""

from __future__ import annotations

import pytest

from rootkeeper.references import is_loopback


@pytest.mark.parametrize("name", ["localhost", "LocalHost", "127.0.0.1", "127.255.0.1", "::1"])
def test_loopback_names_are_known(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize(
    "name",
    ["", "example.com", "0.0.0.0", "::", "10.0.0.1", "localhost.", "evil.localhost", "127.1", "2130706433"],  # noqa: S104 - what is tried
)
def test_any_other_name_isnt_one(name: str) -> None:
    assert not is_loopback(name)
