"""The leading worker's part that sends what is due, a few at a time for each webhook.

A receiver that is slow or away holds up nobody else's events. Nothing of what is sent or answered is logged.
"""

import asyncio
import logging
import ssl
import time
from collections import Counter
from functools import cache
from uuid import UUID

import httpx
from django.db import DatabaseError, InterfaceError

from realtime.database.refusals import first_line
from realtime.database.thread import DatabaseThread
from realtime.models import Webhook
from realtime.waiting import end, wait_for_event
from realtime.webhooks.addresses import AddressRefused, resolved
from realtime.webhooks.outbox import Due, Outcome, claim, settle, webhooks_on
from realtime.webhooks.signing import SecretLost, message_name, signed_headers, valid_secrets

logger = logging.getLogger(__name__)

# Looks by itself this often: for what is due again, and what the admin has added.
LOOK_SECONDS = 2.0
RETRY_SECONDS = 5.0
# To one webhook at the same time.
EACH_AT_MOST = 4
# From the name's resolution to the answer's first line.
ANSWER_SECONDS = 15.0


class WebhookSender:
    def __init__(self, database: DatabaseThread) -> None:
        self._database = database
        self._due = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], UUID] = {}
        self._problem = ""

    def wake(self) -> None:
        """The outbox may have more."""
        self._due.set()

    async def run(self) -> None:
        """Until cancelled; what is under way then is sent again by whoever leads next."""
        try:
            while True:
                try:
                    await self._send_what_is_due()
                    self._problem = ""
                    wait = LOOK_SECONDS
                except (DatabaseError, InterfaceError) as error:
                    self._tell(first_line(error))
                    wait = RETRY_SECONDS
                await wait_for_event(self._due, wait)
                self._due.clear()
        finally:
            await end(list(self._under_way))

    async def _send_what_is_due(self) -> None:
        on = await self._database.run(webhooks_on)
        busy = Counter(self._under_way.values())
        rooms = {key: EACH_AT_MOST - busy[key] for key in on if busy[key] < EACH_AT_MOST}
        if not rooms:
            return
        for due in await self._database.run(claim, rooms):
            task = asyncio.create_task(self._deliver(due))
            self._under_way[task] = due.webhook
            task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._under_way.pop(task, None)
        self._due.set()
        if not task.cancelled() and (error := task.exception()):
            # Its words may quote what was sent. The lease ends, and it is sent again.
            self._tell(first_line(error) if isinstance(error, DatabaseError) else type(error).__name__)

    async def _deliver(self, due: Due) -> None:
        try:
            secrets = await self._database.run(_secrets, due.webhook)
        except SecretLost:
            outcome = Outcome(
                problem="Its secret can’t be read any more: DJANGO_SECRET_KEY has changed. Make a new one."
            )
        else:
            outcome = await post(due, secrets)
        await self._database.run(settle, due, outcome)

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            logger.warning("webhooks can't be sent for now (%s): trying again", problem)
        self._problem = problem


async def post(due: Due, secrets: list[str]) -> Outcome:
    """One attempt. Follows no redirect, uses no proxy, and reads nothing of the answer but its status."""
    body = due.body.encode()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            target = await resolved(due.address)
            headers = signed_headers(secrets, message_name(due.message), int(time.time()), body) | {
                "content-type": "application/json",
                "user-agent": "Livedesk webhooks",
            }
            url = httpx.URL(due.address)
            async with httpx.AsyncClient(verify=_trust(), trust_env=False, timeout=ANSWER_SECONDS) as client:
                request = client.build_request(
                    "POST",
                    # To the address that was looked at, under the name that the receiver and its certificate have.
                    url.copy_with(host=target.ip),
                    content=body,
                    headers=headers | {"host": url.netloc.decode()},
                    extensions={"sni_hostname": target.host},
                )
                response = await client.send(request, stream=True)
                await response.aclose()
    except AddressRefused as refusal:
        return Outcome(problem=str(refusal))
    except TimeoutError:
        return Outcome(problem=f"No answer within {ANSWER_SECONDS:.0f} seconds.")
    except httpx.ConnectError as error:
        return Outcome(problem=_words(error))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ssl.SSLError) as error:
        return Outcome(problem=f"The connection broke off ({type(error).__name__}).")
    return Outcome(response.status_code, _meaning(response.status_code))


def _words(error: httpx.ConnectError) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "Its certificate isn’t valid for this name."
    return "Nobody answers at this address."


def _meaning(status: int) -> str:
    if 300 <= status < 400:
        return "It sends elsewhere (a redirect), and webhooks follow none: enter the address that it leads to."
    return ""


def _secrets(webhook: UUID) -> list[str]:
    return valid_secrets(Webhook.objects.get(pk=webhook))


@cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context()
