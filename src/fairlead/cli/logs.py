"""Log lines of long-running commands: text for people, JSON for machines; each names the run that it belongs to."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fairlead.api.names import GIT_REPOSITORY, KUSTOMIZATION
from fairlead.runtime.controller import current_run

if TYPE_CHECKING:
    from fairlead.runtime.controller import Run

__all__ = ["set_up_logging"]


def set_up_logging(level: str, encoding: str) -> None:
    """Log to stderr from now on. Flux's ``trace`` is no more than ``debug`` here."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if encoding == "json" else _Text())
    logging.basicConfig(level="DEBUG" if level == "trace" else level.upper(), handlers=[handler], force=True)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        run = current_run()
        where = f" [{run.controller} {_shown(run.key)} {run.id}]" if run else ""
        text = f"{_moment(record)} {record.levelname.lower()}{where} {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "level": record.levelname.lower(),
            "ts": _moment(record),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        if run := current_run():
            line |= _about(run)
        if record.exc_info:
            line["stacktrace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


KINDS = {"gitrepository": GIT_REPOSITORY, "kustomization": KUSTOMIZATION}
"""Which kind each controller works on."""


def _shown(key: object) -> str:
    return "/".join(key) if isinstance(key, tuple) else str(key)


def _about(run: Run) -> dict[str, object]:
    """The run and its object, under the keys that `flux logs` and log pipelines made for Flux look for."""
    line: dict[str, object] = {"controller": run.controller, "reconcileID": run.id}
    kind = KINDS.get(run.controller)
    if kind is None or not isinstance(run.key, tuple):
        return {**line, "key": str(run.key)}
    namespace, name = run.key
    return {
        **line,
        "controllerGroup": kind.group,
        "controllerKind": kind.kind,
        kind.kind: {"name": name, "namespace": namespace},
        "namespace": namespace,
        "name": name,
    }


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
