"""Which URLs are taken, and what is safe to show of them.

Only plain forms pass: ``https``, ``http``, ``ssh``, and ``file`` or an absolute path where the caller permits this
machine's folders. Helper transports (``ext::``), options in disguise (``ssh://-oProxyCommand=…``) and control
characters are refused before anything runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from fairlead.objects.urls import redact_url
from fairlead.sources.errors import GitUrlError
from fairlead.sources.spec import GitAuth

__all__ = ["GitUrl", "Scheme", "join_relative", "parse_url", "redact_url"]

_HOST = re.compile(r"^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.%]+\])$")
_USER = re.compile(r"^[A-Za-z0-9_.+@][A-Za-z0-9_.+@-]*$")
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")


class Scheme(StrEnum):
    HTTP = "http"
    HTTPS = "https"
    SSH = "ssh"
    LOCAL = "file"


@dataclass(frozen=True, slots=True)
class GitUrl:
    """A URL that was checked. ``text`` holds no password and may be shown."""

    scheme: Scheme
    text: str
    host: str = ""
    path: str = ""
    """For a local repository its folder, decoded."""

    @property
    def is_http(self) -> bool:
        return self.scheme in (Scheme.HTTP, Scheme.HTTPS)


def parse_url(url: str, auth: GitAuth | None = None) -> tuple[GitUrl, GitAuth]:
    """Check ``url`` and move credentials that it holds into the auth (unless that has its own).

    Raises :class:`GitUrlError`, whose message never holds a password.
    """
    auth = auth or GitAuth()
    if url.startswith("/"):
        return _local(url), auth
    if _UNSAFE.search(url) or url.startswith("-"):
        raise GitUrlError("the URL holds spaces or control characters, or starts with a dash")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise GitUrlError(f"{redact_url(url)!r} is no URL: {error}") from None
    match parts.scheme:
        case "file":
            if parts.netloc not in ("", "localhost"):
                raise GitUrlError(f"{redact_url(url)!r}: a file URL names no host; write file:///path")
            return _local(unquote(parts.path)), auth
        case "http" | "https":
            _check_host(url, parts)
            return _http(parts, port), _with_userinfo(parts, auth)
        case "ssh":
            _check_host(url, parts)
            return _ssh(url, parts), auth
        case _:
            raise GitUrlError(
                f"{redact_url(url)!r}: the scheme must be https, http or ssh (git@host:path is not a URL)"
            )


def join_relative(base: str, relative: str) -> str:
    """A submodule's ``./x`` or ``../x`` against the URL of the repository that names it."""
    scheme, separator, rest = base.rstrip("/").partition("://")
    if not separator:
        scheme, rest = "", scheme
    host, slash, path = (rest.partition("/")) if separator else ("", "/", rest.lstrip("/"))
    parts = PurePosixPath(path).parts
    for step in PurePosixPath(relative).parts:
        if step == "..":
            if not parts:
                raise GitUrlError(f"the submodule URL {relative!r} leads above {redact_url(base)}")
            parts = parts[:-1]
        elif step != ".":
            parts = (*parts, step)
    return f"{scheme}{separator}{host}{slash}{'/'.join(parts)}"


def _local(path: str) -> GitUrl:
    if "\0" in path or not path.startswith("/"):
        raise GitUrlError("the path of a local repository must be absolute")
    return GitUrl(Scheme.LOCAL, f"file://{quote(path)}", path=path)


def _check_host(url: str, parts: SplitResult) -> None:
    host = parts.netloc.rpartition("@")[2]
    name = re.sub(r":\d*$", "", host)
    if not _HOST.match(name) or not parts.path.strip("/"):
        raise GitUrlError(f"{redact_url(url)!r} must name a host and a repository")
    if parts.query or parts.fragment:
        raise GitUrlError(f"{redact_url(url)!r}: a repository URL has no query and no fragment")


def _http(parts: SplitResult, port: int | None) -> GitUrl:
    scheme = Scheme(parts.scheme)
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    default = {Scheme.HTTP: 80, Scheme.HTTPS: 443}[scheme]
    netloc = shown if port in (None, default) else f"{shown}:{port}"
    return GitUrl(scheme, urlunsplit((scheme.value, netloc, parts.path, "", "")), host=netloc, path=parts.path)


def _ssh(url: str, parts: SplitResult) -> GitUrl:
    user = unquote(parts.username or "git")
    if not _USER.match(user) or parts.path.startswith("/-"):
        raise GitUrlError(f"{redact_url(url)!r}: the user or path starts with a dash or holds odd characters")
    host = parts.netloc.rpartition("@")[2]
    return GitUrl(Scheme.SSH, f"ssh://{user}@{host}{parts.path}", host=host, path=parts.path)


def _with_userinfo(parts: SplitResult, auth: GitAuth) -> GitAuth:
    if parts.username is None or auth.username or auth.bearer_token:
        return auth
    return replace(auth, username=unquote(parts.username), password=unquote(parts.password or ""))
