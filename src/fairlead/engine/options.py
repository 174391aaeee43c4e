"""How one owner's objects are applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.engine.drift import Managers
from fairlead.engine.ignore import IgnoreRules

if TYPE_CHECKING:
    from collections.abc import Collection

    from fairlead.engine.plan import Owner
    from fairlead.objects.ref import GroupKind

__all__ = ["ApplyOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """Everything about an apply that does not change from object to object."""

    owner: Owner
    """Whose objects they are; its labels are set on each."""
    managers: Managers = field(default_factory=Managers)
    force: bool = False
    """Delete and create again what cannot be changed otherwise (`spec.force`); an annotation allows it per object."""
    custom_stage_kinds: Collection[GroupKind] = frozenset()
    """Kinds with a stage of their own between classes and the rest (Flux's `--custom-apply-stage-kinds`)."""
    ignore: IgnoreRules = field(default_factory=IgnoreRules)
    """Fields that others may change without it being drift (`spec.ignore`)."""
    concurrency: int = 16
    """Objects of one stage in work at a time; the client has its own limit for all owners together."""
    stage_timeout: float = 60.0
    """Seconds to wait for the definitions of a stage to become ready before the next stage."""
    sensitive: frozenset[str] = field(default_factory=frozenset, repr=False)
    """Secret values besides those of the Secrets among the objects, such as variables; kept out of every message."""
