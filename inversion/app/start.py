"""How `inversion run` starts: what all its processes share first, then the template, then everything at once.

The gateway validates nothing itself: a child of the template reads the site while the template imports what workers
need, and the gateway what it needs.
"""

from __future__ import annotations

import asyncio
import gc
import os
from importlib import import_module
from pathlib import Path

from inversion.app.stop import Stop

_SHARED = ("json", "logging", "sensors", "inversion.core")


def run_site(path: Path, stop: Stop) -> int:
    """Runs the gateway of a site; the exit code. Raises as `run_gateway` does, and ConfigurationError."""
    from inversion.app.template import ENVIRONMENT
    from inversion.app.template_link import fork_template

    os.environ.update(ENVIRONMENT)  # before NumPy starts threads that no fork survives
    _share()
    template = fork_template()

    async def gateway() -> int:
        template.open()
        try:
            reading = await template.read(path)  # goes on while this process imports
            from inversion.app.gateway import run_gateway
            from inversion.app.log import write_as
            from inversion.app.reading import told_site

            site = told_site(path, await reading.told())
            write_as(site.log)
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
