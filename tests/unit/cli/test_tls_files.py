"""Certificates and keys for TLS: what can't be used is reported before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key

from rootkeeper.cli.server_process import TlsFiles, find_tls_files
from rootkeeper.errors import InputError
from tests.fakes.tls_server import make_authority


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """A file with certificate and key."""
    return make_authority(tmp_path).issue("127.0.0.1")


def split(both: Path) -> tuple[Path, Path]:
    """Certificate and key in files of their own."""
    certificate, mark, key = both.read_text().partition("-----BEGIN PRIVATE KEY-----")
    places = both.with_suffix(".crt"), both.with_suffix(".key")
    places[0].write_text(certificate)
    places[1].write_text(mark + key)
    return places


def refusal_of(certificate: Path | None, key: Path | None) -> InputError:
    with pytest.raises(InputError) as refused:
        find_tls_files(certificate, key)
    assert refused.value.hint
    return refused.value


def test_one_file_or_two_will_do(both: Path) -> None:
    assert find_tls_files(None, None) is None
    for certificate, key in ((both, None), split(both)):
        found = find_tls_files(certificate, key)
        assert found is not None
        assert found.context.minimum_version.name == "TLSv1_2"


def test_a_file_that_isnt_there_is_named(both: Path, tmp_path: Path) -> None:
    assert f"{tmp_path / 'gone.pem'} can't be read: No such file" in refusal_of(tmp_path / "gone.pem", None).message
    assert "can't be read" in refusal_of(both, tmp_path / "gone.key").message


def test_a_key_alone_is_refused(both: Path) -> None:
    assert "needs --tls-cert" in refusal_of(None, both).message


def test_what_is_no_certificate_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.pem"
    for content in ("", "hunter2\n", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"):
        text.write_text(content)
        refused = refusal_of(text, None)
        assert "can't be used for TLS" in refused.message
        assert "hunter2" not in refused.message


def test_a_key_of_another_certificate_is_refused(both: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_authority(tmp_path / "other").issue("127.0.0.1")
    assert "the key isn't the certificate's" in refusal_of(split(both)[0], split(other)[1]).message


def test_an_encrypted_key_is_refused_and_no_one_is_asked_for_its_password(both: Path) -> None:
    certificate, key = split(both)
    plain = load_pem_private_key(key.read_bytes(), None)
    encryption = BestAvailableEncryption(b"password")
    key.write_bytes(plain.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    assert "encrypted" in refusal_of(certificate, key).message


def test_renewed_files_are_taken_up_once(both: Path, tmp_path: Path) -> None:
    files = TlsFiles(both, None)
    assert files.renew() is False
    (tmp_path / "other").mkdir()
    replace_by(both, make_authority(tmp_path / "other").issue("127.0.0.1").read_bytes())
    assert files.renew() is True
    assert files.renew() is False


def test_files_that_cant_be_used_leave_what_was_read_before(both: Path) -> None:
    files = TlsFiles(both, None)
    whole = both.read_bytes()
    replace_by(both, whole[: len(whole) // 2])
    with pytest.raises(InputError):
        files.renew()
    assert files.renew() is False
    replace_by(both, whole)
    assert files.renew() is True


def replace_by(path: Path, content: bytes) -> None:
    """As a client of a certificate authority does: a new file in the place of the old one."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)
