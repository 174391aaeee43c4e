"""OpenPGP signatures, checked by the ``gpg`` program: it knows about expired and revoked keys, which small libraries do
not.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SignatureError", "verify"]

_GPG = ("gpg", "--batch", "--no-tty", "--no-autostart", "--quiet", "--trust-model", "always", "--status-fd", "1")
_BAD = {
    "BADSIG": "it is wrong",
    "EXPSIG": "it has expired",
    "EXPKEYSIG": "its key has expired",
    "REVKEYSIG": "its key was revoked",
    "NO_PUBKEY": "its key is not trusted",
    "ERRSIG": "its key is not trusted",
}


class SignatureError(ValueError):
    """The signature cannot be read, is wrong, or was made by a key that is not in the rings."""


async def verify(signature: bytes, payload: bytes, keyrings: Sequence[bytes]) -> str:
    """The id of the primary key that signed ``payload``, if it is in one of ``keyrings`` (armored or not)."""
    if not keyrings:
        raise SignatureError("there is no OpenPGP key to verify it with")
    with tempfile.TemporaryDirectory(prefix="fairlead-gpg-") as folder:
        home = Path(folder)
        for number, keyring in enumerate(keyrings):
            ring = home / f"ring-{number}"
            ring.write_bytes(keyring)
            await _gpg(home, "--import", str(ring))
        (home / "signature").write_bytes(signature)
        (home / "payload").write_bytes(payload)
        return _read_status(await _gpg(home, "--verify", str(home / "signature"), str(home / "payload")))


def _read_status(status: str) -> str:
    words = re.findall(r"^\[GNUPG:\] (\w+)(?: (.*))?$", status, re.MULTILINE)
    names = {name for name, _ in words}
    for name, meaning in _BAD.items():
        if name in names:
            raise SignatureError(f"the OpenPGP signature is not accepted: {meaning}")
    valid = [rest.split() for name, rest in words if name == "VALIDSIG"]
    if "GOODSIG" not in names or len(valid) != 1:
        raise SignatureError("the OpenPGP signature cannot be read")
    fields: list[str] = valid[0]
    return (fields[9] if len(fields) > 9 else fields[0])[-16:]


async def _gpg(home: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "GNUPGHOME": str(home), "HOME": str(home), "LC_ALL": "C"}
    try:
        process = await asyncio.create_subprocess_exec(
            *_GPG,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
        )
    except FileNotFoundError:
        raise SignatureError("OpenPGP signatures need the gpg program, which is not installed") from None
    try:
        stdout, _ = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return stdout.decode("utf-8", "replace")
