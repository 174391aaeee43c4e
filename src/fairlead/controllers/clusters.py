"""Where and as whom objects are applied: the own cluster or another one, the own account or a tenant's.

One set of connections, discovery and watches per cluster and credentials. A remote cluster is opened when the first
Kustomization needs it; the content of its kubeconfig, or its address and account, is its identity, and it is closed
when nobody names that any more.

A remote cluster that is down must not hold up the others: it is asked whether it is there by one request for all who
want to know, and as long as it is not, they fail at once while one request after the other asks again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from fairlead.controllers.accounts import account_config, read_account
from fairlead.controllers.references import AccountTokenError, ReferenceNotFoundError
from fairlead.engine.watcher import ManagedWatcher
from fairlead.errors import FairleadError, InvalidSpecError, UnavailableError
from fairlead.kube.client import KubeClient
from fairlead.kube.config import config_from_kubeconfig
from fairlead.kube.reflector import Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.api.kustomization import Kustomization
    from fairlead.api.meta import SecretKeyReference
    from fairlead.controllers.references import References
    from fairlead.engine.state import ClusterState
    from fairlead.kube.config import ClusterConfig
    from fairlead.settings import Settings

__all__ = ["Clusters", "Target"]

log = logging.getLogger(__name__)

_KEYS = ("value", "value.yaml")
PROBE_SECONDS = 5.0
"""How long a remote cluster may take to say that it is there."""
TRUST_SECONDS = 10.0
"""For how long an answer, or the lack of one, is believed."""


_Named: TypeAlias = tuple[str, str, str, str]
"""The kind, namespace, name and key that a Kustomization refers to."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A remote cluster as somebody there, not yet opened."""

    identity: str
    """Equal for those who can share connections and watches; whoever speaks for another account has another one."""
    shown: str
    config: Callable[[], ClusterConfig]


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster to apply to."""

    watcher: ManagedWatcher
    client: KubeClient
    """Acts with the rights of the Kustomization's account."""


class _Remote:
    """A remote cluster that is open, and what is known of its presence."""

    def __init__(self, client: KubeClient, watcher: ManagedWatcher, tasks: asyncio.TaskGroup) -> None:
        self.watcher = watcher
        self._client = client
        self._tasks = tasks
        self._asked_at = float("-inf")
        self._failure: FairleadError | None = None
        self._probe: asyncio.Task[None] | None = None

    async def ensure_present(self) -> None:
        """Raises ``UnavailableError`` when the cluster does not answer; waits only while nothing is known of it."""
        no_token = isinstance(self._failure, (ReferenceNotFoundError, AccountTokenError))
        # That is said by this cluster, which answers at once: who asks after granting the right is not told old news.
        if (no_token or time.monotonic() - self._asked_at > TRUST_SECONDS) and self._probe is None:
            self._probe = self._tasks.create_task(self._ask(), name=f"probe {self._client.config.server}")
        if self._probe is not None and (no_token or self._failure is None):
            await asyncio.wait([self._probe])  # says nothing when it is cancelled with its cluster
        if self._failure is not None:
            raise self._failure

    async def _ask(self) -> None:
        server = self._client.config.server
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._client.request("GET", "/version")
            self._failure = None
        except TimeoutError:
            self._failure = _unreachable(f"{server} did not answer within {PROBE_SECONDS:g} s")
        except UnavailableError as error:
            self._failure = _unreachable(error)
        except (ReferenceNotFoundError, AccountTokenError) as error:
            self._failure = type(error)(str(error))
        except FairleadError:
            self._failure = None  # it answers, if only to refuse
        except Exception:
            # An error that escapes would end the connections of all who use this cluster. Its text is not shown:
            # nobody has vetted it.
            log.exception("the question whether %s is there failed by a fault of this program", server)
            self._failure = _unreachable(f"{server} cannot be asked, by a fault of this program; its log says more")
        finally:
            self._asked_at = time.monotonic()
            self._probe = None


def _unreachable(cause: object) -> UnavailableError:
    return UnavailableError(f"the cluster of spec.kubeConfig is not reachable: {cause}")


class Clusters:
    """All clusters that are applied to; an async context manager that owns the remote ones."""

    def __init__(
        self,
        local: ManagedWatcher,
        references: References,
        settings: Settings,
        subscribe: Callable[[ClusterState], object],
    ) -> None:
        """``subscribe`` is called with the state of each cluster that is opened."""
        self.local = local
        self._references = references
        self._settings = settings
        self._subscribe = subscribe
        self._remote: dict[str, asyncio.Future[_Remote]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._named: dict[_Named, str] = {}
        """Which cluster each reference to a kubeconfig or an account has named last."""
        self._users: dict[Key, _Named] = {}
        """Which of these references each Kustomization has; a cluster that nobody names any more is let go."""
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._subscribe(self.local.state)
        return self

    async def __aexit__(self, *details: Any) -> None:
        for task in self._running.values():
            task.cancel()
        await self._tasks.__aexit__(*details)

    async def target(self, kustomization: Kustomization) -> Target:
        """Raises :class:`ReferenceNotFoundError` and ``InvalidSpecError`` for a kubeconfig that cannot be used, and
        ``UnavailableError`` for a cluster that is down."""
        watcher = await self._watcher(kustomization)
        account = self._account(kustomization)
        if not account:
            return Target(watcher, watcher.client)
        if not account.isprintable():
            raise InvalidSpecError(f"{account!r} is no name of a service account")
        user = f"system:serviceaccount:{kustomization.metadata.namespace}:{account}"
        return Target(watcher, watcher.client.impersonate(user))

    async def check_account(self, kustomization: Kustomization) -> None:
        """Raises :class:`ReferenceNotFoundError` when the account to act as in this cluster is not there."""
        account = self._account(kustomization)
        if account and kustomization.spec.kube_config is None:
            await self._references.account(kustomization.metadata.namespace, account)

    def release(self, key: Key) -> None:
        """A Kustomization is gone, or goes to another cluster from now on."""
        named = self._users.pop(key, None)
        if named is None or named in self._users.values():
            return
        identity = self._named.pop(named, None)
        if identity is not None and identity not in self._named.values():
            self._close(identity)

    def _account(self, kustomization: Kustomization) -> str:
        return kustomization.spec.service_account_name or self._settings.scope.default_service_account

    async def _watcher(self, kustomization: Kustomization) -> ManagedWatcher:
        reference = kustomization.spec.kube_config
        namespace = kustomization.metadata.namespace
        key = Key(namespace, kustomization.metadata.name)
        if reference is None:
            self.release(key)
            return self.local
        if reference.config_map_ref is not None:
            named, place = await self._by_account(namespace, reference.config_map_ref.name)
        elif reference.secret_ref is not None:
            named, place = await self._by_kubeconfig(namespace, reference.secret_ref)
        else:
            raise InvalidSpecError("spec.kubeConfig names neither a secretRef nor a configMapRef")
        if self._users.get(key) != named:
            self.release(key)
            self._users[key] = named
        remote = await self._open(named, place)
        await remote.ensure_present()
        return remote.watcher

    async def _by_account(self, namespace: str, name: str) -> tuple[_Named, _Place]:
        shown = f"ConfigMap '{namespace}/{name}'"
        data = await self._references.config_map(namespace, name)
        default = self._settings.scope.default_kubeconfig_service_account
        account = read_account(data, namespace, shown, default=default)
        place = _Place(account.identity, shown, lambda: account_config(account, self._references))
        return ("ConfigMap", namespace, name, ""), place

    async def _by_kubeconfig(self, namespace: str, reference: SecretKeyReference) -> tuple[_Named, _Place]:
        secret = await self._references.secret(namespace, reference.name)
        keys = (reference.key,) if reference.key else _KEYS
        content = next((secret[key] for key in keys if key in secret), None)
        if content is None:
            wanted = "' or '".join(keys)
            raise ReferenceNotFoundError(
                f"Secret '{namespace}/{reference.name}' has no key '{wanted}' with a kubeconfig"
            )
        text = content.decode("utf-8", "replace")
        identity = hashlib.sha256(text.encode()).hexdigest()
        place = _Place(identity, "the kubeconfig", lambda: config_from_kubeconfig(text, untrusted=True))
        return ("Secret", namespace, reference.name, reference.key or ""), place

    async def _open(self, named: _Named, place: _Place) -> _Remote:
        identity = place.identity
        before = self._named.get(named)
        self._named[named] = identity
        if before is not None and before not in self._named.values():
            self._close(before)
        if identity not in self._remote:
            opened = self._remote[identity] = asyncio.get_running_loop().create_future()
            task = self._tasks.create_task(self._serve(place, opened), name=f"cluster {identity[:8]}")
            self._running[identity] = task
        try:
            return await asyncio.shield(self._remote[identity])
        except InvalidSpecError:
            self._close(identity)
            raise

    def _close(self, identity: str) -> None:
        """Forget a cluster; runs that still use it fail and are tried again."""
        self._remote.pop(identity, None)
        if task := self._running.pop(identity, None):
            task.cancel()

    async def _serve(self, place: _Place, opened: asyncio.Future[_Remote]) -> None:
        """Keep a remote cluster open until cancelled. What is wrong with it concerns those who name it, nobody else."""
        try:
            async with (
                KubeClient(place.config()) as client,
                ManagedWatcher(client) as watcher,
                asyncio.TaskGroup() as probes,
            ):
                self._subscribe(watcher.state)
                opened.set_result(_Remote(client, watcher, probes))
                await asyncio.Event().wait()
        except Exception as error:
            if opened.done():
                log.exception("a remote cluster was lost by a fault of this program; it is opened again when needed")
                self._forget(opened)
            else:
                opened.set_exception(InvalidSpecError(f"{place.shown} cannot be used: {' '.join(str(error).split())}"))

    def _forget(self, opened: asyncio.Future[_Remote]) -> None:
        for identity in [identity for identity, future in self._remote.items() if future is opened]:
            del self._remote[identity]
            self._running.pop(identity, None)
