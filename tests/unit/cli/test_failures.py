"""Each failure is one line in a person's words."""

from __future__ import annotations

import pytest

from fairlead.cli.failures import each_of, explain
from fairlead.errors import FairleadError
from fairlead.kube.errors import (
    ForbiddenApiError,
    InvalidError,
    NoMatchError,
    NotFoundError,
    ServerUnavailableError,
)
from fairlead.objects.ref import GroupKind


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            NoMatchError(GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization")),
            "the cluster does not know the kind Kustomization: is Fairlead installed? 'fairlead install' does it",
        ),
        (NoMatchError(GroupKind("", "foo")), "the cluster does not know the kind 'foo'"),
        (
            NotFoundError("Deployment/apps/web", "get", named="web", message="not found"),
            "Deployment object 'web' not found in apps namespace; -n chooses another namespace",
        ),
        (NotFoundError("Namespace/apps", "get", named="apps", message="x"), "Namespace object 'apps' not found"),
        (
            ServerUnavailableError("/api", "get", reason="ConnectionFailed", message="cannot connect to h: refused"),
            "cannot connect to h: refused; is the cluster up, and is this the right --context?",
        ),
        (
            ForbiddenApiError("/api", "get", status=401, message="Unauthorized"),
            "the API server does not accept these credentials (Unauthorized); is this the right --context?",
        ),
        (
            InvalidError("ConfigMap/a/b", "apply", reason="Invalid", message="bad"),
            "ConfigMap/a/b apply failed (Invalid): bad",
        ),
    ],
)
def test_words(error: FairleadError, text: str) -> None:
    assert explain(error) == text


def test_errors_of_nested_groups() -> None:
    first, second = FairleadError("a"), FairleadError("b")
    assert list(each_of(ExceptionGroup("outer", [first, ExceptionGroup("inner", [second])]))) == [first, second]
