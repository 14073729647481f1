"""The values that the steps of a request pass on: HTTP request and response, caller, call, operation, refusal.

Services receive typed parameters and return results in the shape of botocore's models; they never see HTTP.

The body of an S3 request is checked here, too. S3 signs the ``x-amz-content-sha256`` header instead of the body, so
the body is compared with it, and ``aws-chunked`` bodies are unwrapped before any other step reads them.

Source: Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header", "Transferring Payload in
Multiple Chunks" and "including trailing headers".
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rootkeeper_sandbox.state.world import World
    from rootkeeper_sandbox.trail import Trail


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine, which no other machine can reach."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


@dataclass(slots=True)
class HttpRequest:
    """A request with its whole body."""

    method: str
    raw_path: str
    """As sent, still percent-encoded: the signature covers it."""
    query_string: str
    headers: dict[str, str]
    """By lower-case name; repeated headers are joined by commas."""
    body: bytes
    source_ip: str
    form_fields: Mapping[str, str] | None = None
    """The body as a form, once the query protocol has parsed it."""
    server: str = "127.0.0.1"
    """Address and port that the request came in at, as in a URL."""


@dataclass(slots=True)
class HttpResponse:
    """A response; the length and the date are added where it leaves."""

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class PrincipalKind(StrEnum):
    """The kinds of caller that AWS distinguishes."""

    ROLE_SESSION = "role_session"
    ROOT_SESSION = "root_session"
    """The root user by AssumeRoot: Deny-only task policy, at most 900 s."""
    ROOT_USER = "root_user"
    """The root user by its own long-term access key or console sign-in."""
    USER = "user"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signed a request."""

    kind: PrincipalKind
    arn: str
    account_id: str
    user_id: str
    access_key_id: str
    identity_name: str | None = None
    """The IAM user's or role's name, whose identity policies decide; ``None`` for a root user."""
    role_arn: str | None = None
    """The role behind a role session, the value of aws:PrincipalArn; without it the role has no path."""
    task_policy_arn: str | None = None
    source_identity: str | None = None
    session_issued_at: datetime | None = None
    has_mfa: bool = False
    """Whether a code of an MFA device was given when the session began."""
    is_from_session_token: bool = False
    """Whether the session comes from GetSessionToken, which most of IAM and STS refuse."""
    opened_by_arn: str | None = None
    """The ARN of the principal that opened the root session; ``None`` for other principals."""


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key as the sandbox knows it: the secret for checking a signature, and the caller that it proves."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    principal: Principal
    session_token: str | None = field(default=None, repr=False)
    """Required beside the key when set (temporary credentials)."""
    expires_at: datetime | None = None
    """Judged by the sandbox's clock; ``None`` for long-term keys."""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class AttachedPolicy:
    """An Organizations policy where it is attached."""

    arn: str
    name: str
    document: str
    """JSON text. The same text is compiled once, so hand out the stored string itself."""


@dataclass(frozen=True, slots=True)
class GuardedResource:
    """A resource with an owner, who needn't be the caller, and perhaps a policy of its own: a bucket, a queue."""

    account_id: str
    """The owner, whose resource control policies decide, too."""
    policy: str | None
    """The resource policy as JSON text."""


@dataclass(slots=True)
class Call:
    """An authenticated and parsed call, as a service sees it."""

    world: World
    service: str
    operation: str
    """In CloudTrail's spelling, such as ``DeleteLoginProfile``."""
    region: str
    """The Region of the signature's credential scope; ``us-east-1`` for global services."""
    is_global_endpoint: bool
    principal: Principal
    parameters: Mapping[str, Any]
    now: datetime
    request_id: str
    source_ip: str
    user_agent: str
    event_details: dict[str, Any] = field(default_factory=dict)
    """The service's additions to the CloudTrail event: ``responseElements``, ``resources``, ``additionalEventData``."""
    host: str = ""
    """The Host header: S3 reads the endpoint's Region from it, SQS builds queue URLs of it."""
    response_headers: dict[str, str] = field(default_factory=dict)
    """Headers for the answer, be it a refusal or not."""
    event_log: Trail | None = None
    wants_empty_page: bool = False
    """Whether a fault was ordered by which a listing answers nothing yet, and a token."""


@dataclass
class ServiceError(Exception):
    """A refusal in the service's own words; the codec gives it the protocol's form."""

    code: str
    message: str
    status: int = 400
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Further modelled members of the error, such as ``Reason``."""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def any_resource(call: Call) -> str:  # noqa: ARG001 - the signature of a resource function
    """The resource of actions that know no other than ``*``."""
    return "*"


@dataclass(frozen=True, slots=True)
class Operation:
    """A served operation: the permission it needs, the resource of that permission, and its effect.

    The request path calls ``validate``, then authorizes ``action`` on ``resource`` (unless ``is_open``), then calls
    ``perform``, which does the checks that AWS makes after authorization and changes the state.
    """

    perform: Perform
    action: str
    """The IAM action, such as ``iam:DeleteLoginProfile``."""
    is_mutating: bool = False
    resource: Callable[[Call], str] = any_resource
    validate: Callable[[Call], None] | None = None
    condition_keys: Callable[[Call], Mapping[str, str]] | None = None
    """Condition keys of this service and request, such as ``sts:TaskPolicyArn``."""
    is_open: bool = False
    """Whether every authenticated caller may call it (sts:GetCallerIdentity)."""
    denial: Callable[[Call], ServiceError] | None = None
    """How the service words a refusal, where it differs from its protocol's usual form."""
    target_account: Callable[[Call], str] | None = None
    """The account that the recorded request concerns, where it isn't the caller's (sts:AssumeRoot)."""
    is_regional_only: bool = False
    """Whether a global endpoint doesn't know it, even with wrong parameters (sts:AssumeRoot)."""
    guard: Callable[[Call], GuardedResource | None] | None = None
    """The resource's owner and policy, where resource policies and resource control policies decide (S3, SQS)."""
    is_open_to_owner_root: bool = False
    """Whether the resource's own policy can't stop its owner's root user, so that no lock-out lasts."""
    actions: Callable[[Call], Sequence[str]] | None = None
    """The actions that this call needs, where they depend on its parameters; all of them must be allowed."""
    wait: Callable[[Call], Awaitable[None]] | None = None
    """Waits, after authorization, until there is something to answer (sqs:ReceiveMessage)."""
    is_data_event: bool = False
    """Whether CloudTrail counts it as data, not management, and leaves it out of the event history."""


Perform = Callable[[Call], dict[str, Any]]


class ServedOperations(dict[str, Operation]):
    """The operations of a service by name. ``read`` and ``change`` add the function under them."""

    def __init__(self, service_prefix: str, **usual: Any) -> None:
        super().__init__()
        self._service_prefix = service_prefix
        """Of IAM actions, such as ``sso``."""
        self._usual = usual
        """Fields of ``Operation`` for every operation that doesn't give its own."""

    def read(self, name: str, *, action: str = "", **fields: Any) -> Callable[[Perform], Perform]:
        """Serve ``name`` by the function; ``action`` is the IAM action where its name differs."""

        def add(perform: Perform) -> Perform:
            self[name] = Operation(perform, f"{self._service_prefix}:{action or name}", **self._usual | fields)
            return perform

        return add

    def change(self, name: str, **fields: Any) -> Callable[[Perform], Perform]:
        """Serve ``name``, which changes the state, by the function."""
        return self.read(name, is_mutating=True, **fields)


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
    """The start of the signatures of chunks: the request's own signature, its date and scope, and the key."""

    signature: str
    signed_at: str
    scope: str
    key: bytes

    def sign(self, algorithm: str, previous: str, *digests: str) -> str:
        """Sign a chunk or the trailer, each bound to the signature before it."""
        text = "\n".join((algorithm, self.signed_at, self.scope, previous, *digests))
        return hmac.digest(self.key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


def read_payload(request: HttpRequest, make_seed: Callable[[], ChunkSeed]) -> None:
    """Check a request's body against its content hash; unwrap it, and its trailing headers, if it is chunked."""
    declared = request.headers.get(CONTENT_HASH)
    if declared is None:
        raise ServiceError("InvalidRequest", f"Missing required header for this request: {CONTENT_HASH}")
    if declared in _CHUNKED:
        _unwrap(request, declared, make_seed())
    elif declared != UNSIGNED:
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
        """Read a chunk; the last chunk is empty, and its data ends where the trailers begin."""
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
                text = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
                extension = f"chunk-signature={signature}".encode()
                self._check("AWS4-HMAC-SHA256-TRAILER", extension, hashlib.sha256(text.encode("latin-1")).hexdigest())
                return trailers
            name, _colon, value = line.decode("latin-1").partition(":")
            if name == "x-amz-trailer-signature":
                signature = value.strip()
            else:
                trailers[name.strip().lower()] = value.strip()
        raise _incomplete()

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
