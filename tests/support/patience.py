"""How long a test waits for what must come. It waits only until that comes, so only failures take this long."""

from __future__ import annotations

__all__ = ["PATIENCE"]

PATIENCE = 60.0
"""Seconds. Many processes may share the machine: 20 were not enough for the start of a program or a lost lease."""
