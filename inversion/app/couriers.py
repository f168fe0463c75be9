"""The deliveries of a gateway, one a sink; a reload replaces them one by one, and nothing is delivered twice for it."""

from __future__ import annotations

import asyncio

from inversion.app.configuration import Site
from inversion.app.delivery import Delivery
from inversion.app.journal import Journal
from inversion.app.ledger import Ledger
from inversion.core import Sink


class Couriers:
    """Deliveries by the name of their sink, and the tasks that run them."""

    def __init__(self, site: Site, journal: Journal, ledger: Ledger, finished: asyncio.Event) -> None:
        self._site, self._journal, self._ledger, self._finished = site, journal, ledger, finished
        self._group: asyncio.TaskGroup | None = None
        self._running: dict[str, tuple[Delivery, asyncio.Task[None]]] = {}

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Those that deliver."""
        return [task for _, task in self._running.values()]

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begins with the sinks of the site."""
        self._group = group
        for name, sink in self._site.sinks.items():
            self._begin(name, sink)

    async def finish(self) -> None:
        """Returns when every sink has everything, or its task was cancelled."""
        while pending := [task for task in self.tasks if not task.done()]:
            await asyncio.wait(pending)

    async def reload(self, site: Site) -> None:
        """Each sink ends what it is doing, and goes on with its new options from where it was; none waits for another.

        A server whose options are the same serves on: who reads it shall not notice. Certificates it reads anew anyway.
        """
        self._site = site
        await self._ledger.ask(self._journal.register, list(site.sinks))
        leaving = {name: old for name, old in self._running.items() if not old[0].serves(site.sinks.get(name))}
        new = [name for name in site.sinks if name not in self._running]
        for delivery, _ in leaving.values():
            delivery.retire()
        await asyncio.gather(*(self._replace(name, *old) for name, old in leaving.items()))
        for name in new:
            self._begin(name, site.sinks[name])

    async def _replace(self, name: str, delivery: Delivery, task: asyncio.Task[None]) -> None:
        await asyncio.wait((task,))
        await delivery.close()
        self._ledger.news.remove(delivery.news)
        await self._ledger.flush()  # where it is
        del self._running[name]
        if name in self._site.sinks:
            self._begin(name, self._site.sinks[name])

    async def close(self) -> None:
        """Tells every sink that nothing will follow."""
        for delivery, _ in self._running.values():
            await delivery.close()

    def _begin(self, name: str, sink: Sink) -> None:
        assert self._group is not None
        options = self._site.gateway
        retry = (options.retry_s, options.retry_cap_s)
        delivery = Delivery(name, sink, self._journal, self._ledger, retry, options.sink_timeout_s)
        self._ledger.news.append(delivery.news)
        self._running[name] = (delivery, self._group.create_task(delivery.run(self._finished)))
