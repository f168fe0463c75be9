"""Fault orders and spall timing as published, each at the tolerance that its source supports."""

from __future__ import annotations

import numpy as np
import pytest

from inversion.physics.bearing import (
    BearingGeometry,
    bpfi,
    bpfo,
    bsf,
    contact_speed,
    entry_to_exit_time,
    fault_orders,
    ftf,
    width_floor,
)
from inversion.physics.catalog import find
from inversion.store.bearings import listed_bearings

INCH = 25.4
CWRU_DRIVE_END = BearingGeometry(9, 0.3126 * INCH, 1.537 * INCH)
CWRU_FAN_END = BearingGeometry(8, 0.2656 * INCH, 1.122 * INCH)


def published(order: float, *, last_digit: float) -> object:
    """A value printed with `last_digit`, which may have been rounded or cut there."""
    return pytest.approx(order, abs=last_digit)


def test_cwru_drive_end():
    """SKF 6205-2RS JEM, Case Western Reserve University Bearing Data Center, "Bearing information" page.

    Diameters are given in inches to four digits, orders to four decimals; the page's "rolling element" order is twice
    the spin. The cage order is given to five decimals, but differs from a ninth of the page's own BPFO by 3e-5.
    """
    assert bpfo(CWRU_DRIVE_END) == published(3.5848, last_digit=1e-4)
    assert bpfi(CWRU_DRIVE_END) == published(5.4152, last_digit=1e-4)
    assert 2 * bsf(CWRU_DRIVE_END) == published(4.7135, last_digit=1e-4)
    assert ftf(CWRU_DRIVE_END) == published(0.39828, last_digit=4e-5)


def test_cwru_fan_end():
    """SKF 6203-2RS JEM, same page as the drive end.

    The ball diameter of 0.2656 in is known to half of 1e-4 in, which moves BPFO and BPFI by 2e-4 and 2 BSF by 9e-4.
    """
    assert bpfo(CWRU_FAN_END) == published(3.0530, last_digit=2e-4)
    assert bpfi(CWRU_FAN_END) == published(4.9469, last_digit=2e-4)
    assert 2 * bsf(CWRU_FAN_END) == published(3.9874, last_digit=9e-4)
    assert ftf(CWRU_FAN_END) == published(0.3817, last_digit=1e-4)


def test_curtin_mb_er16k():
    """MB ER-16K on a machinery fault simulator: G. Forbes, Curtin University, readme of the data set of 21 Nov 2012.

    Orders are printed with three or four digits; here the spin order is the single one.
    """
    geometry = BearingGeometry(9, 7.9375, 38.50)
    assert bpfo(geometry) == published(3.572, last_digit=1e-3)
    assert bpfi(geometry) == published(5.428, last_digit=1e-3)
    assert bsf(geometry) == published(2.32, last_digit=1e-2)
    assert ftf(geometry) == published(0.3969, last_digit=1e-4)


def test_ims_rexnord_za2115():
    """Qiu, Lee, Lin & Yu, J. Sound Vib. 289 (2006) 1066-1090: 16 rollers, 15.17 degrees, 2000 rpm; BPFO 236.4 Hz.

    The other three are as commonly listed with this data set (NASA Prognostics Center, "Bearings"). All are printed to
    0.1 Hz. The only source here with a contact angle: at zero degrees BPFO were 235.3 Hz.
    """
    geometry = BearingGeometry(16, 0.331 * INCH, 2.815 * INCH, 15.17)
    shaft_hz = 2000 / 60
    assert bpfo(geometry) * shaft_hz == published(236.4, last_digit=0.1)
    assert bpfi(geometry) * shaft_hz == published(296.9, last_digit=0.1)
    assert bsf(geometry) * shaft_hz == published(139.9, last_digit=0.1)
    assert ftf(geometry) * shaft_hz == published(14.8, last_digit=0.1)


def test_pronostia():
    """Nectoux et al., "PRONOSTIA: An experimental platform for bearings accelerated degradation tests", IEEE PHM 2012.

    13 balls of 3.5 mm on 25.6 mm at 1800 rpm; printed to 0.1 Hz, "ball" is twice the spin.
    """
    orders = fault_orders(BearingGeometry(13, 3.5, 25.6))
    at_1800_rpm = {race: 30.0 * order for race, order in orders.items()}
    assert at_1800_rpm["outer"] == published(168.3, last_digit=0.1)
    assert at_1800_rpm["inner"] == published(221.7, last_digit=0.1)
    assert at_1800_rpm["ball"] == published(215.4, last_digit=0.1)


def listed(name: str) -> BearingGeometry:
    return find(name, listed_bearings()).geometry


def test_mfpt_nice():
    """Fault data sets of the Society for Machinery Failure Prevention Technology: 81.12 and 118.88 Hz at 25 Hz.

    Diameters are printed in inches to three digits, which is 0.04 Hz here.
    """
    assert 25 * bpfo(listed("NICE")) == published(81.12, last_digit=0.02)
    assert 25 * bpfi(listed("NICE")) == published(118.88, last_digit=0.02)


def test_skf_22228():
    """VibroGuard s.r.o., pages on BPFO, BPFI, BSF: a double-row roller bearing at 1500 rpm, printed to 0.1 Hz.

    BPFO, BPFI and BSF are what is listed; the cage's 10.8 Hz is not, and checks it.
    """
    geometry = listed("SKF 22228")
    assert 25 * bpfo(geometry) == published(205.3, last_digit=0.1)
    assert 25 * bpfi(geometry) == published(269.7, last_digit=0.1)
    assert 25 * bsf(geometry) == published(89.1, last_digit=0.1)
    assert 25 * ftf(geometry) == published(10.8, last_digit=0.1)


def test_fag_22205():
    """Soto-Ocampo et al., Sensors 20 (2020) 3493, Table 1, by the maker; the cage order is not listed: a check."""
    geometry = listed("22205 E1")
    assert geometry.elements == 15
    assert ftf(geometry) == published(0.4123, last_digit=1e-4)
    assert fault_orders(geometry)["ball"] == published(5.4030, last_digit=1e-4)


def test_nu205():
    """Hou et al., Data in Brief 63 (2025) 112187: 104.65 and 155.35 Hz at 20 Hz; d / D is printed as 0.195.

    Half of its last digit is 0.07 Hz.
    """
    assert 20 * bpfo(listed("NU205")) == published(104.65, last_digit=0.07)
    assert 20 * bpfi(listed("NU205")) == published(155.35, last_digit=0.07)


def test_schaeffler_nu206():
    """Schnur et al., Data 10 (2025) 77, Table 1, by the maker: printed to two decimals; the cage's 0.40 checks it."""
    geometry = listed("NU206-E-XL")
    assert geometry.elements == 13
    assert bsf(geometry) == published(2.49, last_digit=1e-2)
    assert ftf(geometry) == published(0.40, last_digit=1e-2)


def test_er12k():
    """MB Manufacturing, ER-12K, multipliers of the speed in rpm, to three digits: 0.0508, 0.0825, spin 0.0332."""
    geometry = listed("ER-12K")
    assert bpfo(geometry) / 60 == published(0.0508, last_digit=1e-4)
    assert bpfi(geometry) / 60 == published(0.0825, last_digit=1e-4)
    assert bsf(geometry) / 60 == published(0.0332, last_digit=1e-4)


def test_motor_bearing_6309():
    """Bruinsma et al., Data in Brief 52 (2024) 109987: the orders listed are those of eight balls of 11/16 in.

    On the mean of bore and outside, 72.5 mm; printed to three decimals, the element's as two strikes a spin.
    """
    geometry = BearingGeometry(8, 11 / 16 * INCH, 72.5)
    assert bpfo(geometry) == published(3.037, last_digit=1e-3)
    assert bpfi(geometry) == published(4.963, last_digit=1e-3)
    assert 2 * bsf(geometry) == published(3.911, last_digit=1e-3)
    assert bpfo(listed("6309")) == published(3.037, last_digit=1e-3)


def test_mafaulda():
    """Federal University of Rio de Janeiro, MaFaulDa, bearings of its rig: eight balls of 0.7145 cm on 2.8519 cm."""
    geometry = BearingGeometry(8, 7.145, 28.519)
    assert bpfo(geometry) == published(2.998, last_digit=1e-3)
    assert bpfi(geometry) == published(5.002, last_digit=1e-3)
    assert bsf(geometry) == published(1.871, last_digit=1e-3)
    assert ftf(geometry) == published(0.375, last_digit=1e-3)


@pytest.mark.parametrize("width_mm", [0.6, 1.1, 3.0])
def test_time_from_entry_to_exit(width_mm):
    """Sawalhi & Randall, Mech. Syst. Signal Process. 25 (2011) 846-870: width = pi fr (D^2 - d^2) / (D fs) * samples.

    An equation, so it holds to rounding.
    """
    d, pitch, shaft_hz, sample_rate = 7.94e-3, 39.04e-3, 40.0, 65536.0
    geometry = BearingGeometry(9, d * 1e3, pitch * 1e3)
    samples = entry_to_exit_time(width_mm * 1e-3, contact_speed(geometry, shaft_hz)) * sample_rate
    assert np.pi * shaft_hz * (pitch**2 - d**2) / (pitch * sample_rate) * samples == pytest.approx(width_mm * 1e-3)


@pytest.mark.parametrize("angle", [0.0, 15.17, 40.0])
def test_contact_runs_along_both_races_at_one_speed(angle):
    """Randall & Antoni, Mech. Syst. Signal Process. 25 (2011) 485-520, section 2: rolling without sliding.

    The cage moves relative to the outer race at FTF, relative to the inner race at 1 - FTF; exact.
    """
    geometry = BearingGeometry(16, 8.4, 71.5, angle)
    raceway = {sign: 71.5e-3 * (1 + sign * geometry.ratio) for sign in (1, -1)}  # outer, inner; m
    speed = contact_speed(geometry, 25.0)
    assert np.pi * raceway[1] * ftf(geometry) * 25.0 == pytest.approx(speed)
    assert np.pi * raceway[-1] * (1 - ftf(geometry)) * 25.0 == pytest.approx(speed)


def test_all_cwru_pits_are_below_the_floor():
    """The widest drive-end pits of the Bearing Data Center: 0.028 in sampled at 12 kHz, 0.021 in at 48 kHz; 1797 rpm.

    Inequalities with a factor of four and of 1.3 in hand.
    """
    assert width_floor(CWRU_DRIVE_END, 1797 / 60, 12_000) > 0.028e-3 * INCH
    assert width_floor(CWRU_DRIVE_END, 1797 / 60, 48_000) > 0.021e-3 * INCH
