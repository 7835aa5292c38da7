"""All other files that are read: .mat, weights of other libraries, config.json, the registry."""

import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from os.path import commonprefix
from pathlib import Path

import numpy as np
from fuzz import Reader
from scipy.io import savemat

from vdsr_data.matlab.matfile import read_mat
from vdsr_data.public import registry
from vdsr_eval.networks.convert import read_any
from vdsr_train.config import Config, read_config

sys.path.append(str(Path(__file__).resolve().parents[1]))  # of the processes that fuzz.py starts
from mat_files import write_mat73, write_octave
from torch_files import Writer, module_of_2017

LAYERS = [(np.ones((3, 3, i, o), np.float32), np.zeros(o, np.float32)) for i, o in ((1, 2), (2, 1))]


def mat_contents() -> list[dict[str, object]]:
    weights = np.empty((1, 2), object), np.empty((1, 2), object)
    for number, (kernel, bias) in enumerate(LAYERS):
        weights[0][0, number], weights[1][0, number] = kernel, bias
    return [
        {"sr": np.linspace(0, 1, 24).reshape(4, 6)},
        {"sr": np.arange(72, dtype="u1").reshape(4, 6, 3), "text": "words", "flag": True, "z": np.array([[1 + 2j]])},
        {"model": {"weight": weights[0], "bias": weights[1]}},
    ]


def mat_seeds() -> list[bytes]:
    seeds = []
    for content in mat_contents():
        for options in ({}, {"do_compression": True}, {"format": "4"}):
            if "format" in options and list(content) != ["sr"]:
                continue
            file = io.BytesIO()
            savemat(file, content, **options)
            seeds.append(file.getvalue())
    return seeds


def written(writer: Callable[[Path, dict[str, object]], None]) -> list[bytes]:
    """Files of a writer."""
    seeds = []
    with tempfile.TemporaryDirectory() as name:
        for content in mat_contents():
            writer(Path(name) / "a.mat", content)
            seeds.append((Path(name) / "a.mat").read_bytes())
    return seeds


def npz_seeds() -> list[bytes]:
    arrays = {
        f"layer_{n}/{kind}": array
        for n, pair in enumerate(LAYERS)
        for kind, array in zip(("kernel", "bias"), pair, strict=True)
    }
    seeds = []
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, **arrays)
        seeds.append(file.getvalue())
    return seeds


def repair_zip(data: bytes) -> bytes:
    """An archive of stored members of which the second one's bytes are damaged, its checksum right."""
    try:
        with zipfile.ZipFile(io.BytesIO(npz_seeds()[0])) as old:
            members = {name: old.read(name) for name in old.namelist()}
    except zipfile.BadZipFile:
        return data
    name = list(members)[data[-1] % len(members) if data else 0]
    start = 64 + len(data) % 7
    members[name] = data[start : start + 200] if data[:1] != b"P" else data[30 + len(name) :][: len(members[name]) + 20]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as new:
        for member, content in members.items():
            new.writestr(member, content)
    return file.getvalue()


def safetensors_seeds() -> list[bytes]:
    from safetensors.numpy import save

    return [
        save(
            {
                f"layer_{n}.{kind}": array
                for n, pair in enumerate(LAYERS)
                for kind, array in zip(("weight", "bias"), pair, strict=True)
            }
        )
    ]


def torch_contents(**form: bool) -> list[tuple[Writer, object]]:
    """A state dict deep in a checkpoint, and a whole module with a batch normalisation to fold in."""
    kernels = [kernel.transpose(3, 2, 0, 1) for kernel, _ in LAYERS]
    one, other = Writer(**form), Writer(**form)
    state = one.ordered({f"layer_{n}.weight": one.parameter(kernel) for n, kernel in enumerate(kernels)})
    norm, _ = other.norm(2, seed=0)
    module = other.sequential(other.conv(kernels[0]), norm, other.relu(), other.conv(kernels[1]))
    return [(one, {"epoch": 50, "state_dict": state}), (other, module)]


def torch_seeds() -> list[bytes]:
    return [writer.archive(content) for writer, content in torch_contents()]


def stream_seeds() -> list[bytes]:
    seeds = [
        writer.stream(content) for form in ("old", "python2") for writer, content in torch_contents(**{form: True})
    ]
    return [*seeds, module_of_2017([(np.ones((o, i, 3, 3), "f4"), None) for o, i in ((2, 1), (2, 2), (1, 2))])]


def pickle_seeds() -> list[bytes]:
    return [b"\x80\x02" + writer.put(content) + b"." for writer, content in torch_contents()]


def read_archived(path: Path) -> None:
    """A pickle in an archive of PyTorch, with a checksum that is right."""
    archive = path.with_suffix(".pth")
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", path.read_bytes())
        for key in range(10):
            file.writestr(f"archive/data/{key}", bytes(72))
    read_any(archive)


MAGIC = bytes.fromhex("57fb808b247547db")  # the end of an .index file
BEHIND = 78  # bytes of an .index file between its block of variables and that end


def checkpoint_variables() -> dict[str, np.ndarray]:
    return {
        f"shared_model/vdsr_{kind}_{n}": pair[part]
        for part, kind in ((1, "bias"), (0, "weight"))  # in order, as TensorFlow lists them
        for n, pair in enumerate(LAYERS)
    }


def checkpoint_seeds() -> list[bytes]:
    """A TensorFlow checkpoint as one file: the .index, and behind it the .data; as TensorFlow writes them."""
    values, last, block = b"", "", b"\0\0\6\x08\1\x1a\2\x08\1"
    for name, array in checkpoint_variables().items():
        raw = array.tobytes()
        axes = b"".join(b"\x12\2\x08" + bytes([length]) for length in array.shape)
        where = b"\x20" + varint(len(values)) if values else b""
        stored = b"\x08\1\x12" + varint(len(axes)) + axes + where + b"\x28" + varint(len(raw))
        stored += b"\x35" + crc32c(raw).to_bytes(4, "little")
        shared = len(commonprefix([last, name]))  # noqa: RUF071 - of texts
        block += varint(shared) + varint(len(name) - shared) + varint(len(stored)) + name[shared:].encode() + stored
        values, last = values + raw, name
    restarts = b"\0\0\0\0\1\0\0\0"
    return [repair_checkpoint(block + restarts + bytes(BEHIND) + MAGIC + values)]


def crc32c(data: bytes) -> int:
    """Castagnoli's checksum as TensorFlow stores it: rotated, and moved by a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def varint(number: int) -> bytes:
    return bytes([number % 128 | 128]) + varint(number // 128) if number > 127 else bytes([number])


def repair_checkpoint(data: bytes) -> bytes:
    """The same variables in an .index file whose blocks have the right sizes and checksums."""

    def stored(block: bytes) -> bytes:
        return block + b"\0" + crc32c(block + b"\0").to_bytes(4, "little")

    index, _, values = data.partition(MAGIC)
    variables = index[:-BEHIND]
    restarts = bytes(4) + (1).to_bytes(4, "little")
    where = varint(0) + varint(len(variables))
    blocks = [variables, restarts, b"\0\1" + varint(len(where)) + b"t" + where + restarts]
    new, handles = b"", b""
    for number, block in enumerate(blocks):
        handles += varint(len(new)) + varint(len(block)) if number else b""
        new += stored(block)
    return new + handles.ljust(40, b"\0") + MAGIC + values


def read_checkpoint(path: Path) -> None:
    """Both files of a checkpoint that `checkpoint_seeds` put into one."""
    index, magic, values = path.read_bytes().partition(MAGIC)
    path.with_suffix(".index").write_bytes(index + magic)
    path.with_suffix(".data-00000-of-00001").write_bytes(values)
    read_any(path.with_suffix(""))


def config_seeds() -> list[bytes]:
    return [
        json.dumps(asdict(config), indent=2).encode() for config in (Config(), Config(images="sample", steps=5))
    ] + [b'{"depth": 3}', b"{}", b"[]", b'{"scales": [2, 3], "clip": "norm", "images": null}']


def registry_seeds() -> list[bytes]:
    lines = registry.REGISTRY.read_bytes().splitlines(keepends=True)
    return [b"".join(lines[:4]), lines[0], b"".join([lines[0], *lines[-2:]])]


def read_registry(path: Path) -> None:
    shipped, registry.REGISTRY = registry.REGISTRY, path
    try:
        for name, files in registry.registered().items():
            assert "/" not in name
            assert all("/" not in file.name and not file.name.startswith(".") and file.size > 0 for file in files)
    finally:
        registry.REGISTRY = shipped


def read_result(path: Path) -> None:
    """A file of the folder that `vdsr-eval score` scores."""
    from vdsr_data.benchmark.sets import Original
    from vdsr_eval.protocols.pair import prepare
    from vdsr_eval.protocols.protocol import PROTOCOLS
    from vdsr_eval.scoring.results import Results

    original = Original(path.stem, np.zeros((4, 6), np.uint8))
    protocol = PROTOCOLS["vdsr-tf"]
    pair = prepare(original.pixels, scale=2, protocol=protocol)
    Results(path.parent, [path.stem], scale=2)(original, pair, protocol, 2)


def read_mat_any(path: Path) -> None:
    """All that reads .mat files."""
    read_mat(path)
    read_result(path)


# Opcodes, and what they take.
PICKLE = tuple(bytes([code]) for code in b"}])(tueRbQ021.\x81\x85\x86\x87\x93\x94")
PICKLE += (b"q\1", b"h\1", b"cos\nmkdir\n", b"U\1a", b"K\1", b"ctorch\nSize\n", b"I1\n")
READERS = {
    "mat": Reader((".mat",), mat_seeds, read_mat_any),
    "mat 7.3": Reader((".mat",), lambda: written(write_mat73), read_mat, words=(b"double\0", b"cell\0", b"struct\0")),
    "octave": Reader((".mat",), lambda: written(write_octave), read_mat, words=(b"matrix\0", b"cell\0", b"_1\0")),
    "MatConvNet": Reader((".mat",), mat_seeds, read_any),
    "npz": Reader(
        (".npz",),
        npz_seeds,
        read_any,
        repair_zip,
        words=(b"'<f4'", b"'|O'", b"True", b"(3, 3, 1, 2)", b"(9999999999,)"),
    ),
    "safetensors": Reader(
        (".safetensors",), safetensors_seeds, read_any, words=(b"F32", b"I64", b"BF16", b"9999999999", b"[", b"]", b"{")
    ),
    "torch": Reader((".pth", ".pt"), torch_seeds, read_any),
    "torch stream": Reader((".pth", ".bin"), stream_seeds, read_any, words=PICKLE),
    "pickle": Reader((".pkl",), pickle_seeds, read_archived, words=PICKLE),
    "checkpoint": Reader((".both",), checkpoint_seeds, read_checkpoint, repair_checkpoint, words=(b"\x12\x02\x08",)),
    "config": Reader(
        (".json",),
        config_seeds,
        read_config,
        words=(
            b"NaN",
            b"Infinity",
            b"1e999",
            b"[" * 2000,
            b"null",
            b"true",
            b"-1",
            b'"',
            b"9" * 5000,
            b"{}",
            b"\\ud800",
            b"[[1], [1]]",
            b"0.5",
            b"\xff",
        ),
    ),
    "registry": Reader(
        (".tsv",),
        registry_seeds,
        read_registry,
        words=(
            b"http://",
            b"https://[",
            b"..",
            b"/",
            b"\t",
            b"\n",
            b"\r",
            b"\x0b",
            b"\xff",
            b"file:///",
            b"\xe2\x80\xa8",
            "\u0663".encode(),
        ),
    ),
}
