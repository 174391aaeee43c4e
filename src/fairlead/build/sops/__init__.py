"""Reads files that SOPS encrypted: no cluster, no network, nothing written but a GnuPG home that is removed again.

Each value is encrypted on its own with AES-256-GCM under a data key; the data key is encrypted for each recipient; a
MAC over all values shows whether somebody moved, removed or added one. Unlike Flux we check that MAC.
"""

from __future__ import annotations

from fairlead.build.sops.errors import MissingDataKeysError, SopsError
from fairlead.build.sops.files import Format, decrypt_file, detect, format_for
from fairlead.build.sops.keys import AGE_ENDING, Keys
from fairlead.build.sops.opener import Opener

__all__ = [
    "AGE_ENDING",
    "Format",
    "Keys",
    "MissingDataKeysError",
    "Opener",
    "SopsError",
    "decrypt_file",
    "detect",
    "format_for",
]
