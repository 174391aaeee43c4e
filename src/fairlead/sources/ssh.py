"""ssh."""

from __future__ import annotations


class SshTransport:
    def __init__(self, *a: object) -> None:
        raise NotImplementedError
