"""A process that the template forked, as the gateway sees it: a line to it, its end, and how to bring that about."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import suppress


class Forked:
    """Known by its pidfd, so that no other process is ever taken for it.

    stdin, stdout: of its line, once it is connected
    """

    def __init__(self, pid: int, handle: int) -> None:
        self.pid, self._handle = pid, handle
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self._code: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def connect(self, line: socket.socket) -> None:
        """Takes over our end of its line."""
        self.stdout, self.stdin = await asyncio.open_connection(sock=line)
        if self._code.done():  # it ended before
            self.stdin.close()

    def kill(self) -> None:
        """At once. Raises ProcessLookupError where it has ended already."""
        if self._code.done():
            raise ProcessLookupError
        signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    async def wait(self) -> int | None:
        """Its exit code, negative for a signal; None where nobody is left to tell."""
        return await asyncio.shield(self._code)

    def ended(self, code: int | None) -> None:
        """The template has told."""
        if self._code.done():
            return
        self._code.set_result(code)
        os.close(self._handle)
        if self.stdin is not None:
            self.stdin.close()

    def orphaned(self) -> None:
        """The template is gone: its end shows in the pidfd."""
        loop = asyncio.get_running_loop()

        def over() -> None:
            loop.remove_reader(self._handle)
            self.ended(None)

        loop.add_reader(self._handle, over)


async def ended(pid: int) -> None:
    """Waits until a child of this process has ended, for a moment, and takes its exit code from the kernel."""
    for wait_s in (0.0, 0.01, 0.03, 0.1, 0.3, 1.0):
        await asyncio.sleep(wait_s)
        with suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                continue
        return
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
