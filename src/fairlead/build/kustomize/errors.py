"""What the engine raises: one class for everything that is wrong with a kustomization, and its wrapping."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fairlead.errors import BuildError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["KustomizeError", "MalformedYamlError", "prefixed"]

_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s'\"]*@")


class KustomizeError(BuildError):
    """A kustomization that cannot be built; the text follows kustomize's, so that advice on the web fits."""


class MalformedYamlError(KustomizeError):
    """A file that is no YAML; reported as it is, without the attempt to read it as a folder."""


class prefixed:
    """Puts words in front of the engine's errors, from the inside out: ``accumulating resources: …``.

    Resources may be URLs with a password in them; it is taken out of what is shown.
    """

    __slots__ = ("_words",)

    def __init__(self, words: str) -> None:
        self._words = words

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, BuildError):
            wrapped = type(error) if isinstance(error, KustomizeError) else KustomizeError
            raise wrapped(_CREDENTIALS.sub("", f"{self._words}: {error}")) from error
