"""Names and hashes in the shape that real controllers give them."""

from __future__ import annotations

import hashlib
import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.kinds import Manifest

# No vowels and no digits that look like them: a name never spells a word.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_MAX_GENERATED_PREFIX = 58


def template_hash(template: Manifest, collisions: int = 0) -> str:
    """A stable short word for a pod template: like ``5546dcf856``."""
    text = json.dumps([template, collisions], sort_keys=True, separators=(",", ":"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(number))


def random_suffix() -> str:
    """Five letters, as the API server appends to ``generateName``."""
    return "".join(random.choices(_ALPHABET, k=5))  # noqa: S311 (a name, not a secret)


def generated_name(prefix: str) -> str:
    """A fresh name that starts with ``prefix``, which is cut so that the whole stays a label value."""
    return prefix[:_MAX_GENERATED_PREFIX] + random_suffix()


def jitter(word: str) -> float:
    """A number in [0, 1) that depends on ``word`` alone, so that a restart does not change it."""
    return hashlib.sha256(word.encode()).digest()[0] / 256
