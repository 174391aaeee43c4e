"""Ignore rules: the sets of Flux, gitignore syntax (Git itself is asked), and filtered trees that cost what changed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from fairlead.sources.errors import IgnoreRulesError
from fairlead.sources.ignore import TreeFilter
from fairlead.sources.patterns import PatternList, parse_patterns
from tests.support.trees import Files, kept, write

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.sources.store import ObjectStore


def paths(*names: str) -> Files:
    return dict.fromkeys(names, "x")


def test_without_rules_four_sets_apply(store: ObjectStore) -> None:
    files = paths(
        *(".gitignore", "sub/.gitattributes", ".gitmodules", "logo.png", "docs/a.tar.gz", "photo.jpeg"),
        *(".github/workflows/ci.yaml", "sub/.circleci/x", ".travis.yml", "cloudbuild.yaml", "sub/.drone.yml"),
        *(".goreleaser.yml", "deep/er/.sops.yaml", ".flux.yaml", "app.yaml", "sub/app.yaml", "png"),
    )
    assert kept(store, files) == ["app.yaml", "png", "sub/app.yaml"]


@pytest.mark.parametrize("rules", [{".sourceignore": "*.md\n"}, {"sub/.sourceignore": "*.md\n"}], ids=["root", "sub"])
def test_with_rules_of_its_own_only_the_first_set_stays(store: ObjectStore, rules: Files) -> None:
    files = paths(".gitignore", "logo.png", ".sops.yaml", "sub/x.md", "sub/x.yaml") | rules
    assert kept(store, files) == sorted([".sops.yaml", *rules, "logo.png", "sub/x.yaml"])


def test_spec_ignore_comes_last_and_can_bring_back(store: ObjectStore) -> None:
    files = paths("a.yaml", "b.yaml", "deploy/c.yaml", "deploy/notes.md", "test/d.yaml")
    files[".sourceignore"] = "deploy/\n"
    rules = "# all but deploy\n/*\n!/deploy\n\n/deploy/**/*.md\n"
    assert kept(store, files, rules) == ["deploy/c.yaml"]


def test_rules_of_a_folder_end_with_it(store: ObjectStore) -> None:
    files = paths("a/x.txt", "a/b/x.txt", "c/x.txt", "x.txt") | {"a/.sourceignore": "/x.txt\n"}
    assert kept(store, files) == ["a/.sourceignore", "a/b/x.txt", "c/x.txt", "x.txt"]


def test_a_file_comes_back_from_a_folder_that_is_left_out(store: ObjectStore) -> None:
    """Unlike Git, as Flux: the last pattern that matches decides."""
    assert kept(store, paths("a/x.yaml", "a/y.yaml"), "a/\n!a/y.yaml\n") == ["a/y.yaml"]


def test_an_empty_rule_text_is_no_rule(store: ObjectStore) -> None:
    assert kept(store, paths("logo.png", "a.yaml"), "# nothing\n\n") == ["a.yaml"]


def test_everything_may_be_left_out(store: ObjectStore) -> None:
    assert kept(store, paths("a", "b/c"), "*\n") == []


def test_untouched_folders_keep_their_id(store: ObjectStore) -> None:
    tree = write(store, paths("apps/web.yaml", "docs/logo.png", "docs/x.yaml"))
    filtered = TreeFilter(store).apply(tree, None)
    before, after = store.tree(tree), store.tree(filtered)
    assert after.entry("apps") == before.entry("apps")
    assert after.entry("docs") != before.entry("docs")
    assert TreeFilter(store).apply(filtered, None) == filtered


def test_a_huge_ignore_file_is_refused(store: ObjectStore) -> None:
    tree = write(store, {"sub/.sourceignore": "x\n" * 600_000})
    with pytest.raises(IgnoreRulesError, match=r"sub/\.sourceignore is larger than 1 MiB"):
        TreeFilter(store).apply(tree, None)


# -- Git as the oracle ------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "ab", "a.txt", "b.md", "x-1"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
SEGMENTS = st.sampled_from(["a", "b", "ab", "*", "a*", "*.txt", "?", "[ab]", "[^a]", "[a-c]*", "x-1", r"\a", "**"])


@st.composite
def patterns(draw: st.DrawFn) -> str:
    parts = draw(st.lists(SEGMENTS, min_size=1, max_size=3))
    return draw(st.sampled_from(["", "/"])) + "/".join(parts) + draw(st.sampled_from(["", "/"]))


def asks_what_go_git_understands(lines: list[str]) -> bool:
    """Flux's matcher takes the first fit after ``**`` and does not try again; ``**/name`` means the same."""
    plain = [line.strip("/").split("/") for line in lines]
    return all("**" not in parts or (len(parts) == 2 and parts[0] == "**" != parts[1]) for parts in plain)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("oracle")
    subprocess.run(["git", "init", "-q", folder], check=True, env=GIT_ENVIRONMENT)
    return folder


GIT_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}


@given(lines=st.lists(patterns(), min_size=1, max_size=4), path=PATHS)
@example(lines=["a/*"], path="a/b/ab")
@example(lines=["**/a"], path="b/a/x-1")
@example(lines=["/a/"], path="a")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_git_agrees(oracle: Path, lines: list[str], path: str) -> None:
    assume(asks_what_go_git_understands(lines))
    (oracle / ".git" / "info").mkdir(exist_ok=True)
    (oracle / ".git" / "info" / "exclude").write_text("\n".join(lines) + "\n")
    answer = subprocess.run(
        ["git", "check-ignore", "-q", "--no-index", path], cwd=oracle, check=False, env=GIT_ENVIRONMENT
    )
    assert PatternList(parse_patterns(lines)).excluded(path.split("/")) is (answer.returncode == 0)


@given(lines=st.lists(st.text(max_size=12), max_size=5), path=PATHS)
def test_any_text_is_a_pattern(lines: list[str], path: str) -> None:
    PatternList(parse_patterns(lines)).excluded(path.split("/"))


@pytest.mark.parametrize(
    ("rules", "spec_ignore", "path", "rule"),
    [
        (
            {},
            None,
            "app/logo.png",
            "'*.png' of Flux's defaults, which a rule of your own in .sourceignore or spec.ignore",
        ),
        ({"app/.sourceignore": "# images\n\nlogo.*\n"}, None, "app/logo.png", "'logo.*' of app/.sourceignore"),
        ({".sourceignore": "*.png"}, "!*.png\n/app/\n", "app/logo.png", "'/app/' of spec.ignore"),
        ({".sourceignore": "*.md"}, None, ".gitmodules", "'.gitmodules' of Flux's defaults"),
    ],
)
def test_the_rule_that_left_a_file_out_is_named(
    store: ObjectStore, rules: Files, spec_ignore: str | None, path: str, rule: str
) -> None:
    tree_filter = TreeFilter(store)
    filtered = tree_filter.apply(write(store, paths("app/logo.png", "x.yaml", ".gitmodules") | rules), spec_ignore)
    found = tree_filter.why_absent(filtered, ["app/never.png", "app", path, "never"])
    assert found.startswith(f"{path} is in the repository, but left out by the ignore rule {rule}")


def test_a_folder_of_which_nothing_is_left(store: ObjectStore) -> None:
    tree_filter = TreeFilter(store)
    filtered = tree_filter.apply(write(store, paths("app/logo.png", "x.yaml")), None)
    assert (
        tree_filter.why_absent(filtered, ["app"])
        == "app is in the repository, but ignore rules leave out all that is in it"
    )
    assert tree_filter.why_absent(filtered, ["x.yaml", "never"]) == ""
    assert tree_filter.why_absent(store.write_tree({}), ["app"]) == "", "where that comes from is not known"
