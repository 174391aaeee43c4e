"""When a run begins to show that it is at work: after half a second as a rule, which says something of the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.runtime.status import StatusPatcher

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import pytest

    from fairlead.objects.manifest import Manifest
    from fairlead.runtime.status import StatusSession

__all__ = ["show_progress_after"]


def show_progress_after(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of whatever delay the controllers ask for."""
    session = StatusPatcher.session

    def delayed(
        patcher: StatusPatcher, live: Manifest, *, delay: float = 0.0
    ) -> AbstractAsyncContextManager[StatusSession]:
        del delay
        return session(patcher, live, delay=seconds)

    monkeypatch.setattr(StatusPatcher, "session", delayed)
