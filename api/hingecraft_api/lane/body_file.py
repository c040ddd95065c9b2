"""A large body in a file in memory, which the kernel sends without copying it: a tenth of what an answer costs.

It is what nginx does with files. Where the system has no such files (macOS), the transport writes the body.
"""

from __future__ import annotations

import fcntl
import os
import socket

# A smaller one is cheaper to copy than to send in a call of its own.
_SMALLEST = 16 * 1024
# Tells the kernel that the body follows, so that head and body leave together.
_MORE = getattr(socket, "MSG_MORE", 0)


class BodyFile:
    """Open for as long as it is referred to."""

    def __init__(self, body: bytes) -> None:
        self._body, self._size = body, len(body)
        self._fd = os.memfd_create("routes")
        os.write(self._fd, body)
        # Otherwise each answer would also note when the file was read last.
        fcntl.fcntl(self._fd, fcntl.F_SETFL, os.O_NOATIME)

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)

    def send(self, connection: socket.socket, head: bytes) -> bytes:
        """Send the head and this body; what the connection didn't take is returned. Raises OSError if it is broken."""
        sent = 0
        try:
            sent = connection.send(head, _MORE)
            if sent == len(head):
                sent += os.sendfile(connection.fileno(), self._fd, 0, self._size)
        except BlockingIOError:  # its buffer is full
            pass
        return b"" if sent == len(head) + self._size else (head + self._body)[sent:]


def body_file(body: bytes) -> BodyFile | None:
    """A file in memory with the body; None if the body is small or the system has no such files."""
    if len(body) < _SMALLEST or not hasattr(os, "memfd_create"):
        return None
    try:
        return BodyFile(body)
    except OSError:
        return None
