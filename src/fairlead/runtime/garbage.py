"""Garbage collection that never holds the loop for long.

Python looks at all objects that can be part of a cycle, now and then, and everything waits meanwhile: 60 ms after the
imports alone, more with each thousand Kustomizations. But what is there to stay makes no cycles; without them memory is
given back at once, collected or not. So what has survived a whole collection is frozen: it is never looked at again.
A cycle that becomes garbage after that is lost until somebody looks at :func:`everything`, once a day.
"""

from __future__ import annotations

import gc

__all__ = ["everything", "freeze", "tune"]

OFTEN, SELDOM, WHOLE = 5_000, 2, 1
"""New objects until the youngest are looked at; how many of those make a longer look; how many of these a whole one."""


def tune() -> None:
    """Before the loop begins: set aside what the imports have made, and from then on what stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OFTEN, SELDOM, WHOLE)
    if _after not in gc.callbacks:
        gc.callbacks.append(_after)


def freeze() -> None:
    """After many objects were made that stay: none of them is looked at even once. Nothing without :func:`tune`."""
    if _after in gc.callbacks:
        gc.freeze()


def everything() -> None:
    """Look at all that was set aside, too: it holds the loop for some tenths of a second, so it is for once a day."""
    if _after in gc.callbacks:
        gc.unfreeze()
        gc.collect()


def _after(phase: str, about: dict[str, int]) -> None:
    if phase == "stop" and about["generation"] == len(gc.get_threshold()) - 1:
        gc.freeze()
