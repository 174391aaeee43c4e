"""The command's contract: exit codes, one line on stderr, and a cheap --help."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fairlead.cli.main import COMMANDS


def fairlead(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fairlead", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
    )


def test_help_names_every_command() -> None:
    result = fairlead("--help")
    assert result.returncode == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in result.stdout] == []


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom fairlead.cli.main import main\nsys.argv = ['fairlead', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('aiohttp', 'asyncio', 'pygit2', 'yaml', 'msgspec', 'rich') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--nonsense"],
        ["get"],
        ["get", "sources"],
        ["reconcile", "ks"],
        ["trace", "a", "b", "c"],
        ["suspend", "ks"],
    ],
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    result = fairlead(*arguments, KUBECONFIG="/nonexistent/config")
    assert result.returncode == 2, result.stderr


def test_wrong_usage_is_one_clear_line() -> None:
    result = fairlead("get", "all", "--nonsense")
    assert result.stderr.splitlines() == ["✗ No such option '--nonsense'. (see 'fairlead get all --help')"]
    assert result.stdout == ""


def test_a_missing_kubeconfig_is_one_clear_line() -> None:
    result = fairlead("get", "all", "--kubeconfig", "/nonexistent/config")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "/nonexistent/config" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    result = fairlead("completion", shell)
    assert result.returncode == 0
    assert "_FAIRLEAD_COMPLETE" in result.stdout
