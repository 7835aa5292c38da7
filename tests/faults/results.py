"""Makes every kind of file in a folder and prints the SHA-256 of each, for comparison between platforms.

Run as `python results.py IMAGES OUTPUT WORKERS`, with the interpreter, libraries and environment to be compared.
"""

import hashlib
import json
import sys
from pathlib import Path

from vdsr_data.benchmark.build import generate_test, generate_test_mat
from vdsr_data.benchmark.resizing import resize_images
from vdsr_data.images.files import list_images, read_image
from vdsr_data.inspect.verification import verify
from vdsr_data.training.generate import generate_train
from vdsr_data.training.recipe import TrainingRecipe
from vdsr_data.training.shards import merge
from vdsr_eval.metrics.fidelity import psnr, ssim


def main(images: Path, output: Path, workers: int) -> dict[str, str]:
    """SHA-256 of every file and of what is in packed ones, and the metrics in full."""
    paths = list_images(images)
    recipe = TrainingRecipe(patch_size=11, stride=11, downsizes=(1.0, 0.7))
    generate_train(paths, output / "train.h5", recipe, workers=workers)
    generate_train(paths, output / "compressed.h5", recipe, workers=workers, compression=1)
    for k in (1, 2):
        generate_train(paths, output / f"part{k}.h5", recipe, shard=(k, 2), workers=workers)
    merge([output / "part1.h5", output / "part2.h5"], output / "merged.h5")
    merge([output / "part1.h5", output / "part2.h5"], output / "virtual.h5", virtual=True)
    generate_test("set", paths, output / "test.h5", workers=workers)
    generate_test_mat(paths, output / "mat", workers=workers)
    (output / "lr").mkdir()
    targets = [output / "lr" / f"{path.stem}.png" for path in paths]
    resize_images(paths, targets, scale=0.3, workers=workers)
    resize_images(paths, [path.with_suffix(".bmp") for path in targets], scale=2, workers=workers)
    gt = read_image(paths[0])
    sr = gt // 2
    found = {"psnr": psnr(sr, gt, data_range=255).hex(), "ssim": ssim(sr, gt, data_range=255).hex()}
    found["content of compressed.h5"] = verify(output / "compressed.h5").sha256
    for path in list_images(output / "lr"):
        found[f"content of {path.name}"] = hashlib.sha256(read_image(path).tobytes()).hexdigest()
    for path in sorted(output.rglob("*")):
        if path.is_file():
            found[path.relative_to(output).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


if __name__ == "__main__":
    result = main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(result))
