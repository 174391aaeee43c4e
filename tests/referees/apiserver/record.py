"""Asks a running kube-apiserver and writes its answers as the data of the local cluster's unit tests.

``python record.py KUBECONFIG creates|updates|applies|patches|customs…``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from cases_create import CASES as CREATES
from client import Server, stable

DATA = Path(__file__).resolve().parents[2] / "unit" / "localcluster" / "data"


def resources(server: Server) -> dict[tuple[str, str], tuple[str, bool]]:
    """(apiVersion, kind) to (path of the collection's parent and plural name, namespaced)."""
    found: dict[tuple[str, str], tuple[str, bool]] = {}
    roots = [("v1", "/api/v1")]
    for group in server.call("GET", "/apis")[1]["groups"]:
        roots += [(item["groupVersion"], f"/apis/{item['groupVersion']}") for item in group["versions"]]
    for version, path in roots:
        for item in server.call("GET", path)[1]["resources"]:
            if "/" not in item["name"]:
                found[version, item["kind"]] = (f"{path}|{item['name']}", item["namespaced"])
    return found


def collection(known: dict[tuple[str, str], tuple[str, bool]], obj: dict[str, Any], namespace: str = "default") -> str:
    place, namespaced = known[obj["apiVersion"], obj["kind"]]
    root, name = place.split("|")
    return f"{root}/namespaces/{namespace}/{name}" if namespaced else f"{root}/{name}"


def answer(code: int, body: Any, warnings: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {"code": code}
    if code < 300:
        result["object"] = stable(body)
    else:
        result["message"] = body["message"]
        if causes := (body.get("details") or {}).get("causes"):
            result["causes"] = causes
    if warnings:
        result["warnings"] = warnings
    return result


def creates(server: Server) -> Any:
    known = resources(server)
    rows = []
    for name, obj in CREATES.items():
        if len(json.dumps(obj)) > 20_000:
            continue
        reply = server.call("POST", collection(known, obj), obj, dryRun="All")
        rows.append({"name": name, "request": obj, **answer(*reply)})
    return rows


def write(name: str, rows: list[Any]) -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows)
    (DATA / f"{name}.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    connection = Server(Path(sys.argv[1]))
    for wanted in sys.argv[2:]:
        write(wanted, globals()[wanted](connection))
