"""Bodies of S3 requests: hashed, unsigned, and in chunks with trailers, as current SDKs send them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootkeeper_sandbox.exchange import ChunkSeed, HttpRequest, ServiceError, read_payload
from rootkeeper_sandbox.services.s3_objects import DIGESTS, verify_checksums
from tests.examples import examples

EXAMPLE = ChunkSeed(
    signature="4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    signed_at="20130524T000000Z",
    scope="20130524/us-east-1/s3/aws4_request",
    key=b"",
)
"""Of the documentation's example, whose keys are AWS's documentation keys."""
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = f"{SIGNED}-TRAILER"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()


def seed() -> ChunkSeed:
    key = b"AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    for element in ("20130524", "us-east-1", "s3", "aws4_request"):
        key = hmac.digest(key, element.encode(), "sha256")
    return ChunkSeed(EXAMPLE.signature, EXAMPLE.signed_at, EXAMPLE.scope, key)


def request(body: bytes, declared: str | None, **headers: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if declared is not None:
        named["x-amz-content-sha256"] = declared
    return HttpRequest("PUT", "/bucket/key", "", named, body, "127.0.0.1")


def read(body: bytes, declared: str | None, **headers: str) -> HttpRequest:
    made = request(body, declared, **headers)
    read_payload(made, seed)
    return made


def refused(body: bytes, declared: str | None, **headers: str) -> str:
    with pytest.raises(ServiceError) as caught:
        read(body, declared, **headers)
    assert 400 <= caught.value.status < 500
    return caught.value.code


def wrap_unsigned(*chunks: bytes, trailers: dict[str, str] | None = None) -> bytes:
    body = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    lines = "".join(f"{name}:{value}\r\n" for name, value in (trailers or {}).items())
    return body + b"0\r\n" + lines.encode() + b"\r\n"


def wrap_signed(*chunks: bytes, trailers: dict[str, str] | None = None) -> bytes:
    start, previous, body = seed(), EXAMPLE.signature, b""
    for chunk in (*chunks, b""):
        digest = hashlib.sha256(chunk).hexdigest()
        previous = start.sign("AWS4-HMAC-SHA256-PAYLOAD", previous, EMPTY_HASH, digest)
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + (b"\r\n" if chunk else b"")
    if trailers:
        text = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
        signature = start.sign("AWS4-HMAC-SHA256-TRAILER", previous, hashlib.sha256(text.encode()).hexdigest())
        body += "".join(f"{name}:{value}\r\n" for name, value in trailers.items()).encode()
        body += f"x-amz-trailer-signature:{signature}\r\n".encode()
    return body + b"\r\n"


def test_the_documentations_example_of_signed_chunks_is_read() -> None:
    """Source: Amazon S3 API Reference, "Transferring Payload in Multiple Chunks", its example of 65 KiB and 1 KiB."""
    start = seed()
    first = start.sign(
        "AWS4-HMAC-SHA256-PAYLOAD", start.signature, EMPTY_HASH, hashlib.sha256(b"a" * 65536).hexdigest()
    )
    assert first == "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
    body = wrap_signed(b"a" * 65536, b"a" * 1024)
    assert b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9" in body
    made = read(body, SIGNED, x_amz_decoded_content_length="66560", content_encoding="aws-chunked,gzip")
    assert made.body == b"a" * 66560
    assert made.headers["content-encoding"] == "gzip"


CRC = base64.b64encode(zlib.crc32(b"hello world").to_bytes(4)).decode()


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_checksum_in_a_trailer_becomes_a_header(is_signed: bool) -> None:
    wrap = wrap_signed if is_signed else wrap_unsigned
    body = wrap(b"hello ", b"world", trailers={"x-amz-checksum-crc32": CRC})
    declared = SIGNED_TRAILER if is_signed else UNSIGNED_TRAILER
    made = read(body, declared, x_amz_decoded_content_length="11", x_amz_trailer="x-amz-checksum-crc32")
    assert made.body == b"hello world"
    assert made.headers["x-amz-checksum-crc32"] == CRC
    assert "content-encoding" not in made.headers


def test_a_trailer_that_was_not_announced_is_dropped() -> None:
    body = wrap_unsigned(b"a", trailers={"x-amz-acl": "public-read"})
    made = read(body, UNSIGNED_TRAILER, x_amz_decoded_content_length="1", x_amz_trailer="x-amz-checksum-crc32")
    assert "x-amz-acl" not in made.headers


def test_a_body_is_compared_with_its_hash_or_not_at_all() -> None:
    assert read(b"a", hashlib.sha256(b"a").hexdigest()).body == b"a"
    assert read(b"a", "UNSIGNED-PAYLOAD").body == b"a"
    assert refused(b"b", hashlib.sha256(b"a").hexdigest()) == "XAmzContentSHA256Mismatch"
    assert refused(b"b", "nonsense") == "InvalidArgument"
    assert refused(b"b", None) == "InvalidRequest"


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body[:-10],
        lambda body: body.replace(b"hello", b"jello"),
        lambda body: body.replace(b"b;chunk", b"c;chunk"),
        lambda body: body.replace(b"chunk-signature=", b"chunk-signature=0"),
        lambda body: body.replace(b"\r\n", b"\n"),
        lambda body: b"",
        lambda body: b"zz;chunk-signature=00\r\n",
        lambda body: b"ffffffffffff\r\n",
        lambda body: b"-1\r\n\r\n",
        lambda body: body.partition(b"x-amz-trailer-signature")[0] + b"\r\n",
        lambda body: body.replace(CRC.encode(), b"AAAAAA=="),
    ],
)
def test_broken_chunks_are_refused(change: Any) -> None:
    body = change(wrap_signed(b"hello world", trailers={"x-amz-checksum-crc32": CRC}))
    code = refused(body, SIGNED_TRAILER, x_amz_decoded_content_length="11", x_amz_trailer="x-amz-checksum-crc32")
    assert code in {"IncompleteBody", "SignatureDoesNotMatch"}


@pytest.mark.parametrize("length", ["", "10", "12", "eleven"])
def test_the_decoded_length_must_be_right(length: str) -> None:
    headers = {"x_amz_decoded_content_length": length} if length else {}
    assert refused(wrap_unsigned(b"hello world"), UNSIGNED_TRAILER, **headers) == "IncompleteBody"


@settings(max_examples=examples(50))
@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5))
def test_chunks_of_any_size_come_out_whole(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    for wrap, declared in ((wrap_signed, SIGNED), (wrap_unsigned, UNSIGNED_TRAILER)):
        assert read(wrap(*chunks), declared, x_amz_decoded_content_length=str(len(whole))).body == whole


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail(body: bytes) -> None:
    for declared in (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER):
        with suppress(ServiceError):
            assert len(read(body, declared, x_amz_decoded_content_length="1").body) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ChecksumCRC32", "cbf43926"),
        ("ChecksumCRC32C", "e3069283"),
        ("ChecksumCRC64NVME", "ae8b14860a799888"),
        ("ChecksumMD5", "25f9e794323b453885f5181f1b624d0b"),
        ("ChecksumSHA1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    ],
)
def test_checksums_have_the_check_values_of_their_standards(name: str, expected: str) -> None:
    digest = DIGESTS[name](b"123456789")
    assert digest.hex() == expected
    assert verify_checksums({name: base64.b64encode(digest).decode()}, b"123456789")[name]


def test_a_checksum_that_is_not_imitated_is_refused_not_believed() -> None:
    with pytest.raises(ServiceError, match="does not imitate the checksum XXHASH3"):
        verify_checksums({"ChecksumXXHASH3": "AAAA"}, b"")
