"""Compare functions with the conformance vectors; needs NumPy and Pillow, and nothing else of this repository.

    python check.py MODULE...           functions of these modules that are named as in the vectors: imresize, psnr, ...
    python check.py --results FOLDER    what a program in any language left there: NAME.png, or NAME.txt with numbers

The vectors are looked for in the folder `vectors` beside this file, else where this repository has them; --vectors
names another. Prints what differs, then a line for each function. Exit code 1 if anything differs or is missing.
"""

import argparse
import importlib
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
PLACES = (HERE / "vectors", HERE.parent / "vdsr_data" / "interop" / "vectors")


def image(path, shape):
    """The pixels of a PNG file; where its shape is another, the planes of a colour image lie one below the other."""
    pixels = np.array(Image.open(path))
    return pixels if pixels.shape == shape else np.moveaxis(pixels.reshape(shape[2], *shape[:2]), 0, 2)


def numbers(rows, dtype, shape):
    """The numbers of lines of text: doubles in hexadecimal, whole numbers in decimal."""
    read = float.fromhex if dtype == "float64" else int
    return np.array([read(word) for row in rows for word in row.split()], dtype).reshape(shape)


def array(folder, stored):
    """An array of the vectors: an image, or rows of numbers."""
    dtype, shape = stored["dtype"], tuple(stored["shape"])
    return (
        numbers(stored["rows"], dtype, shape)
        if "rows" in stored
        else image(folder / stored["png"], shape).astype(dtype)
    )


def argument(value, inputs):
    """What is passed: an input of the vectors, if need be repeated, or the value itself."""
    if not isinstance(value, dict):
        return value
    return np.tile(inputs[value["input"]], value.get("repeat", 1)).copy()


def difference(got, wanted, tolerance):
    """What is wrong with a result; nothing if it agrees."""
    got = np.asarray(got)
    if got.shape != wanted.shape:
        return f"has shape {got.shape}, not {wanted.shape}"
    if got.dtype.kind != wanted.dtype.kind or (wanted.dtype.kind != "i" and got.dtype != wanted.dtype):
        return f"is of {got.dtype}, not {wanted.dtype}"
    with np.errstate(invalid="ignore"):  # of two infinities
        gap = np.where(got == wanted, 0, np.abs(got.astype(float) - wanted.astype(float)))
    wrong = ~(gap <= tolerance * np.maximum(np.abs(wanted), 1))  # a NaN is wrong
    return f"{wrong.sum()} of {wrong.size} values differ, by up to {gap.max():.3g}" if wrong.any() else ""


def computed(case, modules, inputs):
    """The result of the first module that has the function; None if none has it."""
    function = next(
        (getattr(module, case["function"]) for module in modules if hasattr(module, case["function"])), None
    )
    arguments = [argument(value, inputs) for value in case["arguments"]]
    options = {name: argument(value, inputs) for name, value in case["options"].items()}
    return None if function is None else function(*arguments, **options)


def left(case, folder):
    """The result that a program left in a folder; None if there is none."""
    stored, path = case["result"], folder / case["name"]
    if (folder / f"{case['name']}.png").exists():
        return image(path.with_name(f"{case['name']}.png"), tuple(stored["shape"]))
    text = path.with_name(f"{case['name']}.txt")
    return numbers(text.read_text().splitlines(), stored["dtype"], stored["shape"]) if text.exists() else None


def main():
    """Compare, print; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="with functions named as those of the vectors")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="of results, instead of modules")
    parser.add_argument("--vectors", type=Path, metavar="FOLDER", help="instead of the usual place")
    parser.add_argument("--function", help="only this one")
    options = parser.parse_args()
    if bool(options.modules) == bool(options.results):
        parser.error("give modules, or --results FOLDER")
    if options.results and not options.results.is_dir():
        parser.error(f"{options.results}: no such folder")
    folder = options.vectors or next(place for place in PLACES if place.is_dir())
    vectors = json.loads((folder / "vectors.json").read_text())
    inputs = {name: array(folder, stored) for name, stored in vectors["inputs"].items()}
    sys.path.insert(0, "")
    try:
        modules = [importlib.import_module(name) for name in options.modules]
    except (ImportError, SystemExit) as error:  # a script that ends itself, above all with 0, does not agree
        parser.error(f"{' '.join(options.modules)}: cannot be imported ({type(error).__name__}: {error})")
    agree, cases, missing = Counter(), Counter(), Counter()
    for case in vectors["cases"]:
        if options.function not in (None, case["function"]):
            continue
        cases[case["function"]] += 1
        try:
            got = left(case, options.results) if options.results else computed(case, modules, inputs)
            wrong = "" if got is None else difference(got, array(folder, case["result"]), case["tolerance"])
        except (Exception, SystemExit) as error:  # whatever a function raises is its answer
            got, wrong = "", f"{type(error).__name__}: {error}"
        missing[case["function"]] += got is None
        agree[case["function"]] += got is not None and not wrong
        if wrong:
            print(f"{case['name']}: {wrong}  ({case['matlab']}, proof: {case['proof']})")
    for name, count in cases.items():
        print(f"{name}: {agree[name]} of {count} cases agree" + f", {missing[name]} missing" * (missing[name] > 0))
    if not cases:
        parser.error(f"--function {options.function}: the vectors have none of this name")
    return int(agree != cases)


if __name__ == "__main__":
    sys.exit(main())
