"""Strategic merge: one patch laid over one value. The only place where maps and lists are merged.

Maps merge key by key, scalars of the patch win, null removes. Lists are replaced unless the schema gives merge keys;
then items with equal keys merge, items of the patch come first. ``$patch: replace|delete|merge`` in the patch changes
that for a map, or for a list when it stands in an item of its own. All quirks are kustomize's (kyaml 0.18 to 0.21);
they show in output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .comments import commented_schema
from .errors import KustomizeError
from .golang import node_text
from .merge_lists import merge_keyed, set_element
from .values import MISSING, Value, is_null, is_scalar, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .comments import Comments
    from .schema import Document, Schema

__all__ = ["merge"]

_DIRECTIVE: Final = "$patch"
_KINDS: Final[dict[type, str]] = {dict: "MappingNode", list: "SequenceNode"}


def merge(
    value: Value,
    patch: Value,
    document: Document,
    *,
    comments: Comments | None = None,
    quoted: Sequence[list[str]] = (),
    kept: list[str] | None = None,
) -> Value:
    """The merged value, or ``MISSING`` when the patch deletes it. Neither argument is changed.

    ``comments`` are schemas that the files themselves bring, ``quoted`` the texts of both that stand in quotes.
    ``kept`` collects those that take quotes over.
    """
    merging = _Merge(document, quoted, kept if kept is not None else [])
    schema = None if comments is None else commented_schema(merging.schema_of(value, patch), comments)
    return merging.walk(value, patch, schema)


class _Merge:
    """One merge; holds the schemas."""

    __slots__ = ("_document", "_kept", "_quoted")

    def __init__(self, document: Document, quoted: Sequence[list[str]], kept: list[str]) -> None:
        self._document = document
        self._quoted = quoted
        self._kept = kept

    def walk(self, old: Value, patch: Value, schema: Schema | None) -> Value:
        """The merge of two values of which either may be missing or null. A null result is a null to keep."""
        leader = patch if old is MISSING or is_null(old) else old
        if leader is MISSING or is_null(leader):
            return self._map(old, patch, schema)
        if type(leader) is dict:
            _expect(dict, old, patch)
            return self._map(old, patch, schema or self.schema_of(old, patch))
        if type(leader) is list:
            _expect(list, old, patch)
            if schema is not None and schema.merges:
                return self._keyed_list(old, patch, schema)
        else:
            _expect(str, old, patch)
        winner = old if patch is MISSING else patch
        return MISSING if is_null(winner) else winner

    def schema_of(self, *values: Value) -> Schema | None:
        """The schema of an object that says itself what it is."""
        for value in values:
            if type(value) is dict and "kind" in value and "apiVersion" in value:
                found = self._document.schema_of(text_of(value["apiVersion"]), text_of(value["kind"]))
                if found is not None:
                    return found
        return None

    def _map(self, old: Value, patch: Value, schema: Schema | None) -> Value:
        if old is MISSING or is_null(old):
            if patch is MISSING:
                # A null that somebody wrote stays; one that is only an absent text goes.
                return old if old is not MISSING and text_of(old) != "" else MISSING
            if type(patch) is not dict:
                return MISSING
            directive = patch.get(_DIRECTIVE)
            if directive == "delete":
                return MISSING
            if directive in ("replace", "merge"):
                patch = _without_directive(patch)
            base = patch
        else:
            base, patch = _base(old, patch, _map_directive)
            if base is MISSING:
                return MISSING
        return self._fields(base, patch, schema)

    def _fields(self, base: dict[str, Value], patch: Value, schema: Schema | None) -> dict[str, Value]:
        """``base`` with every field merged; the same object when nothing changed."""
        result: dict[str, Value] | None = None
        names = base if patch is MISSING or patch is base else {**base, **patch}
        for name in names:
            before = base.get(name, MISSING)
            over = MISSING if patch is MISSING else patch.get(name, MISSING)
            if over is MISSING and type(before) is str:
                continue
            after = self.walk(before, over, None if schema is None else schema.field(name))
            if after is before:
                continue
            if result is None:
                result = dict(base)
            if after is MISSING:
                result.pop(name, None)
            elif before is MISSING or not is_scalar(after):
                result[name] = after
            else:
                result[name] = self._in_style_of(before, after)
        return base if result is None else result

    def _in_style_of(self, before: Value, after: Value) -> Value:
        """A scalar that takes the place of another one takes over its quotes: ``5`` for ``"4"`` is ``"5"``.

        A text that comes with quotes of its own loses them in the place of a plain scalar; it is the same text still.
        """
        if type(before) is str and self._in_quotes(before):
            if type(after) is str and self._in_quotes(after):
                return after
            self._kept.append(_another(text_of(after)))
            return self._kept[-1]
        if type(after) is str and len(after) > 1 and self._in_quotes(after):
            return _another(after)
        return after

    def _in_quotes(self, text: str) -> bool:
        """Whether this very text was written in quotes or as a block."""
        return any(text is one for texts in self._quoted for one in texts)

    def _keyed_list(self, old: Value, patch: Value, schema: Schema) -> Value:
        if old is MISSING or is_null(old):
            if patch is MISSING or is_null(patch):
                return MISSING
            base = patch
        else:
            base, patch = _base(old, patch, _list_directive)
            if base is MISSING:
                return MISSING
        items = schema.items()

        def walk_items(one: Value, other: Value) -> Value:
            return self.walk(one, other, items)

        return merge_keyed(base, patch, schema.keys, walk_items)


def _expect(kind: type, *values: Value) -> None:
    for value in values:
        if value is MISSING or is_null(value):
            continue
        fits = is_scalar(value) if kind is str else type(value) is kind
        if not fits:
            expected, found = _KINDS.get(kind, "ScalarNode"), _KINDS.get(type(value), "ScalarNode")
            raise KustomizeError(
                f"wrong node kind: expected {expected} but got {found}: node contents:\n{node_text(value)}"
            )


def _base(old: Value, patch: Value, take_directive: Callable[[Any], tuple[str, Value]]) -> tuple[Value, Value]:
    """What a patch of something that is there begins with, and the patch without its directive.

    The first is missing when nothing is to be left.
    """
    if patch is MISSING:
        return old, patch
    if is_null(patch):
        return MISSING, patch
    added = old is patch
    directive, patch = take_directive(patch)
    if directive == "delete":
        return MISSING, patch
    return patch if directive == "replace" or added else old, patch


def _another(text: str) -> str:
    """An equal text that is not the same object."""
    return text[:1] + text[1:]


def _without_directive(patch: dict[str, Value]) -> dict[str, Value]:
    return {key: value for key, value in patch.items() if key != _DIRECTIVE}


def _map_directive(patch: dict[str, Value]) -> tuple[str, dict[str, Value]]:
    if _DIRECTIVE not in patch:
        return "merge", patch
    directive = text_of(patch[_DIRECTIVE])
    if directive not in ("replace", "delete", "merge"):
        raise KustomizeError(f"unknown patch strategy '{directive}'")
    return directive, _without_directive(patch)


def _list_directive(patch: list[Value]) -> tuple[str, list[Any]]:
    """The directive that stands alone in an item, and the list without it."""
    holder = next((item for item in patch if type(item) is dict and _DIRECTIVE in item), None)
    if holder is None or len(holder) > 1:
        return "merge", patch
    directive = text_of(holder[_DIRECTIVE])
    if directive not in ("replace", "delete", "merge"):
        raise KustomizeError(f"unknown patch strategy '{directive}'")
    return directive, set_element(patch, MISSING, (_DIRECTIVE,), (directive,))
