"""Ask an API server all scenarios: ``python -m tests.localcluster.conformance.record --kubeconfig F [--diff]``.

Without ``--diff`` the answers become the recorded ones (run it against a real server); with it they are compared with
the recorded ones and differences are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import difflib
import json
import ssl
import sys
import tempfile
import uuid
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import yaml

from tests.localcluster.conformance.all import all_scenarios
from tests.localcluster.conformance.replay import play

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.localcluster.conformance.replay import Scenario, Send

__all__ = ["RECORDED", "ask_all", "connect"]

AT_ONCE = 8
"""Scenarios that run side by side; each has a namespace of its own."""

SCENARIO_SECONDS = 90.0

RECORDED = Path(__file__).with_name("recorded.json")


@asynccontextmanager
async def connect(kubeconfig: str) -> AsyncIterator[Send]:
    """A function that sends requests as the kubeconfig's user."""
    config = yaml.safe_load(kubeconfig)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context()
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    if user.get("client-certificate-data"):
        with tempfile.TemporaryDirectory() as folder:
            pair = [Path(folder, name) for name in ("crt", "key")]
            pair[0].write_bytes(base64.b64decode(user["client-certificate-data"]))
            pair[1].write_bytes(base64.b64decode(user["client-key-data"]))
            context.load_cert_chain(pair[0], pair[1])
    headers = {"Authorization": f"Bearer {user['token']}"} if user.get("token") else {}
    async with aiohttp.ClientSession(
        headers=headers, connector=aiohttp.TCPConnector(ssl=context, limit=20), auto_decompress=True
    ) as session:

        async def send(
            method: str, path: str, body: bytes | None, more: dict[str, str]
        ) -> tuple[int, dict[str, str], bytes]:
            async with session.request(
                method, cluster["server"] + path, data=body, headers=more, timeout=aiohttp.ClientTimeout(total=30)
            ) as answer:
                found: dict[str, str] = {}
                for key, value in answer.headers.items():
                    name = key.lower()
                    found[name] = f"{found[name]}; {value}" if name in found else value
                return answer.status, found, await answer.read()

        yield send


async def ask_one(scenario: Scenario, send: Send) -> list[dict[str, Any]]:
    namespace = f"c-{uuid.uuid4().hex[:10]}"
    json_type = {"Content-Type": "application/json"}
    created = json.dumps({"metadata": {"name": namespace}}).encode()
    await send("POST", "/api/v1/namespaces", created, json_type)
    for _ in range(100):  # what every namespace gets, so that lists are the same
        status, _, _ = await send("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/default", None, {})
        other, _, _ = await send("GET", f"/api/v1/namespaces/{namespace}/configmaps/kube-root-ca.crt", None, {})
        if status == other == 200:
            break
        await asyncio.sleep(0.05)
    try:
        return await play(scenario, send, namespace)
    finally:
        await send("DELETE", f"/api/v1/namespaces/{namespace}", None, {})


async def ask_all(scenarios: list[Scenario], send: Send) -> dict[str, list[dict[str, Any]]]:
    answers: dict[str, list[dict[str, Any]]] = {}
    limit = asyncio.Semaphore(AT_ONCE)

    async def ask(scenario: Scenario) -> None:
        async with limit:
            try:
                async with asyncio.timeout(SCENARIO_SECONDS):
                    answers[scenario.name] = await ask_one(scenario, send)
            except TimeoutError:
                answers[scenario.name] = [{"status": 0, "body": "took too long"}]

    async with asyncio.TaskGroup() as group:
        for scenario in scenarios:
            group.create_task(ask(scenario), name=scenario.name)
    return answers


def show(name: str, expected: Any, found: Any) -> str:
    """Where two lists of answers differ."""
    real, local = (json.dumps(value, indent=1, sort_keys=True).splitlines() for value in (expected, found))
    return "\n".join([f"=== {name}", *difflib.unified_diff(real, local, "real", "local", lineterm="", n=2)])


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", required=True, type=Path)
    parser.add_argument("--diff", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    wanted = [one for one in all_scenarios() if options.only in one.name]
    async with connect(options.kubeconfig.read_text()) as send:
        answers = await ask_all(wanted, send)
    known = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    if not options.diff:
        kept = {one.name for one in all_scenarios()}
        known = {name: answer for name, answer in {**known, **answers}.items() if name in kept}
        RECORDED.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
        return 0
    differing = [name for name, answer in answers.items() if known.get(name) != answer]
    for name in differing:
        print(show(name, known.get(name), answers[name]))
    print(f"{len(answers) - len(differing)} of {len(answers)} scenarios agree")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
