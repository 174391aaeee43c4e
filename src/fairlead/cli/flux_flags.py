"""Flags as the arguments of Flux's controllers have them, so that these can be copied: ``--flag=true``, ``35s``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["span", "switch"]


def span(name: str, *, help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A time span, in seconds: given as a Go duration (``1m30s``) or as a number of seconds."""
    return click.option(name, metavar="DURATION", callback=_seconds, help=help)


def switch(*names: str, default: bool | None = False, help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A flag that is on or off: alone it is on, and ``=true`` or ``=false`` may follow."""
    return click.option(
        *names,
        is_flag=False,
        flag_value="true",
        default=default,
        type=bool,
        metavar="[=true|false]",
        help=help,
    )


def _seconds(_: click.Context, __: click.Parameter, said: str | None) -> float | None:
    from fairlead.objects.duration import parse_duration

    if said is None:
        return None
    try:
        seconds = float(said) if said[-1:].isdigit() else parse_duration(said).total_seconds()
    except ValueError as error:
        raise click.BadParameter(f"'{said}' is no time span; write for example 35s or 1m30s") from error
    if seconds <= 0:
        raise click.BadParameter(f"'{said}' must be more than 0")
    return seconds
