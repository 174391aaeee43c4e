"""AWS CodeCommit without a password: a role's keys sign the address of the repository, and that is the password.

The keys of a role come from AWS's token service (STS) in exchange for a token that AWS trusts, and are kept until
shortly before their end. A signature is good for a quarter of an hour and for one repository; each is used for five
minutes.
Facts: Signature Version 4 with the method ``GIT``, as AWS's helper for Git signs; STS AssumeRoleWithWebIdentity.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from dataclasses import astuple, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fairlead.sources.spec import AwsKeys
from fairlead.sources.tokens import Exchange, Token, TokenCache

if TYPE_CHECKING:
    from fairlead.sources.http import HttpPool
    from fairlead.sources.spec import AwsIdentity, GitAuth
    from fairlead.sources.url import GitUrl

__all__ = ["AwsLogins", "signed_password"]

SIGNATURE_SECONDS = 300
_ERROR = re.compile(r"<Code>(\w+)</Code>")


class AwsLogins:
    """Takes roles and signs addresses, for all identities of a process."""

    def __init__(self, pool: HttpPool) -> None:
        self._pool = pool
        self._keys = TokenCache()

    async def log_in(self, url: GitUrl, auth: GitAuth) -> GitAuth:
        """``auth`` with a user and a password for this repository; unchanged when it has no such identity."""
        identity = auth.aws
        if identity is None:
            return auth
        keys = identity.keys
        if keys is None:
            packed = await self._keys.get(auth.fingerprint(), lambda: self._take_role(auth, identity))
            keys = AwsKeys(*json.loads(packed))
        now = time.time()
        moment = datetime.fromtimestamp(now - now % SIGNATURE_SECONDS, UTC)
        parts = urlsplit(url.text)
        password = signed_password(keys, identity.region, parts.hostname or "", parts.path, moment)
        user = f"{keys.access_key_id}%{keys.session_token}" if keys.session_token else keys.access_key_id
        return replace(auth, aws=None, username=user, password=password)

    async def _take_role(self, auth: GitAuth, identity: AwsIdentity) -> Token:
        """The keys as text, so that they are kept as any other token is."""
        domain = "amazonaws.com.cn" if identity.region.startswith("cn-") else "amazonaws.com"
        endpoint = identity.endpoint or f"https://sts.{identity.region}.{domain}"
        form = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": identity.role_arn,
            "RoleSessionName": identity.session,
            "WebIdentityToken": await identity.assertion() if identity.assertion else "",
        }
        exchange = Exchange(
            server=endpoint,
            bearer=identity.bearer,
            wanted="keys",
            code=_ERROR,
            denial=f"does not give {identity.bearer} the role {identity.role_arn}",
            question="does the role trust its issuer, subject and audience?",
        )
        return _keys_in(await exchange.post(self._pool, auth, endpoint.rstrip("/") + "/", form), exchange)


def _keys_in(body: str, exchange: Exchange) -> Token:
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    found = [match[1].strip() for name in names if (match := re.search(f"<{name}>([^<]+)</{name}>", body))]
    try:
        ends = datetime.fromisoformat(found[3]).timestamp()
    except (IndexError, ValueError):
        raise exchange.unusable() from None
    return Token(json.dumps(astuple(AwsKeys(*found[:3]))), ends)


def signed_password(keys: AwsKeys, region: str, host: str, path: str, moment: datetime) -> str:
    stamp, day = moment.strftime("%Y%m%dT%H%M%S"), moment.strftime("%Y%m%d")
    request = f"GIT\n{path}\n\nhost:{host}\n\nhost\n"
    scope = f"{day}/{region}/codecommit/aws4_request"
    signed = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in (day, region, "codecommit", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{stamp}Z{hmac.digest(key, signed.encode(), 'sha256').hex()}"
