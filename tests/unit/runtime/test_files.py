"""A folder over HTTP: only what the pattern allows, and nothing that a client would take apart by itself."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import aiohttp
import pytest

from fairlead.controllers.storage import ALLOWED
from fairlead.runtime.files import AddressInUseError, FileServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAME = f"gitrepository/apps/fleet/{'a' * 40}.tar.gz"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[FileServer]:
    root = tmp_path / "root"
    (root / NAME).parent.mkdir(parents=True)
    (root / NAME).write_bytes(b"\x1f\x8b and so on")
    (root / NAME).with_name("latest.tar.gz").symlink_to(f"{'a' * 40}.tar.gz")
    (root / NAME).with_name(".pieces").write_bytes(b"ours")
    (tmp_path / "secret.tar.gz").write_bytes(b"secret")
    async with FileServer(root, ALLOWED, "application/gzip", host="127.0.0.1", port=0) as server:
        yield server


async def ask(server: FileServer, request: str) -> bytes:
    """As it is, for a client library would tidy up the path."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


async def test_get_and_head(server: FileServer) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        for path in (NAME, "gitrepository/apps/fleet/latest.tar.gz"):
            url = f"http://127.0.0.1:{server.port}/{path}"
            async with session.get(url, headers={"Accept-Encoding": "gzip"}) as response:
                assert (response.status, await response.read()) == (200, b"\x1f\x8b and so on")
                assert response.headers["Content-Type"] == "application/gzip"
                assert "Content-Encoding" not in response.headers
            async with session.head(url) as response:
                assert (response.status, response.headers["Content-Length"]) == (200, "12")
            async with session.post(url) as response:
                assert response.status == 405


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/gitrepository",
        "/gitrepository/apps/fleet/",
        "/gitrepository/apps/fleet/.pieces",
        f"/gitrepository/apps/fleet/{'b' * 40}.tar.gz",
        "/../secret.tar.gz",
        "/gitrepository/../../secret.tar.gz",
        "/gitrepository/apps/fleet/../../../../secret.tar.gz",
        "/%2e%2e/secret.tar.gz",
        "/..%2fsecret.tar.gz",
        "/gitrepository/apps/%2e%2e%2f%2e%2e%2f%2e%2e/secret.tar.gz",
        f"//{NAME}/../x",
        "/gitrepository/apps/fleet/latest.tar.gz%00",
    ],
)
async def test_nothing_else_is_shown(server: FileServer, path: str) -> None:
    for verb in ("GET", "HEAD"):
        answer = await ask(server, f"{verb} {path}")
        assert answer.split(b" ")[1] in (b"404", b"400"), answer
        assert b"secret" not in answer.partition(b"\r\n\r\n")[2]


async def test_two_cannot_listen_at_one_port(server: FileServer, tmp_path: Path) -> None:
    second = FileServer(tmp_path, re.compile("x"), "x", host="127.0.0.1", port=server.port)
    with pytest.raises(AddressInUseError, match=f"cannot listen at 127.0.0.1:{server.port}"):
        await second.__aenter__()
