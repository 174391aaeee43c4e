"""What is safe to show of a URL."""

from __future__ import annotations

import re

__all__ = ["redact_url"]

_PLAIN_PARAMETERS = frozenset({"ref", "version", "submodules", "timeout"})
"""What kustomize knows in the query of a remote base; none of it is secret."""


def redact_url(url: str) -> str:
    """``url`` without user, password and the values of its query (tokens stand there), also when it is no good URL."""
    shown = re.sub(r"(?<=//)[^/@]*@", "", url, count=1) if "://" in url else url.partition("@")[2] or url
    address, mark, query = shown.partition("?")
    return address + mark + "&".join(_redact_value(each) for each in query.split("&"))


def _redact_value(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if name in _PLAIN_PARAMETERS:
        return parameter
    return f"{name}=***" if equals else "***" if name else value
