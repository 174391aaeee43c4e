"""``fairlead demo``: the main job on a cluster of its own, shown step by step.

The demo starts the very processes that a user starts (``cluster start``, ``install``, ``run``), plays a tour of commits
and manual changes, and times what the cluster shows. With ``--once`` it ends after the tour, with code 0 only if every
step was observed.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fairlead.cli.demo.display import LiveDisplay, PlainDisplay
    from fairlead.cli.demo.repository import DemoRepository
    from fairlead.cli.demo.stage import Stage

__all__ = ["demo"]


@click.command()
@click.option("--once", is_flag=True, help="End after the tour; exit 0 only if each step was observed.")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where repository, state and logs go [a temporary folder]."
)
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path, exists=True), help="Play on this cluster instead of a local one."
)
@click.option("--context", help="Name of the kubeconfig's context.")
def demo(once: bool, folder: Path | None, kubeconfig: Path | None, context: str | None) -> None:
    """Watch a Git repository being kept in sync, on a cluster of its own."""
    if folder is not None:
        asyncio.run(_play(folder.resolve(), once, kubeconfig, context))
        return
    with tempfile.TemporaryDirectory(prefix="fairlead-demo-") as temporary:
        asyncio.run(_play(Path(temporary), once, kubeconfig, context))


async def _play(folder: Path, once: bool, kubeconfig: Path | None, context: str | None) -> None:
    from fairlead.cli.demo.repository import DemoRepository
    from fairlead.cli.demo.stage import Stage

    repository = DemoRepository(folder / "repository")
    display = _display()
    # SIGTERM ends the demo as Ctrl-C does, so that its processes are ended as well.
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with Stage(folder, kubeconfig=kubeconfig, context=context) as stage:
        with display:
            display.begin("Start a cluster, install Fairlead, create a repository")
            await asyncio.gather(_start(stage), repository.create())
            display.seen(f"cluster and controllers are up; the repository is {repository.folder}")
            await _tour(stage, repository, display, context)
        if not once:
            await _stay(stage, repository)


async def _start(stage: Stage) -> None:
    await stage.start_cluster()
    await stage.install()
    await stage.start_controllers()


def _display() -> LiveDisplay | PlainDisplay:
    from fairlead.cli.demo.display import LiveDisplay, PlainDisplay

    return LiveDisplay() if sys.stdout.isatty() else PlainDisplay()


async def _tour(
    stage: Stage, repository: DemoRepository, display: LiveDisplay | PlainDisplay, context: str | None
) -> None:
    import os

    from fairlead.cli.demo.display import LiveDisplay
    from fairlead.cli.demo.observe import Observer
    from fairlead.cli.demo.tour import KINDS, Tour
    from fairlead.kube.client import KubeClient
    from fairlead.kube.config import load_config

    async with KubeClient(load_config(stage.kubeconfig, context, os.environ)) as client:
        observer = Observer(client, display.refresh)
        if isinstance(display, LiveDisplay):
            display.watch(observer)
        tasks: list[asyncio.Task[None]] = []
        try:
            async with asyncio.TaskGroup() as group:
                tasks = observer.follow(group, *KINDS)
                await Tour(client, repository, observer, display).run()
                for task in tasks:
                    task.cancel()
        except* Exception as errors:  # the first cause is what the viewer needs
            stage.check()
            raise errors.exceptions[0] from None


async def _stay(stage: Stage, repository: DemoRepository) -> None:
    """Keep the cluster up until the person has seen enough."""
    click.echo(
        f"""
The cluster and the controllers stay up. Play on in another terminal:

  export KUBECONFIG={stage.kubeconfig}
  kubectl get kustomizations -A
  kubectl -n prod scale deployment web --replicas=9     # and see it go back
  fairlead get all
  fairlead tree kustomization demo
  fairlead trace deployment web -n prod
  cd {repository.folder}                                # commit something: it is live at once

Ctrl-C ends it."""
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    while not ended.is_set():
        try:
            async with asyncio.timeout(1):
                await ended.wait()
        except TimeoutError:
            stage.check()
