"""What comes from outside is data: checked before use, never run, never written elsewhere, shown as text."""

import ast
import gzip
import json
import os
import pickle
import re
import shutil
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from command_line import fails, run
from PIL import Image
from test_data_fetch import Public, contents, expected, public, redirecting
from torch_files import Writer

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import is_plain_name
from vdsr_eval.protocols.protocol import PROTOCOLS
from vdsr_eval.reports.page import write_page
from vdsr_eval.reports.tables import per_image, summary
from vdsr_eval.scoring.records import Record

__all__ = ["public"]  # a fixture

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for package in ("vdsr_data", "vdsr_eval", "vdsr_train") for path in (ROOT / package).rglob("*.py")
)
Tried = Callable[..., None]

# Calls that run, unpickle or unpack what they are given, or leave the question to a shell.
FORBIDDEN = re.compile(
    r"(builtins\.)?(eval|exec|compile|__import__)|os\.(system|popen)|(pickle|cPickle|marshal|shelve|dill|joblib|cloudpickle)"
    r"\..*|yaml\.(unsafe_)?load(_all)?|.*\.load_model|.*\.enable_unsafe_deserialization|(shutil\.)?unpack_archive"
    r"|torch\.load|.*\.(extract|extractall)|tempfile\.mktemp|tarfile\..*|ssl\._create_unverified_context|.*\.read_pickle"
)
REQUIRED = {"np.load": ("allow_pickle", False), "numpy.load": ("allow_pickle", False)}


def suspicious(source: str) -> list[str]:
    """Calls in a source that trust what they are given."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {word.arg: word.value.value for word in node.keywords if isinstance(word.value, ast.Constant)}
        if FORBIDDEN.fullmatch(name) and name != "re.compile":
            found.append(name)
        if name in REQUIRED and given.get(REQUIRED[name][0]) is not REQUIRED[name][1]:
            found.append(name)
        if given.get("shell") is True or given.get("verify") is False or given.get("allow_pickle") is True:
            found.append(name)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_source_runs_and_unpickles_nothing(path: Path, tried: Tried):
    tried("sources")
    assert suspicious(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("line", [
    "eval(text)", "exec(code)", "pickle.loads(data)", "np.load(path)", "np.load(path, allow_pickle=True)",
    "torch.load(f)", "torch.load(f, weights_only=True)",
    "yaml.load(f)", "keras.models.load_model(path)", "os.system(command)",
    "subprocess.run(command, shell=True)", "requests.get(url, verify=False)", "archive.extractall(folder)",
    "tarfile.open(path)", "shutil.unpack_archive(path)", "reader(path, allow_pickle=True)", "__import__(name)",
])  # fmt: skip
def test_scan_finds_what_it_looks_for(line: str):
    assert suspicious(line)


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def malicious(kind: str, path: Path, target: Path) -> None:
    """A file that would make the folder `target` if it were believed."""
    payload = np.array([Payload(target)], dtype=object)
    if kind == "npz":
        np.savez(path, conv1=payload)
    elif kind == "npy in npz":
        np.save(path.with_suffix(".npy"), payload, allow_pickle=True)
        path.with_suffix(".npy").rename(path)
    elif kind in ("pth", "pt", "raw pickle"):
        path.write_bytes(pickle.dumps({"weight": Payload(target)}))
    elif kind in ("torch archive", "torch stream", "torch module"):
        writer = Writer(old=kind == "torch stream")
        bomb = writer.call(writer.name("os", "mkdir"), str(target))  # as Payload is pickled
        content: object = {"state_dict": bomb, "weights": {"a": np.ones((4, 1, 3, 3), "f4"), "b": bomb}}
        if kind == "torch module":
            content = writer.module("os", "mkdir", _modules={"conv": bomb}, _parameters={"a": bomb})
        path.write_bytes(writer.stream(content) if writer.old else writer.archive(content))
    elif kind == "keras":
        config = {"class_name": "Lambda", "config": {"function": f"__import__('os').mkdir({str(target)!r})"}}
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(config))
            archive.writestr("../../../../../../../../../../tmp/escaped", "x")
    elif kind == "mat":
        from scipy.io import savemat

        savemat(path, {"model": np.array([str(pickle.dumps(Payload(target)))], dtype=object)})
    elif kind == "safetensors":
        path.write_bytes(pickle.dumps(Payload(target)))


SUFFIX = {
    "npz": ".npz",
    "npy in npz": ".npz",
    "pth": ".pth",
    "pt": ".pt",
    "raw pickle": ".safetensors",
    "mat": ".mat",
    "torch archive": ".pth",
    "torch stream": ".pth",
    "torch module": ".pth",
    "keras": ".keras",
    "safetensors": ".safetensors",
}


@pytest.mark.parametrize("kind", SUFFIX)
def test_malicious_weights_do_nothing(kind: str, tmp_path: Path, tried: Tried):
    from vdsr_eval.networks.convert import read_any

    path, target = tmp_path / f"weights{SUFFIX[kind]}", tmp_path / "executed"
    malicious(kind, path, target)
    tried("malicious files")
    with pytest.raises(VdsrError, match="weights"):
        read_any(path)
    assert not target.exists()


@pytest.mark.slow
def test_payload_would_work_if_it_were_unpickled(tmp_path: Path):
    malicious("npz", tmp_path / "w.npz", tmp_path / "executed")
    with np.load(tmp_path / "w.npz", allow_pickle=True) as archive:
        assert archive["conv1"] is not None
    assert (tmp_path / "executed").is_dir()
    malicious("torch archive", tmp_path / "w.pth", tmp_path / "executed too")
    with zipfile.ZipFile(tmp_path / "w.pth") as archive:
        data = archive.read("archive/data.pkl")
    with pytest.raises((pickle.UnpicklingError, ImportError)):  # at the first tensor, which comes behind the call
        pickle.loads(data)
    assert (tmp_path / "executed too").is_dir()


def test_malicious_data_files_do_nothing(tmp_path: Path, tried: Tried):
    path = tmp_path / "t.h5"
    path.write_bytes(pickle.dumps(Payload(tmp_path / "executed")))
    for command in ("info", "preview", "verify"):
        tried("malicious files")
        fails(run(command, path), 1, "not an HDF5 file")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["t.h5"]


def test_malicious_results_do_nothing(tmp_path: Path, tried: Tried):
    from vdsr_eval.cli.main import main

    (tmp_path / "gt").mkdir()
    (tmp_path / "sr").mkdir()
    Image.fromarray(np.zeros((40, 40), dtype=np.uint8)).save(tmp_path / "gt" / "a.png")
    for name in ("a.png", "a.mat"):
        (tmp_path / "sr" / name).write_bytes(pickle.dumps(Payload(tmp_path / "executed")))
        tried("malicious files")
        done = CliRunner().invoke(
            main, ["score", str(tmp_path / "sr"), "--dataset", str(tmp_path / "gt"), "--scale", "2"]
        )
        assert done.exit_code in (1, 2), done.output
        assert not (tmp_path / "executed").exists()
        (tmp_path / "sr" / name).unlink()


# Downloads


BOMB = gzip.compress(bytes(100_000_000), 1)


def inflating(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """A gzip bomb, though nobody said that it may be compressed."""
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(BOMB)))
    handler.end_headers()
    handler.wfile.write(BOMB)


def in_circles(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    redirecting(handler.path)(handler, body)


REDIRECTS = ["https://127.0.0.1:9/x", "ftp://127.0.0.1/x", "file:///etc/hostname", "http://a.invalid/x",
             "//a.invalid/x",
             "http://127.0.0.1.a.invalid/x", "http://127.0.0.1@a.invalid/x", "data:text/plain,x",
             "javascript:0"]  # fmt: skip


@pytest.mark.parametrize("target", REDIRECTS)
def test_redirect_elsewhere_is_not_followed(public: Public, tmp_path: Path, target: str, tried: Tried):
    public.faults["/Set5/bird.bmp"] = redirecting(target)
    tried("bad downloads")
    fails(run("fetch", "Set5"), 1, "not trusted", "https")
    assert not (tmp_path / "data" / "Set5").exists()


def test_redirects_in_circles_end(public: Public, tried: Tried):
    public.faults["/Set5/bird.bmp"] = in_circles
    tried("bad downloads")
    fails(run("fetch", "Set5"), 1, "bird.bmp", "redirects")
    assert public.asked.count("/Set5/bird.bmp") < 50


def test_what_inflates_is_cut_off(public: Public, tmp_path: Path, tried: Tried):
    public.faults["/Set5/bird.bmp"] = inflating
    tried("bad downloads")
    fails(run("fetch", "Set5"), 1, "bird.bmp", "longer than the registered")
    sizes = [path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()]
    assert max(sizes) < 10_000


@pytest.mark.parametrize("mirror", ["http://a.invalid", "ftp://127.0.0.1/x", "file:///", "HTTP://a.invalid"])
def test_mirror_must_be_trusted_too(public: Public, mirror: str, tried: Tried):
    tried("bad downloads")
    fails(run("fetch", "Set5", "--mirror", mirror), 1, "not trusted")
    assert public.asked == []


def test_mirror_is_held_to_the_registered_sums(public: Public, tmp_path: Path, tried: Tried):
    shutil.copytree(tmp_path / "origin", tmp_path / "mirror")
    path = tmp_path / "mirror" / "Set5" / "bird.bmp"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    tried("bad downloads")
    fails(run("fetch", "Set5", "--mirror", tmp_path / "mirror", "--retries", "0"), 1, "SHA-256")
    assert "bird.bmp" not in contents(tmp_path / "data" / ".Set5.partial")


def test_links_in_the_target_are_replaced_not_followed(public: Public, tmp_path: Path, tried: Tried):
    (tmp_path / "outside").write_text("precious")
    folder = tmp_path / "data" / ".Set5.partial"
    folder.mkdir(parents=True)
    (folder / "bird.bmp").symlink_to(tmp_path / "outside")
    tried("bad downloads")
    assert run("fetch", "Set5").exit_code == 0
    assert (tmp_path / "outside").read_text() == "precious"
    assert contents(tmp_path / "data" / "Set5") == expected(public)
    assert not (tmp_path / "data" / "Set5" / "bird.bmp").is_symlink()


@pytest.mark.slow
def test_certificate_that_nobody_signed_is_refused(public: Public, tmp_path: Path, tried: Tried):
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days",
         "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    public.server.socket = context.wrap_socket(public.server.socket, server_side=True)
    tried("bad downloads")
    fails(run("fetch", "Set5", "--mirror", public.url.replace("http", "https")), 1, "certificate")
    assert public.asked == []


# File names in reports

NAMES = ["<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "<!--<script>", "]]>", "a\"'onload='x",
         "a&lt;b",
         "new\nline", "tab\tname", "\u202egnp.exe", "\u2028\u2029", "__DATA__", "${alert(1)}", "a\\u003cb", "\x1b[2J",
         "ü ß",          "\u200f\u200e"]  # fmt: skip


class Page(HTMLParser):
    """Elements, and what stands in the element of data."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, list]] = []
        self.data = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, attrs))
        self._inside = ("id", "data") in attrs

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.data += data


def parsed(path: Path, names: list[str]) -> tuple[list, list[str]]:
    """The elements of a page on images of these names, and the names that its script will see."""
    paper = PROTOCOLS["paper"]
    records = [Record(name, name, 2, name, "paper", 30.0, 0.9) for name in names]
    write_page(path, records, [summary(records, protocol=paper), per_image(records, protocol=paper)], [])
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page.elements, [row["image"] for row in json.loads(page.data)["records"]]


def test_html_shows_names_as_text(tmp_path: Path, tried: Tried):
    tried("names", len(NAMES))
    plain, _ = parsed(tmp_path / "plain.html", ["a"])
    elements, names = parsed(tmp_path / "page.html", NAMES)
    assert elements == plain  # no element, no attribute more
    assert names == NAMES
    script = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_html_of_the_command_line(tmp_path: Path, tried: Tried):
    from vdsr_eval.cli.main import main

    folder = tmp_path / "gt"
    folder.mkdir()
    names = [name.replace("/", "") for name in NAMES if is_plain_name(name.replace("/", ""))]
    for name in names:
        Image.fromarray(np.full((24, 24), 90, dtype=np.uint8)).save(folder / f"{name}.png")
    tried("names", len(names))
    options = ["--model", "bicubic", "--dataset", folder, "--scale", "2", "--html", tmp_path / "p.html"]
    done = CliRunner().invoke(main, [str(word) for word in options])
    assert done.exit_code == 0, done.output
    page = Page()
    page.feed((tmp_path / "p.html").read_text(encoding="utf-8"))
    assert {row["image"] for row in json.loads(page.data)["records"]} == set(names)
    plain, _ = parsed(tmp_path / "plain.html", ["a"])
    assert page.elements == plain
