"""A validation from its files to its results."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from inversion.app.validate.measure import lines, measure
from inversion.app.validate.refit import pipelines_without
from inversion.app.validate.run import run_validation
from inversion.core import ConfigurationError, InversionError
from inversion.store.whole import whole


def validate_to(
    site: Path, truth: Path, out: Path, columns: Sequence[str], *, leave_out: bool = False, page: bool = True
) -> tuple[dict[str, Any], list[str]]:
    """The figures, and the lines for people. Writes validation.json and validation.html into `out`.

    columns: "ours=theirs", what the table calls a column; leave_out: fit the model again without each group in turn
    Raises ConfigurationError for a wrong site, table or column, InversionError where nothing can be used or written.
    """
    if page:
        from inversion.app.report import require_plotly

        require_plotly()
    with tempfile.TemporaryDirectory() as scratch:
        without = partial(pipelines_without, site, scratch=Path(scratch)) if leave_out else None
        made = run_validation(site, truth, columns=_columns(columns), without=without)
    result = measure(made)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with whole(out / "validation.json") as path:
            text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)
            path.write_text(f"{text}\n", encoding="utf-8")
        if page:
            from inversion.app.validate.page import page_of

            with whole(out / "validation.html") as path:
                path.write_text(page_of(made, result), encoding="utf-8")
    except OSError as error:
        raise InversionError(f"cannot write to {out}: {error.strerror or error}") from error
    written = ["validation.json", *(["validation.html"] if page else [])]
    return result, [*lines(result), "", *(str(out / name) for name in written)]


def _columns(given: Sequence[str]) -> Mapping[str, str]:
    pairs = {}
    for each in given:
        ours, equals, theirs = each.partition("=")
        if not (ours and equals and theirs):
            raise ConfigurationError(f"--truth-column {each}: expected OURS=THEIRS, such as outer_spall=diam_mm")
        pairs[ours] = theirs
    return pairs
