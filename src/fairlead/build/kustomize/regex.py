"""Regular expressions of kustomizations; a bad one is an error of the build, in kustomize's words."""

from __future__ import annotations

from fairlead.objects import regex
from fairlead.objects.regex import Pattern, PatternError

from .errors import KustomizeError

__all__ = ["Pattern", "compile_pattern"]


def compile_pattern(pattern: str, *, whole: bool) -> Pattern:
    """A pattern for a whole text or for any part of it; raises :class:`KustomizeError` when it is none."""
    try:
        return regex.compile_pattern(pattern, whole=whole)
    except PatternError as error:
        raise KustomizeError(str(error)) from error
