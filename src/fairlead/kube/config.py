"""Which API server, and as whom: the usual kubeconfig rules.

Order: an explicit path, then the files of ``$KUBECONFIG`` (merged, the first to name something wins), then
``~/.kube/config``, then the service account of the pod. A kubeconfig from a Secret is not trusted: it may neither run a
program nor read a file of this machine (``untrusted=True``).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fairlead.errors import UserError
from fairlead.objects import yaml

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

__all__ = ["ClusterConfig", "ExecPlugin", "IssuedToken", "KubeconfigError", "config_from_kubeconfig", "load_config"]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class KubeconfigError(UserError):
    """The kubeconfig is missing, cannot be read, or says something that cannot be; the message names file and entry."""


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A program that prints credentials (client.authentication.k8s.io)."""

    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    api_version: str = "client.authentication.k8s.io/v1"
    provide_cluster_info: bool = False
    install_hint: str = ""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A bearer token that ends."""

    text: str = field(repr=False)
    seconds: float
    """For how long it is good from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """How to reach one API server and who we are there; PEM texts are bytes, credentials are not shown by ``repr``."""

    server: str
    ca: bytes | None = None
    client_cert: bytes | None = field(default=None, repr=False)
    client_key: bytes | None = field(default=None, repr=False)
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    token_source: Callable[[], Awaitable[IssuedToken]] | None = field(default=None, repr=False)
    """Asked for a token whenever the last one nears its end."""
    username: str = ""
    password: str = field(default="", repr=False)
    exec_plugin: ExecPlugin | None = field(default=None, repr=False)
    namespace: str = "default"
    impersonate_user: str = ""
    impersonate_groups: tuple[str, ...] = ()
    tls_server_name: str = ""
    insecure: bool = False
    proxy_url: str = ""
    context: str = ""


def load_config(path: Path | None, context: str | None, environ: Mapping[str, str]) -> ClusterConfig:
    """The configuration by kubectl's rules; raises :class:`KubeconfigError` that says where it looked."""
    if path is not None:
        return _from_files([path], context, must_exist=True)
    if listed := environ.get("KUBECONFIG", ""):
        return _from_files([Path(part) for part in listed.split(":") if part], context, must_exist=False)
    home = Path(environ.get("HOME", "~")).expanduser() / ".kube" / "config"
    if home.is_file():
        return _from_files([home], context, must_exist=True)
    if "KUBERNETES_SERVICE_HOST" in environ and (SERVICE_ACCOUNT / "token").is_file():
        return _in_cluster(environ)
    raise KubeconfigError(f"no cluster is configured: give --kubeconfig, set KUBECONFIG or create {home}")


def config_from_kubeconfig(text: str, context: str | None = None, *, untrusted: bool = False) -> ClusterConfig:
    """The configuration in a kubeconfig's text; relative paths in it are refused as they have no folder to start from.

    ``untrusted`` drops exec plugins, paths of files and the permission to skip TLS verification, as Flux does with
    kubeconfigs from Secrets.
    """
    merged = _Merged()
    merged.add(_parse(text, "kubeconfig"), None, "kubeconfig")
    return merged.resolve(context, untrusted=untrusted)


def _from_files(paths: Sequence[Path], context: str | None, *, must_exist: bool) -> ClusterConfig:
    merged = _Merged()
    for path in paths:
        try:
            text = path.read_text()
        except FileNotFoundError as error:
            if must_exist:
                raise KubeconfigError(f"{path}: no such kubeconfig") from error
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise KubeconfigError(f"{path}: cannot be read: {error}") from error
        merged.add(_parse(text, str(path)), path.absolute().parent, str(path))
    if not merged.sources:
        raise KubeconfigError(f"no kubeconfig at {', '.join(map(str, paths))}")
    return merged.resolve(context)


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, file=name)
    except yaml.YamlError as error:
        raise KubeconfigError(str(error)) from error
    if not isinstance(document, dict):
        raise KubeconfigError(f"{name}: is not a kubeconfig")
    return document


def _in_cluster(environ: Mapping[str, str]) -> ClusterConfig:
    host = environ["KUBERNETES_SERVICE_HOST"]
    port = environ.get("KUBERNETES_SERVICE_PORT", "443")
    ca, namespace = SERVICE_ACCOUNT / "ca.crt", SERVICE_ACCOUNT / "namespace"
    return ClusterConfig(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ca=ca.read_bytes() if ca.is_file() else None,
        token_file=SERVICE_ACCOUNT / "token",
        namespace=namespace.read_text().strip() if namespace.is_file() else "default",
        context="in-cluster",
    )


@dataclass(slots=True)
class _Entry:
    """A named entry with the folder that its relative paths start from."""

    value: dict[str, Any]
    folder: Path | None

    def data(self, key: str, *, untrusted: bool, name: str) -> bytes | None:
        """``<key>-data`` decoded, else the content of the file that ``<key>`` names."""
        if encoded := self.value.get(f"{key}-data"):
            try:
                return base64.b64decode("".join(str(encoded).split()), validate=True)
            except (binascii.Error, ValueError, TypeError) as error:
                raise KubeconfigError(f"{name}: {key}-data is not base64") from error
        path = None if untrusted else self.path(key)
        if path is None:
            return None
        try:
            return path.read_bytes()
        except OSError as error:
            raise KubeconfigError(f"{name}: {key} cannot be read: {error}") from error

    def path(self, key: str) -> Path | None:
        if not (text := self.value.get(key)):
            return None
        path = Path(text)
        if path.is_absolute():
            return path
        if self.folder is None:
            raise KubeconfigError(f"{key}: a relative path needs a kubeconfig file beside it")
        return self.folder / path


class _Merged:
    """Several kubeconfigs as one; the first to name something wins."""

    def __init__(self) -> None:
        self.current = ""
        self.sources: list[str] = []
        self.entries: dict[str, dict[str, _Entry]] = {"cluster": {}, "user": {}, "context": {}}

    def add(self, document: dict[str, Any], folder: Path | None, source: str) -> None:
        self.sources.append(source)
        self.current = self.current or document.get("current-context") or ""
        for kind, known in self.entries.items():
            for item in document.get(f"{kind}s") or ():
                if not isinstance(item, dict) or not isinstance(item.get(kind) or {}, dict):
                    raise KubeconfigError(f"{source}: {kind}s holds something that is no named {kind}")
                known.setdefault(str(item.get("name", "")), _Entry(item.get(kind) or {}, folder))

    def find(self, kind: str, name: str) -> _Entry:
        if (entry := self.entries[kind].get(name)) is None:
            raise KubeconfigError(f"{', '.join(self.sources)}: there is no {kind} named {name!r}")
        return entry

    def resolve(self, context: str | None, *, untrusted: bool = False) -> ClusterConfig:
        name = context or self.current
        if not name:
            raise KubeconfigError(f"{', '.join(self.sources)}: names no current-context; choose one with --context")
        chosen = self.find("context", name).value
        config = self._cluster(str(chosen.get("cluster") or ""), untrusted=untrusted)
        config = replace(config, context=name, namespace=chosen.get("namespace") or "default")
        user = chosen.get("user")
        return self._user(config, str(user), untrusted=untrusted) if user else config

    def _cluster(self, name: str, *, untrusted: bool) -> ClusterConfig:
        entry = self.find("cluster", name)
        if not (server := entry.value.get("server")):
            raise KubeconfigError(f"{', '.join(self.sources)}: cluster {name!r} has no server")
        if "@" in str(server).partition("://")[2].partition("/")[0]:
            where = ", ".join(self.sources)
            raise KubeconfigError(f"{where}: the server of cluster {name!r} holds credentials; they belong under users")
        return ClusterConfig(
            server=_server(str(server), f"{', '.join(self.sources)}: cluster {name!r}"),
            ca=entry.data("certificate-authority", untrusted=untrusted, name=f"cluster {name!r}"),
            insecure=bool(entry.value.get("insecure-skip-tls-verify")) and not untrusted,
            tls_server_name=entry.value.get("tls-server-name") or "",
            proxy_url=entry.value.get("proxy-url") or "",
        )

    def _user(self, config: ClusterConfig, name: str, *, untrusted: bool) -> ClusterConfig:
        entry, label = self.find("user", name), f"user {name!r}"
        value = entry.value
        if "auth-provider" in value:
            raise KubeconfigError(f"{label}: auth-provider is gone from Kubernetes; use an exec plugin")
        token = str(value.get("token") or "").strip()
        if any(character < " " for character in token):
            raise KubeconfigError(f"{label}: the token holds a line break or another control character")
        return replace(
            config,
            client_cert=entry.data("client-certificate", untrusted=untrusted, name=label),
            client_key=entry.data("client-key", untrusted=untrusted, name=label),
            token=token,
            token_file=None if token or untrusted else entry.path("tokenFile"),
            username=value.get("username") or "",
            password=value.get("password") or "",
            exec_plugin=None if untrusted or not value.get("exec") else _exec_plugin(value["exec"], entry, label),
            impersonate_user=value.get("as") or "",
            impersonate_groups=tuple(value.get("as-groups") or ()),
        )


def _server(text: str, shown: str) -> str:
    """As ``https://host:port``, which is what a bare ``host:port`` means."""
    server = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(server)
        usable = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character <= " " for character in server):
        raise KubeconfigError(f"{shown}: the server must be the URL of an API server, https://host:port, not {text!r}")
    return server.rstrip("/")


def _exec_plugin(value: dict[str, Any], entry: _Entry, label: str) -> ExecPlugin:
    if not (command := value.get("command")):
        raise KubeconfigError(f"{label}: exec has no command")
    if "/" in command and not Path(command).is_absolute() and entry.folder is not None:
        command = str(entry.folder / command)
    return ExecPlugin(
        command=command,
        args=tuple(value.get("args") or ()),
        env=tuple((item["name"], item.get("value") or "") for item in value.get("env") or ()),
        api_version=value.get("apiVersion") or "client.authentication.k8s.io/v1",
        provide_cluster_info=bool(value.get("provideClusterInfo")),
        install_hint=value.get("installHint") or "",
    )
