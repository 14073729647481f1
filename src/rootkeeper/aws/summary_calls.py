"""The two calls by which an account is read: AssumeRoot with the audit task policy, GetAccountSummary.

Botocore's endpoint, signature and parser, the pacer, a valid intent before the request leaves, and the translation of
errors are the same as everywhere in the gateway. Only what carries the bytes is another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from botocore.credentials import ReadOnlyCredentials

from rootkeeper.aws.answers import AwsResponse
from rootkeeper.aws.call_templates import PLACEHOLDER, CallTemplate, take_template
from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.departures import require_still_valid
from rootkeeper.aws.endpoints import host_and_port
from rootkeeper.aws.error_translation import TRANSLATED, FailedCall, raise_translated
from rootkeeper.aws.root_sessions import AwsRootSession, assume_root_parameters, require_intent_covers, session_answered
from rootkeeper.aws.root_user_answers import parse_summary
from rootkeeper.aws.session_credentials import RootSessionCredentials, root_session_entered
from rootkeeper.aws.transport import Transport
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import AwsCredentialsError, AwsError, AwsThrottledError
from rootkeeper.ports.root_summaries import SummaryAnswer, SummaryRequest

_NO_SESSION = RootSessionCredentials("AKIAIOSFODNN7EXAMPLE", "of no session", "of no session")
"""Signs the template of a root session's call, which never leaves."""


class SummaryTemplates:
    """Both calls as botocore sends them."""

    def __init__(self, clients: AwsClients) -> None:
        """:raises AwsCredentialsError: if there are no credentials."""
        parameters = assume_root_parameters(AccountId(PLACEHOLDER), TaskPolicy.AUDIT, clients.partition)
        try:
            self.assume_root = take_template(clients.create_template_client("sts"), "AssumeRoot", **parameters)
            with root_session_entered(_NO_SESSION):
                client = clients.create_template_client("iam", in_root_session=True)
                self.read_summary = take_template(client, "GetAccountSummary")
        except TRANSLATED as error:
            raise_translated(error, FailedCall(operation="sts:AssumeRoot", host="", profile=clients.profile))

    @property
    def urls(self) -> tuple[str, str]:
        return self.assume_root.url, self.read_summary.url


class SummaryCalls:
    """Used within one event loop."""

    def __init__(
        self, clients: AwsClients, templates: SummaryTemplates, transport: Transport, concurrency: int
    ) -> None:
        self._clients = clients
        self._templates = templates
        self._transport = transport
        self._slots = asyncio.Semaphore(concurrency)
        self._quota = clients.pacer.bucket_of("sts", "AssumeRoot")
        self._drawing = asyncio.Lock()

    async def read(self, request: SummaryRequest) -> SummaryAnswer:
        """Read one account; an error of AWS is part of the answer.

        :raises LockLostError: if the intent is too old; nothing was sent since.
        """
        if request.delay_seconds:
            await asyncio.sleep(request.delay_seconds)
        async with self._slots:
            session = request.session if isinstance(request.session, AwsRootSession) else None
            try:
                session = session or await self._open(request)
                answer = await self._ask_for_summary(session)
                return SummaryAnswer(request, session, parse_summary(answer), None)
            except AwsError as error:
                return SummaryAnswer(request, session, None, error)

    async def _open(self, request: SummaryRequest) -> AwsRootSession:
        require_intent_covers(request.intent, request.account_id, TaskPolicy.AUDIT)
        await self._wait_for_token()
        require_still_valid(request.intent, self._clients.clock)
        call = FailedCall(
            "sts:AssumeRoot",
            host_and_port(self._templates.assume_root.url),
            self._clients.profile,
            target=request.account_id,
        )
        try:
            answer = await self._exchange(
                self._templates.assume_root, request.account_id, self._clients.find_operator, call
            )
        except AwsThrottledError:
            await self._slow_down()
            raise
        except AwsCredentialsError:
            self._clients.give_up_operator()
            raise
        return session_answered(self._clients, request.account_id, TaskPolicy.AUDIT, answer)

    async def _ask_for_summary(self, session: AwsRootSession) -> AwsResponse:
        call = FailedCall(
            "iam:GetAccountSummary",
            host_and_port(self._templates.read_summary.url),
            self._clients.profile,
            target=session.account_id,
            in_root_session=True,
        )
        return await self._exchange(self._templates.read_summary, session.account_id, session.frozen_credentials, call)

    async def _exchange(
        self,
        template: CallTemplate,
        account_id: AccountId,
        find_credentials: Callable[[], ReadOnlyCredentials],
        call: FailedCall,
    ) -> AwsResponse:
        """Sign, send and parse. Credentials that must be renewed hold up the loop, as all its calls wait for them."""
        try:
            return template.parse(*await self._transport.send(template.sign(account_id, find_credentials())))
        except TRANSLATED as error:
            raise_translated(error, call)

    async def _wait_for_token(self) -> None:
        wait_seconds = self._quota.find_drawn()
        while wait_seconds is None:
            async with self._drawing:
                wait_seconds = self._quota.find_drawn()
                if wait_seconds is None:
                    await asyncio.to_thread(self._quota.draw_ahead)
        if wait_seconds > 0:
            await asyncio.sleep(wait_seconds)

    async def _slow_down(self) -> None:
        await asyncio.to_thread(self._quota.slow_down)
