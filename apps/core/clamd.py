"""Asks a ClamAV daemon whether bytes are malware, by its INSTREAM command over a unix or TCP socket (clamd(8))."""

import socket
import struct
from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError

CONNECT_S = 5.0
ANSWER_S = 120.0  # without a sign of life; archives take their time
ANSWER_BYTES = 4_096
PIECE_BYTES = 1 << 20
_UNIX = "unix:"


class ScannerUnavailable(AppError):
    """The scanner does not answer, or answers with an error. Passing: whoever waits may wait for it."""

    status = 503
    code = "scanner-unavailable"
    title = _("The malware scanner does not answer")
    detail = _("Files wait until it does; nothing is read unscanned. An administrator should look at it.")
    is_patient = True  # of a job: wait for as long as it takes


class TooLargeToScan(AppError):
    """The file is larger than the daemon takes (its StreamMaxLength)."""

    status = 413
    code = "too-large-to-scan"
    title = _("This file is too large for the malware scanner")
    detail = _("An administrator can raise the scanner's limit (StreamMaxLength) and try again.")


def scan(address: str, pieces: Iterable[bytes]) -> str:
    """Return the name of the malware in the bytes, "" for none.

    `address` is "unix:/path" or "host:port". Raises ScannerUnavailable or TooLargeToScan.
    """
    try:
        with _connect(address) as channel:
            answer = _ask(channel, pieces)
    except OSError as error:
        raise ScannerUnavailable from error
    return _found(answer)


def _connect(address: str) -> socket.socket:
    if not address.startswith(_UNIX):
        host, _colon, port = address.rpartition(":")
        channel = socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S)
    else:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            channel.settimeout(CONNECT_S)
            channel.connect(address.removeprefix(_UNIX))
        except OSError:
            channel.close()
            raise
    channel.settimeout(ANSWER_S)
    return channel


def _ask(channel: socket.socket, pieces: Iterable[bytes]) -> str:
    """Stream the bytes; a daemon that has heard enough closes early and its answer stands all the same."""
    try:
        channel.sendall(b"zINSTREAM\0")
        for piece in pieces:
            for at in range(0, len(piece), PIECE_BYTES):
                part = piece[at : at + PIECE_BYTES]
                channel.sendall(struct.pack("!I", len(part)) + part)
        channel.sendall(bytes(4))
    except (BrokenPipeError, ConnectionResetError):
        pass
    answer = b""
    while b"\0" not in answer and len(answer) < ANSWER_BYTES:
        piece = channel.recv(ANSWER_BYTES)
        if not piece:
            break
        answer += piece
    return answer.split(b"\0")[0].decode("utf-8", "replace").strip()


def _found(answer: str) -> str:
    """Return the name in "stream: NAME FOUND", "" for "stream: OK". Raises for anything else."""
    if answer.endswith(" FOUND"):
        return answer.removesuffix(" FOUND").partition(": ")[2][:200] or "malware"
    if answer.endswith(": OK"):
        return ""
    if "size limit" in answer.lower():
        raise TooLargeToScan
    raise ScannerUnavailable
