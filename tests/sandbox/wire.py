"""Requests over the sandbox's wire, without sockets: botocore serializes, signs and parses, as an oracle."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, HeadersDict, create_request_object, prepare_request_dict
from botocore.credentials import Credentials
from botocore.model import OperationModel, StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from rootkeeper_sandbox.clock import Clock, read_machine_time
from rootkeeper_sandbox.codec.models import load_model
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse
from rootkeeper_sandbox.instance import SandboxInstance, start_instance
from rootkeeper_sandbox.pipeline import answer
from rootkeeper_sandbox.scenarios.build import build_world
from rootkeeper_sandbox.services.registry import SERVICES

ENDPOINT = "http://127.0.0.1:4599"
BUCKET = "amzn-s3-demo-orders-invoices"
"""One of the demo organization's."""
TASK_POLICIES = "arn:aws:iam::aws:policy/root-task/"


class MachineTime:
    """A machine's clock that tests may set wrong."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return read_machine_time() + self.offset


@dataclass(frozen=True, slots=True)
class Keys:
    """What a client signs with."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


def open_instance(features: str = "all", machine_time: MachineTime | None = None) -> SandboxInstance:
    """A sandbox of the demo organization in this process."""
    clock = Clock(machine_time or MachineTime())
    return start_instance(partial(build_world, clock=clock.now, features=features), SERVICES, clock)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as botocore reads it."""

    status: int
    body: dict[str, Any]
    raw: HttpResponse
    was_cut: bool

    @property
    def code(self) -> str:
        return str(self.body["Error"]["Code"]) if "Error" in self.body else ""

    @property
    def message(self) -> str:
        return str(self.body["Error"]["Message"]) if "Error" in self.body else ""


class Wire:
    """A client of one sandbox instance."""

    def __init__(self, instance: SandboxInstance) -> None:
        self.instance = instance

    def keys(self, name: str) -> Keys:
        principal = next(one for one in self.instance.world.principals() if one["name"] == name)
        return Keys(principal["access_key_id"], principal["secret_access_key"])

    def call(self, caller: str | Keys, service: str, operation: str, /, **parameters: Any) -> Answer:
        """Make one signed call."""
        keys = self.keys(caller) if isinstance(caller, str) else caller
        return self.send(sign(build_request(service, operation, parameters), service, keys), service, operation)

    def send(self, request: HttpRequest, service: str, operation: str) -> Answer:
        response, was_cut = asyncio.run(answer(self.instance, request))
        return Answer(int(response.status), parse_response(response, service, operation), response, was_cut)

    def open_root_session(self, account_id: str, task: str, caller: str = "management-admin") -> Keys:
        parameters = {"TargetPrincipal": account_id, "TaskPolicyArn": {"arn": TASK_POLICIES + task}}
        answered = self.call(caller, "sts", "AssumeRoot", **parameters)
        assert answered.status == 200, answered.body
        credentials = answered.body["Credentials"]
        return Keys(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])

    def last_record(self) -> dict[str, Any]:
        return self.instance.requests.since(0)[-1]

    def truth(self) -> dict[str, Any]:
        return self.instance.world.describe()

    def root_user(self, account_id: str) -> dict[str, Any]:
        account = next(one for one in self.truth()["accounts"] if one["account_id"] == account_id)
        root_user: dict[str, Any] = account["root_user"]
        return root_user


def build_request(service: str, operation: str, parameters: Mapping[str, Any]) -> HttpRequest:
    """Serialize a call as botocore does, unsigned. Labels of the path that are left out get a name that exists."""
    model = load_model(service).operation_model(operation)
    serializer = create_serializer(load_model(service).metadata["protocol"], include_validation=False)
    built = serializer.serialize_to_request(_labels(model) | dict(parameters), model)
    prepare_request_dict(built, ENDPOINT, context={})
    prepared = create_request_object(built).prepare()
    assert isinstance(prepared.body, bytes | str | None)
    raw = prepared.body.encode() if isinstance(prepared.body, str) else bytes(prepared.body or b"")
    headers = {name.lower(): _text(value) for name, value in prepared.headers.items()}
    url = urlsplit(str(prepared.url))
    headers["host"] = url.netloc
    return HttpRequest(str(prepared.method), url.path, url.query, headers, raw, "127.0.0.1")


def _labels(model: OperationModel) -> dict[str, str]:
    """Name the bucket and the key that a path needs."""
    members = model.input_shape.members if isinstance(model.input_shape, StructureShape) else {}
    return {name: BUCKET for name, shape in members.items() if shape.serialization.get("location") == "uri"}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def sign(
    request: HttpRequest, service: str, keys: Keys, region: str = "us-east-1", signing_name: str | None = None
) -> HttpRequest:
    """Sign a request by botocore's signer."""
    url = f"http://{request.headers['host']}{request.raw_path}"
    url += f"?{request.query_string}" if request.query_string else ""
    unsigned = AWSRequest(request.method, url, headers=dict(request.headers), data=request.body)
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    name = signing_name or load_model(service).signing_name
    signer = S3SigV4Auth if name == "s3" else SigV4Auth
    signer(credentials, name, region).add_auth(unsigned)
    request.headers = {name.lower(): _text(value) for name, value in unsigned.headers.items()}
    return request


def parse_response(response: HttpResponse, service: str, operation: str) -> dict[str, Any]:
    """Parse a response as botocore does."""
    model = load_model(service)
    parser = create_parser(model.metadata["protocol"])
    shape: Any = model.operation_model(operation).output_shape
    headers = HeadersDict({"content-type": response.content_type, **response.headers})
    parsed: dict[str, Any] = parser.parse(
        {"status_code": int(response.status), "headers": headers, "body": response.body}, shape
    )
    return parsed
