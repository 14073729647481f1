"""The body of an S3 request as its signature covers it: whole, unsigned, or in signed chunks with trailing headers.

S3 signs the ``x-amz-content-sha256`` header instead of the body itself, so the body is compared with it here, and
what is sent as ``aws-chunked`` is unwrapped before anything reads it.

Source: Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header", "Transferring Payload in
Multiple Chunks" and "including trailing headers".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from rootkeeper.sandbox.exchange import ServiceError
from rootkeeper.sandbox.http_messages import HttpRequest

CONTENT_HASH = "x-amz-content-sha256"
UNSIGNED = "UNSIGNED-PAYLOAD"
_SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_SIGNED_CHUNKS_WITH_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
_UNSIGNED_CHUNKS_WITH_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_CHUNKED = frozenset({_SIGNED_CHUNKS, _SIGNED_CHUNKS_WITH_TRAILER, _UNSIGNED_CHUNKS_WITH_TRAILER})
_HASH = re.compile(r"[0-9a-f]{64}")
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()
_MAX_CHUNKS = 4096
_MAX_TRAILERS = 20


@dataclass(frozen=True, slots=True)
class ChunkSeed:
    """What the signatures of chunks start from: the request's own signature, its date and scope, and the key."""

    signature: str
    signed_at: str
    scope: str
    key: bytes

    def sign(self, algorithm: str, previous: str, *digests: str) -> str:
        """Sign a chunk or the trailer, each bound to the signature before it."""
        text = "\n".join((algorithm, self.signed_at, self.scope, previous, *digests))
        return hmac.digest(self.key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


def read_payload(request: HttpRequest, make_seed: Callable[[], ChunkSeed]) -> None:
    """Check a request's body against its content hash; unwrap it, and its trailing headers, if it is chunked.

    :raises ServiceError: if hash, chunks or lengths aren't right.
    """
    declared = request.headers.get(CONTENT_HASH)
    if declared is None:
        raise ServiceError("InvalidRequest", f"Missing required header for this request: {CONTENT_HASH}")
    if declared in _CHUNKED:
        _unwrap(request, declared, make_seed())
    elif declared != UNSIGNED:
        _check_hash(request, declared)


def _check_hash(request: HttpRequest, declared: str) -> None:
    if not _HASH.fullmatch(declared.lower()):
        message = (
            f"{CONTENT_HASH} must be {UNSIGNED}, {_UNSIGNED_CHUNKS_WITH_TRAILER}, {_SIGNED_CHUNKS},"
            f" {_SIGNED_CHUNKS_WITH_TRAILER} or a valid sha256 value."
        )
        raise ServiceError("InvalidArgument", message)
    if hashlib.sha256(request.body).hexdigest() != declared.lower():
        message = f"The provided '{CONTENT_HASH}' header does not match what was computed."
        raise ServiceError("XAmzContentSHA256Mismatch", message)


def _unwrap(request: HttpRequest, declared: str, seed: ChunkSeed) -> None:
    reader = _ChunkReader(request.body, seed if declared != _UNSIGNED_CHUNKS_WITH_TRAILER else None)
    data = reader.read_data()
    if declared != _SIGNED_CHUNKS:
        announced = {name.strip().lower() for name in request.headers.get("x-amz-trailer", "").split(",")}
        trailers = reader.read_trailers()
        request.headers.update({name: value for name, value in trailers.items() if name in announced})
    length = request.headers.get("x-amz-decoded-content-length", "")
    if length != str(len(data)):
        raise _incomplete()
    encodings = [text.strip() for text in request.headers.get("content-encoding", "").split(",")]
    rest = ",".join(text for text in encodings if text and text != "aws-chunked")
    request.headers.pop("content-encoding", None)
    if rest:
        request.headers["content-encoding"] = rest
    request.body = data


def _incomplete() -> ServiceError:
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header"
    return ServiceError("IncompleteBody", message)


class _ChunkReader:
    """Walks through an ``aws-chunked`` body; with a seed each chunk's signature is verified."""

    def __init__(self, body: bytes, seed: ChunkSeed | None) -> None:
        self._body = body
        self._seed = seed
        self._position = 0
        self._previous = seed.signature if seed else ""

    def read_data(self) -> bytes:
        chunks: list[bytes] = []
        while len(chunks) < _MAX_CHUNKS:
            chunk = self._read_chunk()
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
        raise _incomplete()

    def _read_chunk(self) -> bytes:
        """Read one chunk; the last one is empty, and its data ends where the trailers begin."""
        size_text, _, extension = self._read_line().partition(b";")
        if not size_text or len(size_text) > 8 or size_text.strip(b"0123456789abcdefABCDEF"):
            raise _incomplete()
        size = int(size_text, 16)
        chunk = self._body[self._position : self._position + size]
        if len(chunk) != size:
            raise _incomplete()
        self._position += size
        if size and self._read_line():
            raise _incomplete()
        self._check("AWS4-HMAC-SHA256-PAYLOAD", extension, _EMPTY_HASH, hashlib.sha256(chunk).hexdigest())
        return chunk

    def read_trailers(self) -> dict[str, str]:
        """Read the headers after the last chunk; with signed chunks they end with a signature of their own."""
        trailers: dict[str, str] = {}
        signature = ""
        for _ in range(_MAX_TRAILERS):
            line = self._read_line() if self._position < len(self._body) else b""
            if not line:
                self._check_trailers(trailers, signature)
                return trailers
            name, _colon, value = line.decode("latin-1").partition(":")
            if name == "x-amz-trailer-signature":
                signature = value.strip()
            else:
                trailers[name.strip().lower()] = value.strip()
        raise _incomplete()

    def _check_trailers(self, trailers: dict[str, str], signature: str) -> None:
        text = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
        extension = f"chunk-signature={signature}".encode()
        self._check("AWS4-HMAC-SHA256-TRAILER", extension, hashlib.sha256(text.encode("latin-1")).hexdigest())

    def _check(self, algorithm: str, extension: bytes, *digests: str) -> None:
        if self._seed is None:
            return
        expected = self._seed.sign(algorithm, self._previous, *digests)
        if not hmac.compare_digest(b"chunk-signature=" + expected.encode(), extension):
            message = "The chunk signature we calculated does not match the signature you provided."
            raise ServiceError("SignatureDoesNotMatch", message, 403)
        self._previous = expected

    def _read_line(self) -> bytes:
        end = self._body.find(b"\r\n", self._position)
        if end < 0:
            raise _incomplete()
        line = self._body[self._position : end]
        self._position = end + 2
        return line
