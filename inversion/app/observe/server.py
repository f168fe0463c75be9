"""Answers `GET /metrics`, `/healthz` and `/readyz`, on this machine alone.

Bounded in every way: so many connections, so many bytes and seconds a request; who never reads, or drips, is cut off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

_MOST_CONNECTIONS = 16
_MOST_BYTES = 8192
_PATIENCE_S = 5.0
_PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}

log = logging.getLogger("inversion.gateway")


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: int
    text: str
    content_type: str = "text/plain; charset=utf-8"


#: By path, what to ask for.
Pages = Mapping[str, Callable[[], Awaitable[Answer]]]


@asynccontextmanager
async def observed(place: tuple[str, int], pages: Pages, patience_s: float = _PATIENCE_S) -> AsyncIterator[int]:
    """Answers while in the context, which gives the bound port. Raises OSError where the place is taken."""
    tasks: set[asyncio.Task[None]] = set()
    said: set[str] = set()

    def cut(why: str) -> None:
        """Logged once: who attacks shall not fill the log, too."""
        if why not in said:
            said.add(why)
            log.warning("observe: %s (said once)", why)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(tasks) >= _MOST_CONNECTIONS:
                cut(f"more than {_MOST_CONNECTIONS} clients at a time: one was refused")
                return
            tasks.add(task)
            async with asyncio.timeout(patience_s):
                await _serve(reader, writer, pages, cut)
        except TimeoutError:
            cut(f"a client took longer than {patience_s:g} s: it was cut off")
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # it has gone, or the gateway ends: there is nobody to tell
        finally:
            tasks.discard(task)
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    server = await asyncio.start_server(connected, *place, limit=_MOST_BYTES)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pages: Pages, cut: Callable[[str], None]
) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        cut(f"a request was longer than {_MOST_BYTES} bytes: it was refused")
        head = b""
    answer = await _answer(head, pages)
    body = answer.text.encode()
    writer.write(
        f"HTTP/1.1 {answer.status} {_PHRASES[answer.status]}\r\nContent-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
        + body
    )
    await writer.drain()


async def _answer(head: bytes, pages: Pages) -> Answer:
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return Answer(400, "not understood\n")
    if words[0] != b"GET":
        return Answer(405, "only GET\n")
    page = pages.get(words[1].split(b"?", 1)[0].decode("ascii", "replace"))
    return Answer(404, "there are /metrics, /healthz and /readyz\n") if page is None else await page()
