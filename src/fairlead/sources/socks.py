"""Connections through a SOCKS5 proxy. Facts: RFC 1928, RFC 1929 (user and password).

The proxy resolves names, as Flux's does, so that a name need only be known there.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from fairlead.connections import Connector

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.sources.spec import GitProxy

__all__ = ["SOCKS_SCHEMES", "SocksConnector", "SocksError"]

SOCKS_SCHEMES = ("socks5://", "socks5h://")
_DEFAULT_PORT = 1080
_NO_LOGIN, _PASSWORD = 0, 2
_ADDRESS_BYTES = {1: 4, 4: 16}
_NAME = 3
_REFUSALS = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
}


class SocksError(Exception):
    """What the proxy does not do, in a few words; never holds the password."""


class SocksConnector(Connector):
    """Opens every connection through one proxy."""

    def __init__(self, proxy: GitProxy, **options: Any) -> None:
        super().__init__(**options)
        self._socks = proxy

    async def _create_direct_connection(self, req: aiohttp.ClientRequest, *_: Any, **__: Any) -> Any:
        host, port = req.url.raw_host or "", req.url.port or 0
        context = self._get_ssl_context(req)
        try:
            tunnel = await _open(self._socks, host, port, self.made)
            name = host.rstrip(".") if context else None
            return await self._loop.create_connection(self._factory, sock=tunnel, ssl=context, server_hostname=name)
        except ssl.CertificateError as error:
            raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from error
        except OSError as error:
            raise aiohttp.ClientConnectorError(req.connection_key, error) from error


async def _open(
    proxy: GitProxy, host: str, port: int, make: Callable[[aiohttp.AddrInfoType], socket.socket]
) -> socket.socket:
    """A connected socket whose other end is the host."""
    parts = urlsplit(proxy.address)
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(parts.hostname, parts.port or _DEFAULT_PORT, type=socket.SOCK_STREAM)
    tunnel = make(found[0])
    tunnel.setblocking(False)
    try:
        await loop.sock_connect(tunnel, found[0][-1])
        await _log_in(tunnel, proxy)
        await _ask_for(tunnel, host, port)
    except BaseException:
        tunnel.close()
        raise
    return tunnel


async def _log_in(tunnel: socket.socket, proxy: GitProxy) -> None:
    method = _PASSWORD if proxy.username else _NO_LOGIN
    await _send(tunnel, bytes([5, 1, method]))
    version, chosen = await _receive(tunnel, 2)
    if version != 5:
        raise SocksError("the proxy does not speak SOCKS5")
    if chosen != method:
        raise SocksError("the proxy refuses the user and password" if method else "the proxy requires authentication")
    if method == _PASSWORD:
        await _send(tunnel, b"\x01" + _text(proxy.username) + _text(proxy.password))
        if (await _receive(tunnel, 2))[1] != 0:
            raise SocksError("the proxy refuses the user and password")


async def _ask_for(tunnel: socket.socket, host: str, port: int) -> None:
    await _send(tunnel, bytes([5, 1, 0, _NAME]) + _text(host) + struct.pack(">H", port))
    _, answer, _, kind = await _receive(tunnel, 4)
    if answer != 0:
        raise SocksError(f"the proxy cannot connect to {host}: {_REFUSALS.get(answer, f'error {answer}')}")
    length = _ADDRESS_BYTES.get(kind) or (await _receive(tunnel, 1))[0]
    await _receive(tunnel, length + 2)  # where the proxy is bound, which nobody needs


def _text(value: str) -> bytes:
    data = value.encode()
    if len(data) > 255:
        raise SocksError("names, users and passwords for a SOCKS5 proxy are at most 255 bytes long")
    return bytes([len(data)]) + data


async def _send(tunnel: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(tunnel, data)


async def _receive(tunnel: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = await asyncio.get_running_loop().sock_recv(tunnel, count - len(data))
        if not piece:
            raise SocksError("the proxy closed the connection")
        data += piece
    return data
