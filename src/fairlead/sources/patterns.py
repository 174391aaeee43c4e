"""Patterns in gitignore syntax, with the meaning that Flux gives them (go-git's matcher).

Compiled once per set of rules, asked once per name: while a tree is walked downwards, the number of the pattern that
decides about a folder is handed to what is in it, because a pattern that matches a folder matches everything below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["FolderPatterns", "Pattern", "PatternList", "lines_of", "parse_patterns"]

_GO_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""What is blank for Go: not the same characters as for Python."""
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line. ``folder`` is where the file with the line lies; the pattern sees only what is below."""

    folder: tuple[str, ...]
    parts: tuple[str, ...]
    include: bool
    folders_only: bool
    anchored: bool
    """Whether there is a slash in it, so that it speaks of a path and not of any name."""
    text: str = field(default="", compare=False)
    """The line as it was written."""

    def matches_path(self, path: Sequence[str], *, is_folder: bool) -> bool:
        """Whether it matches ``path`` (from the root) or one of the folders above; for anchored patterns."""
        depth = len(self.folder)
        if len(path) <= depth or tuple(path[:depth]) != self.folder:
            return False
        return self._matches_parts(path[depth:], is_folder)

    def _matches_parts(self, path: Sequence[str], is_folder: bool) -> bool:
        matched = any_depth = False
        position = 0
        for number, part in enumerate(self.parts):
            if part == "":
                any_depth = False
            elif part == "**":
                any_depth = any_depth or number < len(self.parts) - 1
            elif "**" in part or position >= len(path):
                return False
            else:
                step = self._step(part, path, position, any_depth)
                if step is None:
                    return False
                position, matched = step
                any_depth = False
        at_end = position == len(path)
        return matched and not (self.folders_only and not is_folder and at_end)

    @staticmethod
    def _step(part: str, path: Sequence[str], position: int, any_depth: bool) -> tuple[int, bool] | None:
        """Where to go on after ``part`` was found, and whether it was; ``None`` ends the comparison."""
        expression = _expression(part)
        if expression is _NEVER:
            return None
        if not any_depth:
            return (position + 1, True) if expression.fullmatch(path[position]) else None
        for index in range(position, len(path)):
            if expression.fullmatch(path[index]):
                return index + 1, True
        return len(path), False


def parse_patterns(lines: Iterable[str], folder: tuple[str, ...] = ()) -> list[Pattern]:
    """The patterns of a file's lines; comments and empty lines are skipped."""
    return [_parse(line, folder) for line in lines if line.strip(_GO_SPACES) and not line.startswith("#")]


def lines_of(text: str) -> list[str]:
    """Lines as Go's scanner ends them: at line feeds alone, of which each may have one carriage return before it."""
    return [line.removesuffix("\r") for line in text.split("\n")]


def _parse(line: str, folder: tuple[str, ...]) -> Pattern:
    include = line.startswith("!")
    text = line[1:] if include else line
    if not text.endswith("\\ "):
        text = text.rstrip(" ")
    folders_only = text.endswith("/")
    text = text[:-1] if folders_only else text
    name = text.removeprefix("**/")
    if name and "/" not in name and "**" not in name:
        text = name  # "at any depth" is what a name alone means, and a name is compared quickly
    return Pattern(folder, tuple(text.split("/")), include, folders_only, anchored="/" in text, text=line)


class PatternList:
    """All patterns in order; the last one that matches decides."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = patterns
        self._last_include = max((i for i, pattern in enumerate(patterns) if pattern.include), default=-1)

    def for_folder(self, folder: tuple[str, ...]) -> FolderPatterns:
        """The patterns that can say something about the names in ``folder``."""
        near = [(i, p) for i, p in enumerate(self._patterns) if p.folder == folder[: len(p.folder)]]
        return FolderPatterns(folder, near)

    def text(self, number: int) -> str:
        return self._patterns[number].text

    def excludes(self, number: int) -> bool:
        """Whether pattern ``number`` leaves out; -1, no pattern, does not."""
        return number >= 0 and not self._patterns[number].include

    def includes_after(self, number: int) -> bool:
        """Whether a later pattern may bring something back."""
        return self._last_include > number

    def decisive(self, path: Sequence[str], *, is_folder: bool = False) -> int:
        """The number of the pattern that decides about one path. Walks use :meth:`for_folder`."""
        decisive = -1
        for depth, name in enumerate(path):
            last = depth == len(path) - 1
            folder = self.for_folder(tuple(path[:depth]))
            decisive = folder.decide(name, is_folder=is_folder or not last, inherited=decisive)
        return decisive

    def excluded(self, path: Sequence[str], *, is_folder: bool = False) -> bool:
        """The plain question for one path."""
        return self.excludes(self.decisive(path, is_folder=is_folder))


class FolderPatterns:
    """The patterns as seen from one folder."""

    def __init__(self, folder: tuple[str, ...], patterns: Sequence[tuple[int, Pattern]]) -> None:
        self._folder = folder
        self._names = [(i, p, _expression(p.parts[0])) for i, p in patterns if not p.anchored]
        self._anchored = [(i, p) for i, p in patterns if p.anchored]
        self._any_name = _any_of(tuple(dict.fromkeys(p.parts[0] for _, p in patterns if not p.anchored)))

    def decide(self, name: str, *, is_folder: bool, inherited: int) -> int:
        """The number of the pattern that decides about ``name``: ``inherited`` (the folder's) or a later one."""
        best = inherited
        if self._any_name.fullmatch(name):
            for number, pattern, expression in reversed(self._names):
                if number <= best:
                    break
                if expression.fullmatch(name) and (is_folder or not pattern.folders_only):
                    best = number
                    break
        path = (*self._folder, name)
        for number, pattern in reversed(self._anchored):
            if number <= best:
                break
            if pattern.matches_path(path, is_folder=is_folder):
                return number
        return best


@lru_cache(maxsize=1024)
def _any_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    sources = [_expression(glob).pattern for glob in globs]
    return re.compile("|".join(f"(?:{source})" for source in sources), re.DOTALL) if sources else _NEVER


@lru_cache(maxsize=4096)
def _expression(glob: str) -> re.Pattern[str]:
    """Go's ``filepath.Match`` for one name; a malformed pattern matches nothing."""
    source: list[str] = []
    position = 0
    while position < len(glob):
        char = glob[position]
        position += 1
        if char == "*":
            source.append("[^/]*")
        elif char == "?":
            source.append("[^/]")
        elif char == "[":
            group = _GROUP.match(glob, position)
            if group is None:
                return _NEVER
            source.append(_group(group))
            position = group.end()
        elif char == "\\":
            if position == len(glob):
                return _NEVER
            source.append(re.escape(glob[position]))
            position += 1
        else:
            source.append(re.escape(char))
    try:
        return re.compile("".join(source), re.DOTALL)
    except re.error:
        return _NEVER


_MEMBER = r"(?:\\.|[^\\\]-])"
_GROUP = re.compile(rf"(\^?)((?:{_MEMBER}(?:-{_MEMBER})?)+)\]", re.DOTALL)
_RANGE = re.compile(rf"({_MEMBER})(?:-({_MEMBER}))?", re.DOTALL)


def _group(match: re.Match[str]) -> str:
    """A character class; a range whose ends are the wrong way round is empty, as in Go."""
    members: list[str] = []
    for low, high in _RANGE.findall(match.group(2)):
        first, last = low[-1], (high or low)[-1]
        if first <= last:
            members.append(f"{re.escape(first)}-{re.escape(last)}")
    if not members:
        return "[^/]" if match.group(1) else r"(?!)"
    return f"[{'^' if match.group(1) else ''}{''.join(members)}]"
