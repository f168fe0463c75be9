"""A site read again while its gateway runs: what may change, and what takes a restart."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from inversion.app.configuration import Site, load_site
from inversion.app.reading import told_site
from inversion.app.template_link import TemplateLink, TemplateLost
from inversion.core import ConfigurationError

#: Sections whose change would leave a gap, or another journal.
_FIXED = {
    "name": "site.name",
    "sources": "source",
    "journal": "journal.path",
    "limits": "limits",
    "observe": "observe",
    "clock": "clock",
}
#: Of `[gateway]`, what its parts were made with.
_HELD = ("queue_frames", "retry_s", "retry_cap_s")


async def reloaded(running: Site, template: TemplateLink | None = None) -> Site:
    """The site of the same file, now. Raises ConfigurationError for one that is wrong or takes a restart.

    template: in which it is read; without one, or when it is lost, in this process
    """
    site = await read_site(running.path, template)
    changed = [f"gateway.{name}" for name in _HELD if getattr(site.gateway, name) != getattr(running.gateway, name)]
    changed += [section for field, section in _FIXED.items() if getattr(site, field) != getattr(running, field)]
    if changed:
        raise ConfigurationError(f"{running.path}: {', '.join(changed)}: a change takes a restart")
    return site


async def read_site(path: Path, template: TemplateLink | None = None) -> Site:
    """Read in a process that ends, where there is a template. Raises ConfigurationError, or another InversionError."""
    if template is not None:
        with suppress(TemplateLost):
            return told_site(path, await (await template.read(path)).told())
    return await asyncio.to_thread(load_site, path)
