"""`inversion unfold`: the shipped case, its page, and complaints of one line."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from inversion.app.stop import Stop
from inversion.app.verbs import app

CASES = Path(__file__).parents[2] / "configs" / "linear"


def unfold(*words: object):
    return CliRunner().invoke(app, ["unfold", *map(str, words)], obj=Stop())


@pytest.fixture
def case(tmp_path):
    shutil.copytree(CASES, tmp_path / "linear")
    return tmp_path / "linear" / "heat_flux.toml"


def test_the_shipped_files_are_what_their_script_makes(tmp_path):
    runpy.run_path(str(CASES / "heat_flux.py"))["main"](tmp_path)
    for name in ("heat_flux_matrix.csv", "heat_flux_measured.csv"):
        assert (tmp_path / name).read_text() == (CASES / name).read_text()


def test_the_shipped_case_finds_the_flux_it_was_made_of(case):
    done = unfold(case, "--json")
    assert done.exit_code == 0, done.output
    (solution,) = json.loads(done.stdout)["solutions"]
    truth = runpy.run_path(str(CASES / "heat_flux.py"))["truth"]()
    rows = list(solution["estimates"].values())
    inside = [row["low"] <= value <= row["high"] for row, value in zip(rows, truth, strict=True)]
    assert sum(inside) >= 17  # of 20 at 90 %
    assert sum(row["resolvable"] for row in rows) >= 10
    assert {row["unit"] for row in rows} == {"kW/m2"}
    assert set(solution["rules"]) == {"applied", "evidence", "discrepancy", "l_curve", "cross_validation"}
    assert solution["rules"]["discrepancy"]["misfit"] == pytest.approx(40, rel=0.02)
    assert solution["rules"]["applied"]["strength"] == solution["rules"]["evidence"]["strength"]
    assert sum(row["resolution"] for row in rows) == pytest.approx(solution["rules"]["applied"]["freedom"], rel=1e-3)


def test_the_whole_resolution_matrix_is_told(case):
    """A penalty on the curvature leaves straight courses as they are: the matrix maps them onto themselves."""
    (solution,) = json.loads(unfold(case, "--json").stdout)["solutions"]
    matrix = np.array(solution["resolution_matrix"])
    np.testing.assert_array_equal(np.diagonal(matrix), [row["resolution"] for row in solution["estimates"].values()])
    for straight in (np.ones(20), np.arange(20.0)):
        np.testing.assert_allclose(matrix @ straight, straight, atol=1e-3)


def test_people_see_a_table_with_every_rule(case):
    told = unfold(case).stdout
    for words in ("40 readings, 20 parameters", "rank 20", "discrepancy ", "l_curve ", "cross_validation ", "q_09s"):
        assert words in told
    assert "not resolvable, below" in told


def test_the_page_is_one_file_that_asks_nobody(case, tmp_path):
    page = tmp_path / "page.html"
    assert unfold(case, "--html", page).exit_code == 0
    text = page.read_text()
    assert "default-src 'none'" in text
    assert text.count('class="figure"') == 3
    assert "L-curve" in text


def test_a_reading_that_was_not_taken_is_left_out(case):
    measured = case.with_name("heat_flux_measured.csv")
    measured.write_text("\n".join(line for line in measured.read_text().splitlines() if not line.startswith("t_10")))
    result = json.loads(unfold(case, "--json").stdout)
    assert result["readings"] == 40
    assert result["solutions"][0]["rules"]["discrepancy"]["misfit"] == pytest.approx(38, rel=0.02)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("order = 2", "ordre = 2", "heat_flux.toml:20: engine.ordre: no such option (did you mean 'order'?)"),
        ("order = 2", "order = 3", "heat_flux.toml:20: engine.order: order must be 0, 1 or 2, got 3"),
        ("noise = 0.05", "noise = 0", "reading must state a positive noise for 't_00.5s'"),
        ("high = 150", "high = -1", "low must be below high"),
        ('match = "q_*"', 'match = "r_*"', "parameter must say what 'q_00s' of the matrix is"),
        ("heat_flux_measured.csv", "heat_flux_matrix.txt", "heat_flux_matrix.txt: expected a matrix file that ends in"),
        ("heat_flux_measured.csv", "nothing.csv", "nothing.csv: No such file"),
        ("[measured]", "[mesured]", "mesured: no such option (did you mean 'measured'?)"),
        ("[engine]", '[engine]\nuse = "least_squares"', "engine.use: must be 'tikhonov' here, found 'least_squares'"),
    ],
)
def test_what_is_wrong_is_one_line(case, before, after, said):
    case.write_text(case.read_text().replace(before, after))
    done = unfold(case)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_readings_of_other_rows_are_refused(case):
    case.with_name("heat_flux_measured.csv").write_text("reading,run 1\nt_99s,3\n")
    done = unfold(case)
    assert done.exit_code == 2
    assert "row 't_99s': no such row" in done.stderr
