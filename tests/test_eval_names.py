"""Files matched to images by name: words, scales, companions; and names for tables that are told apart."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval.scoring.names import distinct, match_files


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


@pytest.mark.parametrize(
    "file",
    ["butterfly.png", "Butterfly.BMP", "butterfly_RCAN_x3.png", "x3-butterfly.mat", "butterflyx3.tif",
     "SR_butterfly_3.png", "img-butterfly-SRF_3_SR.png", "0_butterfly_x3_x3.png"],
)  # fmt: skip
def test_prefixes_and_suffixes_are_understood(tmp_path: Path, file: str) -> None:
    touch(tmp_path / "r", file, "readme.txt", ".hidden_butterfly.png", "bird_x3.png")
    assert match_files(tmp_path / "r", ["butterfly", "bird"], scale=3).files["butterfly"].name == file


def test_the_longest_name_owns_a_file(tmp_path: Path) -> None:
    touch(tmp_path / "r", "img_1_x2.png", "img_10_x2.png", "img_1_b_x2.png", "253027.png", "53027.png")
    names = ["img_1", "img_10", "img_1_b", "253027", "53027"]
    matched = match_files(tmp_path / "r", names, scale=2).files
    assert [matched[name].name for name in names] == [
        "img_1_x2.png", "img_10_x2.png", "img_1_b_x2.png", "253027.png", "53027.png",
    ]  # fmt: skip


def test_other_scales_are_set_aside(tmp_path: Path) -> None:
    touch(tmp_path / "r", "bird_x2.png", "bird_x3.png", "bird_x4.png")
    for scale in (2, 3, 4):
        assert match_files(tmp_path / "r", ["bird"], scale=scale).files["bird"].name == f"bird_x{scale}.png"
    with pytest.raises(
        VdsrError, match=r"no file is named after the image bird at x8; candidates: bird_x2.png, bird_x3"
    ):
        match_files(tmp_path / "r", ["bird"], scale=8)


def test_an_exact_name_goes_first(tmp_path: Path) -> None:
    touch(tmp_path / "r", "bird.png", "bird_residual.png")
    assert match_files(tmp_path / "r", ["bird"], scale=2).files["bird"].name == "bird.png"


def test_missing_and_ambiguous_matches_list_the_candidates(tmp_path: Path) -> None:
    touch(tmp_path / "r", "bird_A.png", "bird_B.png", *(f"other{k}.png" for k in range(9)))
    with pytest.raises(
        VdsrError, match=r"2 files could be the image bird at x3; candidates: bird_A.png, bird_B.png; say which"
    ):
        match_files(tmp_path / "r", ["bird"], scale=3)
    with pytest.raises(
        VdsrError, match=r"no file is named after the image head at x3; candidates: bird_A.* and 5 more"
    ):
        match_files(tmp_path / "r", ["head"], scale=3)
    touch(tmp_path / "empty")
    with pytest.raises(VdsrError, match=r"no result in it; looked for .jpg"):
        match_files(tmp_path / "empty", ["head"], scale=3)
    with pytest.raises(VdsrError, match=r"no such folder"):
        match_files(tmp_path / "nowhere", ["head"], scale=3)


@pytest.mark.parametrize(
    ("files", "scale", "chosen"),
    [
        (["a_scale_2.png", "a_scale_3.png"], 2, "a_scale_2.png"),
        (["a_2x.png", "a_3x.png"], 3, "a_3x.png"),
        (["a_x8.png", "a_x16.png"], 8, "a_x8.png"),
        (["a_x8.png", "a_x16.png"], 16, "a_x16.png"),
        (["a_x2.png", "a_x2.5.png"], 2, "a_x2.png"),
        (["a_x2.png", "a_x2.5.png"], 2.5, "a_x2.5.png"),
        (["SRF_2_a.png", "SRF_4_a.png"], 4, "SRF_4_a.png"),
        (["a_sf2.png", "a_sf3.png"], 2, "a_sf2.png"),
        (["a-X2.0.png", "a-X3.png"], 2, "a-X2.0.png"),
        (["a_1920x1080.png"], 2, "a_1920x1080.png"),
        (["a.png", "a_x2.png"], 2, "a_x2.png"),
        (["a_x2_HR.png", "a_x2_LR.png", "a_x2_SR.png"], 2, "a_x2_SR.png"),
        (["a_HR.png", "a_LR.png", "a_bicubic.png", "a_EDSR.png"], 2, "a_EDSR.png"),
        (["a_gt.png", "a_bicubic.png", "a_sr.png", "a_sr_residual.png", "a_detail.png"], 2, "a_sr.png"),
        (["a_bicubic.png"], 2, "a_bicubic.png"),
        (["A_x2.PNG"], 2, "A_x2.PNG"),
    ],
)
def test_scales_and_companions(tmp_path: Path, files: list[str], scale: float, chosen: str) -> None:
    touch(tmp_path / "r", *files)
    assert match_files(tmp_path / "r", ["a"], scale=scale).files["a"].name == chosen


@pytest.mark.parametrize(
    ("files", "scale", "chosen"),
    [
        (["a_EDSR_Mx2_f64.png", "a_EDSR_Mx4_f64.png"], 4, "a_EDSR_Mx4_f64.png"),
        (["a_RCAN_BIX2.png", "a_RCAN_BIX3.png"], 2, "a_RCAN_BIX2.png"),
        (["a_SRx4plus.png", "a_SRx2plus.png"], 4, "a_SRx4plus.png"),
        (["a_\u00d72.png", "a_\u00d73.png"], 3, "a_\u00d73.png"),
        (["a_pix2pix.png"], 4, "a_pix2pix.png"),
    ],
)
def test_scales_glued_to_words(tmp_path: Path, files: list[str], scale: float, chosen: str) -> None:
    touch(tmp_path / "r", *files)
    assert match_files(tmp_path / "r", ["a"], scale=scale).files["a"].name == chosen


def test_another_scale_in_the_names_is_said(tmp_path: Path) -> None:
    touch(tmp_path / "x2", "a_EDSRx2.png")
    (glued, folder) = match_files(tmp_path / "x2", ["a"], scale=4).remarks
    assert glued.endswith("scored at x4, though names seem to say another scale: a_EDSRx2.png")
    assert folder.endswith("scored at x4, though the folder is called after another scale")
    assert not match_files(tmp_path / "x2", ["a"], scale=2).remarks


@pytest.mark.parametrize("files", [["a_nearby_x2.png", "a_EDSR.png"], ["a_RCAN.png", "a_EDSR_x2.png"]])
def test_a_scale_does_not_choose_between_two_methods(tmp_path: Path, files: list[str]) -> None:
    touch(tmp_path / "r", *files)
    with pytest.raises(VdsrError, match=r"2 files could be the image a at x2"):
        match_files(tmp_path / "r", ["a"], scale=2)


@pytest.mark.parametrize(
    ("originals", "files", "scale"),
    [
        (["a_HR_x2", "b_HR_x2"], ["a_NET_x2.png", "b_NET_x2.png"], 2),
        (["img_001_SRF_2_HR", "img_002_SRF_2_HR"], ["img_001_SRF_2_A+.png", "img_002_SRF_2_A+.png"], 2),
        (["Set14_a_original", "Set14_b_original"], ["a_x3.png", "b_x3.png"], 3),
        (["face_x2", "face_x4"], ["face_x2.png", "face_x4.png"], 3),
        (["A", "A+"], ["A.png", "A+.png"], 2),
        (["HR", "GT"], ["HR_x2.png", "GT_x2.png"], 2),
        (["x2", "x4"], ["x2.png", "x4.png"], 4),
        (["0801", "801"], ["0801x4.png", "801x4.png"], 4),
        (["a.b", "a_b"], ["a.b.png", "a_b.png"], 2),
        (["a.b", "a_b"], ["a.b_x2.png", "a_b_x2.png"], 2),
        (["1", "2", "3"], ["1_SRF_2.png", "2_SRF_2.png", "3_SRF_2.png"], 2),
    ],
)
def test_words_that_originals_carry(tmp_path: Path, originals: list[str], files: list[str], scale: float) -> None:
    touch(tmp_path / "r", *files)
    matched = match_files(tmp_path / "r", originals, scale=scale).files
    assert [matched[name].name for name in originals] == files


def test_unicode_forms_are_one(tmp_path: Path) -> None:
    name = "caf\u00e9"
    touch(tmp_path / "r", unicodedata.normalize("NFD", name) + "_x2.png")
    assert match_files(tmp_path / "r", [name], scale=2).files[name].name.endswith("_x2.png")


def test_a_pattern_says_which(tmp_path: Path) -> None:
    touch(tmp_path / "r", "a_EDSR.png", "a_RCAN.png", "b_EDSR.png", "b_RCAN.png")
    with pytest.raises(VdsrError, match=r"2 files could be the image a at x2; .*--pattern"):
        match_files(tmp_path / "r", ["a", "b"], scale=2)
    assert match_files(tmp_path / "r", ["a", "b"], scale=2, pattern="*_RCAN*").files["b"].name == "b_RCAN.png"
    with pytest.raises(VdsrError, match=r"r: no file is called like \*_SAN\*"):
        match_files(tmp_path / "r", ["a", "b"], scale=2, pattern="*_SAN*")


def test_companions_of_one_image_are_no_results_of_another(tmp_path: Path) -> None:
    """Else the score of one would be that of bicubic."""
    touch(tmp_path / "r", "a_bicubic.png", "b_SR.png", "b_bicubic.png")
    with pytest.raises(VdsrError, match=r"no file is named after the image a at x2; candidates: a_bicubic.png"):
        match_files(tmp_path / "r", ["a", "b"], scale=2)


def test_low_resolution_images_are_chosen_among_companions(tmp_path: Path) -> None:
    touch(tmp_path / "r", "a_HR_x2.png", "a_LRBI_x2.png", "a_SR_x2.png")
    assert match_files(tmp_path / "r", ["a"], scale=2, part="lr").files["a"].name == "a_LRBI_x2.png"


def test_what_is_ignored_and_what_is_mixed_is_said(tmp_path: Path) -> None:
    touch(tmp_path / "r", "a_EDSR_x2.png", "b_RCAN_x2.png", "stranger.png", "a_x3.png")
    remarks = match_files(tmp_path / "r", ["a", "b"], scale=2).remarks
    assert [line.partition(": ")[2] for line in remarks] == [
        "1 file belongs to no original, and no score: stranger.png",
        "files named in different ways, as those of several methods: a_EDSR_x2.png, b_RCAN_x2.png",
    ]


WORDS = st.text(st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=0x17F), min_size=1, max_size=4)


@settings(max_examples=40)
@given(
    st.lists(st.lists(WORDS, min_size=1, max_size=3).map("_".join), min_size=1, max_size=5),
    st.sampled_from([2, 3, 4, 8]),
)
def test_a_set_matches_itself(tmp_path_factory: pytest.TempPathFactory, names: list[str], scale: int) -> None:
    """Whatever the images are called, results that are called the same are theirs, with and without a scale."""
    seen: dict[str, str] = {}
    for name in names:
        seen.setdefault(unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()), name)
    names = list(seen.values())
    for pattern in ("{}.png", f"{{}}_SR_x{scale}.png"):
        folder = tmp_path_factory.mktemp("r")
        touch(folder, *map(pattern.format, names))
        matched = match_files(folder, names, scale=scale).files
        assert {name: path.name for name, path in matched.items()} == {name: pattern.format(name) for name in names}


def test_names_that_are_told_apart() -> None:
    paths = [Path("/a/x/EDSR"), Path("/b/x/EDSR"), Path("/b/bicubic")]
    assert distinct(["EDSR", "EDSR", "bicubic"], paths, taken=["bicubic"]) == [
        "EDSR (a/x/EDSR)", "EDSR (b/x/EDSR)", "bicubic (b/bicubic)",
    ]  # fmt: skip
    assert distinct(["VDSR (w.h5)", "VDSR (w.h5)"], [Path("/a/w.h5"), Path("/b/w.h5")]) == [
        "VDSR (a/w.h5)", "VDSR (b/w.h5)",
    ]  # fmt: skip
    assert distinct(["a", "b"], paths[:2]) == ["a", "b"]
    assert distinct(["bicubic"], [Path("/bicubic")], taken=["bicubic"]) == ["bicubic (bicubic)"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"names": "a"}, "names: 'a' is not allowed; give a list"),
        ({"names": [Path("a")]}, "names: .*a.* is not allowed; give text"),
        ({"names": ["a", "a"]}, "give different ones"),
        ({"scale": 0}, "scale: 0 is not allowed"),
        ({"part": "x"}, "part: 'x' is not allowed; give one of sr, lr"),
        ({"pattern": None}, "pattern: None is not allowed; give text"),
    ],
)
def test_arguments_are_checked(tmp_path: Path, wrong: dict[str, object], message: str) -> None:
    touch(tmp_path, "a.png")
    with pytest.raises(ArgumentError, match=message):
        match_files(**{"folder": str(tmp_path), "names": ["a"], "scale": 2} | wrong)


def test_the_way_out_of_two_candidates_is_one_that_there_is(tmp_path: Path) -> None:
    touch(tmp_path, "a_one.png", "a_two.png")
    for part, words in (("sr", "--pattern '.*' .for a baseline --baseline-pattern"), ("lr", "keep one file for each")):
        with pytest.raises(VdsrError, match=f"2 files could be the image a at x2; .*{words}"):
            match_files(tmp_path, ["a"], scale=2, part=part)
