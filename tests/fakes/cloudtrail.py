"""CloudTrail records as AWS documents them, for rules about root activity."""

from __future__ import annotations

from typing import Any

MEMBER = "333344445555"
CALLER = "222233334444"
KEY = "ASIAIOSFODNN7EXAMPLE"
AUDIT_ROLE = f"arn:aws:iam::{CALLER}:role/rootkeeper-audit"
_ROOT = {"type": "Root", "principalId": MEMBER, "arn": f"arn:aws:iam::{MEMBER}:root", "accountId": MEMBER}


def make_record(identity: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.10",
        "userIdentity": identity,
        "eventTime": "2026-11-01T10:00:00Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "GetAccountSummary",
        "awsRegion": "us-east-1",
        "requestParameters": None,
        "responseElements": None,
        "eventID": "11111111-2222-3333-4444-555555555555",
        "eventType": "AwsApiCall",
        "recipientAccountId": identity.get("accountId", MEMBER),
        **more,
    }


def root_sign_in(**more: Any) -> dict[str, Any]:
    """Source: CloudTrail User Guide, "AWS Management Console sign-in events"."""
    fields = {"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "eventType": "AwsConsoleSignIn"}
    answer = {"responseElements": {"ConsoleLogin": "Success"}}
    return make_record({**_ROOT, "accessKeyId": ""}, **{**fields, **answer, **more})


def root_key_call(**more: Any) -> dict[str, Any]:
    return make_record({**_ROOT, "accessKeyId": "AKIAIOSFODNN7EXAMPLE"}, **more)


def root_console_call(**more: Any) -> dict[str, Any]:
    """After a sign-in: temporary credentials, MFA, and no sign of AssumeRoot."""
    context = {"attributes": {"creationDate": "2026-11-01T09:00:00Z", "mfaAuthenticated": "true"}}
    return make_record({**_ROOT, "accessKeyId": KEY, "sessionContext": context}, **more)


def root_session_call(access_key_id: str = KEY, account_id: str = MEMBER, **more: Any) -> dict[str, Any]:
    """Source: aws-samples/service-control-policy-examples, issue 6: assumedRoot is text."""
    context = {
        "attributes": {"creationDate": "2026-11-01T09:59:00Z", "mfaAuthenticated": "false"},
        "assumedRoot": "true",
    }
    own = {"principalId": account_id, "arn": f"arn:aws:iam::{account_id}:root", "accountId": account_id}
    return make_record({**_ROOT, **own, "accessKeyId": access_key_id, "sessionContext": context}, **more)


def assume_root(
    issuer: str | None = AUDIT_ROLE,
    access_key_id: str | None = KEY,
    target: str = MEMBER,
    identity: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """By a role's session, or by an IAM user without ``issuer``; refused without an access key id.

    Source: IAM User Guide, "Track privileged tasks in AWS CloudTrail".
    """
    if identity is None and issuer is not None:
        name = issuer.rpartition("/")[2]
        identity = {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{CALLER}:assumed-role/{name}/ana",
            "accountId": CALLER,
            "accessKeyId": "ASIAEXAMPLECALLER",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": issuer, "userName": name}},
        }
    identity = identity or {"type": "IAMUser", "arn": f"arn:aws:iam::{CALLER}:user/ana", "accountId": CALLER}
    answer = {"credentials": {"accessKeyId": access_key_id, "expiration": "Nov 1, 2026, 10:15:00 AM"}}
    task = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
    return make_record(
        identity,
        eventSource="sts.amazonaws.com",
        eventName="AssumeRoot",
        requestParameters={"targetPrincipal": target, "taskPolicyArn": {"arn": task}},
        responseElements=None if access_key_id is None else answer,
        **({"errorCode": "AccessDenied"} if access_key_id is None else {}),
    )
