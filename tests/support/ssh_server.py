"""A real ssh server for tests that serves Git repositories to one key: asyncssh in front of ``git upload-pack``."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import asyncssh

__all__ = ["GitSshServer", "make_key"]


def make_key(*, passphrase: str | None = None, form: str = "openssh") -> tuple[str, str]:
    """A new key: private (in ``form``) and public."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    if passphrase and form == "openssh":  # asyncssh writes this form only with another package
        return _make_locked_key(passphrase)
    private = key.export_private_key(form, passphrase=passphrase)
    return private.decode(), key.export_public_key().decode()


def _make_locked_key(passphrase: str) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(file)], check=True)
        return file.read_text(), file.with_suffix(".pub").read_text()


class _Door(asyncssh.SSHServer):
    """Notes who is connected."""

    def __init__(self, inside: set[asyncssh.SSHServerConnection]) -> None:
        self._inside = inside

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._inside.add(conn)


class GitSshServer:
    """Serves the repositories below ``folder`` to the holders of ``authorized`` public keys."""

    def __init__(self, folder: Path, authorized: list[str]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._authorized = authorized
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._server: asyncssh.SSHAcceptor | None = None
        self._inside: set[asyncssh.SSHServerConnection] = set()
        self._port = 0
        self.version_2 = True
        """Whether the client may choose version 2 of Git's protocol."""

    async def __aenter__(self) -> GitSshServer:
        self._server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Door(self._inside),
            server_host_keys=[self._host_key],
            authorized_client_keys=asyncssh.import_authorized_keys("".join(self._authorized)),
            process_factory=self._serve,
            encoding=None,
        )
        self._port = self._server.get_port()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Who tries again and again may be connected at any moment: the end of the test must not leave that open."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        for connection in self._inside:
            connection.abort()
            await connection.wait_closed()

    @property
    def known_hosts(self) -> str:
        return f"[127.0.0.1]:{self._port} {self._host_key.export_public_key().decode()}"

    def url(self, repository: str) -> str:
        return f"ssh://git@127.0.0.1:{self._port}/{repository}"

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        words = shlex.split(process.command or "")
        if len(words) != 2 or words[0] != "git-upload-pack":
            process.stderr.write(b"only git-upload-pack is served\n")
            process.exit(1)
            return
        child = await asyncio.create_subprocess_exec(
            "git",
            "upload-pack",
            str(self.folder / words[1].lstrip("/")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(process),
        )
        if child.stdin is None or child.stdout is None or child.stderr is None:
            raise RuntimeError("the child has no pipes")
        try:
            async with asyncio.TaskGroup() as pumps:
                feeding = pumps.create_task(_feed(process, child.stdin))
                while data := await child.stdout.read(2**16):
                    process.stdout.write(data)
                    await process.stdout.drain()
                process.stderr.write(await child.stderr.read())
                feeding.cancel()
            status = await child.wait()
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        process.exit(status)

    def _environment(self, process: asyncssh.SSHServerProcess[bytes]) -> dict[str, str]:
        protocol = process.env.get("GIT_PROTOCOL", "")
        base = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1"}
        safe = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        return {**base, **safe, **({"GIT_PROTOCOL": protocol} if self.version_2 else {})}


async def _feed(process: asyncssh.SSHServerProcess[bytes], stdin: asyncio.StreamWriter) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):
        while data := await process.stdin.read(2**16):
            stdin.write(data)
            await stdin.drain()
    stdin.close()
