"""What is right for one object: the seam to the pure packages ``schema``, ``merge`` and ``builtin``.

The server says *when* an object is decoded, defaulted, validated or merged; those packages know *how*. Their refusals
become :class:`StatusError` here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.localcluster.builtin.defaults import default as default_builtin
from fairlead.localcluster.builtin.strategy import prepare_for_create, prepare_for_update, reset_fields
from fairlead.localcluster.builtin.validation import validate_builtin
from fairlead.localcluster.merge.apply import ApplyConflictError, apply_patch, keep_timestamps, record_update
from fairlead.localcluster.merge.patches import PatchError, json_patch, merge_patch, strategic_merge_patch
from fairlead.localcluster.merge.values import MergeError
from fairlead.localcluster.schema.custom import apply_defaults, decode_custom
from fairlead.localcluster.schema.decode import DecodeError, decode, strict_error
from fairlead.localcluster.schema.schemaset import SchemaSet
from fairlead.localcluster.schema.validate import validate as validate_custom
from fairlead.localcluster.status import StatusError, bad_request, invalid
from fairlead.objects.ref import GroupVersionKind

if TYPE_CHECKING:
    from fairlead.localcluster.schema.types import Schema
    from fairlead.localcluster.server.registry import Resource
    from fairlead.localcluster.server.requests import WriteOptions

__all__ = ["Rules"]

Manifest = dict[str, Any]

_REJECTED = "the server rejected our request due to an error in our request"


class Rules:
    """The rules of one cluster: its built-in kinds and the custom resources that are defined now."""

    def __init__(self) -> None:
        self._schemas = SchemaSet()

    def add_definition(self, definition: Manifest) -> None:
        """Take the schemas of a custom resource definition."""
        self._schemas.add_definition(definition)

    def _schema(self, resource: Resource) -> Schema:
        return self._schemas.get(GroupVersionKind(resource.group, resource.version, resource.kind))

    def decode(self, resource: Resource, obj: Manifest, options: WriteOptions) -> Manifest:
        """The object as the server holds it: types checked, unknown fields dropped and reported, nulls gone."""
        read = decode_custom if resource.custom is not None else decode
        try:
            decoded, problems = read(obj, self._schema(resource))
        except DecodeError as error:
            raise bad_request(str(error)) from error
        report(problems, resource, options)
        return decoded

    def default(self, resource: Resource, obj: Manifest, *, applied: bool) -> Manifest:
        """Fill the defaults of a decoded object; an apply leaves nulls in custom resources for validation to refuse."""
        if resource.custom is not None:
            return apply_defaults(obj, self._schema(resource), drop_nulls=not applied)
        return default_builtin(obj)

    def prepare_create(self, resource: Resource, obj: Manifest) -> None:
        """What the server writes into a new object of the kind, in place."""
        prepare_for_create(obj, has_status=resource.has_status)
        if resource.custom is not None and "status" not in obj:
            # Dropped after the defaults were filled; the server fills them again when it reads its storage.
            defaulted = apply_defaults(obj, self._schema(resource), drop_nulls=False)
            if "status" in defaulted:
                obj["status"] = defaulted["status"]
        if resource.collection == "jobs.batch":  # a stored object is defaulted when it is read: the new labels count
            default_builtin(obj)

    @staticmethod
    def prepare_update(resource: Resource, live: Manifest, new: Manifest, subresource: str) -> None:
        """Take over from the live object what this endpoint does not write; count the generation; in place."""
        prepare_for_update(new, live, subresource, has_status=resource.has_status)

    def validate(self, resource: Resource, new: Manifest, old: Manifest | None) -> None:
        """Refuse what is wrong in itself or may not change."""
        errors = validate_builtin(new, old)
        if resource.custom is not None:
            errors += validate_custom(new, self._schema(resource))
        if errors:
            name = new["metadata"].get("name") or ""
            raise invalid(resource.group, resource.kind, name, [error.cause for error in errors])

    def record(
        self,
        resource: Resource,
        live: Manifest | None,
        new: Manifest,
        options: WriteOptions,
        now: str,
        subresource: str,
    ) -> Manifest:
        """Note who owns what after a create, update or patch; what cannot be told apart is left to validation."""
        try:
            return record_update(
                live,
                new,
                manager=options.field_manager,
                schema=self._schema(resource),
                now=now,
                subresource=subresource,
                reset_paths=reset_fields(new, subresource, has_status=resource.has_status),
            )
        except MergeError:
            return new

    @staticmethod
    def settle(live: Manifest, new: Manifest) -> Manifest:
        """``live`` itself when nothing but times of owners changed."""
        return keep_timestamps(live, new)

    def apply(
        self,
        resource: Resource,
        live: Manifest | None,
        applied: Manifest,
        options: WriteOptions,
        now: str,
        subresource: str,
    ) -> Manifest:
        """Server-side apply."""
        try:
            return apply_patch(
                live,
                applied,
                manager=options.field_manager,
                force=options.force,
                schema=self._schema(resource),
                now=now,
                subresource=subresource,
                reset_paths=reset_fields(applied, subresource, has_status=resource.has_status),
            )
        except ApplyConflictError as error:
            raise StatusError(409, "Conflict", str(error), {"causes": error.causes()}) from error
        except MergeError as error:
            reason = "BadRequest" if error.code == 400 else ""
            raise StatusError(error.code, reason, str(error)) from error

    def patch(self, resource: Resource, live: Manifest, body: bytes, media: str) -> Manifest:
        """The three kinds of patch that name changes."""
        try:
            change = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            problem = "unexpected end of JSON input" if "truncated" in str(error) else str(error)
            raise bad_request(f"error decoding patch: {problem}") from error
        try:
            match media:
                case "application/json-patch+json":
                    return json_patch(live, change)
                case _ if not isinstance(change, dict):
                    kind = "array" if isinstance(change, list) else "value"
                    text = f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
                    raise bad_request(f"error decoding patch: {text}")
                case "application/merge-patch+json":
                    return merge_patch(live, change)
                case _:
                    return strategic_merge_patch(live, change, self._schema(resource))
        except PatchError as error:
            if error.code == 422:
                raise StatusError(422, "Invalid", _REJECTED, {}) from error
            reason = {400: "BadRequest", 413: "RequestEntityTooLarge"}.get(error.code, "")
            raise StatusError(error.code, reason, str(error)) from error


def report(problems: list[str], resource: Resource, options: WriteOptions) -> None:
    """Unknown and duplicate fields: an error, a warning or nothing, as the request wishes."""
    if not problems or options.field_validation == "Ignore":
        return
    if options.field_validation == "Strict":
        version = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
        raise bad_request(version + strict_error(problems))
    options.warnings.extend(problems)
