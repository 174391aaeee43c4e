"""What can be wrong with a Kustomization before anything is applied, with the reason that its condition gets."""

from __future__ import annotations

from typing import ClassVar

from fairlead.build.flux import PathNotFoundError
from fairlead.controllers.dependencies import DependencyNotReadyError
from fairlead.engine.expressions import ExpressionError
from fairlead.errors import FairleadError, InvalidSpecError, NotReadyError
from fairlead.kube.errors import NoMatchError

__all__ = [
    "AccessDeniedError",
    "EmptyBuildError",
    "FeatureDisabledError",
    "OwnFaultError",
    "SourceNotReadyError",
    "may_pass_soon",
    "reason_of",
    "stalls",
]


class SourceNotReadyError(NotReadyError):
    """The source is not there or has nothing to build from yet."""


class AccessDeniedError(InvalidSpecError):
    """The spec refers to something in another namespace, which the operator of the controllers forbids."""

    reason: ClassVar[str] = "AccessDenied"


class FeatureDisabledError(InvalidSpecError):
    """The spec sets a field that would have no effect here; a user who relies on it has to know."""

    reason: ClassVar[str] = "FeatureGateDisabled"


class EmptyBuildError(InvalidSpecError):
    """The build has no objects although there were some: more likely a mistake than a wish to delete everything."""


class OwnFaultError(FairleadError):
    """A mistake of this program, for the status of whom it hit; its text may hold anything, so only the log has it."""

    def __init__(self, error: Exception) -> None:
        kind = type(error).__name__
        super().__init__(f"stopped by a fault of this program ({kind}): its log says more; please report it")


def reason_of(error: FairleadError, phase: str) -> str:
    """The reason of the Ready condition; ``phase`` is the one of the step in which the error came up."""
    match error:
        case AccessDeniedError() | FeatureDisabledError():
            return error.reason
        case ExpressionError():
            return "InvalidCELExpression"
        case DependencyNotReadyError():
            return "DependencyNotReady"
        case PathNotFoundError() | SourceNotReadyError():
            return "ArtifactFailed"
        case _:
            return phase


def stalls(error: FairleadError) -> bool:
    """Whether only a new spec helps."""
    return isinstance(error, (AccessDeniedError, ExpressionError, FeatureDisabledError))


def may_pass_soon(error: FairleadError) -> bool:
    """Whether what is missing is likely on its way: then a moment's patience saves a false alarm."""
    return isinstance(error, (DependencyNotReadyError, SourceNotReadyError, NoMatchError))
