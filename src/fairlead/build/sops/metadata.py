"""What SOPS writes beside the values: which are encrypted, for whom, and the MAC."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairlead.build.sops.errors import SopsError
from fairlead.build.sops.values import is_encrypted
from fairlead.objects.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["VAULT", "Group", "Metadata", "Recipient", "unflattened"]

VAULT = "hc_vault"
_SERVICES = {
    "kms": "AWS KMS",
    "gcp_kms": "Google Cloud KMS",
    "azure_kv": "Azure Key Vault",
    VAULT: "HashiCorp Vault",
    "hckms": "Huawei Cloud KMS",
}
_DEFAULT_SUFFIX = "_unencrypted"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody for whom the data key (or a part of it) is encrypted."""

    kind: str
    """``age``, ``pgp``, or the name of a key service."""
    name: str
    """Public key, fingerprint or address of the key: nothing that is secret."""
    encrypted: str = field(repr=False)

    def __str__(self) -> str:
        return f"{_SERVICES.get(self.kind, self.kind)} {redact_url(self.name)}".strip()


Group = tuple[Recipient, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The decoded block; see :meth:`of`."""

    groups: tuple[Group, ...]
    threshold: int
    """How many groups are needed when there is more than one."""
    mac: str
    modified: str
    """Text of the time of the last change, which is authenticated with the MAC."""
    mac_only_encrypted: bool
    unencrypted_suffix: str
    encrypted_suffix: str
    unencrypted_regex: re.Pattern[str] | None
    encrypted_regex: re.Pattern[str] | None
    by_comment: bool
    """Comments say what is encrypted. We do not read comments and go by how the values look."""

    @classmethod
    def of(cls, block: Mapping[str, Any]) -> Metadata:
        """Raises :class:`SopsError` when the block makes no sense."""
        groups = tuple(_group(item) for item in _items(block, "key_groups"))
        groups = groups or (_group(block),)
        suffix = _text(block, "unencrypted_suffix")
        rules = ("encrypted_suffix", "unencrypted_regex", "encrypted_regex")
        comments = ("unencrypted_comment_regex", "encrypted_comment_regex")
        if not suffix and not any(block.get(rule) for rule in (*rules, *comments)):
            suffix = _DEFAULT_SUFFIX
        return cls(
            groups=groups,
            threshold=_number(block, "shamir_threshold") or len(groups),
            mac=_text(block, "mac"),
            modified=_text(block, "lastmodified"),
            mac_only_encrypted=_text(block, "mac_only_encrypted").lower() == "true",
            unencrypted_suffix=suffix,
            encrypted_suffix=_text(block, "encrypted_suffix"),
            unencrypted_regex=_pattern(block, "unencrypted_regex"),
            encrypted_regex=_pattern(block, "encrypted_regex"),
            by_comment=any(block.get(rule) for rule in comments),
        )

    def encrypts(self, path: Sequence[str], value: object) -> bool:
        """Whether the value at a path is an encrypted one."""
        if self.by_comment:
            return is_encrypted(value)
        answer = True
        if self.unencrypted_suffix:
            answer = not any(step.endswith(self.unencrypted_suffix) for step in path)
        if self.encrypted_suffix:
            answer = any(step.endswith(self.encrypted_suffix) for step in path)
        if self.unencrypted_regex is not None and any(self.unencrypted_regex.search(step) for step in path):
            answer = False
        if self.encrypted_regex is not None:
            answer = any(self.encrypted_regex.search(step) for step in path)
        return answer


def _group(block: Mapping[str, Any]) -> Group:
    age = (Recipient("age", _text(item, "recipient"), _text(item, "enc")) for item in _items(block, "age"))
    openpgp = (Recipient("pgp", _text(item, "fp"), _text(item, "enc")) for item in _items(block, "pgp"))
    services = (
        Recipient(name, _address(item), _text(item, "enc")) for name in _SERVICES for item in _items(block, name)
    )
    return (*age, *openpgp, *services)


def _items(block: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = block.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise SopsError(f"sops.{key} is no list of mappings")
    return value


def _address(item: Mapping[str, Any]) -> str:
    if "vault_address" in item:
        server, engine = _text(item, "vault_address").rstrip("/"), _text(item, "engine_path").strip("/")
        return f"{server}/v1/{engine}/keys/{_text(item, 'key_name')}"
    return next((_text(item, key) for key in ("arn", "resource_id", "vault_url") if key in item), "")


def _text(block: Mapping[str, Any], key: str) -> str:
    value = block.get(key)
    return "" if value is None else str(value)


def _number(block: Mapping[str, Any], key: str) -> int:
    text = _text(block, key)
    if text and not text.isdigit():
        raise SopsError(f"sops.{key} is no number")
    return int(text or 0)


def _pattern(block: Mapping[str, Any], key: str) -> re.Pattern[str] | None:
    text = _text(block, key)
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise SopsError(f"sops.{key} is no regular expression: {error}") from error


def unflattened(flat: Mapping[str, str]) -> dict[str, Any]:
    """Metadata as dotenv and ini files have them (``age__list_0__map_enc``), as nested values."""
    root: dict[str | int, Any] = {}
    for name, value in flat.items():
        steps: list[str | int] = []
        for separator, step in re.findall(r"(__map_|__list_|^)((?:(?!__map_|__list_).)+)", name):
            steps.append(int(step) if separator == "__list_" and step.isdigit() else step)
        node = root
        for step in steps[:-1]:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise SopsError("the sops metadata contradict themselves")
        node[steps[-1] if steps else name] = value.replace("\\n", "\n")
    return {str(key): _listed(value) for key, value in root.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if all(isinstance(key, int) for key in value):
        return [_listed(value[key]) for key in sorted(value)]
    return {str(key): _listed(item) for key, item in value.items()}
