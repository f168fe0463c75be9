"""A site read again while its gateway runs: what may change, and what takes a restart."""

from __future__ import annotations

import asyncio

from inversion.app.configuration import Site, load_site
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


async def reloaded(running: Site) -> Site:
    """The site of the same file, now. Raises ConfigurationError for one that is wrong or takes a restart."""
    site = await asyncio.to_thread(load_site, running.path)
    changed = [section for field, section in _FIXED.items() if getattr(site, field) != getattr(running, field)]
    if changed:
        raise ConfigurationError(f"{running.path}: {', '.join(changed)}: a change takes a restart")
    return site
