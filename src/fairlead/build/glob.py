"""Shell patterns as Go's ``path.Match`` reads them, except that ``*`` and ``?`` match a slash, too.

``[a-z]`` and ``[^a-z]`` are classes and a backslash escapes. A malformed pattern is an error only when matching comes
to the malformed part; substitution depends on that.
"""

from __future__ import annotations

__all__ = ["BadPatternError", "longest_prefix", "matches", "shortest_prefix"]


class BadPatternError(ValueError):
    """The pattern is malformed where matching came to."""


def longest_prefix(pattern: str, text: str) -> int:
    """Length of the longest prefix of ``text`` that the pattern matches wholly; 0 when none does."""
    return next((length for length in range(len(text), 0, -1) if matches(pattern, text[:length])), 0)


def shortest_prefix(pattern: str, text: str) -> int:
    """Length of the shortest prefix, not empty; every longer one is tried, too, for their errors count."""
    return min((length for length in range(len(text), 0, -1) if matches(pattern, text[:length])), default=0)


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole text; raises :class:`BadPatternError`."""
    while pattern:
        starred, chunk, pattern = _split(pattern)
        if starred and not chunk:
            return True
        rest = _rest_after(chunk, text, starred=starred, last=not pattern)
        if rest is None:
            return False
        text = rest
    return not text


def _rest_after(chunk: str, text: str, *, starred: bool, last: bool) -> str | None:
    """What remains after the first place where the chunk fits: at the start, or anywhere after a star."""
    for start in range(len(text) + 1 if starred else 1):
        rest = _match_chunk(chunk, text[start:])
        if rest is not None and not (last and rest):
            return rest
    return None


def _split(pattern: str) -> tuple[bool, str, str]:
    """Leading stars, then what goes up to the next star."""
    without = pattern.lstrip("*")
    in_class = False
    index = 0
    while index < len(without):
        match without[index]:
            case "\\":
                index += 1
            case "[":
                in_class = True
            case "]":
                in_class = False
            case "*" if not in_class:
                break
        index += 1
    return len(without) < len(pattern), without[:index], without[index:]


def _match_chunk(chunk: str, text: str) -> str | None:
    """What remains of ``text`` after a chunk without stars; ``None`` when it does not begin with it."""
    while chunk:
        if not text:
            return None
        first, text = text[0], text[1:]
        if chunk[0] == "[":
            fits, chunk = _match_class(chunk[1:], first)
        else:
            any_character, escaped = chunk[0] == "?", chunk[0] == "\\"
            if escaped and len(chunk) == 1:
                raise BadPatternError
            fits = any_character or chunk[escaped] == first
            chunk = chunk[1 + escaped :]
        if not fits:
            return None
    return text


def _match_class(rest: str, character: str) -> tuple[bool, str]:
    """Reads ``a-z0-9]...``; gives whether the character is in it and what follows."""
    negated = rest.startswith("^")
    rest = rest[negated:]
    found = False
    ranges = 0
    while not (ranges and rest.startswith("]")):
        low, rest = _class_character(rest)
        high = low
        if rest.startswith("-"):
            high, rest = _class_character(rest[1:])
        found = found or low <= character <= high
        ranges += 1
    return found != negated, rest[1:]


def _class_character(rest: str) -> tuple[str, str]:
    escaped = rest.startswith("\\")
    if not rest or rest[0] in "-]" or len(rest) < 2 + escaped:
        raise BadPatternError
    return rest[escaped], rest[1 + escaped :]
