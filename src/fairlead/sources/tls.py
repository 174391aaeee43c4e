"""TLS settings for one set of credentials: a private CA beside the system's, a client certificate."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.sources.errors import GitAuthError

if TYPE_CHECKING:
    from fairlead.sources.spec import GitAuth

__all__ = ["tls_context"]


def tls_context(auth: GitAuth) -> ssl.SSLContext:
    """Raises :class:`GitAuthError` when a certificate or key cannot be read."""
    context = ssl.create_default_context()
    if auth.ca:
        try:
            context.load_verify_locations(cadata=auth.ca)
        except (ssl.SSLError, ValueError) as error:
            raise GitAuthError(f"'ca.crt' holds no certificate that can be read: {_reason(error)}") from None
    if auth.client_certificate:
        _load_client_certificate(context, auth)
    return context


def _load_client_certificate(context: ssl.SSLContext, auth: GitAuth) -> None:
    """Python loads a key only from a file, so one exists for a moment, for this user alone."""
    with tempfile.TemporaryDirectory(prefix="fairlead-tls-") as folder:
        certificate, key = Path(folder) / "tls.crt", Path(folder) / "tls.key"
        for path, text in ((certificate, auth.client_certificate), (key, auth.client_key)):
            path.touch(mode=0o600)
            path.write_text(text)
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise GitAuthError(f"'tls.crt' and 'tls.key' do not fit together: {_reason(error)}") from None


def _no_password() -> str:
    raise ValueError("the key has a passphrase")


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or str(error)
