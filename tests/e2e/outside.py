"""A user's hands: git, kubectl and the fairlead processes, with nothing of the program's insides.

Everything here would work against any cluster with Flux's API; only the three ``fairlead`` commands are ours.
"""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.support.patience import PATIENCE
from tests.support.tether import tethered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GIT_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "Grace Outside",
    "GIT_AUTHOR_EMAIL": "grace@example.com",
    "GIT_COMMITTER_NAME": "Grace Outside",
    "GIT_COMMITTER_EMAIL": "grace@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Hosted:
    """A repository served over plain http, and a working folder to commit in."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.bare = folder / "hosted" / "fleet.git"
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), cwd=folder)
        self.git("init", "--quiet", "--initial-branch=main", str(self.work), cwd=folder)
        self.git("remote", "add", "origin", str(self.bare))
        handler = partial(_Backend, self.bare.parent)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/fleet.git"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        result = subprocess.run(
            ["git", *arguments],
            cwd=cwd or self.work,
            env={**os.environ, **GIT_ENVIRONMENT},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def write(self, files: dict[str, str | None]) -> None:
        for name, text in files.items():
            path = self.work / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)

    def push(self, message: str, files: dict[str, str | None]) -> str:
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def revert(self) -> str:
        self.git("revert", "--no-edit", "HEAD")
        self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD")


class _Backend(http.server.BaseHTTPRequestHandler):
    """Git's own server program behind Python's web server, which speaks the protocol that every forge speaks."""

    def __init__(self, root: Path, *arguments: Any) -> None:
        self._root = root
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _serve(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "GIT_PROJECT_ROOT": str(self._root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
        }
        answer = subprocess.run(
            ["git", "http-backend"], input=body, env={**os.environ, **environment}, capture_output=True
        ).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the test's output is its own."""


class Kubectl:
    """Stock kubectl against one kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def __call__(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        # A cache of its own: kubectl keeps discovery by host and port, and another test's server had this port before.
        cache = str(self.kubeconfig.parent / "kubectl-cache")
        result = subprocess.run(
            ["kubectl", "--kubeconfig", str(self.kubeconfig), "--cache-dir", cache, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert not check or result.returncode == 0, f"kubectl {' '.join(arguments)}: {result.stderr}"
        return result.stdout.strip() if result.returncode == 0 else ""

    def get(self, *arguments: str) -> Any:
        text = self("get", *arguments, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text else None


class Processes:
    """``fairlead cluster start`` and ``fairlead run``, started and ended as a user would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self._running: list[subprocess.Popen[str]] = []

    def start_cluster(self) -> None:
        process = self._start("cluster", "start", "--kubeconfig", str(self.kubeconfig))
        assert process.stdout is not None
        assert process.stdout.readline(), (self.folder / "cluster.log").read_text()

    def start_controllers(self) -> subprocess.Popen[str]:
        return self._start("run", "--kubeconfig", str(self.kubeconfig), "--state-dir", str(self.folder / "state"))

    def fairlead(self, *arguments: str, code: int = 0) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "fairlead", *arguments, "--kubeconfig", str(self.kubeconfig)],
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert result.returncode == code, f"fairlead {' '.join(arguments)}: {result.stdout}{result.stderr}"
        return result.stdout + result.stderr

    def stop(self) -> None:
        for process in reversed(self._running):
            stop(process)

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        with (self.folder / f"{arguments[0]}.log").open("a") as log:
            process = subprocess.Popen(
                tethered([sys.executable, "-m", "fairlead", *arguments]),
                stdout=subprocess.PIPE if arguments[0] == "cluster" else log,
                stderr=log,
                text=True,
            )
        self._running.append(process)
        return process


def stop(process: subprocess.Popen[str]) -> float:
    """SIGTERM, and how many seconds the process took to end."""
    started = time.monotonic()
    if process.poll() is None:
        process.terminate()
        process.wait(timeout=15)
    if process.stdout:
        process.stdout.close()
    return time.monotonic() - started


def eventually(what: str, seen: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
    """The first true answer of ``seen``; a person would look again and again, too."""
    deadline = time.monotonic() + seconds
    while True:
        answer = seen()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not seen within {seconds:g} s: {what}"
        time.sleep(0.05)
