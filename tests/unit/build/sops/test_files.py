"""Files that the real tool encrypted (see ``tests/referees/sops``), and the same ones tampered with."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.build.sops import Keys, SopsError, decrypt_file, detect, format_for
from fairlead.build.sops.errors import MacError, NoKeyError
from fairlead.build.sops.files import Format, decrypt_documents
from fairlead.build.sops.keys import KeyRing
from fairlead.build.sops.stores import parse
from fairlead.objects.yaml import load_all

DATA: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text())
VECTORS: dict[str, dict[str, str]] = {vector["name"]: vector for vector in DATA["vectors"]}
AGE, OTHER, OPENPGP = (DATA["keys"][name].encode() for name in ("age", "other", "openpgp"))
AGE_KEYS = Keys.from_secret({"a.agekey": AGE, "b.agekey": OTHER})
KEYS = Keys.from_secret({"a.agekey": AGE, "b.agekey": OTHER, "c.asc": OPENPGP})
needs_gpg = pytest.mark.skipif(shutil.which("gpg") is None, reason="needs the program gpg")


def decrypted(name: str, keys: Keys = KEYS, content: bytes | None = None) -> bytes:
    vector = VECTORS[name]
    content = vector["encrypted"].encode() if content is None else content
    read = detect(content)
    assert read is not None
    with KeyRing(keys) as ring:
        return decrypt_file(content, ring, read, format_for(vector["file"]))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[needs_gpg] if "openpgp" in name else []) for name in VECTORS]
)
def test_agrees_with_the_real_tool(name: str) -> None:
    assert decrypted(name).decode() == VECTORS[name]["plain"]


@pytest.mark.parametrize("name", [name for name in VECTORS if "openpgp" not in name])
def test_one_flipped_character_is_always_noticed(name: str) -> None:
    """In any of the values: each is authenticated by itself, and all of them by the MAC."""
    text = VECTORS[name]["encrypted"]
    for match in re.finditer(r"ENC\[AES256_GCM,data:(.)", text):
        if text[match.start() - 1] == "#":
            continue  # a comment: the real tool shows it as it is
        if "mac: " in text[max(0, match.start() - 6) : match.start()] and "\n---\n" in text[: match.start()]:
            continue  # the metadata of the first document count, those of others are copies
        at = match.start(1)
        other = "A" if text[at] != "A" else "B"
        with pytest.raises(SopsError):
            decrypted(name, content=f"{text[:at]}{other}{text[at + 1 :]}".encode())


def test_a_changed_plain_value_is_noticed_by_the_mac() -> None:
    text = VECTORS["yaml-encrypted-regex"]["encrypted"].replace("name: login", "name: other")
    with pytest.raises(MacError, match="its MAC does not fit its values"):
        decrypted("yaml-encrypted-regex", content=text.encode())
    with KeyRing(KEYS) as ring:
        found = decrypt_documents(text.encode(), ring, Format.YAML, verify_mac=False)
    assert found[0]["metadata"]["name"] == "other"


def test_a_mac_over_encrypted_values_alone_lets_plain_ones_change() -> None:
    text = VECTORS["yaml-mac-only-encrypted"]["encrypted"].replace("name: login", "name: other")
    assert b"name: other" in decrypted("yaml-mac-only-encrypted", content=text.encode())


def test_a_value_that_was_moved_does_not_decrypt() -> None:
    text = VECTORS["yaml-encrypted-regex"]["encrypted"].replace("    password: ENC", "    pin: ENC")
    with pytest.raises(SopsError, match=r"stringData\.pin"):
        decrypted("yaml-encrypted-regex", content=text.encode())


def test_a_value_that_was_removed_is_noticed() -> None:
    text = re.sub(r"    password: ENC.*\n", "", VECTORS["yaml-encrypted-regex"]["encrypted"])
    with pytest.raises(MacError):
        decrypted("yaml-encrypted-regex", content=text.encode())


def test_a_plain_value_in_an_encrypted_place_is_refused() -> None:
    text = re.sub(r"password: ENC.*\n", "password: hunter2\n", VECTORS["yaml-encrypted-regex"]["encrypted"])
    with pytest.raises(SopsError) as caught:
        decrypted("yaml-encrypted-regex", content=text.encode())
    assert "stringData.password" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["yaml", "json", "dotenv", "ini", "binary"])
def test_a_truncated_file_is_an_error_and_nothing_else(name: str) -> None:
    content = VECTORS[name]["encrypted"].encode()
    read = detect(content)
    assert read is not None
    with KeyRing(KEYS) as ring:
        for part in range(1, 24):
            cut = content[: len(content) * part // 24]
            with pytest.raises(SopsError):
                decrypt_file(cut, ring, read, format_for(VECTORS[name]["file"]))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_a_file_holds_the_error_is_ours(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name in VECTORS if "openpgp" not in name]))
    text = VECTORS[name]["encrypted"]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 80)))
    junk = data.draw(st.sampled_from(["", "\n", ": ", "- ", '"', "{", "[", "null", "12", "key_groups: 3\n", "\x00"]))
    content = f"{text[:start]}{junk}{text[end:]}".encode()
    read = detect(content)
    if read is not None:
        with contextlib.suppress(SopsError), KeyRing(AGE_KEYS) as ring:
            decrypt_file(content, ring, read, format_for(VECTORS[name]["file"]))


@pytest.mark.parametrize("inside", ["\u2028", "\x85", "\x0c"])
def test_only_a_line_feed_ends_a_line_of_an_ini_file(inside: str) -> None:
    """Values in the clear may hold what Python, too, takes for the end of a line; the MAC is over all of it."""
    found = parse(f"[a]\r\nkey = x{inside}y\r\n[sops]\r\nversion = 3.1\r\n".encode(), Format.INI)
    assert found.documents == [{"DEFAULT": {}, "a": {"key": f"x{inside}y"}}]


def test_deep_files_are_refused() -> None:
    block = json.loads(VECTORS["json"]["encrypted"])["sops"]
    for depth in (400, 100_000):
        text = f'{{"sops": {json.dumps(block)}, "a_unencrypted": {"[" * depth}{"]" * depth}}}'
        with pytest.raises(SopsError), KeyRing(AGE_KEYS) as ring:
            decrypt_file(text.encode(), ring, Format.JSON, Format.JSON)


def test_a_wrong_key_is_told_with_the_recipient() -> None:
    with pytest.raises(NoKeyError) as caught:
        decrypted("yaml", Keys.from_secret({"b.agekey": OTHER}))
    assert "none of the keys of spec.decryption.secretRef opens it: it is encrypted for age age1" in str(caught.value)


def test_no_key_at_all_is_told() -> None:
    with pytest.raises(NoKeyError, match="gives no age or OpenPGP key"):
        decrypted("yaml", Keys())


def test_too_few_groups_are_told() -> None:
    with pytest.raises(NoKeyError, match="1 of 2 needed key groups could be opened"):
        decrypted("shamir-2-of-3", Keys.from_secret({"a.agekey": AGE}))


def test_a_key_service_is_named() -> None:
    content = b"a: b\nsops:\n  kms:\n  - arn: arn:aws:kms:x\n  mac: ENC[x]\n"
    with KeyRing(KEYS) as ring, pytest.raises(NoKeyError, match="encrypted with AWS KMS arn:aws:kms:x: key services"):
        decrypt_file(content, ring, Format.YAML, Format.YAML)


def test_an_unusable_identity_is_told_without_its_text() -> None:
    secret = "AGE-SECRET-KEY-1QQQQ"
    with pytest.raises(SopsError) as caught:
        decrypted("yaml", Keys.from_secret({"a.agekey": secret.encode()}))
    assert secret not in str(caught.value)


def test_comments_in_key_files_are_no_keys() -> None:
    text = b"# created: today\n# public key: age1\n" + AGE + b"\n\n"
    assert decrypted("json", Keys.from_secret({"a.agekey": text, "notes.txt": b"x"}))


def test_keys_do_not_show() -> None:
    shown = repr(KEYS)
    assert shown == "Keys(age=2, openpgp=1)"
    assert KEYS.digest != Keys.from_secret({"a.agekey": AGE}).digest
    assert (
        KEYS.digest != Keys.from_secret({"a.agekey": AGE, "b.agekey": OTHER, "c.asc": OPENPGP}, verify_mac=False).digest
    )


@needs_gpg
def test_gnupg_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="f-") as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        assert load_all(decrypted("openpgp"))
        assert list(Path(folder).iterdir()) == []
        monkeypatch.undo()


@needs_gpg
def test_gnupg_works_where_paths_are_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket of its agent would not fit."""
    deep = tmp_path / ("deep" * 20)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    assert load_all(decrypted("openpgp"))


def test_formats_are_told_by_names_and_marks() -> None:
    names = {
        "a.yaml": "yaml",
        "b/a.yml": "yaml",
        ".dockerconfigjson": "json",
        "a.env": "dotenv",
        "a.ini": "ini",
        "k.pem": "binary",
    }
    assert {name: str(format_for(name)) for name in names} == names
    assert detect(b"a: b\n") is None
    assert {name: detect(VECTORS[name]["encrypted"].encode()) for name in ("yaml", "json", "dotenv", "ini")} == {
        "yaml": Format.YAML,
        "json": Format.JSON,
        "dotenv": Format.DOTENV,
        "ini": Format.INI,
    }


def test_values_that_are_not_text_survive() -> None:
    encrypted = VECTORS["binary"]["encrypted"].encode()
    with KeyRing(KEYS) as ring:
        plain = decrypt_file(encrypted, ring, Format.JSON, Format.BINARY)
    assert base64.b64encode(plain) == base64.b64encode(VECTORS["binary"]["plain"].encode())
