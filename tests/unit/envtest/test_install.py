"""``tests/envtest/install.sh`` with a Go toolchain that is played, so that nothing is fetched or built."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "envtest" / "install.sh"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PLATFORM = f"{platform.system().lower()}-{ARCHITECTURES.get(platform.machine(), platform.machine())}"
BUILT = ("etcd", "kube-apiserver", "kube-controller-manager")

# Builds `-o FILE PACKAGE`, and installs a setup-envtest that behaves as the real one: it does nothing for a folder that
# is there, makes what it has fetched read-only, and prints where it is.
GO = """\
#!/bin/sh
echo "$*" >>"$CALLS"
case $1 in
install) [ "$TOOL" = none ] && exit 1; cp "$FAKES/tool" "$GOBIN/setup-envtest" ;;
build) while [ "$1" != -o ]; do shift; done
  case $2 in *"$UNBUILT") exit 1 ;; esac
  echo built >"$2" && chmod +x "$2" ;;
esac
"""
TOOL = """\
#!/bin/sh
[ "$TOOL" = offline ] && { echo "unable to download requested version" >&2; exit 2; }
folder="$4/k8s/$2-$PLATFORM"
if ! [ -d "$folder" ]; then
  mkdir -p "$folder"
  for name in etcd kube-apiserver kubectl; do echo fetched >"$folder/$name"; chmod 555 "$folder/$name"; done
  chmod 555 "$folder"
fi
printf %s "$folder"
"""

Done = subprocess.CompletedProcess[str]


class Machine:
    """A home, and a PATH on which ``go`` is first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.data = folder / "data"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        for name, text in (("go", GO), ("tool", TOOL)):
            path = folder / "fakes" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)

    def install(self, *, tool: str = "works", unbuilt: str = "nothing", **more: str) -> Done:
        fakes = str(self.folder / "fakes")
        played = {"CALLS": str(self.calls), "FAKES": fakes, "TOOL": tool, "UNBUILT": unbuilt, "PLATFORM": PLATFORM}
        usual = {"PATH": f"{fakes}:{os.environ['PATH']}", "HOME": str(self.folder), "TMPDIR": str(self.temporary)}
        environment = {**usual, "XDG_DATA_HOME": str(self.data), **played, **more}
        return subprocess.run([SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=60)

    def found(self, done: Done) -> dict[str, str]:
        """Where each server is from, in the folder that was printed."""
        assert done.returncode == 0, done.stderr
        (line,) = done.stdout.splitlines()
        folder = Path(line)
        assert self.data in folder.parents
        assert all(os.access(path, os.X_OK) for path in folder.iterdir())
        assert not list(self.temporary.iterdir()), "it leaves nothing behind"
        return {path.name: path.read_text().strip() for path in folder.iterdir()}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_servers_are_fetched_and_the_manager_is_built(machine: Machine) -> None:
    """The folder was made first, the tool took it for an installed version, and nothing was ever fetched."""
    expected = {"etcd": "fetched", "kube-apiserver": "fetched", "kube-controller-manager": "built"}
    assert machine.found(machine.install()) == expected
    asked = machine.calls.read_text()
    assert machine.found(machine.install()) == expected
    assert machine.calls.read_text() == asked, "the second call needs no toolchain"


@pytest.mark.parametrize("tool", ["none", "offline"])
def test_all_are_built_where_nothing_can_be_fetched(machine: Machine, tool: str) -> None:
    done = machine.install(tool=tool)
    assert machine.found(done) == dict.fromkeys(BUILT, "built")
    assert "building instead" in done.stderr


def test_what_the_tool_left_by_hand_is_completed(machine: Machine) -> None:
    machine.found(machine.install())
    (folder,) = (machine.data / "kubebuilder-envtest" / "k8s").iterdir()
    (folder / "kube-controller-manager").unlink()
    folder.chmod(0o555)
    assert machine.found(machine.install(tool="offline"))["etcd"] == "fetched"


@pytest.mark.parametrize("unbuilt", BUILT)
def test_a_build_that_fails_is_said_and_can_be_done_again(machine: Machine, unbuilt: str) -> None:
    done = machine.install(tool="none", unbuilt=unbuilt)
    assert (done.returncode, done.stdout) == (1, "")
    assert machine.found(machine.install(tool="none")) == dict.fromkeys(BUILT, "built")


def test_without_a_toolchain(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname", "uname", "tr", "env"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    done = machine.install(PATH=str(tmp_path / "bin"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "needs either KUBEBUILDER_ASSETS or a Go toolchain" in done.stderr


def test_a_folder_that_is_named(machine: Machine, tmp_path: Path) -> None:
    done = machine.install(KUBEBUILDER_ASSETS=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "holds no etcd and kube-apiserver" in done.stderr
    folder = machine.install().stdout.strip()
    assert machine.install(KUBEBUILDER_ASSETS=folder).stdout == f"{folder}\n"
