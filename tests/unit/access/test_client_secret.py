"""Where the client's secret is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from rootkeeper.access.provider import read_client_secret
from rootkeeper.errors import IdentityProviderError


def write(folder: Path, content: bytes, mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return f"file:{path}"


def test_it_is_read_from_a_variable_or_a_file_and_may_be_none(tmp_path: Path) -> None:
    assert read_client_secret("env:OIDC_SECRET", {"OIDC_SECRET": " s3cret \n"}) == "s3cret"
    assert read_client_secret(write(tmp_path, b"s3cret\n"), {}) == "s3cret"
    assert read_client_secret("", {}) is None


def test_what_cant_be_used_is_said_and_no_secret_repeated(tmp_path: Path) -> None:
    references = (
        "env:OIDC_SECRET",
        f"file:{tmp_path}",
        f"file:{tmp_path}/none",
        write(tmp_path, b" \n"),
    )
    for reference in references:
        with pytest.raises(IdentityProviderError, match="can't be used"):
            read_client_secret(reference, {})


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o602])
def test_a_file_that_others_may_read_or_change_isnt_used(tmp_path: Path, mode: int) -> None:
    with pytest.raises(IdentityProviderError, match="other users can read or change") as caught:
        read_client_secret(write(tmp_path, b"s3cret", mode), {})
    assert "s3cret" not in caught.value.message


def test_a_file_of_other_bytes_isnt_used(tmp_path: Path) -> None:
    with pytest.raises(IdentityProviderError, match="isn't text"):
        read_client_secret(write(tmp_path, b"\xff\xfe"), {})
