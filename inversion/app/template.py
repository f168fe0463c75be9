"""The warm template: one thread, everything imported, nothing running; workers and readers of sites are forked from it.

A worker that is lost is replaced in milliseconds, and shares its libraries' memory with all who were forked here. What
does not survive a fork (sessions, threads, connections) is made after it. The gateway forks its first template from
itself before it has any thread; a lost one is replaced by `python -m inversion.app.template`, whose standard input is
the line of control. Decision 0049.

Requests, one datagram each, in JSON: `{"do": "read", "site": path}` with the end of a pipe that takes the answer of
`inversion.app.reading`; `{"do": "warm", "parts": plain data or null}`; `{"do": "work", "joins": files}` with the
worker's end of its line. Answers: `{"warm": anonymous bytes}`, `{"pid": number}` with its pidfd, `{"ended": number,
"code": exit code}`. The template ends when the gateway's end is closed.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inversion.app.heap import give_back_code
from inversion.app.secret import forget_secrets

if TYPE_CHECKING:
    from inversion.app.parts import PipelineParts

MOST_BYTES = 65_536  # of one request
SHIELDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # sent to a whole group; who is forked ends with its input
NOT_JOINED = 125  # exit code
_IDLE_MS = 300
#: One thread: a gateway shares its box with others. Telemetry of onnxruntime is off before it is imported.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}
_NOT_INHERITED = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


def main() -> int:
    """Serves the line of control that is standard input."""
    control = socket.socket(fileno=os.dup(0))
    return Template(control).serve()


class Template:
    """One template process. control: its end of the line."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._poll = select.poll()
        self._children: dict[int, int] = {}  # process by pidfd
        self._data: Any = None
        self._parts: PipelineParts | None = None
        self._warmed = True  # nothing is left to do when nobody asks

    def serve(self) -> int:
        """Until the gateway's end is closed; the exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SHIELDED)
        forget_secrets()
        for name in _NOT_INHERITED:
            os.environ.pop(name, None)
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.close(nothing)
        self._poll.register(self._control, select.POLLIN)
        while True:
            ready = self._poll.poll(None if self._warmed else _IDLE_MS)
            if not ready:
                self._warm_model()
            for handle, _ in ready:
                if handle != self._control.fileno():
                    self._reap(handle)
                elif not self._serve_one():
                    return 0

    def _serve_one(self) -> bool:
        text, handles, _, _ = socket.recv_fds(self._control, MOST_BYTES, 1)
        if not text:
            return False
        request = json.loads(text)
        match request["do"]:
            case "read":
                self._fork(lambda: _read(Path(request["site"]), handles[0]))
                os.close(handles.pop())
                _import()  # meanwhile
            case "warm":
                _import()
                self._warm(request["parts"])
            case "work":
                self._fork(lambda: self._work(request["joins"], handles[0]))
        for handle in handles:
            os.close(handle)
        return True

    def _warm(self, data: Any) -> None:
        """Makes the parts of a pipeline; where that fails, the worker finds out why and says it."""
        from inversion.app.plain import decode
        from inversion.app.plugins import IMPORT_FAILURES
        from inversion.core import InversionError
        from inversion.core.protocols import Warming
        from sensors import SensorError

        if self._parts is not None and data == self._data:
            self._say({"warm": anonymous_bytes()})
            return
        self._data = self._parts = None
        self._warmed = False
        try:
            parts: PipelineParts | None = decode(data)
            if parts is not None and isinstance(parts.engine, Warming):
                parts.engine.warm()
            self._data, self._parts = data, parts
        except (InversionError, SensorError, *IMPORT_FAILURES):
            pass
        gc.collect()
        gc.freeze()  # a collection in a child touches, and so copies, none of this
        give_back_code()
        self._say({"warm": anonymous_bytes()})

    def _warm_model(self) -> None:
        """When nobody asks for anything: the first worker was not kept waiting for it, the next one has it."""
        from inversion.core.protocols import Warming

        self._warmed = True
        if self._parts is not None and isinstance(self._parts.model, Warming):
            self._parts.model.warm()
            give_back_code()

    def _work(self, joins: list[str], line: int) -> int:
        """In the worker: joins the groups before it allocates anything, then answers."""
        from inversion.app import worker

        try:
            for join in joins:
                Path(join).write_text(str(os.getpid()), encoding="ascii")
        except OSError as error:
            sys.stderr.write(f"worker: {error}\n")
            return NOT_JOINED
        with socket.socket(fileno=os.dup(line)) as both:
            os.close(line)
            return worker.answer(both.makefile("rb"), both.makefile("wb"), self._made)

    def _made(self, data: Any) -> PipelineParts:
        if self._parts is not None and data == self._data:
            return self._parts
        from inversion.app.plain import decode

        parts: PipelineParts = decode(data)
        return parts

    def _fork(self, work: Callable[[], int]) -> None:
        pid = os.fork()
        if pid == 0:
            for handle in self._children:
                os.close(handle)
            self._control.close()
            leave(work)
        handle = os.pidfd_open(pid)
        self._children[handle] = pid
        self._poll.register(handle, select.POLLIN)
        self._say({"pid": pid}, handle)

    def _reap(self, handle: int) -> None:
        self._poll.unregister(handle)
        pid, status = os.waitpid(self._children.pop(handle), 0)
        os.close(handle)
        self._say({"ended": pid, "code": os.waitstatus_to_exitcode(status)})

    def _say(self, answer: Mapping[str, Any], *handles: int) -> None:
        try:
            socket.send_fds(self._control, [json.dumps(answer).encode()], handles)
        except (BrokenPipeError, ConnectionResetError):
            return  # the gateway is gone; the next request will say so


def worker_environment() -> dict[str, str]:
    """Of a process that is started, and not forked, to be a worker or a template."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED} | ENVIRONMENT


def leave(work: Callable[[], int]) -> None:
    """Does the work and ends this process, which was forked, without the manners of the one it was forked from."""
    code = 1
    try:
        code = work()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        raise
    finally:
        sys.stderr.flush()
        os._exit(code)


def anonymous_bytes() -> int:
    """Memory of this process that no file stands behind: what its children share until they write to it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)


def _import() -> None:
    """All that a worker needs, whatever the site, and what NumPy imports when it first looks for unique values."""

    from inversion.app import worker  # noqa: F401


def _read(site: Path, answer: int) -> int:
    from inversion.app.reading import tell

    with os.fdopen(os.dup(answer), "wb") as stream:
        os.close(answer)
        tell(site, stream)
    return 0


if __name__ == "__main__":
    sys.exit(main())
