"""Keeps a Python process on this machine: a connection or a look-up that goes further is an error.

An audit hook, so that it holds for every library and every thread, and cannot be taken out again.
The text of this file is also the startup script of the kernels in the tests.
"""

import socket
import sys

_LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")


class OffMachineError(BaseException):
    """Something tried to talk to another machine. No `Exception`, so that nobody retries or hides it."""


def refuse_other_machines(event, args):
    """The audit hook."""
    if event == "socket.connect" and isinstance(args[1], tuple) and not _is_here(args[1][0]):
        raise OffMachineError(f"a connection to {args[1]!r}")
    if event == "socket.getaddrinfo" and not _is_here(args[0]):
        raise OffMachineError(f"a look-up of {args[0]!r}")


def _is_here(host):
    if isinstance(host, bytes):
        host = host.decode()
    return not host or host == socket.gethostname() or host.startswith(_LOOPBACK)


sys.addaudithook(refuse_other_machines)
