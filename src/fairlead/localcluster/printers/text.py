"""Short forms of labels, selectors and lists, as the columns show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Manifest = dict[str, Any]
NONE = "<none>"
UNSET = "<unset>"
_MAX_LISTED = 3


def spec_of(obj: Manifest) -> Manifest:
    return obj.get("spec") or {}


def status_of(obj: Manifest) -> Manifest:
    return obj.get("status") or {}


def labels_text(labels: Mapping[str, str] | None) -> str:
    """``app=web,tier=front``."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def selector_text(selector: Manifest | None) -> str:
    """``app=web,tier in (a,b),!old``: requirements by key; empty for a selector without any."""
    if not selector:
        return ""
    found = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], ",".join(sorted(expression.get("values") or ()))
        forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "DoesNotExist": f"!{key}"}
        found.append((key, forms.get(expression["operator"], key)))
    return ",".join(text for _, text in sorted(found, key=lambda each: each[0]))


def selector_or_none(selector: Manifest | None) -> str:
    return selector_text(selector) or NONE


def names_and_images(template: Manifest | None) -> tuple[str, str]:
    """The containers of a pod template."""
    containers = spec_of(template or {}).get("containers") or []
    return ",".join(each["name"] for each in containers), ",".join(each.get("image") or "" for each in containers)


def cut(items: Iterable[str], *, empty: str = NONE, limit: int = _MAX_LISTED, separator: str = ",") -> str:
    """The first few items, and how many more there are."""
    every = list(items)
    if not every:
        return empty
    text = separator.join(every[:limit])
    return text if len(every) <= limit else f"{text} + {len(every) - limit} more..."


def is_true(obj: Manifest, condition: str) -> bool:
    return any(
        each["type"] == condition and each["status"] == "True" for each in status_of(obj).get("conditions") or ()
    )


def ingress_addresses(obj: Manifest) -> str:
    """Addresses of a load balancer, of a Service or an Ingress."""
    entries = (status_of(obj).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(sorted({entry.get("ip") or entry.get("hostname") or "" for entry in entries} - {""}))
