"""What the two calls of an account cost in CPU when botocore only signs them and parses their answers."""

from __future__ import annotations

import time
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.parsers import create_parser
from botocore.session import Session

_CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "example-token" * 20)
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "User-Agent": "Botocore/1"}
_CREDENTIALS_ANSWER = b"""<AssumeRootResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRootResult>
<Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>example</SecretAccessKey>
<SessionToken>example</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></AssumeRootResult>
<ResponseMetadata><RequestId>example</RequestId></ResponseMetadata></AssumeRootResponse>"""
_ENTRIES = "".join(f"<entry><key>Entry{number}</key><value>{number}</value></entry>" for number in range(35))
_SUMMARY_ANSWER = f"""<GetAccountSummaryResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
<GetAccountSummaryResult><SummaryMap>{_ENTRIES}</SummaryMap></GetAccountSummaryResult>
<ResponseMetadata><RequestId>example</RequestId></ResponseMetadata></GetAccountSummaryResponse>""".encode()
_CALLS = (("sts", "AssumeRoot", _CREDENTIALS_ANSWER), ("iam", "GetAccountSummary", _SUMMARY_ANSWER))


def measure_signing_milliseconds(accounts: int = 1000) -> float:
    """CPU milliseconds for each account."""
    session = Session()
    operations: list[tuple[str, Any, bytes]] = [
        (service, session.get_service_model(service).operation_model(name).output_shape, answer)
        for service, name, answer in _CALLS
    ]
    parser = create_parser("query")
    started = time.process_time()
    for _ in range(accounts):
        for service, shape, answer in operations:
            request = AWSRequest("POST", f"https://{service}.amazonaws.com/", headers=_HEADERS, data=b"Action=Example")
            SigV4Auth(_CREDENTIALS, service, "us-east-1").add_auth(request)
            parser.parse({"status_code": 200, "headers": {}, "body": answer}, shape)
    return (time.process_time() - started) / accounts * 1000
