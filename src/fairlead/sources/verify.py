"""Signatures of revisions: of the commit (``HEAD``), of the annotated tag (``Tag``), or of both (``TagAndHEAD``).

OpenSSH signatures are checked in process; OpenPGP ones by the ``gpg`` program in a home of its own that lives for
one call.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

import pygit2

from fairlead.sources import openpgp, sshsig
from fairlead.sources.errors import GitVerificationError

if TYPE_CHECKING:
    from fairlead.sources.spec import RemoteHead, Verification
    from fairlead.sources.store import ObjectStore

__all__ = ["InvalidGitObjectError", "TagSignatureError", "VerificationModeError", "verify_revision"]

SSH_KEY_SUFFIX = ".sshpub"
_ARMOR = (b"-----BEGIN PGP SIGNATURE-----", b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN PGP MESSAGE-----")


class TagSignatureError(GitVerificationError):
    """The tag's signature is wrong or not trusted."""

    reason: ClassVar[str] = "InvalidTagSignature"


class InvalidGitObjectError(GitVerificationError):
    """A tag is to be verified, and it has no signature; the tag of the server may be replaced by one that has."""

    reason: ClassVar[str] = "InvalidGitObject"


class VerificationModeError(GitVerificationError):
    """A tag is to be verified, and ``spec.ref`` names none; only a changed spec helps."""

    reason: ClassVar[str] = "InvalidVerificationMode"


async def verify_revision(store: ObjectStore, head: RemoteHead, verification: Verification) -> str:
    """Check what the mode demands; returns what was verified with which key, for people.

    Raises :class:`GitVerificationError` (``reason`` says which of the two failed).
    """
    done: list[str] = []
    if verification.mode in ("Tag", "TagAndHEAD"):
        done.append(await _verify_tag(store, head, verification))
    if verification.mode in ("HEAD", "TagAndHEAD"):
        done.append(await _verify_commit(store, head, verification))
    return "; ".join(done)


async def _verify_commit(store: ObjectStore, head: RemoteHead, verification: Verification) -> str:
    commit: object = store.get(head.commit)
    what = f"commit '{head.commit}'"
    signature, payload = commit.gpg_signature if isinstance(commit, pygit2.Commit) else (None, None)
    if not signature or payload is None:
        raise GitVerificationError(f"signature verification of {what} failed: it is not signed")
    try:
        key = await _check(signature, payload, verification)
    except _UntrustedError as error:
        raise GitVerificationError(f"signature verification of {what} failed: {error}") from None
    return f"{what} with key '{key}'"


async def _verify_tag(store: ObjectStore, head: RemoteHead, verification: Verification) -> str:
    if not head.reference.startswith("refs/tags/"):
        raise VerificationModeError("cannot verify the signature of a tag: spec.ref names no tag")
    what = f"tag '{head.label}'"
    if not head.tag_id:
        raise InvalidGitObjectError(f"cannot verify the signature of {what}: it is no annotated tag")
    payload, signature = split_tag(store.get(head.tag_id).read_raw())
    if not signature:
        raise InvalidGitObjectError(f"cannot verify the signature of {what}: it is not signed")
    try:
        key = await _check(signature, payload, verification)
    except _UntrustedError as error:
        raise TagSignatureError(f"signature verification of {what} failed: {error}") from None
    return f"{what} with key '{key}'"


class _UntrustedError(Exception):
    """Why a signature is not accepted."""


async def _check(signature: bytes, payload: bytes, verification: Verification) -> str:
    ssh_keys = [value for name, value in verification.keys if name.endswith(SSH_KEY_SUFFIX)]
    pgp_keys = [value for name, value in verification.keys if not name.endswith(SSH_KEY_SUFFIX)]
    try:
        if b"BEGIN SSH SIGNATURE" in signature:
            return await asyncio.to_thread(sshsig.verify, signature, payload, ssh_keys)
        return await openpgp.verify(signature, payload, pgp_keys)
    except (sshsig.SignatureError, openpgp.SignatureError) as error:
        raise _UntrustedError(str(error)) from None


def split_tag(raw: bytes) -> tuple[bytes, bytes]:
    """What a tag's signature signs, and the signature at its end (empty when there is none)."""
    places = [place for armor in _ARMOR if (place := raw.rfind(b"\n" + armor)) >= 0]
    if not places:
        return raw, b""
    start = max(places) + 1  # the last one is the signature; earlier ones are text that it signs
    return raw[:start], raw[start:]
