"""How far a batch is: a bar with the time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

#: Told the size of every file that is finished.
Advance = Callable[[int], None]


@contextmanager
def progress(console: Console, files: int, size: int) -> Iterator[Advance]:
    """A bar over `size` bytes in `files` files; the time left is by bytes, for files differ."""
    if console.is_terminal:
        with _bar(console, files, size) as advance:
            yield advance
    else:
        yield _lines(console, files)


@contextmanager
def _bar(console: Console, files: int, size: int) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[finished]} of {task.fields[files]} files,"),
        TimeElapsedColumn(),
        TextColumn("elapsed,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    finished = 0
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("inverting", total=max(size, 1), finished=0, files=files)

        def advance(size_of_one: int) -> None:
            nonlocal finished
            finished += 1
            bar.update(task, advance=size_of_one, finished=finished)

        yield advance


def _lines(console: Console, files: int) -> Advance:
    """A line at each tenth of the files."""
    finished = 0

    def advance(_: int) -> None:
        nonlocal finished
        finished += 1
        if finished * 10 // files > (finished - 1) * 10 // files:
            console.print(f"inverted {finished} of {files} files", highlight=False)

    return advance
