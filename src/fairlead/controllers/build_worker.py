"""A process that builds: jobs come on stdin, outcomes go to stdout, and it ends when stdin does.

It never outlives the controllers, and a build that runs wild can be killed without harm to anything else.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fairlead.api.kustomization import KustomizationSpec  # noqa: TC001 - msgspec reads the annotation
from fairlead.build.bases import Base, GivenBases, MissingBasesError
from fairlead.build.flux import PathNotFoundError, Variables, build
from fairlead.build.sops import Keys, MissingDataKeysError
from fairlead.build.tree import RecordingTree
from fairlead.errors import FairleadError
from fairlead.sources.errors import MissingObjectError
from fairlead.sources.store import ObjectStore

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["HEADER", "Job", "Outcome", "execute"]

HEADER = struct.Struct(">I")
"""Each message is preceded by its length."""
_PR_SET_CHILD_SUBREAPER = 36


class Job(msgspec.Struct, frozen=True):
    """One build. Its representation shows no value of a variable and no key."""

    store: str
    tree: str
    spec: KustomizationSpec
    variables: dict[str, str]
    strict: bool
    always: bool
    keys: Keys | None = None
    """Private keys; they travel through the pipe and nowhere else."""
    bases: list[tuple[Base, str]] | None = None
    """Remote bases that are at hand, by the ids of their content; ``None`` refuses all."""

    def __repr__(self) -> str:
        return f"Job(tree={self.tree!r}, path={self.spec.path!r})"


class Outcome(msgspec.Struct, frozen=True):
    """What became of a job; ``error`` is empty after a success."""

    error: str = ""
    fault: str = ""
    """``path`` when there is no such folder, ``store`` when the tree is not there, ``bases`` when remote bases are
    not given, ``keys`` when key services have to be asked, ``build`` for all else."""
    digest: str = ""
    count: int = 0
    objects: bytes = b""
    """The manifests: a list in MessagePack, compressed."""
    read: dict[str, str] = {}
    listed: dict[str, str] = {}
    folders: list[str] = []
    missed: list[str] = []
    """What was looked for and is not there; of failed builds, too."""
    sensitive: list[str] = []
    """Values that no message may show."""
    bases: list[Base] = []
    """Remote bases: those that counted, or those that are missing."""
    data_keys: list[tuple[str, str]] = []
    """What key services have to open: the address of a key, and what is encrypted with it."""


def execute(store: ObjectStore, job: Job) -> Outcome:
    """Build; errors that a user can act on become part of the outcome."""
    variables = Variables(job.variables, strict=job.strict, always=job.always)
    bases = None if job.bases is None else GivenBases(dict(job.bases), store.tree, lambda id: store.get_blob(id).data)
    tree = RecordingTree(store.tree(job.tree))
    try:
        built = build(tree, job.spec, variables, job.keys, bases=bases)
    except MissingBasesError as error:
        return Outcome(error=str(error), fault="bases", bases=list(error.bases))
    except MissingDataKeysError as error:
        return Outcome(error=str(error), fault="keys", data_keys=list(error.wanted))
    except FairleadError as error:
        return Outcome(error=str(error), fault=_fault(error), missed=sorted(tree.missed))
    seen = built.read_set
    return Outcome(
        digest=built.digest,
        count=len(built.objects),
        objects=zlib.compress(msgspec.msgpack.encode(built.objects), 1),
        read=dict(seen.read),
        listed=dict(seen.listed),
        folders=sorted(seen.folders),
        missed=sorted(seen.missed),
        sensitive=sorted(built.sensitive),
        bases=list(built.bases),
    )


def _fault(error: FairleadError) -> str:
    if isinstance(error, MissingObjectError):
        return "store"
    return "path" if isinstance(error, PathNotFoundError) else "build"


def _adopt_orphans() -> None:
    """Become the parent of GnuPG's agents, which detach themselves: the first process of a container might not reap."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    _adopt_orphans()
    stores: dict[str, ObjectStore] = {}
    jobs = msgspec.msgpack.Decoder(Job)
    while message := _receive(sys.stdin.buffer):
        job = jobs.decode(message)
        if job.store not in stores:
            stores[job.store] = ObjectStore(Path(job.store))
        _send(sys.stdout.buffer, msgspec.msgpack.encode(execute(stores[job.store], job)))
        _reap()


def _receive(stream: BinaryIO) -> bytes:
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return b""
    return stream.read(HEADER.unpack(header)[0])


def _send(stream: BinaryIO, message: bytes) -> None:
    stream.write(HEADER.pack(len(message)) + message)
    stream.flush()


if __name__ == "__main__":
    # Whoever asked was killed meanwhile: nobody waits for the answer, and nobody reads a complaint.
    with contextlib.suppress(BrokenPipeError):
        main()
