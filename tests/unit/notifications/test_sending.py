"""What arrives at each kind of target, and what is never sent: real sockets on this machine, real libraries."""

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from rootkeeper.errors import NotificationError
from rootkeeper.notifications.rules import (
    Notification,
    NotificationEvent,
    NotificationTarget,
    Severity,
    parse_allowed_hosts,
)
from rootkeeper.notifications.sending import TargetSender
from rootkeeper.organization.accounts import AccountId
from tests.fakes.clock import START, FakeClock
from tests.fakes.hostile_texts import HOSTILE_TEXTS
from tests.fakes.notification_servers import Answer, MailServer, Received, Receiver, issue_all, start_proxy
from tests.fakes.tls_server import Authority, make_authority

CANARY = "canary-9f1c-token"
SECRET = "a-secret-of-some-length"
TARGET = NotificationTarget("oncall", Severity.INFO, "env:ONCALL_URL")
OPENED = Notification(
    event=NotificationEvent.WINDOW_OPENED,
    severity=Severity.INFO,
    title="Recovery is open for 111122223333",
    body="Until 10:00 UTC. Close it: rootkeeper windows close w-1",
    at=START,
    organization_id="o-exampleorgid",
    endpoint="AWS",
    account_id=AccountId("111122223333"),
    window_id="w-1",
)
ORIGIN = "https://rootkeeper.example.com"
SNS_ANSWER = (
    b"<CreateTopicResponse><CreateTopicResult><TopicArn>arn:aws:sns:us-east-1:111122223333:root</TopicArn>"
    b"</CreateTopicResult></CreateTopicResponse>"
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, str(authority.bundle))
    for variable in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    return authority


@pytest.fixture
def receiver(trusted: Authority) -> Iterator[Receiver]:
    names = ("127.0.0.1", "hooks.slack.com", "sns.us-east-1.amazonaws.com")
    with Receiver.start(issue_all(trusted, *names)) as found:
        yield found


@pytest.fixture
def plain_receiver(trusted: Authority) -> Iterator[Receiver]:
    with Receiver.start() as found:
        yield found


@pytest.fixture
def proxy(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with start_proxy(receiver.port) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        yield url


def send(url: str, *allowed: str, notification: Notification = OPENED, seconds: float = 60.0) -> None:
    sender = TargetSender(parse_allowed_hosts(allowed), {"ONCALL_URL": url}, ORIGIN, FakeClock(), seconds)
    sender.send(TARGET, "n-1", notification)


def refuse(url: str, *allowed: str, notification: Notification = OPENED, seconds: float = 60.0) -> str:
    with pytest.raises(NotificationError) as refused:
        send(url, *allowed, notification=notification, seconds=seconds)
    assert "oncall" in refused.value.message
    return refused.value.message


# Webhooks.


def test_a_webhook_gets_a_signed_document(receiver: Receiver) -> None:
    send(f"webhook+https://{SECRET}@127.0.0.1:{receiver.port}/hook?a=b", "127.0.0.1")
    (received,) = receiver.received
    assert received.path == "/hook?a=b"
    document = json.loads(received.body)
    assert document["schema_version"] == 1
    assert document["notification_id"] == received.headers["Rootkeeper-Notification-Id"] == "n-1"
    assert (document["event"], document["severity"]) == ("window:open:done", "info")
    assert (document["account_id"], document["window_id"]) == ("111122223333", "w-1")
    assert document["link"] == f"{ORIGIN}/windows/w-1"
    timestamp = received.headers["Rootkeeper-Timestamp"]
    assert int(timestamp) == int(START.timestamp())
    expected = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + received.body, hashlib.sha256).hexdigest()
    assert received.headers["Rootkeeper-Signature"] == f"v1={expected}"
    assert SECRET not in json.dumps(received.headers)


def test_a_webhook_is_reached_by_the_proxy_of_the_environment(receiver: Receiver, proxy: str) -> None:
    send(f"webhook+https://{SECRET}@hooks.slack.com/hook", "127.0.0.1")
    assert receiver.received[0].path == "/hook"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("webhook+https://short@127.0.0.1/", "no secret of at least 16 characters"),
        ("webhook+https://127.0.0.1/", "no secret of at least 16 characters"),
        (f"webhook+https://{SECRET}@/path", "has no host"),
        (f"webhook+https://{SECRET}@127.0.0.1:port/", "is invalid"),
        ("nonsense", "is invalid"),
        (f"unknown://{CANARY}", "is invalid"),
        (f"rsyslog://{CANARY}.example.com", "doesn't use HTTPS"),
        (f"ircs://{CANARY}@irc.example.com/channel", "doesn't use HTTPS"),
        ("syslog://", "doesn't use HTTPS"),
        (f"jsons://{CANARY}@hooks.example.com/?verify=no", "turns off the check of certificates"),
        (f"mailto://{CANARY}:pass@mail.example.com?mode=insecure", "uses no TLS"),
    ],
)
def test_a_url_that_breaks_the_rules_is_refused_before_anything_leaves(url: str, reason: str) -> None:
    assert reason in refuse(url)


# What must not be connected to.


@pytest.mark.parametrize("scheme", [f"webhook+https://{SECRET}@", "jsons://"])
def test_an_address_inside_isnt_connected_to(receiver: Receiver, scheme: str) -> None:
    assert "address isn't public" in refuse(f"{scheme}127.0.0.1:{receiver.port}/")
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "0"])
def test_no_other_way_to_write_it_gets_inside_either(receiver: Receiver, host: str) -> None:
    refuse(f"webhook+https://{SECRET}@{host}:{receiver.port}/")
    assert receiver.connections == 0


def test_mail_isnt_sent_inside_either(trusted: Authority) -> None:
    with MailServer.start(trusted.issue("127.0.0.1")) as mail:
        url = f"mailtos://127.0.0.1:{mail.port}?from=a@example.com&to=b@example.com&mode=starttls"
        assert "address isn't public" in refuse(url)
        assert mail.mails == []


def test_an_allowed_host_still_needs_tls(plain_receiver: Receiver) -> None:
    port = plain_receiver.port
    for scheme in (f"webhook+http://{SECRET}@", "json://"):
        assert "uses no TLS" in refuse(f"{scheme}127.0.0.1:{port}/", "127.0.0.1")
        assert "address isn't public" in refuse(f"{scheme}127.0.0.1:{port}/", f"127.0.0.1:{port + 1}")
    assert plain_receiver.received == []


def test_a_host_with_its_port_may_be_sent_to_without_tls(plain_receiver: Receiver) -> None:
    port = plain_receiver.port
    send(f"webhook+http://{SECRET}@127.0.0.1:{port}/hook", f"127.0.0.1:{port}")
    send(f"json://127.0.0.1:{port}/json", f"127.0.0.1:{port}")
    assert [one.path for one in plain_receiver.received] == ["/hook", "/json"]


@pytest.mark.parametrize("url", [f"webhook+http://{SECRET}@127.0.0.1:PORT/", "json://127.0.0.1:PORT/?redirect=yes"])
def test_a_redirect_isnt_followed(plain_receiver: Receiver, url: str) -> None:
    port = plain_receiver.port
    plain_receiver.answer = lambda _: Answer(307, headers={"Location": f"http://127.0.0.1:{port}/elsewhere"})
    message = refuse(url.replace("PORT", str(port)), f"127.0.0.1:{port}")
    assert "307" in message
    assert [one.path for one in plain_receiver.received] == ["/"]


@pytest.mark.parametrize("url", [f"webhook+https://{SECRET}@127.0.0.1:PORT/", "jsons://127.0.0.1:PORT/"])
def test_a_certificate_of_an_unknown_authority_is_refused(
    receiver: Receiver, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, str(make_authority(tmp_path).bundle))
    refuse(url.replace("PORT", str(receiver.port)), "127.0.0.1")
    assert receiver.received == []


# Targets that misbehave.


@pytest.mark.parametrize("url", [f"webhook+http://{SECRET}@127.0.0.1:PORT/", "json://127.0.0.1:PORT/"])
def test_an_answer_that_trickles_is_cut_off(plain_receiver: Receiver, url: str) -> None:
    port = plain_receiver.port
    plain_receiver.answer = lambda _: Answer(500, b"x" * 1000, seconds_per_byte=0.1)
    began = time.monotonic()
    refuse(url.replace("PORT", str(port)), f"127.0.0.1:{port}", seconds=1.0)
    assert time.monotonic() - began < 50


def test_a_target_that_never_answers_takes_too_long(plain_receiver: Receiver) -> None:
    let_go = threading.Event()

    def wait(_: Received) -> Answer:
        let_go.wait(60)
        return Answer()

    plain_receiver.answer = wait
    port = plain_receiver.port
    began = time.monotonic()
    message = refuse(f"json://127.0.0.1:{port}/", f"127.0.0.1:{port}", seconds=0.5)
    assert "took too long" in message
    assert time.monotonic() - began < 50
    let_go.set()


@pytest.mark.parametrize("url", [f"webhook+http://{SECRET}@127.0.0.1:PORT/", "json://127.0.0.1:PORT/"])
def test_a_refusal_is_reported_with_its_status(plain_receiver: Receiver, url: str) -> None:
    port = plain_receiver.port
    plain_receiver.answer = lambda _: Answer(503)
    assert "HTTP status 503" in refuse(url.replace("PORT", str(port)), f"127.0.0.1:{port}")


# The services that the guide names.


def test_slack_gets_a_message_of_plain_text(receiver: Receiver, proxy: str) -> None:
    send("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#security", "127.0.0.1")
    (received,) = receiver.received
    assert received.headers["Host"] == "hooks.slack.com"
    assert received.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    message = json.loads(received.body)
    assert message["channel"] == "#security"
    (attachment,) = message["attachments"]
    assert attachment["title"] == "INFO: Recovery is open for 111122223333"
    assert "rootkeeper windows close w-1" in attachment["text"]
    assert "Window: w-1" in attachment["text"]


def test_sns_publishes_with_a_subject(receiver: Receiver, proxy: str) -> None:
    receiver.answer = lambda _: Answer(200, SNS_ANSWER)
    send("sns://AKIAIOSFODNN7EXAMPLE/wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY/us-east-1/#root", "127.0.0.1")
    create, publish = (parse_qs(one.body.decode()) for one in receiver.received)
    assert create["Action"] == ["CreateTopic"]
    assert publish["Action"] == ["Publish"]
    assert publish["TopicArn"] == ["arn:aws:sns:us-east-1:111122223333:root"]
    assert publish["Subject"] == ["INFO: Recovery is open for 111122223333"]
    assert "Account: 111122223333" in publish["Message"][0]


def test_mail_is_sent_over_tls(trusted: Authority) -> None:
    with MailServer.start(trusted.issue("127.0.0.1")) as mail:
        url = f"mailtos://127.0.0.1:{mail.port}?from=rootkeeper@example.com&to=oncall@example.com&mode=starttls"
        send(url, "127.0.0.1")
    assert mail.was_encrypted == [True]
    assert mail.recipients == ["oncall@example.com"]
    message = email.message_from_bytes(mail.mails[0], policy=email.policy.default)
    assert message["Subject"] == "INFO: Recovery is open for 111122223333"


@pytest.mark.parametrize(
    ("person", "recipients"),
    [
        ("ana.b@example.com", ["oncall@example.com", "ana.b@example.com"]),
        ("ana", ["oncall@example.com"]),
        ("a@example.com,b@example.com", ["oncall@example.com"]),
        (None, ["oncall@example.com"]),
    ],
)
def test_mail_about_a_persons_access_also_goes_to_that_person(
    trusted: Authority, person: str | None, recipients: list[str]
) -> None:
    with MailServer.start(trusted.issue("127.0.0.1")) as mail:
        url = f"mailtos://127.0.0.1:{mail.port}?from=rootkeeper@example.com&to=oncall@example.com&mode=starttls"
        send(url, "127.0.0.1", notification=replace(OPENED, person=person))
    assert mail.recipients == recipients


def test_mail_to_a_server_without_tls_isnt_sent(trusted: Authority) -> None:
    with MailServer.start() as mail:
        url = f"mailtos://127.0.0.1:{mail.port}?from=rootkeeper@example.com&to=oncall@example.com&mode=starttls"
        refuse(url, "127.0.0.1")
    assert mail.mails == []


# Texts of others.


@pytest.mark.parametrize("hostile", [*HOSTILE_TEXTS, "<!channel> @channel", "a\r\nBcc: evil@example.com\r\n\r\nbody"])
def test_no_name_or_reason_becomes_markup_or_a_header(
    receiver: Receiver, proxy: str, trusted: Authority, hostile: str
) -> None:
    notification = replace(OPENED, title=f"Recovery is open for {hostile}", body=f"Reason: {hostile}")
    send("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", "127.0.0.1", notification=notification)
    (attachment,) = json.loads(receiver.received[0].body)["attachments"]
    for text in (attachment["title"], attachment["text"]):
        assert not {"<", ">"} & set(text)
        assert "@channel" not in text
    with MailServer.start(trusted.issue("127.0.0.1")) as mail:
        url = f"mailtos://127.0.0.1:{mail.port}?from=rootkeeper@example.com&to=oncall@example.com&mode=starttls"
        send(url, "127.0.0.1", notification=notification)
    assert mail.recipients == ["oncall@example.com"]
    message = email.message_from_bytes(mail.mails[0], policy=email.policy.default)
    assert message["Bcc"] is None
    assert message["Subject"].startswith("INFO: Recovery is open for")
    html = message.get_body(("html",))
    assert html is None or not {"script", "img", "svg", "meta"} & {
        part.split()[0].strip("/").lower() for part in html.get_content().split("<")[1:] if part.split()
    }


# Secrets.


@pytest.mark.parametrize(
    "url",
    [
        f"slack://T1JJ3T3L2/A1BRTD4JD/{CANARY}aaaaaaaaaaaa/",
        "slack://T1JJ3T3L2/A1BRTD4JD/canary9f1ctokenaaaaaaaaaa/",
        f"jsons://user:{CANARY}@127.0.0.1:1/{CANARY}?+X-Token={CANARY}",
        f"json://127.0.0.1:PORT/{CANARY}",
        f"webhook+https://{CANARY}@127.0.0.1:1/{CANARY}",
        f"webhook+http://{CANARY}@127.0.0.1:PORT/{CANARY}",
        f"mailtos://user:{CANARY}@127.0.0.1:1?from=a@example.com&to={CANARY}@example.com",
        f"unknown://{CANARY}",
        f"{CANARY}",
    ],
)
def test_nothing_of_a_targets_url_is_shown_or_logged(
    plain_receiver: Receiver,
    url: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain_receiver.answer = lambda _: Answer(500, CANARY.encode())
    port = plain_receiver.port
    with caplog.at_level(logging.DEBUG), pytest.raises(NotificationError) as refused:
        send(url.replace("PORT", str(port)), "127.0.0.1", f"127.0.0.1:{port}")
    reported = [refused.value.message, refused.value.hint or "", repr(refused.value), caplog.text, *capsys.readouterr()]
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None or CANARY not in repr(refused.value.__context__)
    assert not [text for text in reported if CANARY in text or "canary9f1ctoken" in text]


def test_what_is_logged_outside_of_sending_is_still_logged(
    plain_receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    port = plain_receiver.port
    send(f"json://127.0.0.1:{port}/", f"127.0.0.1:{port}")
    logging.getLogger("urllib3.connectionpool").warning("of another client")
    assert "of another client" in caplog.text
