"""From what a spec asks for and what a server advertises to the one commit that is meant. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.sources.errors import GitRefNotFoundError, GitRepositoryEmptyError, GitSpecError
from fairlead.sources.semver import Constraint, SemverError, Version
from fairlead.sources.spec import DEFAULT_BRANCH, GitRef, RemoteHead

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Advertised", "check_ref", "choose_head", "newest_tags", "wanted_prefixes"]

EVERYTHING = ("HEAD", "refs/heads/", "refs/tags/")
_COMMIT = re.compile(r"^[0-9a-f]{40}$")
_BAD_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|^[/.-]|[/.]$|^@$")
_SHOWN_NAMES = 5


@dataclass(frozen=True, slots=True)
class Advertised:
    """References of a remote: name to object id, and for annotated tags also name to the commit behind them."""

    refs: Mapping[str, str]
    peeled: Mapping[str, str] = field(default_factory=dict)

    def commit_of(self, name: str) -> str:
        return self.peeled.get(name) or self.refs[name]


def check_ref(ref: GitRef) -> None:
    """Raise :class:`GitSpecError` for names that no repository can have."""
    for what, name in (("branch", ref.branch), ("tag", ref.tag), ("reference", ref.name)):
        if name and _BAD_NAME.search(name):
            raise GitSpecError(f"{name!r} is no valid {what} name")
    if ref.commit and not _COMMIT.match(ref.commit):
        raise GitSpecError(f"{ref.commit!r} is no commit id: it must have 40 lower-case hexadecimal digits")
    if ref.semver:
        _constraint(ref.semver)


def wanted_prefixes(ref: GitRef) -> tuple[str, ...]:
    """What to ask the server for; empty when a bare commit needs no question."""
    if ref.commit:
        return (f"refs/heads/{ref.branch}",) if ref.branch else ()
    if ref.name:
        return (ref.name,)
    if ref.tag:
        return (f"refs/tags/{ref.tag}",)
    if ref.semver:
        return ("refs/tags/",)
    return (f"refs/heads/{ref.branch or DEFAULT_BRANCH}",)


def choose_head(ref: GitRef, advertised: Advertised, url: str) -> RemoteHead:
    """The commit that ``ref`` means now; raises :class:`GitRefNotFoundError`. Not for semver with a tie, see below."""
    if ref.semver and not (ref.commit or ref.name or ref.tag):
        return _head(newest_tags(ref.semver, advertised, url)[0], advertised, strip="refs/tags/")
    (reference,) = wanted_prefixes(ref)
    if reference not in advertised.refs:
        raise GitRefNotFoundError(f"{_describe(reference)} not found in {url}")
    if ref.commit:
        return RemoteHead(ref.commit, label=ref.branch, reference=reference)
    return _head(reference, advertised, strip="" if ref.name else "refs/tags/" if ref.tag else "refs/heads/")


def newest_tags(constraint: str, advertised: Advertised, url: str) -> list[str]:
    """The tags with the highest version in range; several when versions are equal (``1.0.0`` and ``v1.0.0``)."""
    wanted = _constraint(constraint)
    best: list[str] = []
    top: Version | None = None
    for name in sorted(advertised.refs):
        version = Version.parse_strict(name.removeprefix("refs/tags/")) if name.startswith("refs/tags/") else None
        if version is None or not wanted.allows(version):
            continue
        if top is None or version > top:
            top, best = version, [name]
        elif not version < top:
            best.append(name)
    if not best:
        raise GitRefNotFoundError(f"no tag of {url} matches semver {constraint!r}")
    return best


def explain_missing(error: GitRefNotFoundError, everything: Advertised, url: str) -> Exception:
    """A better error once all references are known: an empty repository, or the branches that there are."""
    if not everything.refs:
        return GitRepositoryEmptyError("git repository is empty")
    branches = [name.removeprefix("refs/heads/") for name in sorted(everything.refs) if name.startswith("refs/heads/")]
    shown = ", ".join(branches[:_SHOWN_NAMES]) + (", …" if len(branches) > _SHOWN_NAMES else "")
    return GitRefNotFoundError(f"{error} (branches there: {shown or 'none'})")


def _constraint(text: str) -> Constraint:
    try:
        return Constraint.parse(text)
    except SemverError as error:
        raise GitSpecError(f"semver {text!r}: {error}") from None


def _head(reference: str, advertised: Advertised, *, strip: str) -> RemoteHead:
    tag_id = advertised.refs[reference] if reference in advertised.peeled else ""
    label = reference.removeprefix(strip) if strip else reference
    return RemoteHead(advertised.commit_of(reference), label=label, reference=reference, tag_id=tag_id)


def _describe(reference: str) -> str:
    for prefix, word in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
        if reference.startswith(prefix):
            return f"{word} {reference.removeprefix(prefix)!r}"
    return f"reference {reference!r}"
