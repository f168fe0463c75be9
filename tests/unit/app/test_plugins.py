"""Plug-ins are listed and loaded by one door, and a broken one breaks nothing else."""

from __future__ import annotations

import pytest
from installing import install

from inversion.app.plugins import GROUPS, Option, PluginError, listings, load_plugin


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A package whose import fails, one of whose entry points names no dataclass, and one that repeats a name."""
    project = tmp_path / "project"
    (project / "rusty").mkdir(parents=True)
    (project / "rusty" / "__init__.py").write_text("")
    (project / "rusty" / "dead.py").write_text("import no_such_library\n")
    (project / "rusty" / "plain.py").write_text("def plain():\n    pass\n")
    (project / "pyproject.toml").write_text(
        '[project]\nname = "rusty"\nversion = "1"\n[project.entry-points."sensors.source"]\n'
        'dead = "rusty.dead:Dead"\nplain = "rusty.plain:plain"\nacme_tone = "rusty.dead:Other"\n'
    )
    monkeypatch.syspath_prepend(str(install(project, tmp_path / "installed")))


def test_a_third_partys_plugins_are_listed_with_their_options(acme):
    found = {(listing.group, listing.name): listing for listing in listings()}
    tone = found["sensors.source", "acme_tone"]
    assert (tone.distribution, tone.target, tone.problem) == ("acme-level", "acme.source:ToneSource", "")
    assert tone.options[0] == Option("windows", "int", "8")
    assert found["inversion.sink", "acme_lines"].options == (Option("path", "Path", None),)
    assert {group for group, name in found if name.startswith("acme")} == set(GROUPS)


def test_an_unknown_name_gets_the_nearest(acme):
    with pytest.raises(PluginError, match=r"no engine 'acme_driect' \(did you mean 'acme_direct'\?\)"):
        load_plugin("inversion.engine", "acme_driect")


def test_a_broken_plugin_is_one_line_and_the_others_still_work(acme, broken):
    problems = {listing.name: listing.problem for listing in listings() if listing.distribution == "rusty"}
    assert problems["dead"] == (
        "plug-in 'dead' of rusty (rusty.dead:Dead) cannot be imported: "
        "ModuleNotFoundError: No module named 'no_such_library'"
    )
    assert problems["plain"].endswith("must be a frozen dataclass, found function")
    assert load_plugin("inversion.engine", "acme_direct").__name__ == "Direct"


def test_a_name_offered_twice_is_refused_with_both_owners(acme, broken):
    with pytest.raises(
        PluginError, match="source 'acme_tone' is offered twice, by acme-level and rusty; uninstall one"
    ):
        load_plugin("sensors.source", "acme_tone")
