"""Signatures made by the real ``ssh-keygen`` and ``gpg`` are accepted from trusted keys, and from nobody else."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import pygit2
import pytest
from pygit2.enums import ObjectType

from fairlead.sources.errors import GitVerificationError
from fairlead.sources.spec import GitRef, GitSpec, Verification
from fairlead.sources.sshsig import SignatureError, verify
from fairlead.sources.verify import InvalidGitObjectError, TagSignatureError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.sources.git import GitSource
    from tests.support.repo import RepoBuilder


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


@pytest.fixture(params=["ed25519", "rsa", "ecdsa", "openpgp"])
def signer(request: pytest.FixtureRequest, tmp_path: Path, gpg_home: Path) -> Signer:
    match request.param:
        case "openpgp":
            return PgpSigner(gpg_home)
        case "rsa":
            return SshSigner(tmp_path, "-t", "rsa", "-b", "2048")
        case kind:
            return SshSigner(tmp_path, "-t", kind)


@pytest.fixture
def gpg_home() -> Iterator[Path]:
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


async def sync(
    git: GitSource,
    repo: RepoBuilder,
    ref: GitRef,
    mode: Literal["HEAD", "Tag", "TagAndHEAD"],
    *keys: tuple[str, bytes],
) -> str:
    spec = GitSpec(repo.url, ref, verify=Verification(mode, keys))
    return (await git.fetch(spec, await git.resolve(spec))).verified_by


async def test_a_signed_commit(git: GitSource, repo: RepoBuilder, signer: Signer, tmp_path: Path) -> None:
    commit = signed_commit(repo, signer)
    other = SshSigner(tmp_path).public
    main = GitRef(branch="main")
    assert (await sync(git, repo, main, "HEAD", other, signer.public)).startswith(f"commit '{commit}' with key '")
    for keys in ((), (other,)):
        with pytest.raises(GitVerificationError, match=f"signature verification of commit '{commit}' failed: "):
            await sync(git, repo, main, "HEAD", *keys)


async def test_a_forged_commit(git: GitSource, repo: RepoBuilder, signer: Signer) -> None:
    signed_commit(repo, signer, tamper=True)
    with pytest.raises(GitVerificationError, match="is wrong") as caught:
        await sync(git, repo, GitRef(branch="main"), "HEAD", signer.public)
    assert caught.value.reason == "InvalidCommitSignature"


async def test_tags(git: GitSource, repo: RepoBuilder, signer: Signer) -> None:
    commit = signed_commit(repo, signer)
    signed_tag(repo, signer, "v1.0.0")
    signed_tag(repo, signer, "v0.9.0", signed=False)
    repo.tag("v0.8.0")
    both = await sync(git, repo, GitRef(semver="1.x"), "TagAndHEAD", signer.public)
    assert "tag 'v1.0.0' with key" in both
    assert f"commit '{commit}' with key" in both
    assert (await sync(git, repo, GitRef(tag="v1.0.0"), "Tag", signer.public)).startswith("tag 'v1.0.0' with key")
    with pytest.raises(TagSignatureError, match=r"tag 'v0\.9\.0' failed: it is not signed"):
        await sync(git, repo, GitRef(tag="v0.9.0"), "Tag", signer.public)
    for ref in (GitRef(tag="v0.8.0"), GitRef(branch="main")):
        with pytest.raises(InvalidGitObjectError, match="is no annotated tag"):
            await sync(git, repo, ref, "Tag", signer.public)


async def test_an_unsigned_commit(git: GitSource, repo: RepoBuilder) -> None:
    with pytest.raises(GitVerificationError, match="it is not signed"):
        await sync(git, repo, GitRef(branch="main"), "HEAD")


def test_ssh_signatures_made_for_something_else(tmp_path: Path) -> None:
    signer = SshSigner(tmp_path)
    signature = signer.sign(b"data", namespace="file").encode()
    with pytest.raises(SignatureError, match="not made for Git"):
        verify(signature, b"data", [signer.public[1]])


@pytest.mark.parametrize("cut", [0, 1, 40, 100, 200])
def test_damaged_ssh_signatures(tmp_path: Path, cut: int) -> None:
    signer = SshSigner(tmp_path)
    lines = signer.sign(b"data").splitlines()
    body = "".join(lines[1:-1])
    damaged = "\n".join([lines[0], body[:cut], lines[-1]]).encode()
    with pytest.raises(SignatureError):
        verify(damaged, b"data", [signer.public[1]])


def test_authorized_keys_may_have_options_and_comments(tmp_path: Path) -> None:
    signer = SshSigner(tmp_path)
    kind, key = signer.public[1].split()[:2]
    lines = b'# people\n\nnamespaces="git" ' + kind + b" " + key + b" ada of accounting\n"
    assert verify(signer.sign(b"data").encode(), b"data", [lines]).startswith("SHA256:")
