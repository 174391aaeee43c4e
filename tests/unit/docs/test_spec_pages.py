"""The pages of ``docs/spec/`` name a test for every field, and the tests are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.api import names, suspension
from fairlead.api.gitrepository import GitRepository
from fairlead.api.kustomization import Kustomization
from fairlead.objects.manifest import STALE_ANNOTATIONS, STALE_LABELS
from tests.support.spec_pages import BY_REASON, fields_of, missing_tests, reasons_of, rows_of

ROOT = Path(__file__).parents[3]
SECRET_KEYS = (
    "bearerToken",
    "ca.crt",
    "caFile",
    "githubAppBaseURL",
    "githubAppID",
    "githubAppInstallationID",
    "githubAppInstallationOwner",
    "githubAppPrivateKey",
    "identity",
    "known_hosts",
    "password",
    "tls.crt",
    "tls.key",
    "username",
)
GIT_KEYS = {f"spec.secretRef: {key}" for key in SECRET_KEYS}
GIT_KEYS |= {f"spec.proxySecretRef: {key}" for key in ("address", "username", "password")}

MARKS = (
    *("OWNER_NAME", "OWNER_NAMESPACE", "RECONCILE", "SSA", "FORCE", "PRUNE", "SUBSTITUTE", "DECRYPT"),
    *("REQUESTED_AT", "WATCH_LABEL", "EVENT_METADATA_PREFIX", "SHARD_KEY", "PRUNE_BUDGET", "SOPS_MAC"),
)
"""Labels and annotations that change what is done, by their names in the code."""
_READY = (
    *("ReconciliationSucceeded", "ReconciliationFailed", "ArtifactFailed", "BuildFailed", "PruneFailed"),
    *("HealthCheckFailed", "DependencyNotReady", "Progressing", "AccessDenied", "InvalidCELExpression"),
    *("FeatureGateDisabled", "InvalidSpec"),
)
_HEALTHY = ("Succeeded", "HealthCheckFailed", "Progressing")
_RECONCILING = ("Progressing", "ProgressingWithRetry")
REASONS = (
    *(f"Ready: {reason}" for reason in _READY),
    *(f"Healthy: {reason}" for reason in _HEALTHY),
    *(f"Reconciling: {reason}" for reason in _RECONCILING),
)
"""Flux's, without ``HealthCheckCanceled`` and ``DirectoryCreationFailed``, which have no cause here; and ours."""

PAGES = [
    pytest.param("gitrepository.md", GitRepository, GIT_KEYS, id="GitRepository"),
    pytest.param("kustomization.md", Kustomization, set(), id="Kustomization"),
]


@pytest.mark.parametrize(("page", "kind", "keys"), PAGES)
def test_every_field_has_a_row(page: str, kind: type, keys: set[str]) -> None:
    rows = set(rows_of(ROOT / "docs/spec" / page))
    assert sorted((fields_of(kind) | keys) - rows) == [], "fields without a row"
    assert sorted(rows - fields_of(kind) - keys) == [], "rows without a field"


@pytest.mark.parametrize(("page", "kind", "keys"), PAGES)
def test_every_named_test_exists(page: str, kind: type, keys: set[str]) -> None:
    rows = rows_of(ROOT / "docs/spec" / page)
    assert [field for field, names in rows.items() if not names] == [], "rows without a test"
    assert missing_tests(ROOT, [name for names in rows.values() for name in names]) == []


def test_every_reason_and_mark_has_a_row() -> None:
    """All that Flux's users may look for in a Kustomization, and ours."""
    rows = rows_of(ROOT / "docs/spec/kustomization.md", BY_REASON)
    marks = {str(getattr(names, name)) for name in MARKS} | {*STALE_ANNOTATIONS, *STALE_LABELS}
    marks |= {suspension.REASON, suspension.BY, suspension.SINCE, suspension.UNTIL}
    assert sorted((marks | set(REASONS)) - set(rows)) == []
    assert missing_tests(ROOT, [test for tests in rows.values() for test in tests]) == []


def test_every_reason_of_a_repository_has_a_test() -> None:
    page = ROOT / "docs/spec/gitrepository.md"
    rows = rows_of(page, BY_REASON)
    assert sorted(reasons_of(page) - set(rows)) == [], "reasons without a row"
    assert len(reasons_of(page)) > 10
    assert [name for name, tests in rows.items() if not tests] == [], "rows without a test"
    assert missing_tests(ROOT, [name for names in rows.values() for name in names]) == []


def test_a_test_that_is_not_there_is_noticed() -> None:
    here = "tests/unit/docs/test_spec_pages.py"
    names = [f"{here}::test_every_field_has_a_row", f"{here}::test_nothing", "tests/none.py::test_x", here]
    assert missing_tests(ROOT, names) == names[1:]


def test_fields_are_walked_to_their_ends() -> None:
    found = fields_of(GitRepository)
    assert {"spec.ref.branch", "spec.include[].repository.name", "spec.sparseCheckout", "spec.url"} <= found
    assert {"status.artifact.metadata", "status.conditions[].type"} <= found
