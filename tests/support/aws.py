"""A small token service of AWS: gives the keys of a role for a token."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from tests.support.serving import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["ROLE", "FakeSts", "fake_sts"]

ROLE = "arn:aws:iam::123456789012:role/reader"
ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA{number}</AccessKeyId>
<SecretAccessKey>hush-{number}</SecretAccessKey><SessionToken>session/{number}+=</SessionToken>
<Expiration>{ends}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
REFUSAL = """<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>
<Message>Not authorized with eyJhidden</Message></Error></ErrorResponse>"""


class FakeSts:
    def __init__(self) -> None:
        self.url = ""
        self.port = 0
        self.given = 0
        self.forms: list[dict[str, str]] = []
        self.lifetime = timedelta(hours=1)

    async def answer(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.forms.append(form)
        assert (form["Action"], form["Version"]) == ("AssumeRoleWithWebIdentity", "2011-06-15")
        if form["RoleArn"] != ROLE:
            return web.Response(status=403, text=REFUSAL, content_type="text/xml")
        self.given += 1
        ends = (datetime.now(UTC) + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
        return web.Response(text=ANSWER.format(number=self.given, ends=ends), content_type="text/xml")


@asynccontextmanager
async def fake_sts() -> AsyncIterator[FakeSts]:
    fake = FakeSts()
    async with served(web.post("/", fake.answer)) as fake.url:
        fake.port = int(fake.url.rpartition(":")[2])
        yield fake
