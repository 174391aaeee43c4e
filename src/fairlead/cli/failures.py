"""Errors in a person's words: what is wrong, and what to do about it. One line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NothingFoundError", "each_of", "explain", "object_not_found"]


class NothingFoundError(FairleadError):
    """There is no object of the kind, or of that name, in that scope; Flux treats that as a failure, too."""


def object_not_found(kind: str, name: str, namespace: str | None) -> NothingFoundError:
    where = f" in {namespace} namespace" if namespace else ""
    return NothingFoundError(f"{kind} object '{name}' not found{where}")


def explain(error: BaseException) -> str:
    """The line to print; errors without a better word keep their own."""
    from fairlead.kube.errors import ForbiddenApiError, NoMatchError, NotFoundError, ServerUnavailableError

    match error:
        case NoMatchError() if error.kind.group.endswith("toolkit.fluxcd.io"):
            hint = "is Fairlead installed? 'fairlead install' does it"
            return f"the cluster does not know the kind {error.kind.kind}: {hint}"
        case NoMatchError():
            return f"the cluster does not know the kind '{error.kind.kind}'"
        case NotFoundError() if error.about_object and error.verb == "get":
            return _not_found(error.subject)
        case ServerUnavailableError() if error.reason == "ConnectionFailed":
            return f"{error.message}; is the cluster up, and is this the right --context?"
        case ForbiddenApiError() if error.status == 401:
            return f"the API server does not accept these credentials ({error.message}); is this the right --context?"
    return str(error)


def each_of(errors: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The errors in a group of groups, one after the other."""
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from each_of(error)
        else:
            yield error


def _not_found(subject: str) -> str:
    """As Flux says it, with the flag that helps most often; ``subject`` is ``Kind/namespace/name``."""
    kind, *namespace, name = subject.split("/")
    text = str(object_not_found(kind, name, "".join(namespace)))
    return f"{text}; -n chooses another namespace" if namespace else text
