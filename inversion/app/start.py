"""How `inversion run` starts: what all its processes share first, then the template, then everything at once.

The gateway validates nothing itself: a child of the template reads the site while the template imports what workers
need, and the gateway what it needs.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
from importlib import import_module
from pathlib import Path

from inversion.app.heap import keep_heap
from inversion.app.secret import take_secrets
from inversion.app.stop import Stop

_SHARED = ("inversion.app.configuration", "inversion.app.reading", "sensors.modbus.source")


def run_command(path: Path, stop: Stop) -> int:
    """What `inversion run SITE` does; the exit code."""
    from inversion.app.template import ENVIRONMENT

    os.environ.update(ENVIRONMENT)  # before NumPy starts threads that no fork survives

    from inversion.app.terminal import complain, log_to_stderr
    from inversion.core import InversionError
    from sensors import SensorError

    log_to_stderr(logging.INFO)
    try:
        return run_site(path, stop)
    except (InversionError, SensorError) as error:
        return complain(error)
    except KeyboardInterrupt:
        return 130


def run_site(path: Path, stop: Stop) -> int:
    """Runs the gateway of a site; the exit code. Raises as `run_gateway` does, and ConfigurationError.

    It forks: the process must have one thread only.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump of its memory would hold its secrets
    take_secrets(path)
    _share()
    from inversion.app.reading import told_site
    from inversion.app.template_link import fork_template

    template = fork_template()

    async def gateway() -> int:
        template.open()
        keep_heap()  # not in the template: workers have other sizes
        try:
            reading = await template.read(path)  # goes on while this process imports
            from inversion.app.gateway import run_gateway
            from inversion.app.log import write_as

            site = told_site(path, await reading.told())
            write_as(site.log)
            gc.freeze()  # what was imported meanwhile: to look through it takes longer than a window
            return await run_gateway(site, stop.event(), stop.reload_event(), template=template)
        finally:
            stop.over()
            await template.close()

    return asyncio.run(gateway())


def _share() -> None:
    """Imports what gateway, template and workers have in common, once for all of them."""
    for name in _SHARED:
        import_module(name)
    gc.collect()
    gc.freeze()
