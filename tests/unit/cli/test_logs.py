"""Log lines: each says which run it belongs to, under Flux's keys."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import TYPE_CHECKING

from fairlead.cli.logs import set_up_logging
from fairlead.runtime.controller import Controller, Result
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    import pytest


async def _one_run(monkeypatch: pytest.MonkeyPatch, encoding: str) -> list[str]:
    err = io.StringIO()
    monkeypatch.setattr("sys.stderr", err)
    done = asyncio.Event()

    async def reconcile(_: tuple[str, str]) -> Result:
        logging.getLogger("test").info("first")
        await asyncio.to_thread(logging.getLogger("test").info, "second")
        done.set()
        return Result()

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        set_up_logging("info", encoding)
        controller: Controller[tuple[str, str]] = Controller("kustomization", reconcile, workers=1)
        running = asyncio.create_task(controller.run())
        controller.queue.add(("team", "apps"))
        await asyncio.wait_for(done.wait(), PATIENCE)
        logging.getLogger("test").info("outside")
        running.cancel()
        await asyncio.wait((running,))
    finally:
        root.handlers, root.level = handlers, level
    return err.getvalue().splitlines()


async def test_json_lines_of_a_run_bear_its_id_and_object(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {line["msg"]: line for line in map(json.loads, await _one_run(monkeypatch, "json"))}
    first = lines["first"]
    assert first["reconcileID"] == lines["second"]["reconcileID"] != ""
    assert "reconcileID" not in lines["outside"]
    assert first["controllerKind"] == "Kustomization"
    assert first["controllerGroup"] == "kustomize.toolkit.fluxcd.io"
    assert first["Kustomization"] == {"name": "apps", "namespace": "team"}
    assert (first["name"], first["namespace"], first["level"]) == ("apps", "team", "info")


async def test_text_lines_name_the_object_as_people_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = await _one_run(monkeypatch, "text")
    assert " info [kustomization team/apps " in lines[0]
