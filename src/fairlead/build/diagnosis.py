"""Where a failed build went wrong, in the words of the repository.

The engine's errors follow kustomize's: a file is named as the kustomization that refers to it does, and lines are
counted as go-yaml counts them. People want the path in the repository and the line to look at. So after a failure, and
only then, the files that the build has read are looked at once more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from fairlead.build.kustomize.kustomization import FILE_NAMES, parse_kustomization
from fairlead.errors import BuildError
from fairlead.objects.yaml import load_all
from fairlead.objects.yaml_reader import MAX_BYTES, YamlError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.objects.tree import Tree

__all__ = ["located"]

_NO_OBJECT = re.compile(r"accumulating resources from '([^']+)': (missing (?:kind|metadata\.name|Resource metadata))\b")


def located(error: BuildError, tree: Tree, files: Iterable[str]) -> BuildError:
    """The error with the place of its cause; ``files`` are those of ``tree`` that the build has read."""
    for path in files:
        if tree.size(path) > MAX_BYTES:
            continue
        folder, _, name = path.rpartition("/")
        found = _kustomization_problem(tree, path, folder) if name in FILE_NAMES else _yaml_problem(tree, path)
        if found:
            return BuildError(found)
    return _no_object(error, files) or error


def _no_object(error: BuildError, files: Iterable[str]) -> BuildError | None:
    """A YAML file that is something else, as it happens in folders of which all files are built."""
    found = _NO_OBJECT.search(str(error))
    if found is None:
        return None
    name = found[1].removeprefix("./")
    path = next((path for path in files if f"/{path}".endswith(f"/{name}")), name)
    return BuildError(
        f"{path} holds a document that is no Kubernetes object ({found[2]}): each needs apiVersion, kind and "
        "metadata.name; keep another file out with .sourceignore, or with a kustomization.yaml that does not list it"
    )


def _yaml_problem(tree: Tree, path: str) -> str:
    """Empty for files that are no YAML by name, as well as for those that can be read."""
    if not path.endswith((".yaml", ".yml", ".json")):
        return ""
    try:
        load_all(tree.read(path), file=path)
    except YamlError as error:
        cause = error.__cause__
        return _marked(path, cause) if isinstance(cause, yaml.MarkedYAMLError) else str(error)
    return ""


def _kustomization_problem(tree: Tree, path: str, folder: str) -> str:
    try:
        parse_kustomization(tree.read(path), path, folder)
    except BuildError as error:
        return _yaml_problem(tree, f"{path}") or f"{path}: {error}"
    return ""


def _marked(path: str, error: yaml.MarkedYAMLError) -> str:
    """Lines count from 1 here; the beginning of what is not closed helps more than the end of the file."""
    mark, begin = error.problem_mark, error.context_mark
    place = f"{path}:{mark.line + 1}" if mark else path
    text = f"{place}: {error.problem or 'malformed YAML'}"
    if error.context and begin and mark and begin.line != mark.line:
        return f"{text} {error.context} that begins in line {begin.line + 1}"
    return text
