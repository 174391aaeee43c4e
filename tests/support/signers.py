"""People who sign commits and tags with the real ``ssh-keygen`` and ``gpg``."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pygit2
import pytest
from pygit2.enums import ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.repo import RepoBuilder

__all__ = ["PgpSigner", "Signer", "SshSigner", "gpg_folder", "signed_commit", "signed_tag"]


class Signer(Protocol):
    """Somebody with a key."""

    public: tuple[str, bytes]

    def sign(self, data: bytes) -> str: ...


class SshSigner:
    def __init__(self, folder: Path, *options: str) -> None:
        self._key = folder / f"key-{len(list(folder.iterdir()))}"
        subprocess.run(["ssh-keygen", "-q", *(options or ("-t", "ed25519")), "-N", "", "-f", self._key], check=True)
        self.public = ("ada.sshpub", self._key.with_suffix(".pub").read_bytes())

    def sign(self, data: bytes, *, namespace: str = "git") -> str:
        command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(self._key), "-n", namespace]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()


class PgpSigner:
    def __init__(self, home: Path) -> None:
        self._command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-tty", "--passphrase", ""]
        self._run("--quick-gen-key", "Ada <ada@example.com>", "ed25519", "sign", "never")
        self.public = ("ada.asc", self._run("--armor", "--export"))

    def sign(self, data: bytes) -> str:
        return self._run("--armor", "--detach-sign", data=data).decode()

    def _run(self, *arguments: str, data: bytes = b"") -> bytes:
        return subprocess.run([*self._command, *arguments], input=data, capture_output=True, check=True).stdout


@contextmanager
def gpg_folder() -> Iterator[Path]:
    """A short path: the agent's socket lies in it, and sockets have short names. The agent ends with it."""
    if shutil.which("gpg") is None:
        pytest.skip("the gpg program is not installed")
    with tempfile.TemporaryDirectory(prefix="gpg") as folder:
        yield Path(folder)
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=False, env=dict(os.environ))


def signed_commit(repo: RepoBuilder, signer: Signer, *, tamper: bool = False) -> str:
    plain = repo.repository[repo.commit("Signed", {"signed.yaml": "a: 1\n"})]
    raw = plain.read_raw().decode()
    signature = signer.sign(raw.encode())
    text = raw.replace("Signed", "Forged") if tamper else raw
    commit = str(repo.repository.create_commit_with_signature(text, signature, "gpgsig"))
    repo.force("main", commit)
    return commit


def signed_tag(repo: RepoBuilder, signer: Signer, name: str, *, signed: bool = True) -> None:
    who = pygit2.Signature("Ada", "ada@example.com", 1_770_000_000, 0)
    draft = repo.repository[repo.repository.create_tag(name, repo.head, ObjectType.COMMIT, who, "A release\n")]
    repo.delete_tag(name)
    raw = draft.read_raw()
    data = raw + (signer.sign(raw).encode() if signed else b"")
    repo.reference(f"refs/tags/{name}", str(repo.repository.write(ObjectType.TAG, data)))
