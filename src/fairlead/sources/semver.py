"""Versions and ranges as Masterminds/semver v3 understands them, which is what ``spec.ref.semver`` means.

The rules that differ from other dialects: a comparison without a pre-release never allows a pre-release version;
``=`` is the default operator and a partial or wildcard version makes it a range; ``>1`` means above all of 1.x;
``~1`` stays in 1.x; ``^0.2`` stays in 0.2.x; a space or a comma means "and".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import total_ordering
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Constraint", "SemverError", "Version"]

_VERSION = r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?"
_LOOSE = re.compile(rf"^{_VERSION}$")
_NUMBER = r"(?:0|[1-9]\d*)"
_IDENTIFIER = rf"(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)"
_STRICT = re.compile(
    rf"^v?({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$"
)
_PART = r"(?:\d+|[xX*])"
_WILD = rf"v?({_PART})(?:\.({_PART}))?(?:\.({_PART}))?(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?"
_OPERATOR = r"(=|==|!=|>=|=>|<=|=<|>|<|~>|~|\^)?"
_TERM = re.compile(rf"\s*{_OPERATOR}\s*{_WILD}(?=[\s,]|$)\s*,?")
_HYPHEN = re.compile(rf"\s*({_WILD})\s+-\s+({_WILD})\s*")
_LONGEST = 1024
_ALIASES = {"": "=", "==": "=", "=>": ">=", "=<": "<=", "~>": "~"}


class SemverError(ValueError):
    """The text is no version or no range."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version; build metadata does not count in comparisons."""

    major: int
    minor: int = 0
    patch: int = 0
    prerelease: str = ""
    metadata: str = ""
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> Version:
        """``1``, ``1.2`` and ``v1.2.3-rc.1+build`` are all versions; raises :class:`SemverError`."""
        match = _LOOSE.match(text)
        if not match:
            raise SemverError(f"{text!r} is no version")
        return cls._from(match, text)

    @classmethod
    def parse_strict(cls, text: str) -> Version | None:
        """Only three full numbers without leading zeros, with an optional ``v``; ``None`` for anything else."""
        match = _STRICT.match(text)
        return None if match is None else cls._from(match, text)

    @classmethod
    def _from(cls, match: re.Match[str], text: str) -> Version:
        major, minor, patch, prerelease, metadata = match.groups()
        return cls(int(major), int(minor or 0), int(patch or 0), prerelease or "", metadata or "", text)

    @property
    def numbers(self) -> tuple[int, int, int]:
        return self.major, self.minor, self.patch

    def _key(self) -> tuple[tuple[int, int, int], bool, list[tuple[bool, int, str]]]:
        return self.numbers, not self.prerelease, _identifiers(self.prerelease)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key() == other._key()

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def __hash__(self) -> int:
        return hash((self.numbers, self.prerelease))

    def __str__(self) -> str:
        return self.text or ".".join(map(str, self.numbers)) + (f"-{self.prerelease}" if self.prerelease else "")


def _identifiers(prerelease: str) -> list[tuple[bool, int, str]]:
    """Numbers sort by value and before words."""
    parts = prerelease.split(".") if prerelease else []
    return [(False, int(part), "") if part.isdecimal() else (True, 0, part) for part in parts]


@dataclass(frozen=True, slots=True)
class _Term:
    operator: str
    version: Version
    given: int
    """How many of the three numbers were written out before a wildcard or the end: 0 to 3."""

    def allows(self, version: Version) -> bool:
        if version.prerelease and not self.version.prerelease and self.operator != "!=":
            return False
        return _CHECKS[self.operator](self, version)

    def same_range(self, version: Version) -> bool:
        """Whether the written numbers agree."""
        return version.numbers[: self.given] == self.version.numbers[: self.given]


def _equal(term: _Term, version: Version) -> bool:
    return _tilde(term, version) if term.given < 3 else version == term.version


def _not_equal(term: _Term, version: Version) -> bool:
    if version.prerelease and not term.version.prerelease:
        return False
    return not term.same_range(version) if term.given < 3 else version != term.version


def _greater(term: _Term, version: Version) -> bool:
    if term.given < 3:
        return version.numbers[: term.given] > term.version.numbers[: term.given]
    return version > term.version


def _at_most(term: _Term, version: Version) -> bool:
    if term.given < 3:
        return version.numbers[: term.given] <= term.version.numbers[: term.given]
    return version <= term.version


def _tilde(term: _Term, version: Version) -> bool:
    if term.given == 0:
        return True
    return (
        version >= term.version and version.numbers[: min(term.given, 2)] == term.version.numbers[: min(term.given, 2)]
    )


def _caret(term: _Term, version: Version) -> bool:
    if version < term.version:
        return False
    if term.version.major > 0 or term.given < 2:
        return version.major == term.version.major or term.given == 0
    if term.version.minor > 0 or term.given < 3:
        return version.numbers[:2] == term.version.numbers[:2]
    return version.numbers == term.version.numbers


_CHECKS: dict[str, Callable[[_Term, Version], bool]] = {
    "=": _equal,
    "!=": _not_equal,
    ">": _greater,
    ">=": lambda term, version: version >= term.version,
    "<": lambda term, version: version < term.version,
    "<=": _at_most,
    "~": _tilde,
    "^": _caret,
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """A range: alternatives (``||``) of terms that must all hold."""

    text: str
    alternatives: tuple[tuple[_Term, ...], ...]

    @classmethod
    def parse(cls, text: str) -> Constraint:
        if len(text) > _LONGEST:
            raise SemverError("the range is too long")
        return cls(text, tuple(_parse_all(part) for part in text.split("||")))

    def allows(self, version: Version) -> bool:
        return any(all(term.allows(version) for term in terms) for terms in self.alternatives)


def _parse_all(text: str) -> tuple[_Term, ...]:
    rest = _HYPHEN.sub(_hyphen_to_terms, text).strip()
    if not rest:
        raise SemverError(f"{text!r} holds an empty range")
    terms: list[_Term] = []
    while rest:
        match = _TERM.match(rest)
        if not match:
            raise SemverError(f"{rest!r} is no version range")
        terms.append(_term(match))
        rest = rest[match.end() :].strip()
    return tuple(terms)


def _hyphen_to_terms(match: re.Match[str]) -> str:
    low, high = match.group(1), match.group(7)
    return f" >={low}, <={high} "


def _term(match: re.Match[str]) -> _Term:
    operator, *numbers, prerelease, metadata = match.groups()
    given = 0
    for number in numbers:
        if number is None or number in "xX*":
            break
        given += 1
    values = [int(number) for number in numbers[:given]] + [0] * (3 - given)
    if given < 3:
        prerelease = prerelease if given == len([n for n in numbers if n]) else None
    major, minor, patch = values
    version = Version(major, minor, patch, prerelease or "", metadata or "")
    return _Term(_ALIASES.get(operator or "", operator or ""), version, given)
