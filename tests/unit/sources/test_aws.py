"""AWS CodeCommit: a role's keys sign the address, and are kept while they live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from fairlead.sources.aws import AwsLogins, signed_password
from fairlead.sources.errors import GitAccessDeniedError, GitOperationError
from fairlead.sources.http import HttpPool
from fairlead.sources.spec import AwsIdentity, AwsKeys, GitAuth
from fairlead.sources.url import parse_url
from tests.support.aws import ROLE, FakeSts, fake_sts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

URL = parse_url("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/fleet")[0]


@pytest.fixture
async def sts() -> AsyncIterator[FakeSts]:
    async with fake_sts() as fake:
        yield fake


@pytest.fixture
async def logins() -> AsyncIterator[AwsLogins]:
    pool = HttpPool()
    yield AwsLogins(pool)
    await pool.close()


def auth(endpoint: str, role: str = ROLE) -> GitAuth:
    async def assertion() -> str:
        return "eyJsecret"

    return GitAuth(aws=AwsIdentity("eu-west-1", "the controllers", role, "fairlead", assertion, endpoint=endpoint))


def test_the_signature_is_that_of_awss_own_helper() -> None:
    """The wanted value was made by botocore's signer, in the way of git-remote-codecommit."""
    keys = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    moment = datetime(2026, 11, 21, 12, tzinfo=UTC)
    made = signed_password(keys, "eu-west-1", "git-codecommit.eu-west-1.amazonaws.com", "/v1/repos/fleet", moment)
    assert made == "20261121T120000Z230c5eb117e06614918275ae465ee201c9868416fc1e29792cebc904a02caded"


async def test_keys_of_a_role_are_asked_for_once(logins: AwsLogins, sts: FakeSts) -> None:
    for _ in range(2):
        given = await logins.log_in(URL, auth(sts.url))
        assert given.username == "ASIA1%session/1+="
        assert given.aws is None
    assert sts.forms == [
        {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "fairlead",
            "WebIdentityToken": "eyJsecret",
        }
    ]
    assert "hush" not in repr(given)
    assert "session" not in repr(given)


async def test_keys_are_renewed_before_they_end(logins: AwsLogins, sts: FakeSts) -> None:
    sts.lifetime = timedelta(minutes=4)
    for number in (1, 2):
        assert (await logins.log_in(URL, auth(sts.url))).username.startswith(f"ASIA{number}%")


async def test_keys_that_are_there_are_used(logins: AwsLogins) -> None:
    own = GitAuth(aws=AwsIdentity("eu-west-1", "the controllers", keys=AwsKeys("AKIA", "hush")))
    given = await logins.log_in(URL, own)
    assert given.username == "AKIA"
    stamp = datetime.strptime(given.password.partition("Z")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    assert timedelta() <= datetime.now(UTC) - stamp < timedelta(minutes=6)
    assert given.password == signed_password(AwsKeys("AKIA", "hush"), "eu-west-1", URL.host, "/v1/repos/fleet", stamp)


async def test_a_refusal_tells_the_code_and_no_token(logins: AwsLogins, sts: FakeSts) -> None:
    with pytest.raises(GitAccessDeniedError) as caught:
        await logins.log_in(URL, auth(sts.url, role="arn:aws:iam::1:role/other"))
    assert "the role arn:aws:iam::1:role/other (403 AccessDenied)" in str(caught.value)
    assert "eyJ" not in str(caught.value)


async def test_a_token_service_that_is_not_there(logins: AwsLogins) -> None:
    with pytest.raises(GitOperationError, match=r"http://127.0.0.1:1 cannot be asked for keys"):
        await logins.log_in(URL, auth("http://127.0.0.1:1"))
