"""A terminal of a given width, and what it has been sent."""

import contextlib
import fcntl
import os
import pty
import struct
import termios


def on_terminal(columns, use):
    """Return what `use(stream)` sends to a terminal of that width."""
    screen, stream = pty.openpty()
    fcntl.ioctl(stream, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with open(stream, "w") as file:
        use(file)
    sent = b""
    # Linux ends a terminal that nobody writes to any more with an error.
    with contextlib.suppress(OSError):
        while part := os.read(screen, 10_000):
            sent += part
    os.close(screen)
    return sent.decode()
