"""Signatures made by the real ``ssh-keygen`` and ``gpg`` are accepted from trusted keys, and from nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from fairlead.sources.errors import GitVerificationError
from fairlead.sources.spec import GitRef, GitSpec, Verification
from fairlead.sources.sshsig import SignatureError, verify
from fairlead.sources.verify import InvalidGitObjectError, TagSignatureError, VerificationModeError
from tests.support.signers import PgpSigner, Signer, SshSigner, gpg_folder, signed_commit, signed_tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fairlead.sources.git import GitSource
    from tests.support.repo import RepoBuilder


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
    with gpg_folder() as folder:
        yield folder


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
    for tag, problem in (("v0.9.0", "not signed"), ("v0.8.0", "no annotated tag")):
        with pytest.raises(InvalidGitObjectError, match=f"signature of tag '{tag}': it is {problem}"):
            await sync(git, repo, GitRef(tag=tag), "Tag", signer.public)
    for ref in (GitRef(branch="main"), GitRef(name="refs/heads/main"), GitRef(tag="v1.0.0", commit=commit)):
        with pytest.raises(VerificationModeError, match="names no tag"):
            await sync(git, repo, ref, "TagAndHEAD", signer.public)
    named = await sync(git, repo, GitRef(name="refs/tags/v1.0.0"), "Tag", signer.public)
    assert "v1.0.0' with key" in named


async def test_a_tag_of_a_stranger(git: GitSource, repo: RepoBuilder, signer: Signer, tmp_path: Path) -> None:
    signed_commit(repo, signer)
    signed_tag(repo, signer, "v1.0.0")
    (tmp_path / "other").mkdir()
    with pytest.raises(TagSignatureError, match=r"tag 'v1\.0\.0' failed"):
        await sync(git, repo, GitRef(tag="v1.0.0"), "Tag", SshSigner(tmp_path / "other").public)


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
