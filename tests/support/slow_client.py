"""A client that holds a connection."""

import socket
from contextlib import suppress


def held(port: int, sent: str, each: str = "", between: float = 0.02) -> str:
    """All that a server says to a client that sends something, then a little of it again and again, to the end.

    :param each: sent every ``between`` seconds. :raises AssertionError: the server neither speaks nor closes.
    """
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection, suppress(ConnectionError):
        connection.sendall(sent.encode())
        connection.settimeout(between if each else 5)
        while True:
            try:
                part = connection.recv(4096)
                if not part:
                    break
                said += part
            except TimeoutError:
                assert each, f"still open after {said!r}"
                connection.sendall(each.encode())
    return said.decode()
