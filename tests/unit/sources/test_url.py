"""URLs: what is taken, what is refused, and that passwords never show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.sources.errors import GitUrlError
from fairlead.sources.spec import GitAuth
from fairlead.sources.url import Scheme, join_relative, parse_url, redact_url


@pytest.mark.parametrize(
    ("given_url", "text"),
    [
        ("https://example.com/org/repo", "https://example.com/org/repo"),
        ("https://EXAMPLE.com:443/org/repo.git", "https://example.com/org/repo.git"),
        ("http://example.com:8080/r", "http://example.com:8080/r"),
        ("https://[::1]:8443/r", "https://[::1]:8443/r"),
        ("ssh://git@example.com/org/repo", "ssh://git@example.com/org/repo"),
        ("ssh://example.com:2222/repo", "ssh://git@example.com:2222/repo"),
        ("file:///srv/git/repo", "file:///srv/git/repo"),
        ("/srv/git/my repo", "file:///srv/git/my%20repo"),
    ],
)
def test_accepted(given_url: str, text: str) -> None:
    assert parse_url(given_url)[0].text == text


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c 'touch /tmp/x'",
        "ext::sh%20-c",
        "-oProxyCommand=touch",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-oProxyCommand=touch@host/x",
        "ssh://git@-oProxyCommand=touch/x",
        "ssh://git@host/-x",
        "git@github.com:org/repo.git",
        "git://example.com/repo",
        "ftp://example.com/repo",
        "fd::3",
        "https://",
        "https://host",
        "https://host:port/x",
        "https://host/x\n--upload-pack=evil",
        "https://host/x y",
        "https://host/x?service=other",
        "file://otherhost/x",
        "relative/path",
        "",
    ],
)
def test_refused(url: str) -> None:
    with pytest.raises(GitUrlError):
        parse_url(url)


def test_credentials_in_a_url_become_the_auth_and_do_not_show() -> None:
    url, auth = parse_url("https://ada:s%40crt@example.com/repo")
    assert (url.text, auth.username, auth.password) == ("https://example.com/repo", "ada", "s@crt")
    assert "s@crt" not in repr((url, auth))


def test_a_secret_wins_over_the_url() -> None:
    _, auth = parse_url("https://ada:old@example.com/repo", GitAuth(username="bob", password="new"))
    assert (auth.username, auth.password) == ("bob", "new")


def test_errors_do_not_show_passwords() -> None:
    with pytest.raises(GitUrlError) as caught:
        parse_url("ftp://ada:hunter2@example.com/repo")
    assert "hunter2" not in str(caught.value)
    assert redact_url("https://ada:hunter2@example.com/r") == "https://example.com/r"


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        url, _ = parse_url(text)
    except GitUrlError:
        return
    assert url.scheme in Scheme
    assert "\n" not in url.text


@pytest.mark.parametrize(
    ("base", "relative", "result"),
    [
        ("https://example.com/org/repo.git", "../lib.git", "https://example.com/org/lib.git"),
        ("https://example.com/org/repo.git", "./lib", "https://example.com/org/repo.git/lib"),
        ("ssh://git@example.com:22/org/repo", "../../other/lib", "ssh://git@example.com:22/other/lib"),
        ("file:///srv/git/repo", "../lib", "file:///srv/git/lib"),
    ],
)
def test_relative_urls_of_submodules(base: str, relative: str, result: str) -> None:
    assert join_relative(base, relative) == result


def test_relative_urls_do_not_leave_the_server() -> None:
    with pytest.raises(GitUrlError):
        join_relative("https://example.com/repo", "../../../evil.example/x")


@pytest.mark.parametrize(
    ("given_url", "shown"),
    [
        ("https://u:p@h/f.yaml?token=hidden&ref=v1", "https://h/f.yaml?token=***&ref=v1"),
        ("https://h/f.yaml?hidden", "https://h/f.yaml?***"),
        ("https://h/f.yaml", "https://h/f.yaml"),
        ("https://h/f.yaml?", "https://h/f.yaml?"),
    ],
)
def test_tokens_in_the_query_are_not_shown(given_url: str, shown: str) -> None:
    assert redact_url(given_url) == shown
