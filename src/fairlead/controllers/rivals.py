"""Two Kustomizations that deliver the same object: each run of one writes its labels over the other's, for ever.

It costs requests at every interval, and who of them prunes or repairs the object depends on who was last. As a rule it
is a mistake: a Namespace that two folders include. So it is told once, by whoever writes what another has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.controllers.attempt import Attempt
    from fairlead.controllers.claims import Claims
    from fairlead.controllers.memory import Memory
    from fairlead.controllers.outcomes import Outcomes
    from fairlead.kube.reflector import Key
    from fairlead.objects.ref import ObjectRef

__all__ = ["warn_of_rivals"]

LINES = 20


async def warn_of_rivals(
    attempt: Attempt, memory: Memory, written: Iterable[ObjectRef], claims: Claims, outcomes: Outcomes
) -> None:
    """Tell of the objects among those just written that another Kustomization delivers, too, if it is news."""
    rivals = await claims.rivals(attempt.key, attempt.kustomization, written)
    found = [(ref, user) for ref, users in rivals.items() for user in users if (ref, user) not in memory.rivals]
    if found:
        memory.rivals = memory.rivals.union(found)
        outcomes.tell(attempt, "Warning", "SharedObject", _text(found))


def _text(found: list[tuple[ObjectRef, Key]]) -> str:
    lines = [f"{ref} is delivered by Kustomization/{user}, too" for ref, user in found[:LINES]]
    if len(found) > LINES:
        lines.append(f"and {len(found) - LINES} more")
    lines.append("each run writes its own labels over the other's: take the objects out of one of the two")
    return "\n".join(lines)
