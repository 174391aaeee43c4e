"""What proves to the server who we are: TLS contexts, tokens that are re-read, exec plugins that run and are cached.

:meth:`Credentials.current` is called before every request, so the usual case (nothing expired) does no I/O and does not
suspend. After a 401 the transport calls :meth:`Credentials.renew` once and tries again.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import ssl
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.errors import ForbiddenError, UnavailableError
from fairlead.kube.config import KubeconfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fairlead.kube.config import ClusterConfig, ExecPlugin, IssuedToken

__all__ = ["Access", "Credentials", "CredentialsError", "ssl_context"]

log = logging.getLogger(__name__)

TOKEN_FILE_SECONDS = 60.0
EXPIRY_MARGIN_SECONDS = 30.0
ISSUED_TOKEN_PART = 0.8
"""The part of an issued token's life for which it is used."""
ASK_AGAIN_SECONDS = 5.0
"""After which a token is asked for again when none was to be had and the last one is still good."""
EXEC_TIMEOUT_SECONDS = 60.0


class CredentialsError(ForbiddenError):
    """A token file cannot be read or an exec plugin failed; the message names the file or the command."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one request needs: the value of the Authorization header and the TLS context (None for plain http)."""

    authorization: str
    tls: ssl.SSLContext | None


def ssl_context(config: ClusterConfig, *, cert: bytes | None = None, key: bytes | None = None) -> ssl.SSLContext:
    """The TLS side of a configuration; ``cert`` and ``key`` (from an exec plugin) replace the configured ones."""
    cert, key = cert or config.client_cert, key or config.client_key
    try:
        context = ssl.create_default_context(cadata=config.ca.decode() if config.ca else None)
        if config.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if cert and key:
            _load_client_cert(context, cert, key)
    except (ssl.SSLError, ValueError) as error:
        raise KubeconfigError(f"{config.server}: the CA or the client certificate cannot be used: {error}") from error
    return context


def _load_client_cert(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    """OpenSSL reads a certificate chain only from files; they are private and live as long as the call."""
    with tempfile.TemporaryDirectory(prefix="fairlead-") as folder:
        paths = Path(folder, "cert.pem"), Path(folder, "key.pem")
        for path, content in zip(paths, (cert, key), strict=True):
            path.touch(mode=0o600)
            path.write_bytes(content)
        context.load_cert_chain(*paths)


class Credentials:
    """The present credentials of one configuration."""

    def __init__(self, config: ClusterConfig) -> None:
        self._config = config
        self._tls = ssl_context(config) if config.server.startswith("https:") else None
        self._access: Access | None = None
        self._expires = 0.0
        self._ends = 0.0
        """When an issued token is really over; it is renewed before."""
        self._lock = asyncio.Lock()

    @property
    def renewable(self) -> bool:
        """Whether :meth:`renew` can bring anything new."""
        config = self._config
        return config.exec_plugin is not None or config.token_file is not None or config.token_source is not None

    async def current(self) -> Access:
        """Credentials that are valid now; raises :class:`CredentialsError`."""
        if self._access is not None and time.monotonic() < self._expires:
            return self._access
        async with self._lock:
            if self._access is None or time.monotonic() >= self._expires:
                self._access = await self._fetch()
            return self._access

    def renew(self, rejected: Access) -> None:
        """Forget the credentials that the server rejected, unless somebody has renewed them meanwhile."""
        if self._access is rejected:
            self._access = None

    async def _fetch(self) -> Access:
        config = self._config
        if config.exec_plugin is not None:
            return await self._run_plugin(config.exec_plugin)
        if config.token_source is not None:
            return await self._issued(config.token_source)
        if config.token_file is not None:
            self._expires = time.monotonic() + TOKEN_FILE_SECONDS
            return Access(f"Bearer {_read_token(config.token_file)}", self._tls)
        self._expires = float("inf")
        if config.token:
            return Access(f"Bearer {config.token}", self._tls)
        if config.username:
            pair = base64.b64encode(f"{config.username}:{config.password}".encode()).decode()
            return Access(f"Basic {pair}", self._tls)
        return Access("", self._tls)

    async def _issued(self, issue: Callable[[], Awaitable[IssuedToken]]) -> Access:
        """A new token, or the last one while that is good and whoever issues them does not answer."""
        try:
            issued = await issue()
        except UnavailableError as error:
            if self._access is None or time.monotonic() >= self._ends:
                raise
            log.warning("the token for %s was not renewed, it is used until it ends: %s", self._config.server, error)
            self._expires = min(time.monotonic() + ASK_AGAIN_SECONDS, self._ends)
            return self._access
        now = time.monotonic()
        self._expires, self._ends = now + max(issued.seconds * ISSUED_TOKEN_PART, 1.0), now + issued.seconds
        return Access(f"Bearer {issued.text}", self._tls)

    async def _run_plugin(self, plugin: ExecPlugin) -> Access:
        status = await _plugin_status(plugin, self._config)
        self._expires = _expiry(status.get("expirationTimestamp"), plugin)
        token = status.get("token") or ""
        cert, key = status.get("clientCertificateData"), status.get("clientKeyData")
        tls = self._tls
        if cert and key and tls is not None:
            tls = ssl_context(self._config, cert=cert.encode(), key=key.encode())
        return Access(f"Bearer {token}" if token else "", tls)


def _read_token(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(f"token file {path} cannot be read: {error}") from error


async def _plugin_status(plugin: ExecPlugin, config: ClusterConfig) -> dict[str, Any]:
    """Run the plugin and return the ``status`` of the ExecCredential that it prints."""
    environ = {**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": _exec_info(plugin, config)}
    try:
        process = await asyncio.create_subprocess_exec(
            plugin.command,
            *plugin.args,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        hint = f" ({plugin.install_hint.strip()})" if plugin.install_hint else ""
        raise CredentialsError(f"exec plugin {plugin.command} cannot be started: {error}{hint}") from error
    try:
        async with asyncio.timeout(EXEC_TIMEOUT_SECONDS):
            output, complaint = await process.communicate()
    except TimeoutError as error:
        raise CredentialsError(
            f"exec plugin {plugin.command} gave no answer in {EXEC_TIMEOUT_SECONDS:.0f} s"
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        reason = " ".join(complaint.decode("utf-8", "replace").split())[-300:]
        raise CredentialsError(f"exec plugin {plugin.command} failed with exit code {process.returncode}: {reason}")
    return _parse_credential(output, plugin)


def _parse_credential(output: bytes, plugin: ExecPlugin) -> dict[str, Any]:
    """The answer may hold a token, so no part of it is quoted."""
    try:
        status = msgspec.json.decode(output)["status"]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise CredentialsError(f"exec plugin {plugin.command} printed no ExecCredential with a status") from error
    if not isinstance(status, dict):
        raise CredentialsError(f"exec plugin {plugin.command} printed no ExecCredential with a status")
    return status


def _exec_info(plugin: ExecPlugin, config: ClusterConfig) -> str:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.provide_cluster_info:
        spec["cluster"] = {"server": config.server, "insecure-skip-tls-verify": config.insecure}
        if config.tls_server_name:
            spec["cluster"]["tls-server-name"] = config.tls_server_name
        if config.ca:
            spec["cluster"]["certificate-authority-data"] = base64.b64encode(config.ca).decode()
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    return msgspec.json.encode(info).decode()


def _expiry(timestamp: str | None, plugin: ExecPlugin) -> float:
    """The monotonic time until which credentials are used; without a timestamp until the server rejects them."""
    if not timestamp:
        return float("inf")
    try:
        left = (datetime.fromisoformat(timestamp) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError) as error:
        raise CredentialsError(
            f"exec plugin {plugin.command} printed an expirationTimestamp that is no time"
        ) from error
    return time.monotonic() + max(left - EXPIRY_MARGIN_SECONDS, 1.0)
