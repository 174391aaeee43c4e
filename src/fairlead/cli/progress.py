"""Progress lines on stderr with Flux's marks, so that stdout carries data alone."""

from __future__ import annotations

import click

__all__ = ["action", "done", "failed", "waiting", "warn"]


def action(message: str) -> None:
    click.echo(f"► {message}", err=True)


def waiting(message: str) -> None:
    click.echo(f"◎ {message}", err=True)


def done(message: str) -> None:
    click.echo(f"✔ {message}", err=True)


def failed(message: str) -> None:
    click.echo(f"✗ {message}", err=True)


def warn(message: str) -> None:
    click.echo(f"⚠️  {message}", err=True)
