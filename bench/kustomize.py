"""The build engine beside a real kustomize: CPU seconds of both in one run, peak memory, and a profile of what remains.

    python -m bench.kustomize [--quick] [--profile]

The corpora are read from ``../shared/corpora`` and unpacked into a temporary folder; ``kustomize`` or ``kubectl`` is
found on PATH. Without either, the part that needs it says so and is left out. ``--quick`` takes every tenth folder.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import lzma
import pstats
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from fairlead.build.kustomize import BuildCache, KustomizeOptions, build, render
from fairlead.build.tree import FolderTree
from fairlead.errors import BuildError

CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora"


class Folder(NamedTuple):
    root: Path
    path: str
    root_only: bool
    output: str | None


def unpack(into: Path) -> list[Folder]:
    """The folders of all corpora, with what the real tool printed for them."""
    folders = []
    for listing in sorted(CORPORA.glob("*.expected.jsonl.xz")):
        name = listing.name.removesuffix(".expected.jsonl.xz")
        with tarfile.open(CORPORA / f"{name}.tar.xz") as archive:
            archive.extractall(into, filter="data")
        with lzma.open(listing, "rt") as lines:
            for line in lines:
                entry = json.loads(line)
                root_only = entry["load_restrictor"] == "root"
                folders.append(Folder(into / name, entry["dir"], root_only, entry.get("output")))
    return folders


def build_all(folders: list[Folder], cache: BuildCache | None) -> tuple[float, int, int]:
    """CPU seconds, folders that are as expected, folders that are not."""
    trees: dict[Path, FolderTree] = {}
    equal = different = 0
    start = time.process_time()
    for folder in folders:
        tree = trees.setdefault(folder.root, FolderTree(folder.root)) if cache else FolderTree(folder.root)
        options = KustomizeOptions(root_only=folder.root_only, legacy_order=True, lenient=False, cache=cache)
        try:
            text: str | None = render(build(tree, folder.path, options), cache)
        except BuildError:
            text = None
        equal += text == folder.output
        different += text != folder.output
    return time.process_time() - start, equal, different


def children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def binary() -> list[str] | None:
    for name, command in (("kustomize", ["kustomize", "build"]), ("kubectl", ["kubectl", "kustomize"])):
        if shutil.which(name):
            return command
    return None


def run_binary(command: list[str], folder: Folder) -> None:
    flag = [] if folder.root_only else ["--load-restrictor=LoadRestrictionsNone"]
    subprocess.run([*command, *flag, str(folder.root / folder.path)], capture_output=True, check=False)


def binary_all(command: list[str], folders: list[Folder]) -> float:
    start = children_cpu()
    for folder in folders:
        run_binary(command, folder)
    return children_cpu() - start


def large_overlay(into: Path) -> Folder:
    """An overlay over 500 resources, with a patch, a prefix, labels, a namespace and images."""
    base, overlay = into / "base", into / "overlay"
    base.mkdir(parents=True)
    overlay.mkdir()
    documents = []
    for number in range(250):
        documents.append(
            f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-{number}, labels: {{app: app-{number}}}}}\n"
            "spec:\n  replicas: 1\n  template:\n    spec:\n      containers:\n"
            "      - name: main\n        image: nginx:1.25\n"
            "        env:\n        - name: CONFIG\n"
            "          valueFrom: {configMapKeyRef: {name: settings, key: mode}}\n"
        )
        documents.append(
            f"apiVersion: v1\nkind: Service\nmetadata: {{name: app-{number}}}\n"
            f"spec:\n  selector: {{app: app-{number}}}\n  ports:\n  - port: 80\n    name: http\n"
        )
    (base / "all.yaml").write_text("---\n".join(documents))
    (base / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    (overlay / "kustomization.yaml").write_text(
        "resources: [../base]\nnamespace: live\nnamePrefix: live-\n"
        "labels:\n- pairs: {env: live}\n  includeTemplates: true\n"
        "images:\n- name: nginx\n  newTag: '1.27'\n"
        "configMapGenerator:\n- name: settings\n  literals: [mode=live]\n"
        "patches:\n- target: {kind: Deployment}\n"
        "  patch: |\n    - op: replace\n      path: /spec/replicas\n      value: 3\n"
    )
    return Folder(into, "overlay", True, None)


def compare_large(command: list[str] | None, folder: Folder) -> None:
    options = KustomizeOptions(legacy_order=True, lenient=False)
    start = time.process_time()
    text = render(build(FolderTree(folder.root), folder.path, options))
    ours = time.process_time() - start
    print(f"500-resource overlay: {ours * 1000:.0f} ms CPU in a warm process", end="")
    if command is None:
        print()
        return
    start = children_cpu()
    outcome = subprocess.run([*command, str(folder.root / folder.path)], capture_output=True, check=False, text=True)
    theirs = children_cpu() - start
    print(
        f"; {' '.join(command)}: {theirs * 1000:.0f} ms; ratio 1/{theirs / ours:.1f}; equal: {outcome.stdout == text}"
    )


def cold_start(folder: Folder, command: list[str] | None) -> None:
    program = [sys.executable, "-m", "fairlead", "kustomize", "build", str(folder.root / folder.path)]
    for name, line in (("fairlead", program), ("binary", [*command, program[-1]] if command else None)):
        if line is None:
            continue
        subprocess.run(line, capture_output=True, check=False)
        start = children_cpu()
        for _ in range(5):
            subprocess.run(line, capture_output=True, check=False)
        print(f"cold build of a small folder, {name}: {(children_cpu() - start) * 200:.0f} ms CPU")


def largest_memory(folders: list[Folder]) -> None:
    """Peak memory of a process that builds the folder with the largest output."""
    folder = max(folders, key=lambda one: len(one.output or ""))
    code = (
        "import sys; from fairlead.build.kustomize import build, render\n"
        "from fairlead.build.tree import FolderTree\n"
        "render(build(FolderTree(sys.argv[1]), sys.argv[2]))\n"
        "print(next(int(line.split()[1]) // 1024 for line in open('/proc/self/status') if 'VmHWM' in line))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code, str(folder.root), folder.path], capture_output=True, check=True, text=True
    )
    size = len(folder.output or "") / 1e6
    print(f"largest folder ({folder.root.name}/{folder.path}, {size:.1f} MB): peak {outcome.stdout.strip()} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="every tenth folder")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    arguments = parser.parse_args()
    command = binary()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        large = large_overlay(place / "large")
        compare_large(command, large)
        if not CORPORA.is_dir():
            print(f"no corpora in {CORPORA}: the comparison over real repositories is left out")
            return
        folders = unpack(place / "corpora")
        if arguments.quick:
            folders = folders[::10]
        build_all(folders[::50], None)
        theirs = binary_all(command, folders) if command else 0.0
        for name, cache in (("no reuse", None), ("with reuse", BuildCache())):
            ours, equal, different = build_all(folders, cache)
            ratio = f"; ratio 1/{theirs / ours:.1f}" if theirs else ""
            print(
                f"{len(folders)} folders, {name}: {ours:.2f} s CPU{ratio}; as expected {equal}, otherwise {different}"
            )
        if theirs:
            print(f"{len(folders)} folders, {' '.join(command or [])}: {theirs:.2f} s CPU")
        cold_start(min(folders, key=lambda one: len(one.output or "x" * 999)), command)
        largest_memory(folders)
        if arguments.profile:
            profile = cProfile.Profile()
            profile.runcall(build_all, folders, None)
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
