"""What `inversion install` writes: a systemd unit and its user, from a site and the place of the command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from inversion.app.claims.files import READ
from inversion.app.configuration import Site
from inversion.app.install.allowed import capabilities, devices
from inversion.core import ConfigurationError, InversionError

#: The user that is made, and the folder that systemd makes for it.
OURS, STATE = "inversion", Path("/var/lib/inversion")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}")


def planned(site: Site, command: Path, user: str) -> dict[Path, str]:
    """Text by the absolute path of every file, for systemd 250 or later. Raises ConfigurationError."""
    if not _USER.fullmatch(user):
        raise ConfigurationError(f"install: --user must be the name of a user, such as {OURS!r}, found {user!r}")
    name = f"inversion-{re.sub(r'[^A-Za-z0-9_.-]', '_', site.name)}.service"
    template = files("inversion.app.install").joinpath("inversion.service").read_text(encoding="utf-8")
    folder = site.path.resolve().parent
    ours = user == OURS
    unit = template.format(
        name=name,
        site_name=_literal(site.name),
        document=_document(site),
        site=_argument(site.path.resolve()),
        command=_argument(command),
        user=user,
        state="StateDirectory=inversion\n" if ours else "",
        folder=_literal(str(STATE if ours else folder)),
        writable="".join(f"ReadWritePaths={_word(path)}\n" for path in written(site)),
        capabilities=capabilities(site),
        devices=devices(site),
        watchdog_s=round(3 * site.gateway.frame_timeout_s),
        stop_s=round(site.gateway.stop_s + 25),
    )
    texts = {Path("/etc/systemd/system") / name: unit}
    if ours:
        texts[Path("/etc/sysusers.d/inversion.conf")] = f'u inversion - "inversion gateway" {STATE}\n'
    return texts


def write_files(texts: Mapping[Path, str], root: Path) -> list[Path]:
    """Writes them below `root`. Raises InversionError."""
    paths = [root / path.relative_to("/") for path in texts]
    try:
        for path, text in zip(paths, texts.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InversionError(f"{error.filename}: cannot be written: {error.strerror}") from error
    return paths


def written(site: Site) -> list[Path]:
    """Folders that the gateway writes: of the journal, and of sinks that have a path; what they only read is none."""
    folders = [site.journal.resolve().parent]
    for sink in site.sinks.values():
        named: list[str] = [one.name for one in fields(sink)] if is_dataclass(sink) else []
        values: list[object] = [getattr(sink, name) for name in named if not READ.fullmatch(name)]
        folders += [value.resolve().parent for value in values if isinstance(value, Path)]
    return list(dict.fromkeys(folders))


def check_free(site: Site, texts: Mapping[Path, str], root: Path) -> None:
    """Raises ConfigurationError where the unit is there and runs another site: one name would replace the other."""
    ours = f"Documentation={_document(site)}"
    for path in texts:
        try:
            held = (root / path.relative_to("/")).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        others = [line for line in re.findall(r"^Documentation=.*$", held, re.MULTILINE) if line != ours]
        if path.suffix == ".service" and others:
            other = others[0].removeprefix("Documentation=file://")
            problem = f"site.name: {site.name!r} names the unit {path.name}, which runs {other}: give it another name"
            raise ConfigurationError(f"{site.path}: {problem}")


def _document(site: Site) -> str:
    return f"file://{_literal(quote(str(site.path.resolve())))}"


def _literal(text: str) -> str:
    """Where systemd takes a line as it is, but for its specifiers."""
    return text.replace("%", "%%")


def _word(path: Path) -> str:
    """A path as one word of a unit: quoted where it has what would end it, or mean something."""
    text = _literal(str(path))
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if re.search(r"[\s'\"\\;]", text) else text


def _argument(path: Path) -> str:
    """The same in a command, where a dollar begins a variable."""
    return _word(path).replace("$", "$$")
