"""Write the conformance vectors: python conformance/generate.py [FOLDER]

By default into `vdsr_data/interop/vectors`, so that an installed toolkit has them too. Inputs are synthetic, made by
whole numbers alone; results are those of this toolkit. The files are the same, byte for byte, wherever this runs: PNG
files are not compressed, because libraries compress differently, and what a logarithm or an arc sine went into is
rounded to twelve digits.
"""

import json
import struct
import sys
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vdsr_data
import vdsr_eval
from vdsr_data import im2double
from vdsr_data.matlab.color import MATRIX, OFFSET

FOLDER = Path(__file__).resolve().parents[1] / "vdsr_data" / "interop" / "vectors"
LOOSE = 1e-10  # of what other libraries may sum in another order, relative
DIGITS = 12  # kept of such numbers
STORED = 65535  # bytes in a block of deflate that is not compressed

Array = NDArray[Any]


def noise(count: int, top: int, seed: int) -> Array:
    """Whole numbers from 0 to `top` of a linear congruential generator (that of the C standard's example)."""
    state, out = seed, []
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        out.append((state >> 8) % (top + 1))
    return np.array(out)


def picture(rows: int, columns: int, channels: int, top: int, seed: int) -> Array:
    """A slope, a dark and a bright rectangle, stripes and noise: smooth parts, edges, and values that saturate."""
    y, x = np.mgrid[:rows, :columns]
    planes = []
    for channel in range(channels):
        plane = top * (2 * x + 3 * y + 5 * channel) // (2 * columns + 3 * rows + 10)
        plane[rows // 6 : rows // 2, columns // 5 : columns // 2] = top
        plane[rows // 2 :, : columns // 4] = 0
        plane[2 * rows // 3 :, columns // 2 :] = ((x + y * (channel + 1)) % 3 * top // 2)[
            2 * rows // 3 :, columns // 2 :
        ]
        plane = plane + noise(rows * columns, top // 8, seed + channel).reshape(rows, columns) - top // 16
        planes.append(plane.clip(0, top))
    image = np.stack(planes, axis=2) if channels > 1 else planes[0]
    return image.astype(np.uint8 if top == 255 else np.uint16)


def tens(seed: int) -> Array:
    """Multiples of ten, of which many weighted sums at 1/1.4 or 1/2.5 lie so near to a half that the last bit decides.

    With these seeds up to seven 8-bit values are others if a cube is two products, or another library's power.
    """
    return 10 * noise(40 * 48, 25, seed).reshape(40, 48).astype(np.uint8)


def deciding_colours() -> Array:
    """All 8-bit colours whose luma is another if the coefficients are divided by 255, and not multiplied by 1/255."""
    found: list[list[int]] = []
    green, blue = np.mgrid[:256, :256]
    for red in range(256):

        def rounded(coefficients: Sequence[float], red: int = red) -> Array:
            r, g, b = coefficients
            return np.floor(r * red + g * green + b * blue + OFFSET[0] + 0.5)

        differ = rounded([t * (1 / 255) for t in MATRIX[0]]) != rounded([t / 255 for t in MATRIX[0]])
        found += [[red, int(g), int(b)] for g, b in np.argwhere(differ)]
    return np.array(found)


def colours() -> Array:
    """256 colours: the corners of the cube, greys, those that decide, and others."""
    corners = [[255 * (k >> bit & 1) for bit in range(3)] for k in range(8)]
    greys = [[value] * 3 for value in range(0, 256, 17)]
    chosen = np.array([*corners, *greys, *deciding_colours().tolist()])
    rest = noise(3 * (256 - len(chosen)), 255, 7).reshape(-1, 3)
    return np.concatenate([chosen, rest]).reshape(16, 16, 3).astype(np.uint8)


def inputs() -> dict[str, Array]:
    """The arrays that the cases work on, by the names that stand in their lines of MATLAB."""
    grey, small = picture(48, 40, 1, 255, 1), picture(12, 10, 1, 255, 2)
    rgb, tiny_rgb = picture(24, 28, 3, 255, 3), picture(6, 5, 3, 255, 4)
    like = grey[:24, :28].astype(int) + noise(24 * 28, 40, 8).reshape(24, 28) - 20
    like_rgb = rgb.astype(int) + noise(rgb.size, 40, 9).reshape(rgb.shape) - 20
    return {
        "grey": grey, "small": small, "rgb": rgb, "tiny_rgb": tiny_rgb,
        "grey16": picture(24, 20, 1, 65535, 5), "rgb16": picture(12, 10, 3, 65535, 6),
        "ties": (64 * noise(16 * 12, 3, 11)).reshape(16, 12).astype(np.uint8),
        "tens": tens(269), "more_tens": tens(212), "strip": small[3:4, :7], "dot": small[5:6, 5:6],
        "grey_double": im2double(grey[:24, 10:30]), "tiny_double": im2double(small[:6, :5]),
        "rgb_double": im2double(rgb[6:15, 3:11]),
        "signed_double": 4 * im2double(small[:8, :9]) - 2,
        "colours": colours(), "colours16": picture(4, 8, 3, 65535, 12), "colours_double": im2double(colours()[:8, :8]),
        "ramp": np.arange(256, dtype=np.uint8).reshape(16, 16),
        "ramp16": (np.arange(64) * 1040 + np.arange(64) % 7).astype(np.uint16).reshape(8, 8),
        "reference": grey[:24, :28].copy(), "changed": like.clip(0, 255).astype(np.uint8),
        "changed_rgb": like_rgb.clip(0, 255).astype(np.uint8),
        "reference_double": im2double(grey[:16, 6:18]),
        "changed_double": im2double(like.clip(0, 255).astype(np.uint8)[:16, 6:18]),
        "kernel": np.array([[0.0, 0.25, 0.125], [-0.125, 0.5, 0.0], [0.0625, 0.0, 0.1875]]),
        "even_kernel": np.array([[0.5, 0.25, 0.125, 0.0], [0.0, 0.0625, -0.0625, 0.125]]),
    }  # fmt: skip


def png(array: Array) -> bytes:
    """An image as a PNG file that is not compressed; of 16-bit colour the planes one below the other, in grey."""
    if array.dtype == np.uint16 and array.ndim == 3:
        array = np.concatenate(list(np.moveaxis(array, 2, 0)))
    depth = 8 * array.dtype.itemsize
    lines = np.ascontiguousarray(array, array.dtype.newbyteorder(">")).view(np.uint8).reshape(len(array), -1)
    raw = np.pad(lines, ((0, 0), (1, 0))).tobytes()
    body = b"\x78\x01"
    for at in range(0, len(raw), STORED):
        block = raw[at : at + STORED]
        body += struct.pack("<BHH", at + STORED >= len(raw), len(block), len(block) ^ 0xFFFF) + block
    body += struct.pack(">I", zlib.adler32(raw))
    head = struct.pack(">IIBBBBB", array.shape[1], len(array), depth, 2 if array.ndim == 3 else 0, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", head), (b"IDAT", body), (b"IEND", b"")):
        file += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return file


class Vectors:
    """The vectors as they grow: the text of `vectors.json`, and the files beside it."""

    def __init__(self) -> None:
        self.arrays = inputs()
        self.files: dict[str, bytes] = {}
        self.inputs = {name: self.stored(name, array) for name, array in self.arrays.items()}
        self.cases: list[dict[str, Any]] = []

    def stored(self, name: str, array: Array) -> dict[str, Any]:
        """An array as JSON has it, its file kept if it is an image of integers."""
        about = {"dtype": str(array.dtype), "shape": list(array.shape)}
        if array.dtype.kind == "u":
            assert f"{name}.png" not in self.files, name
            self.files[f"{name}.png"] = png(array)
            return about | {"png": f"{name}.png"}
        text = float.hex if array.dtype.kind == "f" else str
        rows = array.reshape(len(array) if array.ndim > 1 else 1, -1).tolist()
        return about | {"rows": [" ".join(map(text, row)) for row in rows]}

    def add(
        self,
        name: str,
        matlab: str,
        arguments: Sequence[Any],
        options: dict[str, Any],
        proof: tuple[str, str],
        tolerance: float = 0,
    ) -> None:
        """Compute a case; an argument that is the name of an input, or (name, repeats), stands for that array."""
        function = name.partition("-")[0]
        values, said = [], []
        for argument in arguments:
            names, times = argument if isinstance(argument, tuple) else (argument, None)
            if isinstance(names, str) and names in self.arrays:
                array = self.arrays[names]
                values.append(array if times is None else np.tile(array, times))
                said.append({"input": names} | ({} if times is None else {"repeat": times}))
            else:
                values.append(argument)
                said.append(argument)
        given = {key: self.arrays[value] if key == "kernel" else value for key, value in options.items()}
        shown = {key: {"input": value} if key == "kernel" else value for key, value in options.items()}
        package = vdsr_eval if function in ("psnr", "ssim") else vdsr_data
        result = np.asarray(getattr(package, function)(*values, **given))
        if tolerance:
            result = np.array([float(f"{x:.{DIGITS}g}") for x in result.ravel().tolist()]).reshape(result.shape)
        case = {"name": name, "function": function, "matlab": matlab, "arguments": said, "options": shown}
        case |= {"result": self.stored(name, result), "tolerance": tolerance, "proof": proof[0], "evidence": proof[1]}
        assert name not in {one["name"] for one in self.cases}, name
        self.cases.append(case)

    def text(self) -> str:
        """The JSON file: an input, or a case, after the other."""
        head = {"format": 1, "license": "MIT", "inputs": self.inputs, "cases": self.cases}
        return json.dumps(head, indent=1) + "\n"


def imresize_proof(dtype: str, scale: Any, antialias: bool, boundary: str, method: str) -> tuple[str, str]:
    """How far MATLAB's own files prove a call."""
    whole = isinstance(scale, float | int) and (scale in (2, 3, 4) or 1 / scale in (2, 3, 4))
    smaller = isinstance(scale, float | int) and scale < 1
    if method == "nearest" and scale == 1 / 3:
        return "file", "0 of 187,962 values of RDN's BD images"
    if method != "bicubic":
        return "rules", "the kernel is that of MATLAB's documentation"
    if dtype == "float64" and boundary == "symmetric" and antialias and whole:
        return "file", "every bit of the doubles of a release of 2018, factors 2, 3, 4 and their inverses"
    if dtype == "float64" and boundary == "symmetric" and (whole or scale is None):
        return "file", "every bit of 16 files of doubles of R2019b, of irregular sizes and without antialias too"
    if dtype == "uint8" and smaller and antialias and (whole or scale == 1 / 8):
        if boundary == "replicate":
            return "file", "0 of 38.6 million values of the LR images of Set5, Set14, B100 and Urban100, and of Set5 x8"
        return "file", "0 of 5 million values of LR images x2, x3, x4, x8 of a newer release"
    if dtype == "uint8" and smaller and antialias and boundary == "replicate" and abs(10 / scale % 1 - 0.5) > 0.499:
        return "file", "0 of 5,481,723 values of the LR images of Meta-SR's authors at thirty scales from 1.1 to 4"
    return "rules", "the same rules as where MATLAB's files are at hand; none of this dtype, factor and boundary is"


def add_imresize(vectors: Vectors) -> None:
    """Every dtype, factor, boundary and channel count, and what has been got wrong elsewhere."""

    def add(image: str, how: str, boundary: str = "symmetric", antialias: bool = True, method: str = "bicubic") -> None:
        parts = how.strip("[]").split()
        size = [int(side) for side in parts] if how[0] == "[" and "." not in how else None
        scale: Any = None
        if size is None:
            factors = [float(a) / float(b or 1) for a, _, b in (part.partition("/") for part in parts)]
            scale = factors if how[0] == "[" else factors[0]
        dtype = str(vectors.arrays[image].dtype)
        words = [how, f"'{method}'"] + ([] if antialias else ["'Antialiasing', false"])
        comment = ";  % in a release before R2015b" if boundary == "replicate" else ""
        slug = how.replace("/", "of").replace("[", "to ").replace("]", "").replace(" ", "-").replace(".", "p")
        slug += "-replicate" * (boundary == "replicate") + "-alias" * (not antialias)
        slug += "" if method == "bicubic" else f"-{method}"
        options = {"scale": scale, "size": size, "antialias": antialias, "boundary": boundary, "method": method}
        vectors.add(f"imresize-{image}-{slug}", f"imresize({image}, {', '.join(words)}){comment}", [image], options,
                    imresize_proof(dtype, scale, antialias, boundary, method))  # fmt: skip

    for boundary in ("symmetric", "replicate"):
        for how in ("1/2", "1/3", "1/4", "1/8", "0.7", "1/1.4", "1/1.2000000000000002"):
            add("grey", how, boundary)
        for how in ("[17 23]", "[31 7]", "[0.7 0.4]"):
            add("grey", how, boundary)
        for how in ("2", "3", "4", "8", "1.3", "[17 23]", "[1.5 0.5]"):
            add("small", how, boundary)
        for how in ("1/2", "1/3", "0.7", "2", "[9 40]"):
            add("rgb", how, boundary)
        for how in ("1/2", "1/4", "2", "4"):
            add("ties", how, boundary)
        add("tens", "1/1.4", boundary)
        add("more_tens", "1/2.5", boundary)
        for how in ("1/2", "1/3", "1/4", "2", "3", "1.3"):
            add("grey16", how, boundary)
        for how in ("1/2", "3"):
            add("rgb16", how, boundary)
        for how in ("1/2", "1/3", "1/4", "1/8", "0.7", "1/1.4", "[7 11]"):
            add("grey_double", how, boundary)
        for how in ("2", "3", "4", "1.3"):
            add("tiny_double", how, boundary)
        for how in ("1/3", "[4 9]"):
            add("rgb_double", how, boundary)
        for how in ("1/3", "2.5"):
            add("strip", how, boundary)
        add("dot", "3", boundary)
        for image, how in (
            ("grey", "1/2"),
            ("grey", "1/3"),
            ("grey", "0.7"),
            ("grey_double", "1/2"),
            ("grey_double", "[7 11]"),
        ):
            add(image, how, boundary, antialias=False)
    add("tiny_double", "8")
    add("signed_double", "2")
    add("signed_double", "1/2")
    add("grey", "[48 20]")
    add("grey", "[1 1]")
    add("grey", "1/3", antialias=False, method="nearest")
    for method in ("bilinear", "box", "lanczos2", "lanczos3"):
        add("grey", "1/3", method=method)
        add("tiny_rgb", "2", method=method)


def add_colours(vectors: Vectors) -> None:
    """rgb2ycbcr, ycbcr2rgb, im2double."""
    documented = "rules", "MATLAB's documentation"
    for name, image, proof in (
        ("rgb2ycbcr", "colours", ("file", "0 of 11.4 million values of Set5 and Set14")),
        ("rgb2ycbcr", "colours16", ("rules", "the range of MATLAB's documentation")),
        ("rgb2ycbcr", "colours_double", ("file", "every bit of the doubles of a release of 2018")),
        ("ycbcr2rgb", "colours", ("rules", "the formula of the doubles, rounded half up; no file was at hand")),
        ("ycbcr2rgb", "colours16", ("rules", "the formula of the doubles, rounded half up; no file was at hand")),
        ("ycbcr2rgb", "colours_double", ("file", "every bit of the doubles of a release of 2018, 386,523 of them")),
        ("im2double", "ramp", documented), ("im2double", "ramp16", documented),
        ("im2double", "signed_double", documented),
    ):  # fmt: skip
        vectors.add(f"{name}-{image}", f"{name}({image})", [image], {}, proof)


def add_metrics(vectors: Vectors) -> None:
    """psnr, and ssim in its forms."""
    log = "file", "the PSNR of 357 images in MATLAB's own log, to 1e-14 dB"
    for image, reference, peak in (("changed", "reference", 255), ("changed_rgb", "rgb", 255),
                                   ("changed_double", "reference_double", 1), ("rgb", "rgb", 255)):  # fmt: skip
        vectors.add(
            f"psnr-{image}", f"psnr({image}, {reference})", [image, reference], {"data_range": peak}, log, LOOSE
        )
    wang = "file", "tables of papers, and MATLAB's own logs, in every digit"
    printed = "file", "the digits that MATLAB printed for one pair of images"
    rules = "rules", "the definition; no number of its program was at hand"
    pair = ["changed", "reference"]
    for form, lines, proof in (
        ("valid", "ssim_index({0}, {1})", wang),
        ("replicate", "ssim({0}, {1})", wang),
        ("reflect", "none: torchmetrics from 1.4.2 on, ssim({0}, {1})", rules),
        ("uniform-8", "ssim_index({0}, {1}, [0.01 0.03], ones(8))", rules),
        ("uniform-7", "none: scikit-image, structural_similarity({0}, {1}, data_range=255)", rules),
    ):
        options = {"data_range": 255} | vdsr_eval.SSIM_FORMS[form]
        vectors.add(f"ssim-{form}", lines.format(*pair), pair, options, proof, LOOSE)
    large = [(name, [16, 18]) for name in pair]
    lines = "ssim(repmat(changed, 16, 18), repmat(reference, 16, 18)), the ssim.m of Wang"
    vectors.add("ssim-downsample", lines, large, {"data_range": 255} | vdsr_eval.SSIM_FORMS["downsample"], rules, LOOSE)
    volume = {"data_range": 255} | vdsr_eval.SSIM_FORMS["volume"]
    vectors.add("ssim-volume", "ssim(changed_rgb, rgb)", ["changed_rgb", "rgb"], volume, printed, LOOSE)
    doubles = ["changed_double", "reference_double"]
    vectors.add(
        "ssim-double", "ssim({}, {})".format(*doubles), doubles, {"data_range": 1, "border": "replicate"}, wang, LOOSE
    )


def add_random(vectors: Vectors) -> None:
    """Rand, randn, randperm."""
    printed = "printed", "MATLAB printed this permutation"
    vectors.add("randperm-10", "rng(0); randperm(10) - 1", [10], {"seed": 0}, printed)
    vectors.add("randperm-15", "rng(42); randperm(15) - 1", [15], {"seed": 42}, ("printed", "R2017b printed it"))
    for n, seed in ((0, 0), (1, 3), (257, 1), (1000, 2**32 - 1)):
        vectors.add(
            f"randperm-{n}", f"rng({seed}); randperm({n}) - 1", [n], {"seed": seed}, ("rules", "as those printed")
        )
    twister = "printed", "MATLAB printed all 24 with 17 digits"
    vectors.add("randn-24", "rng(0); randn(24, 1)", [[24]], {"seed": 0, "generator": "twister"}, twister)
    vectors.add("randn-seed-1", "rng(1); randn(4, 3)", [[4, 3]], {"seed": 1, "generator": "twister"},
                ("printed", "MATLAB printed the first with 15 digits; the others follow the rules"))  # fmt: skip
    vectors.add("randn-tail", f"rng({TAIL_SEED}); randn(40, 1)", [[40]], {"seed": TAIL_SEED, "generator": "twister"},
                ("rules", "one number lies beyond the ziggurat, where the tail's own rule draws it"))  # fmt: skip
    vectors.add("randn-v4", "randn('seed', 0); randn(8, 8)", [[8, 8]], {"seed": 0, "generator": "v4"},
                ("file", "0 of 6.9 million values of images with noise; eight printed with 4 decimals"))  # fmt: skip
    vectors.add("randn-v4-seed-1", "randn('seed', 1); randn(8, 1)", [[8]], {"seed": 1, "generator": "v4"},
                ("rules", "starts as rand does, whose numbers were printed"))  # fmt: skip
    vectors.add("rand-twister", "rng(0); rand(3, 4)", [[3, 4]], {"seed": 0, "generator": "twister"},
                ("printed", "MATLAB printed them with 4 decimals"))  # fmt: skip
    vectors.add("rand-v4", "rand('seed', 0); rand(6, 1)", [[6]], {"seed": 0, "generator": "v4"},
                ("printed", "MATLAB's manual printed them with 4 decimals"))  # fmt: skip


TAIL_SEED = 301  # the first for which one of 40 numbers lies in the tail


def add_filters(vectors: Vectors) -> None:
    """fspecial and imfilter."""
    documented = "rules", "MATLAB's documentation; the last bits are not proved"
    gaussian = "file", "0 of 187,962 values of RDN's BD images, which were blurred with it"
    for kind, *parameters in (
        ("gaussian", 7, 1.6), ("gaussian", 3, 0.5), ("gaussian", [4, 5], 1.2), ("gaussian", 15, 2.6),
        ("average", [2, 3]),
        ("disk", 2), ("laplacian", 0.2), ("log", 5, 0.5), ("motion", 3, 45), ("motion", 9, 30), ("prewitt",),
        ("sobel",), ("unsharp", 0.2),
    ):  # fmt: skip
        words = ["'" + kind + "'", *(str(one).replace(",", "") for one in parameters)]
        slug = "-".join([kind, *(str(one).strip("[]").replace(", ", "x").replace(".", "p") for one in parameters)])
        proof = gaussian if (kind, parameters) == ("gaussian", [7, 1.6]) else documented
        if (kind, parameters) == ("motion", [3, 45]):
            proof = "printed", "MATLAB printed it with 4 decimals"
        tolerance = LOOSE if kind in ("disk", "motion") else 0
        vectors.add(f"fspecial-{slug}", f"fspecial({', '.join(words)})", [kind, *parameters], {}, proof, tolerance)
    proved = "file", "0 of 311,040 values of DPSR's blurred images, 0 of 187,962 of RDN's"
    rules = "rules", "MATLAB's documentation"
    for image, kernel, boundary, convolve, full in (
        ("small", "kernel", "replicate", False, False), ("small", "kernel", "symmetric", False, False),
        ("small", "kernel", "circular", True, False), ("small", "kernel", 0, False, False),
        ("small", "kernel", 200, False, False), ("small", "even_kernel", "replicate", False, False),
        ("small", "even_kernel", "circular", True, False), ("small", "kernel", 0, False, True),
        ("tiny_rgb", "kernel", "replicate", False, False), ("grey16", "kernel", "replicate", False, False),
        ("tiny_double", "kernel", "circular", True, False), ("tiny_double", "even_kernel", "symmetric", False, False),
        ("rgb_double", "kernel", 0, False, False),
    ):  # fmt: skip
        words = [image, kernel, f"'{boundary}'" if isinstance(boundary, str) else str(boundary)]
        words += ["'conv'"] * convolve + ["'full'"] * full
        slug = "-".join([image, *(word.strip("'") for word in words[1:])])
        options = {"boundary": boundary, "convolve": convolve, "full": full}
        known = boundary == "replicate" or (boundary == "circular" and convolve)
        proof = proved if known and kernel == "kernel" and image in ("small", "tiny_rgb") else rules
        vectors.add(f"imfilter-{slug}", f"imfilter({', '.join(words)})", [image, kernel], options, proof)


def add_degradations(vectors: Vectors) -> None:
    """The low-resolution images of papers, from an original to LR."""
    for image, kind, scale, options in (
        ("rgb", "bi", 2, {}), ("rgb", "bi", 3, {"boundary": "replicate"}),
        ("grey", "bi", 1.4, {"boundary": "replicate"}),
        ("rgb", "bi-double", 2, {}), ("rgb", "bd", 3, {}), ("rgb", "dn", 3, {}),
        ("grey", "dn", 2, {"noise": 10, "seed": 3}), ("rgb", "blur", 2, {"kernel": "kernel"}),
        ("rgb", "srmd", 2, {"sigma": 1.3}), ("rgb", "noise", 1, {"noise": 25}), ("grey", "jpeg", 1, {"quality": 10}),
    ):  # fmt: skip
        made = {key: vectors.arrays[value] if key == "kernel" else value for key, value in options.items()}
        recipe = vdsr_data.Degradation(kind, **made)
        lines = " ".join([f"HR = {image};", *(line.partition("  %")[0] for line in recipe.explain(scale))])
        lines += "  % in a release before R2015b" * (options.get("boundary") == "replicate")
        files = {"noise": "0 of 6.7 million values of eleven images", "jpeg": "0 of 1,310,720 values of five images",
                 "blur": "0 of 311,040 values at x4, twelve kernels", "dn": "0 of 187,962 values of Set5 x3, twice",
                 "bd": "0 of 187,962 values of Set5 x3",
                 "bi-double": "0 of 26,535 values of Set5 x8", "srmd": ""}  # fmt: skip
        files["bi"] = imresize_proof("uint8", 1 / scale, True, options.get("boundary", "symmetric"), "bicubic")[1]
        known = files[kind] and "seed" not in options
        proof = ("file", files[kind]) if known else ("rules", "the paper's script")
        slug = "-".join([image, kind, f"x{scale}".replace(".", "p")])
        vectors.add(f"degrade-{slug}", lines, [image, kind, scale], options, proof)


def generate() -> dict[str, bytes]:
    """Every file by its name."""
    vectors = Vectors()
    for add in (add_imresize, add_colours, add_metrics, add_random, add_filters, add_degradations):
        add(vectors)
    return {"vectors.json": vectors.text().encode(), **vectors.files}


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Put the files into a folder, and take out what is no longer among them."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        if old.name not in files:
            old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def sizes(contents: Iterable[bytes]) -> str:
    """How many files, and how many bytes."""
    lengths = [len(content) for content in contents]
    return f"{len(lengths)} files, {sum(lengths):,} bytes"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    made = generate()
    write(target, made)
    print(f"wrote {sizes(made.values())} to {target}")
