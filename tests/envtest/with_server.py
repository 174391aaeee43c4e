"""Runs a command while a real API server is up.

::

    python -m tests.envtest.with_server ASSETS [--workloads] -- COMMAND

The command finds the server by ``KUBECONFIG`` and ``KUBECONFIG_UNDER_TEST``. With ``--workloads`` somebody writes the
status of workloads beside it, as the controllers of a whole cluster would; the tests have a helper of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from fairlead.kube.client import KubeClient
from fairlead.kube.config import load_config
from tests.support.envtest import EnvTest
from tests.support.tether import tethered
from tests.support.workloads import run_workloads


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=Path)
    parser.add_argument("--workloads", action="store_true")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the servers end, and their folder goes
    with EnvTest(arguments.assets) as server:
        return asyncio.run(_beside(server.kubeconfig, arguments.command, workloads=arguments.workloads))


async def _beside(kubeconfig: Path, command: list[str], *, workloads: bool) -> int:
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "KUBECONFIG_UNDER_TEST": str(kubeconfig)}
    async with KubeClient(load_config(kubeconfig, None, {})) as client:
        helper = asyncio.create_task(run_workloads(client)) if workloads else None
        process = await asyncio.create_subprocess_exec(*tethered(command), env=environment)
        code = await process.wait()
        if helper is not None:
            failed = helper.done()
            helper.cancel()
            with suppress(asyncio.CancelledError):
                await helper
            code = code or int(failed)
    return code


if __name__ == "__main__":
    sys.exit(main())
