"""MATLAB's functions: Java's StrictMath has the same bits, and each has a slow twin."""

import math
import shutil
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Rounded, slow_cube, slow_exp, slow_log

from vdsr_data.matlab import elementary

JAVA = """
import java.io.*;
public class Strict {
    public static void main(String[] arguments) throws Exception {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        for (int left = in.readInt(); left > 0; left--) {
            double x = in.readDouble();
            out.writeDouble(arguments[0].equals("cube") ? StrictMath.pow(x, 3)
                : arguments[0].equals("exp") ? StrictMath.exp(x)
                : arguments[0].equals("sin") ? StrictMath.sin(x) : StrictMath.log(x));
        }
        out.flush();
    }
}
"""
# Those numbers between which a function is computed by another formula, among the others.
RANGES = {
    "cube": [(0, 2), (0.999, 1.001), (1.22, 1.23), (1.73, 1.74), (1e-90, 1e90)],
    "exp": [(-0.4, 0.4), (0.34, 0.35), (-1.05, -1.03), (-745, 0), (-1e-8, 1e-8), (0, 700)],
    "sin": [(-0.8, 0.8), (-10, 10), (1.57079632, 1.57079633), (3.14159265, 3.14159266), (-1e5, 1e5)],
    "log": [(0, 2), (1 - 1e-6, 1 + 1e-6), (1.38, 1.42), (0.7, 0.71), (1e-300, 1e300)],
}


def bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float64).view(np.int64)


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("javac"):
        pytest.skip("Java is not installed")
    folder = tmp_path_factory.mktemp("java")
    (folder / "Strict.java").write_text(JAVA)
    subprocess.run(["javac", "Strict.java"], cwd=folder, check=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", RANGES)
def test_equals_java(name: str, java: Path) -> None:
    random = np.random.default_rng(0)
    x = np.concatenate([random.uniform(low, high, 50_000) for low, high in RANGES[name]])
    given = len(x).to_bytes(4, "big") + x.astype(">f8").tobytes()
    out = subprocess.run(
        ["java", "-cp", str(java), "Strict", name], input=given, capture_output=True, check=True
    ).stdout
    assert (bits(getattr(elementary, name)(x)) == bits(np.frombuffer(out, ">f8"))).all()


TWINS = {"cube": partial(slow_cube, number=Rounded), "exp": slow_exp, "log": slow_log, "sin": math.sin}


@pytest.mark.parametrize("name", RANGES)
@settings(max_examples=20)
@given(data=st.data())
def test_equals_slow_twin(name: str, data: st.DataObject) -> None:
    x = data.draw(
        st.lists(st.one_of([st.floats(low, high, exclude_min=True) for low, high in RANGES[name]]), min_size=1)
    )
    found, expected = getattr(elementary, name)(np.array(x)), np.array([TWINS[name](value) for value in x])
    if name == "sin":  # of the system's library, which may round the other way
        np.testing.assert_allclose(found, expected, rtol=3e-16, atol=1e-20)
    else:
        assert (bits(found) == bits(expected)).all()


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("cube", 0.0, 0.0),
        ("cube", 1.0, 1.0),
        ("cube", 2.0, 8.0),
        ("cube", 5 / 3, float.fromhex("0x1.284bda12f684cp+2")),  # not the nearest double
        ("exp", 0.0, 1.0),
        ("exp", -800.0, 0.0),
        ("log", 1.0, 0.0),
        ("sin", 0.0, 0.0),
        ("sin", 1e-9, 1e-9),
    ],
)
def test_known_values(name: str, x: float, expected: float) -> None:
    assert getattr(elementary, name)(np.array([x])).tolist() == [expected]


def test_cubes_that_matlab_computed(reference_data: Path) -> None:
    lines = (reference_data / "proofs" / "power" / "cubes.txt").read_text().splitlines()
    x, cubes = np.array([[float.fromhex(word) for word in line.split()] for line in lines]).T
    assert len(x) == 4012
    assert (elementary.cube(x) == cubes).all()
