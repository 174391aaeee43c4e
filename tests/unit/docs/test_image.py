"""The image and the Deployment fit together. No image is built here."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from fairlead.objects.yaml import load

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
POD = load((ROOT / "deploy" / "deployment.yaml").read_text())["spec"]["template"]["spec"]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }
    assert copied
    assert all((ROOT / name).exists() for name in copied)
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied


def test_the_user_of_the_image_is_that_of_the_deployment() -> None:
    (container,) = POD["containers"]
    user = container["securityContext"]["runAsUser"]
    assert f"USER {user}:{POD['securityContext']['fsGroup']}\n" in DOCKERFILE
    assert f"useradd --uid {user} " in DOCKERFILE, "ssh works for nobody whose number has no name"


def test_the_image_is_named_as_the_deployment_names_it() -> None:
    (container,) = POD["containers"]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert container["image"] == f"fairlead:{version}"
    for text in (DOCKERFILE, (ROOT / "docs" / "guide" / "getting-started.md").read_text()):
        assert f"docker build --tag {container['image']} ." in text
