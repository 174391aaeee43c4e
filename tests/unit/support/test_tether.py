"""A tethered program is itself, and ends with its parent."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.tether import tethered

PARENT = """
import subprocess, sys
from tests.support.tether import tethered
subprocess.Popen(tethered([sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]))
sys.stdin.read()
"""


def test_it_is_the_program_itself() -> None:
    program = "import os, sys; print(os.getpid(), sys.argv[1], os.environ['COLOUR']); sys.exit(3)"
    command = tethered([sys.executable, "-c", program, "a b"])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"COLOUR": "red"}) as process:
        assert process.communicate()[0] == f"{process.pid} a b red\n"
    assert process.returncode == 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_it_ends_when_its_parent_is_killed() -> None:
    """A test that ran into its limit left servers behind, which ran until the machine was rebooted."""
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "here\n"
        parent.kill()
        assert parent.stdout.read() == "", "the pipe is closed when nobody is left to write to it"
