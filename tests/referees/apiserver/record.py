"""Asks a running kube-apiserver and writes its answers as the data of the local cluster's unit tests.

``python -m tests.referees.apiserver.record KUBECONFIG creates|updates|applies|patches|customs…``
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.referees.apiserver.cases_apply import STORIES
from tests.referees.apiserver.cases_create import CASES as CREATES
from tests.referees.apiserver.cases_custom import CASES as CUSTOMS
from tests.referees.apiserver.cases_custom import DEFINITION
from tests.referees.apiserver.cases_update import CASES as UPDATES
from tests.referees.apiserver.client import Server, stable

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


def updates(server: Server) -> Any:
    """Each object is created, patched in a dry run, and removed."""
    known = resources(server)
    rows = []
    server.call(
        "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "changes"}}
    )
    for number, (name, (obj, patch)) in enumerate(UPDATES.items()):
        new = obj["metadata"]["name"]
        if obj["kind"] not in ("CustomResourceDefinition", "Namespace"):
            new = f"{new}-{number}"
        obj = {**obj, "metadata": {**obj["metadata"], "name": new}}
        place = collection(known, obj, "changes")
        code, live, _ = server.call("POST", place, obj)
        if code != 201:
            raise SystemExit(f"{name}: {live['message']}")
        path = f"{place}/{new}"
        time.sleep(1 if obj["kind"] == "CustomResourceDefinition" else 0)  # its conditions come a little later
        for _ in range(5):
            live = server.call("GET", path)[1]
            reply = server.patch("merge", path, patch, dryRun="All", fieldManager="editor")
            if "object has been modified" not in str(reply[1].get("message")) or "resource version" in name:
                break
            time.sleep(0.2)
        rows.append({"name": name, "live": stable(live), "patch": patch, **answer(*reply)})
        server.call("DELETE", path, {"gracePeriodSeconds": 0})
        server.patch("merge", path, {"metadata": {"finalizers": None}})
        time.sleep(0.6 if obj["kind"] in ("CustomResourceDefinition", "Namespace") else 0)
        if obj["kind"] == "Namespace":
            for _ in range(100):
                if server.call("GET", path)[0] == 404:
                    break
                time.sleep(0.2)
    return rows


def define(server: Server, definition: dict[str, Any]) -> None:
    """Creates a definition and waits until the server serves it."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    server.call("POST", path, definition)
    spec = definition["spec"]
    for version in spec["versions"]:
        for _ in range(100):
            if server.call("GET", f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}")[0] == 200:
                break
            time.sleep(0.1)
    time.sleep(1)


def customs(server: Server) -> Any:
    """Every sample is created three times: with unknown fields ignored, warned of, and refused."""
    define(server, DEFINITION)
    known = resources(server)
    (DATA / "definition.json").write_text(json.dumps(DEFINITION, indent=1) + "\n")
    rows = []
    for name, obj in CUSTOMS.items():
        path = collection(known, obj)
        row = {"name": name, "request": obj, **answer(*server.call("POST", path, obj, dryRun="All"))}
        strict = answer(*server.call("POST", path, obj, dryRun="All", fieldValidation="Strict"))
        if strict["code"] != row["code"]:
            row["strict"] = strict
        rows.append(row)
    return rows


def lay_over(live: Any, changes: Any) -> Any:
    """A merge patch that can set lists and nulls at will: what a client puts back after editing."""
    if not isinstance(live, dict) or not isinstance(changes, dict):
        return changes
    result = {key: value for key, value in live.items() if changes.get(key, 0) is not None}
    return result | {key: lay_over(live.get(key), value) for key, value in changes.items() if value is not None}


def applies(server: Server) -> Any:
    """Every story on a fresh object; each step keeps the state before it and the answer."""
    define(server, DEFINITION)
    known = resources(server)
    server.call(
        "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "applies"}}
    )
    rows = []
    for name, steps in STORIES.items():
        first = steps[0][1]
        place = collection(known, first, "applies")
        path = f"{place}/a"
        for number, (verb, body, options) in enumerate(steps, 1):
            code, live, _ = server.call("GET", path)
            query = {key: str(value).lower() if value is True else value for key, value in options.items()}
            where = path + (f"/{query.pop('sub')}" if "sub" in query else "")
            if verb == "create":
                reply = server.call("POST", place, body, **query)
            elif verb == "update":
                reply = server.call("PUT", where, lay_over(live, body), **query)
            else:
                reply = server.patch(verb, where, body, **query)
            row = {"name": f"{name} {number}", "verb": verb, "body": body, "options": options, **answer(*reply)}
            if code == 200:
                row["live"] = stable(live)
            rows.append(row)
        server.call("DELETE", path, {"gracePeriodSeconds": 0})
        server.patch("merge", path, {"metadata": {"finalizers": None}})
        for _ in range(50):
            if server.call("GET", path)[0] == 404:
                break
            time.sleep(0.05)
    return rows


def write(name: str, rows: list[Any]) -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows)
    (DATA / f"{name}.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    connection = Server(Path(sys.argv[1]))
    for wanted in sys.argv[2:]:
        write(wanted, globals()[wanted](connection))
