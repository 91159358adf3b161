"""Asks an address whether a worker answers there."""

import contextlib
import socket

# What a client of HTTP/2, and so of gRPC, sends first (RFC 9113, 3.4), with an empty SETTINGS frame. A server
# that works answers at once with its own SETTINGS, a frame with 9 bytes of head.
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_HEAD = 9


def answers(address: str, *, raises: bool = False, seconds: float = 5.0) -> bool:
    """Returns whether a worker answers at an address, host:port, within some seconds.

    Raises:
      ConnectionRefusedError: nobody listens there, and `raises` is set.
    """
    host, _, port = address.rpartition(":")
    try:
        with contextlib.closing(socket.create_connection((host.strip("[]"), int(port)), seconds)) as connection:
            connection.settimeout(seconds)
            connection.sendall(GREETING)
            return len(connection.recv(_HEAD)) > 0
    except ConnectionRefusedError:
        if raises:
            raise
        return False
    except OSError:
        return False
