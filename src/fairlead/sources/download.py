"""One file behind an http or https URL, within bounds of size and time."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from fairlead.connections import Connector
from fairlead.sources.errors import DownloadError, NoSuchFileError
from fairlead.sources.url import redact_url

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = ["Download", "download"]

_AGENT = "fairlead"
_MOST_REDIRECTS = 5
_CHUNK_BYTES = 2**16
_UNCHANGED = 304
_NOT_THERE = frozenset({400, 401, 403, 404, 405, 406, 410})
"""Statuses that another try does not change; a repository without a file at its address answers so, too."""


@dataclass(frozen=True, slots=True)
class Download:
    """What a server answered."""

    content: bytes | None
    """``None``: it is what it was when the server gave the tag that was sent."""
    tag: str = ""
    """The server's name for this content (ETag); empty when it gives none."""


async def download(url: str, *, largest_bytes: int, timeout: timedelta, tag: str = "") -> Download:
    """Raises :class:`DownloadError`. User and password may stand in the URL, and are never shown.

    ``tag`` is of the content that the caller has: if it is that still, nothing is transferred. Redirects are followed,
    but never from https to http. The size counts after decompression.
    """
    shown = redact_url(url)
    seconds = timeout.total_seconds()
    headers = {"If-None-Match": tag} if tag else {}
    try:
        async with (
            asyncio.timeout(seconds),
            _session() as session,
            session.get(url, headers=headers, max_redirects=_MOST_REDIRECTS) as response,
        ):
            _check(response, shown, unchanged=bool(tag))
            if response.status == _UNCHANGED:
                return Download(None, tag)
            content = await _content(response, shown, largest_bytes)
            return Download(content, response.headers.get("ETag", ""))
    except TimeoutError:
        raise DownloadError(f"{shown} was not read within {seconds:g}s") from None
    except aiohttp.TooManyRedirects:
        raise DownloadError(f"{shown} redirects more than {_MOST_REDIRECTS} times") from None
    except aiohttp.InvalidURL:
        raise DownloadError(f"{shown} is no URL that can be fetched") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise DownloadError(f"{shown}: the certificate is not trusted: {error.certificate_error}") from None
    except aiohttp.ClientConnectorError as error:
        raise DownloadError(f"{shown} cannot be reached: {error.os_error}") from None
    except (aiohttp.ClientError, ConnectionError) as error:
        raise DownloadError(f"{shown} broke off: {type(error).__name__}") from None


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=Connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # the caller's limit covers everything
        headers={"User-Agent": _AGENT},
    )


def _check(response: aiohttp.ClientResponse, shown: str, *, unchanged: bool) -> None:
    steps = [*(step.url.scheme for step in response.history), response.url.scheme]
    if steps[0] == "https" and "http" in steps:
        raise DownloadError(f"{shown} redirects from https to http, which is refused")
    if response.status != 200 and not (unchanged and response.status == _UNCHANGED):
        reason = re.sub(r"[^\x20-\x7e]", "?", response.reason or "")[:80]
        failure = NoSuchFileError if response.status in _NOT_THERE else DownloadError
        raise failure(f"{shown}: the server answered {response.status} {reason}".rstrip())


async def _content(response: aiohttp.ClientResponse, shown: str, largest_bytes: int) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        content += chunk
        if len(content) > largest_bytes:
            raise DownloadError(f"{shown} has more than the {largest_bytes} bytes that are read")
    return bytes(content)
