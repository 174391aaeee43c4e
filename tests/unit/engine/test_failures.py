"""Refusals in the words that users know."""

from __future__ import annotations

import pytest

from fairlead.engine.failures import combined, failure
from fairlead.errors import (
    ApplyRejectedError,
    ConflictError,
    FairleadError,
    ForbiddenError,
    NotReadyError,
    UnavailableError,
)
from fairlead.kube.errors import (
    ApiError,
    Cause,
    ConflictApiError,
    ForbiddenApiError,
    InvalidError,
    NoMatchError,
    NotFoundError,
    ServerUnavailableError,
    TooManyRequestsError,
)
from fairlead.objects.redact import Redactor
from fairlead.objects.ref import GroupKind

WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}


@pytest.mark.parametrize(
    ("error", "group"),
    [
        (InvalidError("x", "apply", reason="Invalid", message="bad"), ApplyRejectedError),
        (ForbiddenApiError("x", "apply", reason="Forbidden", message="bad"), ForbiddenError),
        (ConflictApiError("x", "apply", reason="Conflict", message="bad"), ConflictError),
        (ServerUnavailableError("x", "apply", status=503, message="bad"), UnavailableError),
        (TooManyRequestsError("x", "apply", status=429, message="bad"), UnavailableError),
        (ApiError("x", "apply", status=405, message="bad"), UnavailableError),
        (NotFoundError("x", "apply", reason="NotFound", message="bad"), NotReadyError),
    ],
)
def test_groups_are_kept(error: ApiError, group: type[FairleadError]) -> None:
    found = failure("dry-run", WEB, error, Redactor())
    assert type(found) is group
    assert "Deployment/shop/web" in str(found)
    assert "bad" in str(found)


def test_the_text_is_fluxs() -> None:
    error = InvalidError("Deployment/shop/web", "apply", reason="Invalid", message="spec.replicas: must be positive")
    assert str(failure("dry-run", WEB, error, Redactor())) == (
        "Deployment/shop/web dry-run failed (Invalid): spec.replicas: must be positive"
    )


def test_an_unknown_kind_is_waited_for() -> None:
    found = failure("dry-run", WEB, NoMatchError(GroupKind("example.com", "Widget"), "v1"), Redactor())
    assert isinstance(found, NotReadyError)
    assert 'no matches for kind "Widget"' in str(found)


def test_a_terminating_namespace_is_waited_for() -> None:
    cause = Cause("metadata.namespace", "NamespaceTerminating", "namespace shop is being terminated")
    error = ForbiddenApiError("x", "apply", reason="Forbidden", message="it ends", causes=(cause,))
    assert isinstance(failure("dry-run", WEB, error, Redactor()), NotReadyError)


def test_secrets_are_redacted() -> None:
    error = InvalidError("x", "apply", reason="Invalid", message='env: Invalid value: "hunter2"')
    assert "hunter2" not in str(failure("dry-run", WEB, error, Redactor(["hunter2"])))


def test_all_failures_are_told() -> None:
    assert combined([]) is None
    one = NotReadyError("a")
    assert combined([one]) is one
    both = combined([ApplyRejectedError("a"), NotReadyError("b")])
    assert isinstance(both, ApplyRejectedError)
    assert str(both) == "a; b"
    assert str(combined([NotReadyError(str(n)) for n in range(12)])).endswith("; and 2 more objects")


def test_an_api_group_that_came_from_a_secret_is_not_shown() -> None:
    manifest = {"apiVersion": "hunter-two/v1", "kind": "Widget", "metadata": {"name": "w"}}
    error = NoMatchError(GroupKind("hunter-two", "Widget"), "v1")
    assert "hunter-two" not in str(failure("dry-run", manifest, error, Redactor(["hunter-two"])))
