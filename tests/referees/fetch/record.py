"""Serves archives as the controllers do, and writes down what Flux's own code makes of them.

    (cd tests/referees/fetch && go build -o PROGRAM .) && python -m tests.referees.fetch.record PROGRAM

``answers.jsonl`` holds a line for each tree: its files, the digest of the tar file in the archive (of what was
unpacked, for compression may differ between machines), and what ``fluxcd/pkg/http/fetch`` found after it had
downloaded, compared and unpacked it. The last lines are of archives that it has to refuse.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from fairlead.controllers.storage import ALLOWED
from fairlead.runtime.files import FileServer
from fairlead.sources.artifact_store import ArtifactStore, Place
from fairlead.sources.store import ObjectStore
from tests.support.archives import Content, tree_of

ANSWERS = Path(__file__).parent / "answers.jsonl"
PLACE = Place("apps", "fleet")
TREES: dict[str, dict[str, Content]] = {
    "nothing": {},
    "plain": {
        "README.md": ("file", "# Fleet\n", 1),
        "apps/web.yaml": ("file", "kind: ConfigMap\n", 1),
        "empty": ("file", "", 1),
    },
    "executable": {"bin/run.sh": ("executable", "echo\n", 1), "bin/run.txt": ("file", "echo\n", 1)},
    "links are left out": {
        "a.yaml": ("file", "a: 1\n", 1),
        "link": ("link", "a.yaml", 1),
        "out": ("link", "../../etc/passwd", 1),
    },
    "order of a walk": {
        "a/b": ("file", "1", 1),
        "a.yaml": ("file", "2", 1),
        "a-c": ("file", "3", 1),
        "A": ("file", "4", 1),
    },
    "names": {
        "ü/ñ.yaml": ("file", "1", 1),
        "a b": ("file", "2", 1),
        "#": ("file", "3", 1),
        "-": ("file", "4", 1),
        "x\ny": ("file", "5", 1),
    },
    "long names": {f"{'d' * 120}/{'e' * 90}/{'f' * 200}": ("file", "1", 1), f"{'g' * 90}/{'h' * 60}": ("file", "2", 1)},
    "many folders": {f"apps/app-{number:03}/kustomization.yaml": ("file", f"{number}\n", 1) for number in range(150)},
    "large": {"a": ("file", "a", 1), "large.txt": ("file", "0123456789abcde\n", 9000), "z": ("file", "z", 1)},
}


async def _ask(program: str, url: str, digest: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(json.dumps({"url": url, "digest": digest}).encode() + b"\n")
    found: dict[str, Any] = json.loads(out)
    return found


async def _record(program: str, folder: Path) -> list[dict[str, Any]]:
    store = ObjectStore(folder / "store")
    lines: list[dict[str, Any]] = []
    for algorithm in ("sha256", "sha384", "sha512"):
        archives = ArtifactStore(folder / algorithm, store, algorithm=algorithm)
        async with FileServer(archives.root, ALLOWED, "application/gzip", host="127.0.0.1", port=0) as server:
            host = f"http://127.0.0.1:{server.port}"
            trees = TREES if algorithm == "sha256" else {"plain": TREES["plain"]}
            for number, (name, files) in enumerate(trees.items()):
                path = PLACE.path(f"{number:040x}")
                made = archives.pack(PLACE, f"{number:040x}", tree_of(store, files))
                answer = await _ask(program, f"{host}/{path}", made.digest)
                tar = hashlib.sha256(gzip.decompress((archives.root / path).read_bytes())).hexdigest()
                lines.append({"name": name, "algorithm": algorithm, "files": files, "tar": tar, "answer": answer})
            wrong = await _ask(
                program, f"{host}/{path}", f"{algorithm}:{'0' * (len(made.digest) - len(algorithm) - 1)}"
            )
            absent = await _ask(program, f"{host}/{PLACE.path('f' * 40)}", made.digest)
            lines += [
                {"refused": name, "error": each["error"]} for name, each in (("wrong", wrong), ("absent", absent))
            ]
    return lines


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        lines = asyncio.run(_record(sys.argv[1], Path(folder)))
    ANSWERS.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


if __name__ == "__main__":
    main()
