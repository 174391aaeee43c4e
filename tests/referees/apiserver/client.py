"""A small client for asking a real kube-apiserver questions and keeping its answers."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import yaml

if TYPE_CHECKING:
    from pathlib import Path

_VOLATILE = {"uid": "UID", "resourceVersion": "RV", "creationTimestamp": "2020-01-01T00:00:00Z"}
_TYPES = {
    "apply": "application/apply-patch+yaml",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


class Server:
    """One connection; ``call`` gives (status code, decoded answer)."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        self._token = config["users"][0]["user"]["token"]
        url = urlsplit(config["clusters"][0]["cluster"]["server"])
        context = ssl._create_unverified_context()
        self._connection = http.client.HTTPSConnection(url.hostname or "", url.port, context=context)

    def call(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json", **query: str
    ) -> tuple[int, Any, list[str]]:
        if query:
            path += "?" + urlencode(query)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content, "Accept": "application/json"}
        data = body if isinstance(body, (str, bytes)) else None if body is None else json.dumps(body)
        self._connection.request(method, path, data, headers)
        response = self._connection.getresponse()
        text = response.read()
        warnings = [value for key, value in response.getheaders() if key == "Warning"]
        try:
            return response.status, json.loads(text), warnings
        except ValueError:
            return response.status, text.decode(), warnings

    def patch(self, kind: str, path: str, body: Any, **query: str) -> tuple[int, Any, list[str]]:
        return self.call("PATCH", path, body, content=_TYPES[kind], **query)


def stable(answer: Any) -> Any:
    """An answer without what differs between two runs (ids, versions, times)."""
    if not isinstance(answer, dict):
        return answer
    metadata = answer.get("metadata")
    if not isinstance(metadata, dict):
        return answer
    if uid := metadata.get("uid"):
        answer = json.loads(json.dumps(answer).replace(uid, "UID"))
        metadata = answer["metadata"]
    metadata = {key: _VOLATILE.get(key, value) for key, value in metadata.items()}
    if "managedFields" in metadata:
        metadata["managedFields"] = [
            {**entry, "time": "2020-01-01T00:00:00Z"} if "time" in entry else entry
            for entry in metadata["managedFields"]
        ]
    return {**answer, "metadata": metadata}
