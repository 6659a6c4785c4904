"""The log of outgoing e-mails over HTTP."""

from typing import Any

from services.notifications.tests.conftest import confirmed, registered, run_jobs

from common.ids import new_id
from common.testing import TestIssuer, deliver
from common.testing.plugin import ClientFor
from common.web.service import Service


async def test_the_log_of_emails_is_for_staff(service: Service, client_for: ClientFor, tokens: TestIssuer) -> None:
    client, user = await client_for(service), new_id()
    await deliver(service, registered(user), registered(new_id()))
    await run_jobs(service)
    await deliver(service, confirmed(user))
    staff = tokens.bearer(roles=["staff"])

    async def log(**query: Any) -> list[str]:
        answer = await client.get("/api/v1/emails", params=query, headers=staff)
        return [f"{email['template']} {email['state']} {email['recipient']}" for email in answer.json()["data"]]

    assert await log(user_id=str(user)) == ["order_confirmed queued None", "welcome sent asha@example.com"]
    assert len(await log(state="sent", template="welcome")) == 2
    assert (await client.get("/api/v1/emails", headers=tokens.bearer())).status_code == 403
