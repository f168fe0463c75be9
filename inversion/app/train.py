"""`inversion train`: a recipe to a network with its card, stage by stage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inversion.app.configuration import plugin_at
from inversion.app.options import Document, build, read_document
from inversion.core import ConfigurationError, ForwardModel, InversionError
from inversion.core.encoding import columns
from inversion.core.protocols import Fitted
from inversion.forward.rolling_bearing import RollingBearing
from inversion.store.card import LARGEST, count_conditions
from inversion.training.dense.draws import drawing_of
from inversion.training.network.recipe import Compress, Data, Fit, Judge, Named, Recipe, Search, Solver

if TYPE_CHECKING:
    from inversion.training.network.export import Table

#: Stage, how far, of how much, losses (learnt, held out).
Told = Callable[[str, int, int, tuple[float, float] | None], None]

STAGES = ("data", "teacher", "search", "student", "compress", "export")

_TABLES = {
    "network": Named,
    "data": Data,
    "teacher": Fit,
    "student": Fit,
    "compress": Compress,
    "search": Search,
    "judge": Judge,
    "solver": Solver,
}
_NEEDED = {"races": ("network", "data", "teacher", "student", "forward"), "dense": ("network", "forward")}
_UNUSED = {"races": ("solver",), "dense": ("teacher", "search")}
#: What a recipe of a dense network need not say.
_DENSE: dict[str, Any] = {
    "data": Data(windows=30_000, windows_a_machine=1, shard=5_000, held_out=0.2),
    "teacher": Fit(channels=1),  # not used: least squares is the teacher
    "student": Fit(channels=64, blocks=3, hidden=24, epochs=60, patience=60, batch=256, rate=5e-3),
    "compress": Compress(prune=0.25, epochs=20, rounding_epochs=4),
    "judge": Judge(speeds=(), ratios_db=()),
}
_MEMORY = """
import os, sys
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
lines = open("/proc/self/status").read().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmRSS")))
"""


def load_recipe(path: Path) -> tuple[Recipe, ForwardModel]:
    """The recipe of a file and its forward model. Raises ConfigurationError, one line a complaint."""
    document = read_document(path)
    content = document.content
    for key in content:
        if key not in (*_TABLES, "forward"):
            raise document.unknown((key,), [*_TABLES, "forward"])
    tables: dict[str, Any] = {
        key: build(document, (key,), content[key], kind) for key, kind in _TABLES.items() if key in content
    }
    kind = tables["network"].kind if "network" in tables else "races"
    for key in _NEEDED[kind]:
        if key not in content:
            raise document.error((), f"expected the table [{key}], found {', '.join(content) or 'nothing'}")
    for key in _UNUSED[kind]:
        if key in content:
            raise document.error((key,), f"is not for a network of kind {kind!r}, take the table out")
    recipe = Recipe(**{**(_DENSE if kind == "dense" else {}), **tables}, forward=content["forward"].get("use", ""))
    model = plugin_at(document, ("forward",), "inversion.forward")
    _check_model(document, recipe, model)
    return recipe, model


def _check_model(document: Document, recipe: Recipe, model: ForwardModel) -> None:
    """Raises ConfigurationError where no network of this kind can be trained for the model."""
    kind, use, name = recipe.network.kind, ("forward", "use"), type(model).__name__
    if isinstance(model, RollingBearing) != (kind == "races"):
        other = "dense" if kind == "races" else "races"
        raise document.error(use, f"networks of {name} are of kind {other!r}, found {kind!r}")
    if kind == "races":
        return
    if not isinstance(model, Fitted):
        told = "a network of kind 'dense' is of one very model, and must know it from another that looks alike"
        raise document.error(use, f"{told}: {name} has no identity (inversion.core.protocols.Fitted)")
    try:
        drawing_of(model, recipe.data)
    except ValueError as problem:
        key, _, text = str(problem).partition(": ")
        raise document.error(("data", key), text) from problem
    inputs = columns(len(model.observables), len(model.space), count_conditions(model)).width
    if inputs > LARGEST:
        raise document.error(use, f"a window of {name} is encoded in {inputs} numbers, at most {LARGEST} are taken")


def run_training(
    path: Path, folder: Path | None, out: Path | None, stage: str | None, console: Console | None = None
) -> dict[str, Any]:
    """Runs a stage of a recipe, or all. What was done already is taken up; returns the table of the export.

    folder: where it works, by default `var/train/<name>_v<n>`; out: where the network goes, by default `models/`
    Raises InversionError, one line, also where a folder cannot be written or the memory does not suffice.
    """
    with in_one_line(path, folder or out):
        return _trained(path, folder, out, stage, console)


@contextmanager
def in_one_line(asked: Path, place: Path | None) -> Iterator[None]:
    """A place that cannot be written, or a memory that does not suffice, as InversionError. asked: what is run"""
    try:
        yield
    except OSError as problem:
        told = f"{problem.filename or place}: cannot be written: {problem.strerror or problem}"
        raise InversionError(told) from problem
    except MemoryError as problem:
        raise InversionError(f"{asked}: what it asks for does not fit the memory: {problem}") from problem


def _trained(
    path: Path, folder: Path | None, out: Path | None, stage: str | None, console: Console | None
) -> dict[str, Any]:
    recipe, model = load_recipe(path)
    require_torch()
    import torch

    torch.set_num_threads(1)
    console = console or Console(stderr=True)
    title = f"{recipe.network.name}_v{recipe.network.version}"
    folder = folder or Path("var/train") / title
    out = out or Path("models") / title
    chosen = STAGES if stage is None else (stage,)
    for each in (folder, out) if "export" in chosen else (folder,):
        refuse_unwritable(each)
    result: dict[str, Any] = {"network": title, "folder": str(folder)}
    with _bars(console) as told:
        if isinstance(model, RollingBearing):
            table = _races(recipe, model, folder, out, chosen, told, result)
        else:
            table = _dense(recipe, model, folder, out, chosen, told)
    if set(chosen) != {"data"}:
        result["curves"] = _curves(folder, recipe.network.name)
    if table is not None:
        from inversion.training.network.export import as_dict

        result |= as_dict(table) | {"out": str(out)}
        (folder / "table.json").write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
    return result


def refuse_unwritable(folder: Path) -> None:
    """Before hours of training. Raises InversionError."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        what = "is no folder" if not there.is_dir() else "cannot be written"
        raise InversionError(f"{folder}: {there} {what}")


def _races(
    recipe: Recipe,
    model: RollingBearing,
    folder: Path,
    out: Path,
    chosen: tuple[str, ...],
    told: Told,
    result: dict[str, Any],
) -> Table | None:
    from inversion.training.network import export, search, stages

    work = stages.Work(recipe, model, folder, told, _noise(recipe.data.noise))
    if "data" in chosen:
        stages.draw(work)
    if set(chosen) == {"data"}:
        return None
    given = stages.material(work)
    if "teacher" in chosen:
        stages.teach(work, given)
    if "search" in chosen and recipe.search.trials:
        result["search"] = search.front_lines(search.search(work, given, time.perf_counter))
    if "student" in chosen:
        stages.study(work, given, search.chosen(work))
    if "compress" in chosen:
        stages.compress(work, given)
    return export.export(work, given, out, time.perf_counter, memory_mb) if "export" in chosen else None


def _dense(
    recipe: Recipe, model: ForwardModel, folder: Path, out: Path, chosen: tuple[str, ...], told: Told
) -> Table | None:
    from inversion.training.dense import export, material, stages

    work = material.Work(recipe, model, folder, told)
    given = material.material(work)
    for name, run in (("teacher", stages.teach), ("student", stages.study), ("compress", stages.compress)):
        if name in chosen:
            run(work, given)
    return export.export(work, given, out, time.perf_counter, memory_mb) if "export" in chosen else None


def lines(result: dict[str, Any]) -> list[str]:
    """For people."""
    told = [*result.get("search", [])]
    told += [f"{what}: {value}" for what, value in result.get("table", {}).items()]
    told += [f"lite misses its gate: {line}" for line in result.get("gate", [])]
    told += [str(result[name]) for name in ("curves", "out") if result.get(name)]
    return told or [str(result["folder"])]


def memory_mb(graph: Path) -> float:
    """Resident memory of a process that has loaded onnxruntime and a graph."""
    done = subprocess.run([sys.executable, "-c", _MEMORY, str(graph)], capture_output=True, text=True, check=False)
    return int(done.stdout) / 1024 if done.returncode == 0 and done.stdout.strip().isdigit() else float("nan")


def require_torch() -> None:
    """Raises InversionError, with what to install, where the extra `train` is absent."""
    missing = [name for name in ("torch", "onnx") if find_spec(name) is None]
    if missing:
        raise InversionError(
            f"training needs {' and '.join(missing)}: pip install 'edge-inversion[train]' (what runs needs neither)"
        )


def _noise(paths: tuple[str, ...]) -> list[NDArray[np.float64]]:
    records = []
    for path in paths:
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as found:
                records.append(found["acceleration"].astype(np.float64))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
            raise ConfigurationError(f"{path}: data.noise: expected an .npz with an array 'acceleration'") from problem
    return records


def _curves(folder: Path, name: str) -> str:
    from inversion.app.report.figures import ReportUnavailable
    from inversion.app.train_page import write_curves
    from inversion.training.network.stages import curves

    path = folder / "curves.html"
    try:
        write_curves(path, name, curves(folder))
    except ReportUnavailable:
        return ""
    return str(path)


@contextmanager
def _bars(console: Console) -> Iterator[Told]:
    """A bar a stage with the time left on a terminal; elsewhere a line a stage."""
    if not console.is_terminal:
        seen: set[str] = set()

        def line(what: str, done: int, total: int, losses: tuple[float, float] | None) -> None:
            if what not in seen:
                console.print(what, highlight=False)
            seen.add(what)

        yield line
        return
    layout = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*layout, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        tasks: dict[str, Any] = {}

        def bar(what: str, done: int, total: int, losses: tuple[float, float] | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            told = f"{what} {losses[0]:.3f} / {losses[1]:.3f}" if losses else what
            progress.update(tasks[what], completed=done, description=told)

        yield bar
