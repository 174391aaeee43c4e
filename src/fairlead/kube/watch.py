"""The lines of a watch as events.

A watch is a stream of JSON lines; chunks end anywhere. Each line is split into type and undecoded object, so that who
keeps little decodes little. An ERROR event becomes the exception that its Status means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec

from fairlead.kube.errors import ServerUnavailableError, error_from_status, parse_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.objects.manifest import Manifest

__all__ = ["EventType", "RawBatch", "RawEvent", "WatchEvent", "read_events"]

EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
"""ERROR never leaves this module: it becomes an exception."""

MAX_LINE_BYTES = 16 * 2**20
"""An object is at most a few MiB (etcd's limit); a longer line is no event and would only eat memory."""


class WatchEvent(NamedTuple):
    """One change; of a BOOKMARK only ``metadata.resourceVersion`` counts."""

    type: EventType
    object: Manifest


class RawEvent(msgspec.Struct, gc=False):
    """One change with its object as JSON, which points into the line that it came in."""

    type: EventType
    object: msgspec.Raw


RawBatch: TypeAlias = list[RawEvent]

_EVENT = msgspec.json.Decoder(RawEvent)


async def read_events(chunks: AsyncIterator[bytes], subject: str) -> AsyncIterator[RawBatch]:
    """Batches of events, one batch for each chunk that completes a line.

    Raises the error that an ERROR event carries, after the events before it, and :class:`ServerUnavailableError` for a
    line that is no event. A last line that was cut off is dropped: its event comes again with the next watch.
    """
    rest = b""
    async for chunk in chunks:
        lines = (rest + chunk).split(b"\n") if rest else chunk.split(b"\n")
        rest = lines.pop()
        if len(rest) > MAX_LINE_BYTES:
            raise _nonsense(subject, f"a line is longer than {MAX_LINE_BYTES} bytes")
        batch: RawBatch = []
        for line in lines:
            event = _decode(line, subject) if line else None
            if event is not None and event.type == "ERROR":
                if batch:
                    yield batch
                raise error_from_status(parse_status(0, bytes(event.object)), subject, "watch")
            if event is not None:
                batch.append(event)
        if batch:
            yield batch


def _decode(line: bytes, subject: str) -> RawEvent:
    try:
        return _EVENT.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _nonsense(subject, f"a line is not an event: {error}") from error


def _nonsense(subject: str, message: str) -> ServerUnavailableError:
    return ServerUnavailableError(subject, "watch", reason="InvalidAnswer", message=message)
