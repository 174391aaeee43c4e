"""Archives as Flux's controllers unpack them; what its own code found is on record in ``tests/referees/fetch``."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.sources.artifact_store import ArtifactStore, Place
from tests.support.archives import text_of, tree_of

if TYPE_CHECKING:
    from fairlead.sources.store import ObjectStore

LINES = [
    json.loads(line) for line in (Path(__file__).parents[2] / "referees/fetch/answers.jsonl").read_bytes().splitlines()
]
ACCEPTED = [line for line in LINES if "files" in line]
REFUSED = {line["refused"]: line["error"] for line in LINES if "refused" in line}


@pytest.mark.parametrize("line", ACCEPTED, ids=[f"{line['name']} {line['algorithm']}" for line in ACCEPTED])
def test_what_flux_unpacked_is_what_we_pack(store: ObjectStore, tmp_path: Path, line: dict[str, Any]) -> None:
    archives = ArtifactStore(tmp_path / "archives", store, algorithm=line["algorithm"])
    archives.pack(Place("apps", "fleet"), "0" * 40, tree_of(store, line["files"]))
    (file,) = archives.root.glob("*/*/*/0*.tar.gz")
    assert hashlib.sha256(gzip.decompress(file.read_bytes())).hexdigest() == line["tar"], "the referee saw another one"
    modes = {"file": "-rw-------", "executable": "-rwx------"}
    expected = {
        path: {"mode": modes[content[0]], "sha256": hashlib.sha256(text_of(content)).hexdigest()}
        for path, content in line["files"].items()
        if content[0] != "link"
    }
    assert line["answer"] == {"error": "", "files": expected}


def test_what_flux_refuses() -> None:
    assert "computed digest doesn't match" in REFUSED["wrong"]
    assert REFUSED["absent"] == "file not found"
