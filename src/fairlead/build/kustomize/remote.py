"""Resources that are not in the tree: files behind a URL and folders of other Git repositories.

The engine itself fetches nothing. Whoever calls it may hand in a :class:`Fetcher`; without one, a remote resource is
an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from fairlead.objects.tree import Tree

__all__ = ["Fetcher", "Repository", "is_remote_file", "parse_repository"]


@dataclass(frozen=True, slots=True)
class Repository:
    """A folder of a Git repository, as a kustomization names it."""

    raw: str
    url: str
    path: str
    ref: str
    submodules: bool
    timeout_seconds: float


class Fetcher(Protocol):
    """Brings remote content; may raise any ``FairleadError``."""

    def file(self, url: str) -> bytes:
        """The content behind an http or https URL."""
        ...

    def repository(self, repository: Repository) -> Tree:
        """The whole tree of the repository at its ref; the engine goes into ``repository.path`` itself."""
        ...


_SCHEMES: Final = ("ssh://", "https://", "http://", "file://")
_HOSTS: Final = ("github.com", "gitlab.com", "bitbucket.org", "git@github.com")
_DEFAULT_TIMEOUT_SECONDS: Final = 27.0


def is_remote_file(path: str) -> bool:
    return path.lower().startswith(("http://", "https://"))


def parse_repository(path: str) -> Repository | None:
    """The repository that a resource path names, or ``None`` when it is a path in the tree.

    Understood are URLs with a scheme, ``git::`` in front, ``git@host:owner/repo``, and ``host/owner/repo`` for
    well-known hosts. The folder follows ``//``, or ``.git``, or the second part behind the host.
    """
    text = path.removeprefix("git::")
    forced = text != path
    text, _, query = text.partition("?")
    scheme = next((scheme for scheme in _SCHEMES if text.lower().startswith(scheme)), "")
    rest = text[len(scheme) :]
    scp = not scheme and "@" in rest.partition("/")[0] and ":" in rest.partition("/")[0]
    known_host = next((host for host in _HOSTS if rest.lower().startswith((host + "/", host + ":"))), "")
    if not (scheme or scp or forced or known_host):
        return None
    url, folder = _split_folder(rest, scheme)
    if not url:
        return None
    if not scheme and not scp:
        scheme = "https://"
    options = parse_qs(query, keep_blank_values=True)
    return Repository(
        raw=path,
        url=scheme + url,
        path=folder.strip("/"),
        ref=(options.get("ref") or options.get("version") or [""])[0],
        submodules=(options.get("submodules") or ["true"])[0] != "false",
        timeout_seconds=_timeout((options.get("timeout") or [""])[0]),
    )


def _split_folder(rest: str, scheme: str) -> tuple[str, str]:
    """Repository and folder in it, of a URL without its scheme."""
    if "//" in rest:
        url, _, folder = rest.partition("//")
        return url, folder
    for marker in (".git/", "_git/"):
        at = rest.find(marker)
        if at >= 0 and marker == ".git/":
            return rest[: at + 4], rest[at + 5 :]
        if at >= 0:
            name, _, folder = rest[at + 5 :].partition("/")
            return rest[: at + 5] + name, folder
    if rest.endswith(".git") or scheme == "file://":
        return rest, ""
    host, separator, path = _split_host(rest)
    parts = [part for part in path.split("/") if part]
    if len(parts) < 2:
        return "", ""
    return f"{host}{separator}{parts[0]}/{parts[1]}", "/".join(parts[2:])


def _split_host(rest: str) -> tuple[str, str, str]:
    head = rest.partition("/")[0]
    if "@" in head and ":" in head:
        return rest.partition(":")
    return rest.partition("/")


def _timeout(text: str) -> float:
    number = text.removesuffix("s")
    return float(number) if number.replace(".", "", 1).isdigit() else _DEFAULT_TIMEOUT_SECONDS


def file_name(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]
