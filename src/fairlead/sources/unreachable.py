"""Why a server cannot be reached, in words: the system's errors show numbers and names of our functions."""

from __future__ import annotations

import errno
import os
import socket
import ssl

__all__ = ["certificate_problem", "connection_problem"]

_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the network",
    errno.ETIMEDOUT: "connection timed out",
}
_EXPIRED, _WRONG_HOST, _WRONG_ADDRESS = 10, 62, 64  # OpenSSL's X509_V_ERR_*
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)


def connection_problem(error: OSError) -> str:
    """One phrase for a connection that was not made."""
    if isinstance(error, socket.gaierror):
        temporary = error.errno == socket.EAI_AGAIN
        return "the name server does not answer" if temporary else "name not known"
    if error.errno in _WORDS:
        return _WORDS[error.errno]
    causes = {_WORDS.get(number, "") for number in _numbers(str(error))} - {""}
    if causes:
        return " and ".join(sorted(causes))  # several addresses were tried
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)


def _numbers(text: str) -> list[int]:
    """The numbers in ``Multiple exceptions: [Errno 111] …, [Errno 101] …``."""
    return [int(part.split("]")[0]) for part in text.split("[Errno ")[1:] if part.split("]")[0].isdigit()]


def certificate_problem(error: Exception) -> str:
    """One phrase for a certificate that was not accepted."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return "it does not name this host"  # aiohttp looks at the name only when OpenSSL was content
    match error.verify_code:
        case code if code in _UNKNOWN_AUTHORITY:
            return "certificate signed by unknown authority"
        case code if code == _EXPIRED:
            return "certificate has expired"
        case code if code in (_WRONG_HOST, _WRONG_ADDRESS):
            return "certificate is for another host"
        case _:
            return error.verify_message
