"""The gateway's end of the warm template: workers forked in milliseconds, sites read elsewhere."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.app.forked import Forked, ended
from inversion.app.template import MOST_BYTES, SHIELDED, Template, leave, worker_environment
from inversion.core import InversionError

_PATIENCE_S = 30.0  # for one answer; imports of a first start on a slow box
_FD = 0  # where a started template finds its line
_REQUEST_BYTES = 1 << 20  # eight windows of 16,384 samples: written at once, they do not keep the gateway waiting

log = logging.getLogger("inversion.gateway")


class TemplateLost(InversionError):
    """The template has ended, or does not answer."""


def fork_template() -> TemplateLink:
    """A template forked from this process, which must not have a second thread yet."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        ours.close()
        leave(Template(theirs).serve)
    theirs.close()
    return TemplateLink(ours, pid)


@dataclass(frozen=True)
class Reading:
    """A site that is being read."""

    _child: Forked
    _reader: asyncio.StreamReader
    _transport: asyncio.ReadTransport

    async def told(self) -> bytes:
        """All that was told, once the process has ended."""
        try:
            text = await self._reader.read()
            await self._child.wait()
        finally:
            self._transport.close()
        return text


class TemplateLink:
    """One template at a time, or none (`lost`) until `renew` starts one.

    pid: of the template, 0 where there is none
    shared: bytes that its children share with it, and that are charged to none of their groups
    """

    def __init__(self, line: socket.socket | None = None, pid: int = 0) -> None:
        self._line, self.pid = line, pid
        self.shared = 0
        self.lost = line is None
        self._parts: Any = None
        self._turn = asyncio.Lock()
        self._answers: asyncio.Queue[Forked | dict[str, Any] | None] = asyncio.Queue()
        self._forked: dict[int, Forked] = {}

    def open(self) -> None:
        """Begins to listen, in the running loop."""
        if self._line is not None:
            self._line.setblocking(False)
            asyncio.get_running_loop().add_reader(self._line, self._hear, self._line)

    async def close(self) -> None:
        """Lets the template end."""
        self._lose()
        if self.pid:
            await ended(self.pid)
            self.pid = 0

    async def read(self, path: Path) -> Reading:
        """A process that reads a site and tells it as `inversion.app.reading` does. Raises TemplateLost."""
        taken, given = os.pipe()
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(taken, "rb", 0)
        )
        try:
            child = await self._child({"do": "read", "site": str(path)}, given)
        except TemplateLost:
            transport.close()
            raise
        return Reading(child, reader, transport)

    async def warm(self, parts: Any) -> None:
        """Has the template make the parts of the pipeline that workers will be asked for. Raises TemplateLost."""
        self._parts = parts if len(json.dumps(parts)) < MOST_BYTES // 2 else None
        async with self._turn:
            self._tell({"do": "warm", "parts": self._parts})
            answer = await self._answer()
            assert isinstance(answer, dict)
            self.shared = answer["warm"]

    async def worker(self, joins: Sequence[Path]) -> Forked:
        """A worker in these groups, forked and waiting for its order. Raises TemplateLost."""
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _REQUEST_BYTES)
        try:
            child = await self._child({"do": "work", "joins": [str(join) for join in joins]}, theirs.detach())
            await child.connect(ours)
        except TemplateLost:
            ours.close()
            raise
        return child

    async def renew(self) -> None:
        """Starts another template in the place of one that was lost. Raises OSError."""
        await self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-m", "inversion.app.template"]
        places = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), _FD)]
        try:
            self.pid = os.posix_spawn(
                sys.executable, command, worker_environment(), file_actions=places, setsigmask=SHIELDED
            )
        finally:
            theirs.close()
        self._line, self.lost, self.shared = ours, False, 0
        self._answers = asyncio.Queue()
        self.open()
        with suppress(TemplateLost):
            await self.warm(self._parts)

    async def _child(self, request: Mapping[str, Any], handle: int) -> Forked:
        async with self._turn:
            try:
                self._tell(request, handle)
            finally:
                os.close(handle)
            child = await self._answer()
            assert isinstance(child, Forked)
            return child

    def _tell(self, request: Mapping[str, Any], *handles: int) -> None:
        if self._line is None:
            raise TemplateLost("the template has ended")
        try:
            socket.send_fds(self._line, [json.dumps(request).encode()], handles)
        except OSError as error:
            self._lose()
            raise TemplateLost(f"the template cannot be asked: {error.strerror}") from error

    async def _answer(self) -> Forked | dict[str, Any]:
        try:
            answer = None if self.lost else await asyncio.wait_for(self._answers.get(), _PATIENCE_S)
        except TimeoutError:
            answer = None  # if it comes late nobody shall take it for the next one
        if answer is None:
            self._lose()
            raise TemplateLost("the template has ended")
        return answer

    def _hear(self, line: socket.socket) -> None:
        """One datagram."""
        try:
            text, handles, _, _ = socket.recv_fds(line, MOST_BYTES, 1)
        except BlockingIOError:
            return
        except OSError:
            text, handles = b"", []
        if not text:
            self._lose()
            return
        answer = json.loads(text)
        if "ended" in answer:
            child = self._forked.pop(answer["ended"], None)
            if child is not None:
                child.ended(answer["code"])
        elif "pid" in answer:  # kept here and now: its end may be the next thing that is heard
            child = self._forked[answer["pid"]] = Forked(answer["pid"], handles[0])
            self._answers.put_nowait(child)
        else:
            self._answers.put_nowait(answer)

    def _lose(self) -> None:
        """Nothing more will be heard; the children that live on are watched one by one."""
        line, self._line, self.lost = self._line, None, True
        if line is None:
            return
        asyncio.get_running_loop().remove_reader(line)
        line.close()
        self._answers.put_nowait(None)
        for child in self._forked.values():
            child.orphaned()
        self._forked.clear()
