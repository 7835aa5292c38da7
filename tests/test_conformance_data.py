"""The whole training file of the 291 images: number, order, values, memory."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from reference import slow_imresize, slow_luma

from vdsr_data.images.files import list_images, read_image
from vdsr_data.training.file import open_training

BUILD = """
import json, resource, sys
from pathlib import Path
from vdsr_data.training.recipe import TrainingRecipe
from vdsr_data.training.generate import generate_train
from vdsr_data.images.files import list_images
summary = generate_train(list_images(sys.argv[1]), Path(sys.argv[2]), TrainingRecipe(), workers=2)
print(json.dumps([summary.pairs, summary.dropped, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def test_the_291_images(reference_data: Path, tmp_path: Path):
    if shutil.disk_usage(tmp_path).free < 4e9:
        pytest.skip("needs 4 GB of disk")
    path = tmp_path / "train.h5"
    command = [sys.executable, "-c", BUILD, str(reference_data / "291"), str(path)]
    pairs, dropped, peak = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (pairs, dropped) == (216_768, 0)
    assert peak < 1500, f"{peak:.0f} MB"

    images = list_images(reference_data / "291")
    sources = []  # image, quarter turns, flipped, scale, row, column of every patch in the order of the script's loops
    for k, image in enumerate(images):
        rows, columns = read_image(image).shape[:2]
        for turn in (0, 1):
            height, width = (rows, columns) if turn == 0 else (columns, rows)
            for flip in (False, True):
                for scale in (2, 3, 4):
                    sources += [
                        (k, turn, flip, scale, i, j)
                        for i in range(0, height // scale * scale - 40, 41)
                        for j in range(0, width // scale * scale - 40, 41)
                    ]
    assert len(sources) == pairs
    order = np.argsort(np.random.RandomState(5489).random_sample(pairs), kind="stable")
    with open_training(path) as file:
        for position in np.random.default_rng(0).choice(pairs, 25, replace=False):
            k, turn, flip, scale, i, j = sources[order[position]]
            y = np.rot90(slow_luma(read_image(images[k])) / 255, turn)
            y = y[:, ::-1] if flip else y
            size = tuple(n // scale * scale for n in y.shape)
            gt = y[: size[0], : size[1]]
            low = slow_imresize(gt, (1 / scale, 1 / scale), tuple(n // scale for n in size))
            lr = slow_imresize(low, (scale, scale), size)
            for got, want in zip(file.gather([position]), (lr, gt), strict=True):
                assert (got[0] == want[i : i + 41, j : j + 41].astype(np.float32)).all()
    path.unlink()
