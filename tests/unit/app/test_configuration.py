"""A site file either gives a whole site, or one line for every complaint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from inversion.app.configuration import load_pipeline, load_site
from inversion.app.options import build, read_document
from inversion.core import ConfigurationError

GOLDEN = Path(__file__).parents[2] / "golden" / "configuration"


def complaints(path: Path) -> str:
    try:
        load_site(path)
        load_pipeline(path)
    except ConfigurationError as error:
        return f"{error}\n"
    return ""


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.toml")))
def test_complaints_are_golden(name, acme, monkeypatch):
    monkeypatch.chdir(GOLDEN)
    assert complaints(Path(f"{name}.toml")) == (GOLDEN / f"{name}.txt").read_text()


def test_a_site_is_built_with_paths_relative_to_its_file(acme):
    site = load_site(GOLDEN / "good.toml")
    assert site.name == "good"
    assert site.sources[0].windows == 3
    assert site.sinks["acme_lines"].path == GOLDEN / "out" / "lines.txt"
    assert site.journal == GOLDEN / "good.journal"


def test_an_alarm_limit_is_given_as_people_see_it_and_held_in_si(acme):
    (rule,) = load_pipeline(GOLDEN / "good.toml").rules
    assert rule.limit == pytest.approx(2 * 9.80665)
    assert (rule.confidence, rule.on_delay_s, rule.side) == (0.95, 1.5, "above")


def test_several_sources_may_be_given(acme, tmp_path):
    text = (GOLDEN / "good.toml").read_text().replace("[source]", "[[source]]")
    path = tmp_path / "two.toml"
    path.write_text(text + '\n[[source]]\nuse = "acme_tone"\nasset = "pump"\n')
    assert [source.asset for source in load_site(path).sources] == ["fan", "pump"]


def test_an_absent_file_is_one_line(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere.toml: cannot be read: No such file"):
        load_site(tmp_path / "nowhere.toml")


@dataclass(frozen=True)
class Bolt:
    length_mm: float
    drawing: Path | None = None


@dataclass(frozen=True)
class Machine:
    bolt: Bolt
    spares: tuple[Bolt, ...] = ()
    folders: tuple[Path, ...] = ()


def machine(tmp_path: Path, text: str) -> Machine:
    path = tmp_path / "m.toml"
    path.write_text(text)
    document = read_document(path)
    return build(document, ("machine",), document.content["machine"], Machine)


def test_nested_tables_become_nested_dataclasses(tmp_path):
    built = machine(
        tmp_path,
        '[machine]\nfolders = ["a", "/b"]\n[machine.bolt]\nlength_mm = 3\ndrawing = "d.pdf"\n'
        "[[machine.spares]]\nlength_mm = 4.0\n",
    )
    assert built == Machine(Bolt(3.0, tmp_path / "d.pdf"), (Bolt(4.0),), (tmp_path / "a", Path("/b")))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[machine]\n[machine.bolt]\nlength_m = 3\nlength_mm = 3",
            "3: machine.bolt.length_m: no such option (did you mean 'length_mm'?)",
        ),
        (
            "[machine.bolt]\nlength_mm = 3\n[[machine.spares]]\nlength_mm = 1\n"
            "[[machine.spares]]\nx = 1\nlength_mm = 2",
            "6: machine.spares.1.x: no such option (known: drawing, length_mm)",
        ),
        ("[machine]\nbolt = 4", "2: machine.bolt: must be a table, found 4"),
        ("[machine]\n[machine.bolt]", "2: machine.bolt.length_mm: is required, found nothing"),
        (
            "[machine]\nfolders = [3]\n[machine.bolt]\nlength_mm = 3",
            "2: machine.folders.0: must be a valid string, found 3",
        ),
    ],
)
def test_nested_complaints_name_the_line(tmp_path, text, line):
    with pytest.raises(ConfigurationError) as caught:
        machine(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 'm.toml'}:{line}"
