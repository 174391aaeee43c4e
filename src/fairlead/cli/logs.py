"""Log lines of long-running commands: text for people, JSON for machines; each names the run that it belongs to."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from fairlead.runtime.controller import current_run

__all__ = ["set_up_logging"]


def set_up_logging(level: str, encoding: str) -> None:
    """Log to stderr from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if encoding == "json" else _Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        run = current_run()
        where = f" [{run.controller} {run.key} {run.id}]" if run else ""
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
            line |= {"controller": run.controller, "key": str(run.key), "reconcileID": run.id}
        if record.exc_info:
            line["stacktrace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
