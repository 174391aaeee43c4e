"""Which kinds a server serves, under which path and version.

One request each for ``/api`` and ``/apis`` (aggregated discovery) tells everything; older servers are asked group by
group. The answer is kept. An unknown kind refreshes it, at most every few seconds, so that a new CRD is found soon and
a misspelt kind costs next to nothing.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.kube.errors import ApiError, NoMatchError, NotFoundError
from fairlead.objects.ref import GroupKind, join_api_version

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

__all__ = ["Discovery", "Resource"]

_LIST = "as=APIGroupDiscoveryList"
AGGREGATED = (
    f"application/json;g=apidiscovery.k8s.io;v=v2;{_LIST},"
    f"application/json;g=apidiscovery.k8s.io;v=v2beta1;{_LIST},application/json"
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind in one version, as the server serves it."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    verbs: frozenset[str]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        return join_api_version(self.group, self.version)

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)

    @property
    def prefix(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


class Discovery:
    """The kinds of one server; ``fetch(path, accept)`` reads a discovery document."""

    def __init__(self, fetch: Callable[[str, str], Awaitable[Any]], *, min_interval: float = 2.0) -> None:
        self._fetch = fetch
        self._min_interval = min_interval
        self._known: dict[GroupKind, list[Resource]] = {}
        self._read_at: float | None = None
        """When the reading began whose answer is kept; None when something has changed since."""
        self._epoch = 0
        self._lock = asyncio.Lock()

    async def resource(self, kind: GroupKind, version: str | None = None) -> Resource:
        """The resource of a kind, in the server's preferred version that has it; raises :class:`NoMatchError`."""
        if (found := self._lookup(kind, version)) is not None:
            return found
        await self._refresh()
        if (found := self._lookup(kind, version)) is None:
            raise NoMatchError(kind, version, served=[each.version for each in self._known.get(kind, ())])
        return found

    async def versions(self, kind: GroupKind) -> frozenset[str]:
        """The versions in which a kind is served; none when it is not. Reads again only for an unknown kind."""
        if kind not in self._known:
            await self._refresh()
        return frozenset(resource.version for resource in self._known.get(kind, ()))

    async def resources(self) -> list[Resource]:
        """Every kind in its preferred version, core group first, as the server orders them."""
        if self._read_at is None:
            await self._refresh()
        return [versions[0] for versions in self._known.values()]

    async def find(self, word: str) -> Resource:
        """The resource that a person means by ``deploy``, ``deployment.apps``, ``Deployment`` or ``deployments``."""
        name, _, group = word.lower().partition(".")
        for fresh in (False, True):
            if fresh or self._read_at is None:
                await self._refresh()
            for resource in await self.resources():
                names = (resource.plural, resource.singular, resource.kind.lower(), *resource.short_names)
                if name in names and resource.group.startswith(group):
                    return resource
        raise NoMatchError(GroupKind(group, name))

    def invalidate(self, kind: GroupKind | None = None) -> None:
        """A CRD or an API service has changed: the next unknown kind or version is looked up at once.

        Known kinds keep their paths, which hardly ever change, so a burst of CRDs does not cost a burst of readings;
        ``kind`` is forgotten, for when the server turned out not to serve it any more.
        """
        self._read_at = None
        self._epoch += 1
        if kind is not None:
            self._known.pop(kind, None)

    def _lookup(self, kind: GroupKind, version: str | None) -> Resource | None:
        for resource in self._known.get(kind, ()):
            if version is None or resource.version == version:
                return resource
        return None

    async def _refresh(self) -> None:
        """Read everything, unless that has just begun; callers that come together share one reading.

        One that was under way when something changed does not know of it, so who waited for it reads again.
        """
        asked = time.monotonic()
        async with self._lock:
            if self._read_at is not None and asked - self._read_at < self._min_interval:
                return
            began, epoch = time.monotonic(), self._epoch
            found: dict[GroupKind, list[Resource]] = {}
            for resource in await self._read_all():
                found.setdefault(resource.group_kind, []).append(resource)
            self._known = found
            self._read_at = began if epoch == self._epoch else None

    async def _read_all(self) -> list[Resource]:
        core, groups = await self._fetch("/api", AGGREGATED), await self._fetch("/apis", AGGREGATED)
        resources: list[Resource] = []
        for root, document in (("/api", core), ("/apis", groups)):
            if document.get("kind") == "APIGroupDiscoveryList":
                resources.extend(_aggregated(document))
            else:
                resources.extend(await self._read_classic(root, document))
        return resources

    async def _read_classic(self, root: str, document: dict[str, Any]) -> list[Resource]:
        """Discovery before aggregation: one document per group and version."""
        if root == "/api":
            versions = [("", version) for version in document.get("versions") or ()]
        else:
            versions = [pair for group in document.get("groups") or () for pair in _group_versions(group)]
        answers = await asyncio.gather(*(self._read_version(group, version) for group, version in versions))
        return [resource for answer in answers for resource in answer]

    async def _read_version(self, group: str, version: str) -> list[Resource]:
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        try:
            document = await self._fetch(path, "application/json")
        except NotFoundError:
            return []  # the group went away between the two requests
        except ApiError as error:
            if error.status == 503:
                return []  # an aggregated API whose server is down must not hide the others
            raise
        return list(_classic(group, version, document.get("resources") or ()))


def _group_versions(group: dict[str, Any]) -> list[tuple[str, str]]:
    """The versions of a group, the preferred one first."""
    versions = [version["version"] for version in group.get("versions") or ()]
    preferred = (group.get("preferredVersion") or {}).get("version")
    return [(group["name"], version) for version in sorted(versions, key=lambda version: version != preferred)]


def _aggregated(document: dict[str, Any]) -> Iterator[Resource]:
    for group in document.get("items") or ():
        name = (group.get("metadata") or {}).get("name") or ""
        for version in group.get("versions") or ():
            for item in version.get("resources") or ():
                yield _aggregated_resource(name, version["version"], item)


def _aggregated_resource(group: str, version: str, item: dict[str, Any]) -> Resource:
    response = item.get("responseKind") or {}
    return Resource(
        group=group,
        version=version,
        kind=response.get("kind") or "",
        plural=item["resource"],
        singular=item.get("singularResource") or "",
        namespaced=item.get("scope") == "Namespaced",
        verbs=frozenset(item.get("verbs") or ()),
        short_names=tuple(item.get("shortNames") or ()),
        categories=tuple(item.get("categories") or ()),
        subresources=frozenset(sub["subresource"] for sub in item.get("subresources") or ()),
    )


def _classic(group: str, version: str, items: Iterable[dict[str, Any]]) -> Iterator[Resource]:
    items = list(items)
    subresources: dict[str, set[str]] = {}
    for item in items:
        plural, slash, sub = item["name"].partition("/")
        if slash:
            subresources.setdefault(plural, set()).add(sub)
    for item in items:
        if "/" in item["name"]:
            continue
        yield Resource(
            group=group,
            version=version,
            kind=item.get("kind") or "",
            plural=item["name"],
            singular=item.get("singularName") or "",
            namespaced=bool(item.get("namespaced")),
            verbs=frozenset(item.get("verbs") or ()),
            short_names=tuple(item.get("shortNames") or ()),
            categories=tuple(item.get("categories") or ()),
            subresources=frozenset(subresources.get(item["name"], ())),
        )
