"""What a request asks for: path, verb and options, parsed once at the door."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.localcluster.status import StatusError, bad_request, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ListOptions", "Route", "UserInfo", "WriteOptions", "flag", "parse_route", "request_verb"]

ADMIN_GROUP = "system:masters"
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def is_admin(self) -> bool:
        return ADMIN_GROUP in self.groups


@dataclass(frozen=True, slots=True)
class Route:
    """A path below ``/api`` or ``/apis``; parts that it does not have are empty."""

    group: str
    version: str
    plural: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    watch: bool = False
    """The old form ``…/watch/…`` of a watch."""


def parse_route(path: str) -> Route | None:
    """The parts of an API path; ``None`` when it is none (discovery of roots and everything else)."""
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 2 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 3 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    watch = bool(rest) and rest[0] == "watch"
    if watch:
        rest = rest[1:]
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, *more = [*rest, "", ""]
    return Route(group, version, plural, namespace, name, "/".join(part for part in more if part), watch)


def request_verb(method: str, route: Route, query: Mapping[str, str]) -> str:
    """The verb that access rules speak of."""
    if method in ("GET", "HEAD"):
        if route.name and not flag(query.get("watch", "")):
            return "get"
        return "watch" if route.watch or flag(query.get("watch", "")) else "list"
    if method == "DELETE":
        return "delete" if route.name else "deletecollection"
    return {"POST": "create", "PUT": "update", "PATCH": "patch"}.get(method, method.lower())


def flag(value: str) -> bool:
    return value.lower() in ("1", "true", "t")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Options of create, update, patch and delete."""

    user: UserInfo
    field_manager: str
    dry_run: bool = False
    force: bool = False
    field_validation: str = "Warn"
    warnings: list[str] = field(default_factory=list)
    """What the client is warned of, in the order it is found."""

    @classmethod
    def parse(cls, query: Mapping[str, str], kind: str, user: UserInfo, agent: str) -> WriteOptions:
        """``kind`` is ``CreateOptions``, ``UpdateOptions`` or ``PatchOptions``."""
        dry_run = query.get("dryRun", "")
        validation = query.get("fieldValidation", "")
        if dry_run not in ("", "All"):
            raise options_invalid(
                kind, "NotSupported", f'Unsupported value: ["{dry_run}"]: supported values: "All"', "dryRun"
            )
        if validation not in ("", "Ignore", "Strict", "Warn"):
            text = f'Unsupported value: "{validation}": supported values: "", "Ignore", "Strict", "Warn"'
            raise options_invalid(kind, "NotSupported", text, "fieldValidation")
        manager = query.get("fieldManager", "")
        if len(manager) > 128:
            raise options_invalid(kind, "TooLong", "Too long: may not be more than 128 bytes", "fieldManager")
        return cls(
            user=user,
            field_manager=manager or manager_of_agent(agent),
            dry_run=dry_run == "All",
            force=flag(query.get("force", "")),
            field_validation=validation or "Warn",
        )


def manager_of_agent(agent: str) -> str:
    """The field manager of a request that names none: the program's name in its user agent."""
    return agent.partition("/")[0][:128] or "unknown"


def options_invalid(kind: str, reason: str, message: str, path: str) -> StatusError:
    return invalid("meta.k8s.io", kind, "", [(f"FieldValue{reason}", message, path)])


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Options of list and watch. ``version`` is ``None`` when the request names no resource version."""

    label_selector: str = ""
    field_selector: str = ""
    version: int | None = None
    match: str = ""
    limit: int = 0
    continuation: str = ""
    timeout_seconds: int = 0
    bookmarks: bool = False
    initial_events: bool | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str], *, watch: bool) -> ListOptions:
        initial = query.get("sendInitialEvents")
        options = cls(
            label_selector=query.get("labelSelector", ""),
            field_selector=query.get("fieldSelector", ""),
            version=_version(query.get("resourceVersion", ""), watch=watch),
            match=query.get("resourceVersionMatch", ""),
            limit=max(0, _integer(query.get("limit", ""))),
            continuation=query.get("continue", ""),
            timeout_seconds=_integer(query.get("timeoutSeconds", "")),
            bookmarks=flag(query.get("allowWatchBookmarks", "")),
            initial_events=flag(initial) if initial is not None else None,
        )
        _check_watch(options) if watch else _check_list(options)
        return options


def _integer(text: str) -> int:
    if not text:
        return 0
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _version(text: str, *, watch: bool) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    cause = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    raise StatusError(500, "", cause) if watch else bad_request(f"invalid resource version: {cause}")


_MATCH = "resourceVersionMatch"


def _check_list(options: ListOptions) -> None:
    problems: list[tuple[str, str, str]] = []
    if options.match:
        if options.version is None:
            text = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
            problems.append(("FieldValueForbidden", text, _MATCH))
        if options.continuation:
            text = "Forbidden: resourceVersionMatch is forbidden when continue is provided"
            problems.append(("FieldValueForbidden", text, _MATCH))
        if options.match not in ("Exact", "NotOlderThan"):
            text = f'Unsupported value: "{options.match}": supported values: "Exact", "NotOlderThan", ""'
            problems.append(("FieldValueNotSupported", text, _MATCH))
        if options.match == "Exact" and options.version == 0:
            text = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            problems.append(("FieldValueForbidden", text, _MATCH))
    if options.initial_events is not None:
        problems.append(
            ("FieldValueForbidden", "Forbidden: sendInitialEvents is forbidden for list", "sendInitialEvents")
        )
    if problems:
        raise invalid("meta.k8s.io", "ListOptions", "", problems)


def _check_watch(options: ListOptions) -> None:
    problems: list[tuple[str, str, str]] = []
    if options.match and options.initial_events is None:
        text = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        problems.append(("FieldValueForbidden", text, _MATCH))
    if options.initial_events is not None and options.match == "":
        text = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        problems.append(("FieldValueForbidden", text, _MATCH))
    if options.match not in ("", "NotOlderThan"):
        text = f'Unsupported value: "{options.match}": supported values: "NotOlderThan"'
        problems.append(("FieldValueNotSupported", text, _MATCH))
    if problems:
        raise invalid("meta.k8s.io", "ListOptions", "", problems)
