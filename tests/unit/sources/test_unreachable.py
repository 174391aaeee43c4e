"""What is said of servers that cannot be reached is a phrase, without numbers of errors."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from fairlead.sources.unreachable import certificate_problem, connection_problem


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to the host"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "cannot assign requested address"),
        (OSError("Multiple exceptions: [Errno 111] Connect …, [Errno 111] Connect …"), "connection refused"),
        (OSError("odd"), "odd"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "name not known"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "the name server does not answer"),
    ],
)
def test_connections(error: OSError, words: str) -> None:
    assert connection_problem(error) == words


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (20, "certificate signed by unknown authority"),
        (10, "certificate has expired"),
        (62, "certificate is for another host"),
        (23, "certificate revoked"),
    ],
)
def test_certificates(code: int, words: str) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "certificate revoked"
    assert certificate_problem(error) == words
