"""Shared by all tests: a third party's plug-ins, installed beside ours without touching a file of ours."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from installing import install

# How long an example takes is the machine's business: no test is a timed one.
settings.register_profile("untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# What a shell starts in the background ignores an interrupt, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def plugin_folder(tmp_path_factory) -> Path:
    """A folder that holds the third party's installed package; put it on the path of a process that shall see it."""
    return install(Path(__file__).parent / "integration" / "thirdparty", tmp_path_factory.mktemp("installed"))


@pytest.fixture
def acme(plugin_folder, monkeypatch) -> Path:
    """This process and its children see the third party's plug-ins."""
    monkeypatch.syspath_prepend(str(plugin_folder))
    monkeypatch.setenv("PYTHONPATH", str(plugin_folder))
    yield plugin_folder
    for name in [name for name in sys.modules if name.split(".")[0] == "acme"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def free_port() -> int:
    """Of loopback; nobody listened there a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def _signals_as_they_were():
    """What a verb that runs in this process blocks or ignores, the processes of later tests would inherit."""
    watched = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    handlers = {number: signal.getsignal(number) for number in watched}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    for number, handler in handlers.items():
        signal.signal(number, handler)
