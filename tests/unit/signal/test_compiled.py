"""The compiled parts of SciPy, used alone, give the numbers of its public functions to the last bit."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.fft
import scipy.linalg
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from inversion.signal import normal, pocketfft
from inversion.signal.compiled import compiled
from inversion.signal.toeplitz import solve_symmetric

ALONE = """
import sys
from inversion.signal import compiled, normal, pocketfft, toeplitz
heavy = {"scipy.special", "scipy.fft", "scipy.linalg", "numpy.testing", "numpy.f2py", "numpy.ma"} & set(sys.modules)
assert not heavy, heavy
assert normal.ndtr(0.0) == 0.5
import scipy.special, scipy.fft, scipy.linalg, scipy.signal, scipy.optimize, scipy.stats
assert scipy.special.ndtr(0.0) == 0.5
assert scipy.special.gammaln(3.0) > 0
assert scipy.special._ufuncs.ndtr is normal.ndtr
assert abs(scipy.fft.rfft([1.0, 0.0])[0] - 1) < 1e-12
assert scipy.linalg.solve_toeplitz([2.0, 1.0], [1.0, 0.0])[0] > 0
"""


@given(st.integers(1, 300), st.integers(1, 400), st.integers(1, 3), st.sampled_from(["f4", "f8"]), st.integers(0, 99))
def test_transforms_are_those_of_scipy(samples, length, rows, kind, seed):
    x = np.random.default_rng(seed).standard_normal((rows, samples)).astype(kind)
    for n in (None, length):
        np.testing.assert_array_equal(pocketfft.rfft(x, n), scipy.fft.rfft(x, n), strict=True)
    half = scipy.fft.rfft(x)
    np.testing.assert_array_equal(pocketfft.irfft(half, length), scipy.fft.irfft(half, length), strict=True)
    np.testing.assert_array_equal(pocketfft.ifft(half), scipy.fft.ifft(half), strict=True)
    expected = scipy.fft.ifft(half)
    np.testing.assert_array_equal(pocketfft.ifft(half, overwrite_x=True), expected, strict=True)
    np.testing.assert_array_equal(half, expected, strict=True)


@given(st.integers(1, 10**6), st.booleans())
def test_lengths_are_those_of_scipy(n, real):
    assert pocketfft.next_fast_len(n, real) == scipy.fft.next_fast_len(n, real=real)
    assert pocketfft.prev_fast_len(n, real) == scipy.fft.prev_fast_len(n, real=real)


@pytest.mark.parametrize("name", normal.__all__)
def test_normal_functions_are_those_of_scipy(name):
    x = np.concatenate((np.linspace(-40, 40, 999), [0.0, np.nan, np.inf, -np.inf]))
    np.testing.assert_array_equal(getattr(normal, name)(x), getattr(scipy.special, name)(x), strict=True)


@given(st.integers(1, 60), st.integers(0, 99))
def test_predictors_are_those_of_scipy(order, seed):
    noise = np.random.default_rng(seed).standard_normal(400)
    correlation = np.array([noise[: 400 - i] @ noise[i:] for i in range(order + 1)])
    expected = scipy.linalg.solve_toeplitz(correlation[:-1], correlation[1:])
    np.testing.assert_array_equal(solve_symmetric(correlation[:-1], correlation[1:]), expected, strict=True)


def test_the_packages_stay_out_and_work_whole_when_they_come_later():
    told = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("name", ["scipy.special._no_such", "scipy.no_such._ufuncs"])
def test_what_this_scipy_lacks_is_an_import_error(name):
    before = set(sys.modules)
    with pytest.raises(ImportError):
        compiled(name)
    assert set(sys.modules) == before


def test_another_scipy_serves_by_its_public_functions():
    """A SciPy without these modules: everything is found where it is public, and works."""
    program = """
import sys
import scipy
import inversion.signal.compiled as c
def none(name): raise ImportError(name)
c.compiled = none
import numpy as np
from inversion.signal import normal, toeplitz, transform
assert normal.ndtr(0.0) == 0.5
assert transform.spectrum(np.ones(4, np.float32))[0] == 4
assert transform.fast_length(17) == 18 and transform.fast_length_below(17) == 16
assert abs(toeplitz.solve_symmetric(np.array([2.0, 1.0]), np.array([1.0, 0.0]))[0] - 2 / 3) < 1e-12
assert "scipy.fft" in sys.modules and "scipy.special" in sys.modules
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
