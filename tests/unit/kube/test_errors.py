"""From a Status to our errors; and no value of a Secret in any of them."""

from __future__ import annotations

import base64
import json

import pytest

from fairlead.errors import ApplyRejectedError, ConflictError, ForbiddenError, NotReadyError, UnavailableError
from fairlead.kube.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictApiError,
    ForbiddenApiError,
    GoneError,
    InvalidError,
    NoMatchError,
    NotFoundError,
    ServerUnavailableError,
    TooManyRequestsError,
    error_from_status,
    parse_status,
)
from fairlead.kube.vetting import vet_secret_message
from fairlead.objects.ref import GroupKind


def error_for(code: int, reason: str = "", message: str = "no", **details: object) -> ApiError:
    body = json.dumps({"kind": "Status", "reason": reason, "message": message, "details": details}).encode()
    return error_from_status(parse_status(code, body), "Deployment/apps/web", "apply")


@pytest.mark.parametrize(
    ("code", "reason", "expected", "group"),
    [
        (404, "NotFound", NotFoundError, ApiError),
        (409, "AlreadyExists", AlreadyExistsError, ApiError),
        (409, "Conflict", ConflictApiError, ConflictError),
        (422, "Invalid", InvalidError, ApplyRejectedError),
        (400, "BadRequest", InvalidError, ApplyRejectedError),
        (413, "", InvalidError, ApplyRejectedError),
        (403, "Forbidden", ForbiddenApiError, ForbiddenError),
        (401, "Unauthorized", ForbiddenApiError, ForbiddenError),
        (410, "Expired", GoneError, ApiError),
        (429, "TooManyRequests", TooManyRequestsError, UnavailableError),
        (500, "InternalError", ServerUnavailableError, UnavailableError),
        (503, "ServiceUnavailable", ServerUnavailableError, UnavailableError),
        (504, "Timeout", ServerUnavailableError, UnavailableError),
        (405, "MethodNotAllowed", ApiError, ApiError),
    ],
)
def test_codes_and_reasons(code: int, reason: str, expected: type[ApiError], group: type[Exception]) -> None:
    error = error_for(code, reason)
    assert type(error) is expected
    assert isinstance(error, group)


def test_one_line_names_object_verb_reason_and_message() -> None:
    error = error_for(
        422,
        "Invalid",
        'Deployment.apps "web" is invalid:\n  spec.replicas: Invalid value: -1',
        causes=[{"field": "spec.replicas", "reason": "FieldValueInvalid", "message": "Invalid value: -1"}],
    )
    assert str(error) == (
        'Deployment/apps/web apply failed (Invalid): Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1'
    )
    assert error.causes[0].field == "spec.replicas"


def test_a_field_that_the_schema_lacks_is_the_users_fault_although_the_server_says_500() -> None:
    error = error_for(
        500, "", "failed to create typed patch object (a/b; v1, Kind=X): .dta: field not declared in schema"
    )
    assert isinstance(error, InvalidError)
    assert error.reason == "Invalid"


def test_immutable_fields_can_be_told() -> None:
    error = error_for(422, "Invalid", "spec.selector: Invalid value: {}: field is immutable")
    assert isinstance(error, InvalidError)
    assert error.immutable


@pytest.mark.parametrize("body", [b"", b"<html>oops</html>", b"\xff\xfe", b'{"kind":"Pod"}', b"[1]", b'{"kind": 1}'])
def test_a_body_that_is_no_status_becomes_the_message(body: bytes) -> None:
    error = error_from_status(parse_status(502, body), "Pod/a/b", "get")
    assert isinstance(error, ServerUnavailableError)
    assert error.reason == "BadGateway"
    assert "\n" not in str(error)


def test_retry_after_is_read_from_the_details() -> None:
    assert error_for(429, "TooManyRequests", retryAfterSeconds=3).retry_after == 3
    assert error_for(429, "TooManyRequests").retry_after is None


def test_a_404_about_no_object_is_about_the_kind() -> None:
    known = error_for(404, "NotFound", name="web")
    unknown = error_from_status(parse_status(404, b"404 page not found\n"), "X/a/b", "get")
    assert isinstance(known, NotFoundError)
    assert isinstance(unknown, NotFoundError)
    assert known.about_object
    assert not unknown.about_object


def test_an_unknown_kind_waits_for_its_crd() -> None:
    error = NoMatchError(GroupKind("example.com", "Widget"))
    assert isinstance(error, NotReadyError)
    assert str(error) == 'no matches for kind "Widget" in group "example.com": is its CRD installed?'
    old = NoMatchError(GroupKind("example.com", "Widget"), "v1beta1", served=["v2", "v1"])
    assert str(old).endswith('in group "example.com" in version "v1beta1": the server has it in v1, v2')


def test_very_long_messages_are_cut() -> None:
    assert len(error_for(422, "Invalid", "x" * 100_000).message) <= 8192


VALUE = "hunter2-long"
ENCODED = base64.b64encode(VALUE.encode()).decode()


@pytest.mark.parametrize(
    "message",
    [
        f'Secret "a" is invalid: data[x]: Invalid value: "{VALUE}": no good',
        f".data.p: expected string, got &value.valueUnstructured{{Value:{VALUE}}}",
        f'.data.p: expected string, got &value.valueUnstructured{{Value:[]interface {{}}{{"{VALUE}"}}}}',
        f"error found in #10 byte of ...|{VALUE}|..., bigger context ...|xx{VALUE}yy|...",
        f"admission webhook denied the request: {VALUE} is weak",
        f"admission webhook denied the request: {ENCODED} is weak",
    ],
)
def test_what_the_server_quotes_from_a_secret_is_masked(message: str) -> None:
    body = json.dumps({"data": {"p": ENCODED}, "stringData": {"q": VALUE, "r": {"deep": [VALUE]}}}).encode()
    vetted = vet_secret_message(message, body)
    assert VALUE not in vetted
    assert ENCODED not in vetted
    assert "***" in vetted


def test_causes_of_a_secret_are_masked_too() -> None:
    status = parse_status(
        422,
        json.dumps(
            {
                "kind": "Status",
                "message": f'data: Invalid value: "{VALUE}"',
                "details": {"causes": [{"field": "data", "message": f'Invalid value: "{VALUE}"'}]},
            }
        ).encode(),
    )
    error = error_from_status(status, "Secret/a/b", "apply", secret_body=b"not json")
    assert VALUE not in str(error)
    assert VALUE not in str(error.causes)


def test_a_secret_that_is_no_object_cannot_break_the_vetting() -> None:
    for body in (b"[]", b"3", b"{}", b'{"data": 3}', b'{"data": {"a": null}}', b"\xff"):
        assert vet_secret_message("fine", body) == "fine"
