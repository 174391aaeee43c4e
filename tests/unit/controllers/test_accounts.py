"""What the ConfigMap of ``spec.kubeConfig.configMapRef`` says, and what is refused."""

from __future__ import annotations

import pytest

from fairlead.controllers.accounts import read_account
from fairlead.errors import InvalidSpecError

GOOD = {"provider": "generic", "address": "https://there:6443", "serviceAccountName": "tenant"}


def test_the_audience_is_the_address_unless_said() -> None:
    assert read_account(GOOD, "apps", "ConfigMap 'apps/there'").audiences == ("https://there:6443",)
    said = read_account({**GOOD, "audiences": "one\n\n two \n"}, "apps", "ConfigMap 'apps/there'")
    assert said.audiences == ("one", "two")


def test_an_address_without_scheme_is_https() -> None:
    assert read_account({**GOOD, "address": "there:6443"}, "apps", "it").server == "https://there:6443"


def test_who_goes_somewhere_as_somebody_else_shares_nothing() -> None:
    accounts = [
        read_account(GOOD, "apps", "it"),
        read_account(GOOD, "infra", "it"),
        read_account({**GOOD, "serviceAccountName": "other"}, "apps", "it"),
        read_account({**GOOD, "audiences": "else"}, "apps", "it"),
        read_account({**GOOD, "ca.crt": "else"}, "apps", "it"),
    ]
    assert len({account.identity for account in accounts}) == len(accounts)
    assert accounts[0].identity == read_account(dict(GOOD), "apps", "it").identity


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"provider": "aws"}, "provider 'aws' is not supported; use 'generic'"),
        ({"provider": ""}, "'provider' must be 'generic'"),
        ({"address": ""}, "'address' is missing"),
        ({"address": "http://there"}, "must be an https URL"),
        ({"address": "https://user:word@there"}, "must be an https URL"),
        ({"address": "https://there:x"}, "must be an https URL"),
        ({"serviceAccountName": ""}, "set 'serviceAccountName'"),
    ],
)
def test_what_is_refused(change: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidSpecError, match="ConfigMap 'apps/there': ") as caught:
        read_account({**GOOD, **change}, "apps", "ConfigMap 'apps/there'")
    assert told in str(caught.value)
    assert "word" not in str(caught.value)
