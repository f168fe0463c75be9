"""Answers `GET /metrics`, `/healthz` and `/readyz`, on this machine alone.

Bounded in every way: so many connections, so many bytes and seconds a request; who never reads, or drips, is cut off.
A request that was meant for another host is not answered (`inversion/app/observe/host.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from inversion.app.observe.host import asked_for, is_ours

_MOST_CONNECTIONS = 16
_MOST_BYTES = 8192
_PATIENCE_S = 5.0
_PHRASES = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    421: "Misdirected Request",
    503: "Service Unavailable",
}

log = logging.getLogger("inversion.gateway")


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: int
    text: str
    content_type: str = "text/plain; charset=utf-8"


#: By path, what to ask for.
Pages = Mapping[str, Callable[[], Awaitable[Answer]]]
#: Takes a kind of refusal, and words.
_Cut = Callable[[str, str], None]


@asynccontextmanager
async def observed(
    place: tuple[str, int],
    pages: Pages,
    hosts: Collection[str] = (),
    count: Callable[[str], None] = lambda kind: None,
    patience_s: float = _PATIENCE_S,
) -> AsyncIterator[int]:
    """Answers while in the context, which gives the bound port. Raises OSError where the place is taken.

    hosts: names that requests may be meant for, beside this machine's own; count: takes the kind of every refusal
    """
    tasks: set[asyncio.Task[None]] = set()
    said: set[str] = set()

    def cut(kind: str, why: str) -> None:
        """Counted, and logged once: who attacks shall not fill the log, too."""
        count(kind)
        if kind not in said:
            said.add(kind)
            log.warning("observe: %s (said once)", why)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(tasks) >= _MOST_CONNECTIONS:
                cut("crowd", f"more than {_MOST_CONNECTIONS} clients at a time: one was refused")
                return
            tasks.add(task)
            async with asyncio.timeout(patience_s):
                await _serve(reader, writer, pages, hosts, cut)
        except TimeoutError:
            cut("slow", f"a client took longer than {patience_s:g} s: it was cut off")
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
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pages: Pages, hosts: Collection[str], cut: _Cut
) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        cut("long", f"a request was longer than {_MOST_BYTES} bytes: it was refused")
        head = b""
    answer = await _answer(head, pages, hosts, cut)
    body = answer.text.encode()
    writer.write(
        f"HTTP/1.1 {answer.status} {_PHRASES[answer.status]}\r\nContent-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
        + body
    )
    await writer.drain()


async def _answer(head: bytes, pages: Pages, hosts: Collection[str], cut: _Cut) -> Answer:
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return Answer(400, "not understood\n")
    meant = asked_for(head)
    if len(meant) > 1 or (not meant and words[2] != b"HTTP/1.0"):
        return Answer(400, "one Host is required\n")  # RFC 9112, 3.2
    if meant and not is_ours(meant[0], hosts):
        cut(
            "host",
            f"a request was meant for {meant[0][:100]!r}: it was refused; [observe] hosts names who may be meant",
        )
        return Answer(421, "meant for another host\n")  # RFC 9110, 15.5.20
    if words[0] != b"GET":
        return Answer(405, "only GET\n")
    page = pages.get(words[1].split(b"?", 1)[0].decode("ascii", "replace"))
    return Answer(404, "there are /metrics, /healthz and /readyz\n") if page is None else await page()
