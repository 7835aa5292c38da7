"""`niqe` and `brisque` against slow twins and what MATLAB printed; intervals, models and bad input."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from reference_naturalness import slow_brisque_features, slow_niqe
from scipy.io import savemat

from vdsr_data import VdsrError, VdsrWarning, imresize, read_image
from vdsr_eval import Naturalness, brisque, niqe
from vdsr_eval.metrics import naturalness, naturalness_models


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models of both kinds, of random numbers."""
    folder = tmp_path_factory.mktemp("model")
    random = np.random.default_rng(1)
    spread = random.normal(size=(36, 36))
    savemat(folder / "modelparameters.mat",
            {"mu_prisparam": random.random((1, 36)), "cov_prisparam": spread @ spread.T / 36})  # fmt: skip
    lines = [f"{weight:g} " + " ".join(f"{k + 1}:{x:g}" for k, x in enumerate(vector) if k % 7)
             for weight, vector in zip((-1024, 300.5, 723.5), random.uniform(-1, 1, (3, 36)), strict=True)]  # fmt: skip
    head = ["svm_type epsilon_svr", "kernel_type rbf", "gamma 0.05", "nr_class 2", "total_sv 3", "rho -153.591", "SV"]
    (folder / "allmodel").write_text("\n".join([*head, *lines, ""]))
    (folder / "allrange").write_text("x\n-1 1\n" + "".join(f"{k} {-0.1 * k:g} {k:g}\n" for k in range(1, 37)))
    return folder


def textured(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(96, 192), (193, 97), (200, 301, 3), (288, 192, 3)])
def test_niqe_is_its_slow_twin(shape: tuple[int, ...], model: Path):
    image = textured(shape)
    found = niqe(image, model=model)
    assert found.low == found.value == found.high == float(found)
    assert found.flat == 0
    mean, covariance = naturalness_models.niqe_model(model / "modelparameters.mat")
    assert found.value == pytest.approx(slow_niqe(image, mean, covariance, resize=imresize), rel=1e-9)
    assert niqe(np.asfortranarray(image), model=str(model / "modelparameters.mat"), threads=3) == found


@pytest.mark.parametrize("shape", [(7, 7), (8, 31), (97, 130, 3), (211, 97, 3)])
def test_brisque_is_its_slow_twin(shape: tuple[int, ...], model: Path, monkeypatch: pytest.MonkeyPatch):
    image, seen = textured(shape), []
    predict = naturalness_models.Machine.predict
    monkeypatch.setattr(naturalness_models.Machine, "predict", lambda self, x: (seen.append(x), predict(self, x))[1])
    found = brisque(image, model=model)
    expected = slow_brisque_features(image, resize=imresize)
    assert seen[-1] == pytest.approx(expected, rel=1e-9)
    assert found.value == float(f"{found.value:g}")  # as svm-predict prints it
    assert brisque(image, model=model, threads=2) == found


def test_machine_is_libsvm_s(model: Path):
    """Digits as the files have them; what lies on the ends of a range is mapped to -1 and 1."""
    machine = naturalness_models.brisque_model(model)
    lines = (model / "allmodel").read_text().splitlines()[7:]
    for features in (machine.low, machine.high, np.linspace(-0.05, 30, 36)):
        scaled = [float(f"{-1 + 2 * (float(f'{x:f}') - a) / (b - a):g}")
                  for x, a, b in zip(features, machine.low, machine.high, strict=True)]  # fmt: skip
        total = 153.591
        for line in lines:
            weight, *pairs = line.split()
            vector = {int(at): float(x) for at, x in (pair.split(":") for pair in pairs)}
            apart = sum((x - vector.get(k + 1, 0)) ** 2 for k, x in enumerate(scaled))
            total += float(weight) * np.exp(-0.05 * apart)
        assert machine.predict(features) == pytest.approx(total, rel=2e-5)


PRINTED = {  # by MATLAB: IQA-PyTorch's results_official.csv, and scikit-video's issue 116
    "niqe": {"iqa/distorted/I03": 15.7536293917814, "iqa/distorted/I04": 3.65492152353770,
             "iqa/distorted/I19": 8.63519663862637, "niqe/image1": 5.0290, "niqe/image3": 8.0362},
    "brisque": {"iqa/distorted/I03": 94.6421, "iqa/distorted/I04": -0.107618, "iqa/distorted/I19": 72.2617},
}  # fmt: skip
UNDECIDED = {"I03": 0.0176, "I04": 0, "I19": 0.302, "image1": 0, "image3": 0.192}


@pytest.mark.parametrize("metric", PRINTED)
def test_what_matlab_printed(metric: str, reference_data: Path):
    proofs = reference_data / "proofs"
    if not (proofs / metric).is_dir():
        pytest.skip(f"no model of {metric} in {proofs}")
    for name, printed in PRINTED[metric].items():
        found = naturalness.NATURALNESS[metric](read_image(proofs / f"{name}.bmp"), model=proofs / metric, threads=2)
        assert found.flat == pytest.approx(UNDECIDED[Path(name).name], abs=2e-3)
        assert found.low <= found.value <= found.high
        if found.flat:
            assert found.low < printed < found.high
            assert found.high - found.low < 11
        else:
            digits = 5e-5 if "image" in name else 1e-12
            assert found.low == found.high
            assert abs(found.value - printed) < digits


def test_where_an_image_is_flat_the_interval_holds_another_order_of_sums(model: Path):
    """The slow twins filter in one pass, and so take other signs."""
    image = textured((192, 288))
    for level, rows in ((103, slice(0, 60)), (128, slice(100, 150)), (77, slice(160, 185))):
        image[rows, 20:250] = level
    mean, covariance = naturalness_models.niqe_model(model / "modelparameters.mat")
    machine = naturalness_models.brisque_model(model)
    twins = {
        niqe: slow_niqe(image, mean, covariance, resize=imresize),
        brisque: machine.predict(np.array(slow_brisque_features(image, resize=imresize))),
    }
    for function, twin in twins.items():
        found = function(image, model=model)
        assert 0.2 < found.flat < 0.5
        assert found.low <= found.value <= found.high
        assert found.low < twin < found.high
        assert "% of the picture is flat" in str(found)
        assert function(image, model=model, threads=4) == found


def test_search_gives_each_level_each_sign(model: Path, monkeypatch: pytest.MonkeyPatch):
    """With two levels the nine combinations can be tried: none of them lies beyond the interval."""
    image = textured((96, 192))
    image[10:50, 10:60], image[40:90, 100:170] = 103, 128
    caught = []
    search = naturalness._extremes
    monkeypatch.setattr(naturalness, "_extremes", lambda *arguments: caught.append(arguments) or search(*arguments))
    found = niqe(image, model=model)
    planes, score, _ = caught[0]
    scores = []
    for signs in np.ndindex(3, 3):
        sums = []
        for plane in planes:
            changed = plane.coefficients.copy()
            for level, sign in zip((103, 128), signs, strict=True):
                changed[plane.undecided & (np.rint(plane.pixels) == level)] = (sign - 1) * naturalness.NOISE
            sums.append(naturalness._sums(plane, changed, 1))
        scores.append(score(sums))
    assert found.low == pytest.approx(min(scores), rel=1e-9)
    assert found.high == pytest.approx(max(scores), rel=1e-9)


def test_flat_all_over_has_no_score(model: Path):
    for function in (niqe, brisque):
        with pytest.warns(VdsrWarning, match="the image is flat"):
            found = function(np.zeros((192, 192), np.uint8), model=model)
        assert np.isnan([found.value, found.low, found.high]).all()
        assert str(found) == "nan"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = np.zeros((192, 288), np.uint8)
        image[:, 96:] = textured((192, 192))
        assert niqe(image, model=model).value > 0  # a block that is flat all over is left out


def test_bad_input_is_one_line(model: Path):
    good = textured((96, 192))
    for function in (niqe, brisque):
        name = function.__name__
        with pytest.raises(TypeError, match=f"{name} takes uint8, 0 to 255, got float64; convert it first"):
            function(good / 255, model=model)
        for shape in ((192, 192, 4), (192,), (2, 192, 192, 3)):
            with pytest.raises(ValueError, match=f"{name} needs an image"):
                function(np.zeros(shape, np.uint8), model=model)
        with pytest.raises(ValueError, match=f"{name} needs at least"):
            function(np.zeros((6, 191), np.uint8), model=model)
        with pytest.raises(ValueError, match="threads"):
            function(good, model=model, threads=0)
    with pytest.raises(ValueError, match="two blocks of 96x96 pixels, such as 96x192, got 191x191"):
        niqe(textured((191, 191)), model=model)


def test_models_that_are_missing_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path):
    image = textured((96, 192))
    monkeypatch.setenv("VDSR_DATA", str(tmp_path))
    for name, files in (("niqe", ["modelparameters.mat"]), ("brisque", ["allmodel", "allrange"])):
        function = naturalness.NATURALNESS[name]
        with pytest.raises(VdsrError, match=f"no model of {name} there; vdsr-data fetch {name} brings it"):
            function(image)
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_bytes((model / file).read_bytes())
        assert function(image) == function(image, model=model)
        with pytest.raises(VdsrError, match="no such file"):
            function(image, model=tmp_path / "none")
        for file in files:
            good = (tmp_path / name / file).read_bytes()
            for bad in (b"", good[: len(good) // 2], b"\xff\xfe" + good):
                (tmp_path / name / file).write_bytes(bad)
                with pytest.raises(VdsrError) as caught:
                    function(image)
                assert file in str(caught.value)
            (tmp_path / name / file).write_bytes(good)
    savemat(tmp_path / "other.mat", {"mu_prisparam": np.zeros((1, 36)), "cov_prisparam": np.full((36, 36), np.nan)})
    with pytest.raises(VdsrError, match=r"other\.mat: is no model of niqe"):
        niqe(image, model=tmp_path / "other.mat")


def test_a_score_prints_itself():
    assert str(Naturalness(4.25, 4.25, 4.25, 0.0)) == "4.2500"
    assert str(Naturalness(8.64, 7.9, 9.1, 0.28)) == "8.6400, between 7.9000 and 9.1000: 28 % of the picture is flat"
    assert float(Naturalness(8.64, 7.9, 9.1, 0.28)) == 8.64
