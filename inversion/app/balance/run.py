"""The verb: a case file solved, told, and drawn where asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.app.balance import tell
from inversion.app.balance.case import read_cases
from inversion.app.balance.page import write_page
from inversion.app.balance.solve import Balance, solve
from inversion.core import InversionError


@dataclass(frozen=True)
class BalanceRun:
    """Results, one a job of the file."""

    results: tuple[Balance, ...]

    def lines(self) -> list[str]:
        """For people."""
        blocks = [tell.lines(result) for result in self.results]
        return [line for k, block in enumerate(blocks) for line in ([""] if k else []) + block]

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"cases": [tell.to_dict(result) for result in self.results]}


def run_balance(path: Path, html: Path | None = None) -> BalanceRun:
    """Solves every job of a case file. Raises ConfigurationError, and InversionError where no page can be written."""
    run = BalanceRun(tuple(solve(case) for case in read_cases(path)))
    if html is not None:
        try:
            html.parent.mkdir(parents=True, exist_ok=True)
            write_page(html, run.results)
        except OSError as error:
            raise InversionError(f"{html}: cannot be written: {error.strerror}") from error
    return run
