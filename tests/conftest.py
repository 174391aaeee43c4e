"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How quickly examples are made says something about the machine, not about the program.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
