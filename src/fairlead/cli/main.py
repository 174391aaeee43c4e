"""The ``fairlead`` command: a table of verbs whose modules are imported only when they are used.

``--help`` and completion read the table alone, so they cost no more than click itself.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click

from fairlead import __version__
from fairlead.cli.groups import Group
from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["cli", "invoke", "main"]

# name: (module, attribute, short help, section)
COMMANDS = {
    "run": ("fairlead.cli.run", "run", "Run the controllers in the foreground.", "Engine"),
    "install": ("fairlead.cli.install", "install", "Apply or print CRDs, namespace and RBAC.", "Engine"),
    "demo": (
        "fairlead.cli.demo",
        "demo",
        "Watch a Git repository being kept in sync, on a cluster of its own.",
        "Engine",
    ),
    "cluster": ("fairlead.cli.cluster", "cluster", "The local cluster: a Kubernetes API in one process.", "Engine"),
    "get": ("fairlead.cli.get", "get", "Show sources and kustomizations.", "Daily use"),
    "reconcile": ("fairlead.cli.reconcile", "reconcile", "Reconcile now, and wait for the outcome.", "Daily use"),
    "suspend": ("fairlead.cli.suspend", "suspend", "Stop automatic reconciliation.", "Daily use"),
    "resume": ("fairlead.cli.suspend", "resume", "Resume automatic reconciliation.", "Daily use"),
    "events": ("fairlead.cli.events", "events", "Show what happened.", "Daily use"),
    "tree": ("fairlead.cli.tree", "tree", "Show what a kustomization manages, recursively.", "Daily use"),
    "history": ("fairlead.cli.history", "history", "Show what was delivered when, from whose commit.", "Daily use"),
    "trace": ("fairlead.cli.trace", "trace", "Go from a live object back to its Git commit.", "Daily use"),
    "export": ("fairlead.cli.export", "export", "Print resources as clean YAML.", "Daily use"),
    "build": ("fairlead.cli.build", "build", "Build a kustomization from local files.", "Without a cluster"),
    "diff": ("fairlead.cli.diff", "diff", "Compare local files with the cluster.", "Without a cluster"),
    "kustomize": ("fairlead.cli.kustomize", "kustomize", "The kustomize engine as a command.", "Without a cluster"),
    "completion": ("fairlead.cli.completion", "completion", "Print a shell's completion script.", "Other"),
    "version": ("fairlead.cli.version", "version", "Print the versions.", "Other"),
}


class LazyGroup(Group):
    """A group over :data:`COMMANDS`: listing reads the table, running imports one module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        module, attribute, _help, _section = row
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in dict.fromkeys(row[3] for row in COMMANDS.values()):
            with formatter.section(section):
                formatter.write_dl([(name, row[2]) for name, row in COMMANDS.items() if row[3] == section])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="fairlead version %(version)s")
def cli() -> None:
    """Keep Kubernetes clusters in sync with Git.

    The API is Flux's: GitRepository and Kustomization work unchanged.
    """


def main() -> None:
    """Entry point: one line on stderr and exit code 1 for failures, 2 for wrong usage, 130 for an interrupt."""
    sys.exit(invoke())


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, the program's own by default; returns the exit code."""
    try:
        outcome = cli.main(arguments, prog_name="fairlead", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        help_for = error.ctx.command_path if error.ctx else "fairlead"
        click.echo(f"✗ {error.format_message()} (see '{help_for} --help')", err=True)
        return 2
    except click.ClickException as error:
        click.echo(f"✗ {error.format_message()}", err=True)
        return 1
    except FairleadError as error:
        return _failed([error])
    except ExceptionGroup as errors:
        ours, others = errors.split(FairleadError)
        if ours is None or others is not None:
            raise
        from fairlead.cli.failures import each_of

        return _failed(each_of(ours))
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has gone; with stdout closed the interpreter does not complain at exit.
        sys.stdout = None
        return 1
    # A command may return its own code (diff: 1 means "there are differences"); --help and --version return 0.
    return outcome if isinstance(outcome, int) else 0


def _failed(errors: Iterable[BaseException]) -> int:
    from fairlead.cli.failures import explain

    for error in errors:
        click.echo(f"✗ {explain(error)}", err=True)
    return 1
