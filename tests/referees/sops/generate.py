"""Makes the test vectors for our reader of SOPS files with the real tool.

    go build -o sops github.com/getsops/sops/v3/cmd/sops
    python generate.py ./sops ../../unit/build/sops/vectors.json

Keys are made anew each time and are good for nothing but these tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyrage

YAML = """\
# about everything
text: hello
number: 42
negative: -7
share: 1.5
large: 1e+21
tiny: 1.0e-7
yes: true
no: false
nothing: null
empty: ""
date: 2024-05-06
quoted: "12"
# about lines
lines: |
  one
  two
nested:
  list:
    - a
    - b: ünïcode ✓
      c: 3
  "key with: colon": x
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: login
  namespace: shop
type: Opaque
stringData:
  user: admin
  password: "correct horse: battery"
"""
TWO = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata:\n  a: b\n---\n" + SECRET
JSON = '{"text": "a <b> & c", "list": [1, 2.5, true, null, {"deep": "x"}], "big": 9007199254740993, "empty": ""}'
DOTENV = "# who\nUSER=admin\nPASSWORD=a=b # c\nLINES=one\\ntwo\nEMPTY=\n"
INI = "[db]\nuser = admin\npassword = secret\n\n[cache]\nlong_name = x\nn = 1\n"

CASES: list[dict[str, Any]] = [
    {"name": "yaml", "file": "a.yaml", "plain": YAML},
    {
        "name": "yaml-encrypted-regex",
        "file": "a.yaml",
        "plain": SECRET,
        "flags": ["--encrypted-regex", "^(data|stringData)$"],
    },
    {
        "name": "yaml-mac-only-encrypted",
        "file": "a.yaml",
        "plain": SECRET,
        "rule": {"encrypted_regex": "^(data|stringData)$", "mac_only_encrypted": True},
    },
    {
        "name": "yaml-unencrypted-suffix",
        "file": "a.yaml",
        "plain": "a: b\nc_plain: d\ne_plain:\n  f: 1\n",
        "flags": ["--unencrypted-suffix", "_plain"],
    },
    {"name": "yaml-default-suffix", "file": "a.yaml", "plain": "a: b\nc_unencrypted: d\n"},
    {
        "name": "yaml-encrypted-suffix",
        "file": "a.yaml",
        "plain": "a: 1\nc_secret: d\n",
        "flags": ["--encrypted-suffix", "_secret"],
    },
    {
        "name": "yaml-unencrypted-regex",
        "file": "a.yaml",
        "plain": SECRET,
        "flags": ["--unencrypted-regex", "^(apiVersion|metadata|kind|type)$"],
    },
    {
        "name": "yaml-comment-regex",
        "file": "a.yaml",
        "plain": "a: b\n# plain\nc: d\ne: f\n",
        "rule": {"unencrypted_comment_regex": "plain"},
    },
    {
        "name": "yaml-two-documents",
        "file": "a.yaml",
        "plain": TWO,
        "flags": ["--encrypted-regex", "^(data|stringData)$"],
    },
    {"name": "json", "file": "a.json", "plain": JSON},
    {"name": "dotenv", "file": "a.env", "plain": DOTENV},
    {"name": "ini", "file": "a.ini", "plain": INI},
    {"name": "binary", "file": "a.bin", "plain": '#!/bin/sh\necho "ünïcode"\n'},
    {"name": "two-recipients", "file": "a.yaml", "plain": "a: b\n", "recipients": "other,age"},
    {"name": "shamir-2-of-3", "file": "a.yaml", "plain": "a: b\n", "groups": ["age", "other", "lost"]},
    {"name": "shamir-dotenv", "file": "a.env", "plain": "A=b\n", "groups": ["age", "other", "lost"]},
    {
        "name": "openpgp",
        "file": "a.yaml",
        "plain": SECRET,
        "flags": ["--encrypted-regex", "^(data|stringData)$"],
        "openpgp": True,
    },
    {"name": "json-openpgp", "file": "a.json", "plain": JSON, "openpgp": True},
]


def main(sops: str, out: str) -> None:
    identities = {name: pyrage.x25519.Identity.generate() for name in ("age", "other", "lost")}
    public = {name: str(identity.to_public()) for name, identity in identities.items()}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "gnupg")
        home.mkdir(mode=0o700)
        gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
        make = [*gpg, "--passphrase", "", "--pinentry-mode", "loopback", "--quick-generate-key"]
        subprocess.run([*make, "test <test@example.com>", "default", "default", "never"], check=True)
        listed = subprocess.run(
            [*gpg, "--with-colons", "--list-keys"], check=True, capture_output=True, text=True
        ).stdout
        fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
        armored = subprocess.run([*gpg, "--armor", "--export-secret-keys"], check=True, capture_output=True, text=True)
        environment = {
            **os.environ,
            "GNUPGHOME": str(home),
            "SOPS_AGE_KEY": "\n".join(str(identities[name]) for name in ("age", "other")),
            "HOME": folder,
        }
        vectors = []
        for case in CASES:
            path = Path(folder, case["file"])
            path.write_text(case["plain"])
            arguments = _recipients(case, public, fingerprint, Path(folder))
            encrypted = _run([sops, *arguments, "encrypt", *case.get("flags", []), str(path)], environment, folder)
            path.write_text(encrypted)
            plain = _run([sops, "decrypt", str(path)], environment, folder)
            vectors.append({"name": case["name"], "file": case["file"], "encrypted": encrypted, "plain": plain})
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    keys = {"age": str(identities["age"]), "other": str(identities["other"]), "openpgp": armored.stdout}
    Path(out).write_text(json.dumps({"keys": keys, "vectors": vectors}, indent=1, ensure_ascii=False) + "\n")


def _recipients(case: dict[str, Any], public: dict[str, str], fingerprint: str, folder: Path) -> list[str]:
    config = folder / ".sops.yaml"
    rule: dict[str, Any] = dict(case.get("rule", {}))
    if case.get("openpgp"):
        rule["pgp"] = fingerprint
    elif groups := case.get("groups"):
        rule["key_groups"] = [{"age": [public[name]]} for name in groups]
        rule["shamir_threshold"] = 2
    else:
        rule["age"] = ",".join(public[name] for name in case.get("recipients", "age").split(","))
    config.write_text(json.dumps({"creation_rules": [rule]}))
    return ["--config", str(config)]


def _run(command: list[str], environment: dict[str, str], folder: str) -> str:
    done = subprocess.run(command, env=environment, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main(*sys.argv[1:3])
