"""The command line as a user has it, in this process: exit code, stdout and stderr of one command::

outcome = await cli("get", "ks", "apps")
assert outcome.code == 0
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
from typing import TYPE_CHECKING, NamedTuple

from fairlead.cli.main import invoke

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.kube.config import ClusterConfig

__all__ = ["Cli", "Outcome", "kubeconfig_text"]


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        """The cells of a table, header first."""
        return [[cell.strip() for cell in line.split("\t")] for line in self.out.splitlines()]


class Cli:
    """Commands against one cluster and namespace."""

    def __init__(self, config: ClusterConfig, namespace: str, folder: Path) -> None:
        self._namespace = namespace
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(kubeconfig_text(config))

    async def __call__(self, *arguments: str) -> Outcome:
        """Run one command in a thread, for it brings an event loop of its own."""
        where = ["--kubeconfig", str(self.kubeconfig)]
        if not {"-n", "-A"} & set(arguments):
            where += ["-n", self._namespace]
        return await asyncio.to_thread(self._run, [*arguments, *where])

    def _run(self, arguments: list[str]) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = invoke(arguments)
        return Outcome(code, out.getvalue(), err.getvalue())


def kubeconfig_text(config: ClusterConfig) -> str:
    """A kubeconfig (JSON is YAML) that says the same."""

    def encoded(value: bytes | None) -> str:
        return base64.b64encode(value or b"").decode()

    user = {"client-certificate-data": encoded(config.client_cert), "client-key-data": encoded(config.client_key)}
    if config.token:
        user = {"token": config.token}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": config.server, "certificate-authority-data": encoded(config.ca)},
                }
            ],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
    )
