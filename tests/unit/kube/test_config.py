"""Kubeconfigs: which file, which entries win, what an untrusted one may not do."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from fairlead.kube import config as config_module
from fairlead.kube.config import KubeconfigError, config_from_kubeconfig, load_config

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: dev
  cluster: {server: "https://dev:6443/", certificate-authority: ca.pem, tls-server-name: api.dev}
- name: prod
  cluster: {server: "https://prod", insecure-skip-tls-verify: true, proxy-url: "http://proxy:3128"}
users:
- name: token
  user: {token: s3cret, as: jane, as-groups: [admins, people]}
- name: files
  user: {client-certificate: cert.pem, client-key: key.pem, tokenFile: token}
- name: plugin
  user:
    exec:
      {apiVersion: client.authentication.k8s.io/v1, command: ./login, args: [get], env: [{name: A, value: b}],
       provideClusterInfo: true}
contexts:
- {name: dev, context: {cluster: dev, user: token, namespace: apps}}
- {name: prod, context: {cluster: prod, user: files}}
- {name: login, context: {cluster: dev, user: plugin}}
- {name: nobody, context: {cluster: prod}}
- {name: broken, context: {cluster: nowhere, user: token}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text(name)
    (tmp_path / "token").write_text("t0ken")
    path = tmp_path / "config"
    path.write_text(TEXT)
    return path


def test_the_current_context(path: Path) -> None:
    config = load_config(path, None, {})
    assert config.server == "https://dev:6443"
    assert config.ca == b"ca.pem"
    assert config.tls_server_name == "api.dev"
    assert config.namespace == "apps"
    assert (config.token, config.impersonate_user, config.impersonate_groups) == (
        "s3cret",
        "jane",
        ("admins", "people"),
    )
    assert config.context == "dev"


def test_another_context_reads_files_beside_the_kubeconfig(path: Path) -> None:
    config = load_config(path, "prod", {})
    assert (config.client_cert, config.client_key) == (b"cert.pem", b"key.pem")
    assert config.token_file == path.parent / "token"
    assert config.insecure
    assert config.proxy_url == "http://proxy:3128"
    assert config.namespace == "default"


def test_an_exec_plugin(path: Path) -> None:
    plugin = load_config(path, "login", {}).exec_plugin
    assert plugin is not None
    assert plugin.command == str(path.parent / "login")
    assert plugin.args == ("get",)
    assert plugin.env == (("A", "b"),)
    assert plugin.provide_cluster_info


def test_secrets_are_not_in_the_repr(path: Path) -> None:
    assert "s3cret" not in repr(load_config(path, None, {}))
    assert "key.pem" not in repr(load_config(path, "prod", {}))


def test_data_in_the_kubeconfig_wins_over_a_path() -> None:
    data = base64.b64encode(b"PEM").decode()
    text = f"""
current-context: a
clusters: [{{name: a, cluster: {{server: "https://a", certificate-authority-data: {data}}}}}]
users: [{{name: a, user: {{client-certificate-data: {data}, client-key-data: {data}}}}}]
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
"""
    config = config_from_kubeconfig(text)
    assert config.ca == config.client_cert == config.client_key == b"PEM"


def test_untrusted_kubeconfigs_run_nothing_and_read_nothing(path: Path) -> None:
    for context in ("dev", "prod", "login"):
        config = config_from_kubeconfig(TEXT, context, untrusted=True)
        assert config.exec_plugin is None
        assert config.token_file is None
        assert (config.ca, config.client_cert, config.client_key) == (None, None, None)
        assert not config.insecure


def test_kubeconfig_files_are_merged_and_the_first_wins(path: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.write_text(
        """
current-context: prod
clusters: [{name: prod, cluster: {server: "https://other"}}]
"""
    )
    environ = {"KUBECONFIG": f"{first}:{tmp_path / 'absent'}:{path}"}
    config = load_config(None, None, environ)
    assert config.server == "https://other"
    assert config.client_cert == b"cert.pem"
    assert load_config(None, "dev", environ).token == "s3cret"


def test_the_home_directory_is_last(path: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    (home / ".kube" / "config").write_text(TEXT.replace("ca.pem", str(path.parent / "ca.pem")))
    assert load_config(None, None, {"HOME": str(home)}).server == "https://dev:6443"


def test_inside_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("token", "t"), ("ca.crt", "CA"), ("namespace", "flux-system\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(config_module, "SERVICE_ACCOUNT", tmp_path)
    environ = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    config = load_config(None, None, environ)
    assert config.server == "https://[fd00::1]:6443"
    assert (config.token_file, config.ca, config.namespace) == (tmp_path / "token", b"CA", "flux-system")


@pytest.mark.parametrize(
    ("text", "context", "expected"),
    [
        (TEXT, "none", "there is no context named 'none'"),
        (TEXT, "broken", "there is no cluster named 'nowhere'"),
        ("clusters: []", None, "names no current-context"),
        ("- a", None, "is not a kubeconfig"),
        ("a: [", None, "kubeconfig"),
        ("current-context: a\nclusters: [3]", None, "holds something that is no named cluster"),
        (
            "current-context: a\ncontexts: [{name: a, context: {cluster: a}}]\nclusters: [{name: a}]",
            None,
            "has no server",
        ),
        (TEXT, None, "a relative path needs a kubeconfig file beside it"),
        (TEXT.replace("certificate-authority: ca.pem", 'certificate-authority-data: "!"'), None, "not base64"),
        (
            TEXT.replace("token: s3cret", "auth-provider: {name: oidc}").replace("ca.pem", "/dev/null"),
            None,
            "auth-provider",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, context: str | None, expected: str) -> None:
    with pytest.raises(KubeconfigError) as caught:
        config_from_kubeconfig(text, context)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="no such kubeconfig"):
        load_config(tmp_path / "absent", None, {})
    with pytest.raises(KubeconfigError, match="no kubeconfig at"):
        load_config(None, None, {"KUBECONFIG": str(tmp_path / "absent")})
    with pytest.raises(KubeconfigError, match="no cluster is configured"):
        load_config(None, None, {"HOME": str(tmp_path)})


def test_a_context_without_a_user_is_anonymous(path: Path) -> None:
    config = load_config(path, "nobody", {})
    assert (config.token, config.client_cert) == ("", None)


def test_credentials_in_the_address_are_refused_and_not_shown() -> None:
    """The address is told in messages and metrics, and the client would fail on it at every request."""
    text = TEXT.replace("https://dev:6443/", "https://ada:hunter2@dev:6443/")
    with pytest.raises(KubeconfigError, match="holds credentials; they belong under users") as raised:
        config_from_kubeconfig(text, "dev")
    assert "hunter2" not in str(raised.value)
