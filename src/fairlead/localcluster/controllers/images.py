"""Images of the simulated registry: every one exists, except those whose tag says otherwise.

A tag that begins with ``broken`` never pulls; a container of an image whose tag begins with ``fail`` exits with 1.
"""

from __future__ import annotations

import hashlib


def tag_of(image: str) -> str:
    """The tag of ``registry:5000/team/app:1.2``; ``latest`` when none is written."""
    name = image.partition("@")[0]
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or "latest"


def never_pulls(image: str) -> bool:
    return tag_of(image).startswith("broken")


def always_fails(image: str) -> bool:
    return tag_of(image).startswith("fail")


def full_name(image: str) -> str:
    """``nginx`` as a container runtime spells it: ``docker.io/library/nginx:latest``."""
    first, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in first and ":" not in first and first != "localhost":
        image = f"docker.io/{image}"
    if "@" in image or ":" in image.rpartition("/")[2]:
        return image
    return f"{image}:latest"


def image_id(image: str) -> str:
    repository = full_name(image).partition("@")[0].rpartition(":")[0]
    return f"{repository}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def pull_error(image: str) -> str:
    """What a container runtime says about an image that no registry has."""
    name = full_name(image)
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{name}": '
        f'failed to resolve reference "{name}": {name}: not found'
    )
