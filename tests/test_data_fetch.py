"""`vdsr-data fetch` against a server on this machine that cuts, lies, stalls, redirects: what is kept and said."""

import contextlib
import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from command_line import fails, run
from PIL import Image

from vdsr_data.benchmark.build import generate_test
from vdsr_data.benchmark.sets import find_images, open_set
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.public import download, registry
from vdsr_data.public.download import fetch
from vdsr_data.public.registry import NOTES, cache_folder, check_address, find_sets, list_sets, registered

NAMES = [f"{name}.bmp" for name in ("baby", "bird", "butterfly", "head", "woman")]
SHORT = 2.0  # seconds that a silent server is waited for


class Public:
    """A public server: what it has, how it misbehaves (by path), and what it was asked for."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.faults: dict[str, Callable[[BaseHTTPRequestHandler, bytes], None]] = {}
        self.asked: list[str] = []
        self.sent = 0
        self.closing = threading.Event()
        public = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                public.asked.append(self.path)
                body = public.bodies.get(self.path)
                if body is None:
                    self.send_error(404)
                    return
                with contextlib.suppress(ConnectionError):
                    public.faults.get(self.path, whole)(self, body)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.public = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def whole(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    start(handler, len(body))
    handler.wfile.write(body)


def start(handler: BaseHTTPRequestHandler, length: int | None) -> None:
    handler.send_response(200)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.flush()


def cut(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    start(handler, len(body))
    handler.wfile.write(body[:50])


def cut_without_length(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    start(handler, None)
    handler.wfile.write(body[:50])


def wrong(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    whole(handler, body[:-1] + bytes([body[-1] ^ 1]))


def endless(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    start(handler, None)
    while not handler.server.public.closing.is_set():
        handler.wfile.write(bytes(1 << 16))
        handler.server.public.sent += 1 << 16


def stalled(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    start(handler, len(body))
    handler.wfile.write(body[:50])
    handler.server.public.closing.wait(20)


def mute(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.server.public.closing.wait(20)


def dribbling(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    start(handler, len(body))
    for k in range(0, len(body), len(body) // 8):
        handler.wfile.write(body[k : k + len(body) // 8])
        handler.wfile.flush()
        time.sleep(0.02)


def failing(status: int) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    return lambda handler, body: handler.send_error(status)


def redirecting(target: str) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Public]:
    """Set5 and B100 of small images on a server, in a registry of their own; patience that fits a test."""
    server = Public()
    random = np.random.default_rng(0)
    lines = ["dataset\tfile\tsha256\tbytes\turl"]
    for dataset, names in (("Set5", NAMES), ("B100", ["1.bmp", "2.bmp"])):
        (tmp_path / "origin" / dataset).mkdir(parents=True)
        for name in names:
            path = tmp_path / "origin" / dataset / name
            Image.fromarray(random.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(path)
            body = path.read_bytes()
            server.bodies[f"/{dataset}/{name}"] = body
            digest = hashlib.sha256(body).hexdigest()
            lines.append(f"{dataset}\t{name}\t{digest}\t{len(body)}\t{server.url}/{dataset}/{name}")
    (tmp_path / "registry.tsv").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "registry.tsv")
    monkeypatch.setattr(registry, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(download, "READ_TIMEOUT", 60.0)  # tests of silent servers set it to SHORT
    monkeypatch.setattr(download, "LONGEST_WAIT", 0.02)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("VDSR_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    yield server
    server.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def expected(public: Public, dataset: str = "Set5") -> dict[str, bytes]:
    return {Path(path).name: body for path, body in public.bodies.items() if f"/{dataset}/" in path}


def test_fetches_once_and_is_found_by_name(public: Public, tmp_path: Path):
    result = run("fetch", "set5", "SET5")
    assert result.exit_code == 0, result.output
    assert "5 files verified, 5 of them new, 0.0 MB" in result.output
    assert "Bevilacqua et al. (BMVC 2012): no licence is known" in result.output
    assert contents(tmp_path / "data" / "Set5") == expected(public)
    assert entries(tmp_path / "data") == ["Set5"]
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "data" / "Set5").iterdir()}
    (tmp_path / "plain").write_bytes(b"")
    assert modes == {(tmp_path / "plain").stat().st_mode & 0o777}
    assert sorted(public.asked) == sorted(path for path in public.bodies if "Set5" in path)
    again = run("fetch", "Set5")
    assert "5 files verified, 0 of them new" in again.output
    assert len(public.asked) == 5
    assert open_set("Set5").image_names == [Path(name).stem for name in NAMES]
    assert run("build-test", "Set5", "--scales", "2").exit_code == 0


def test_from_python_it_is_as_strict_as_typed(public: Public, tmp_path: Path):
    with pytest.raises(VdsrError, match="nope: no address with checksums is known"):
        fetch("nope")
    for options, words in (({"workers": 0}, "workers: 0 is not allowed"), ({"retries": -1}, "retries: -1")):
        with pytest.raises(ArgumentError, match=words):
            fetch("Set5", **options)
    assert public.asked == []
    assert fetch("set5")[0].folder == tmp_path / "data" / "Set5"
    (again,) = fetch(["Set5"], mirror=tmp_path / "data")  # a path is taken as a str is
    assert (again.files, again.new) == (5, 0)


def test_all_goes_to_the_cache_without_vdsr_data(public: Public, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("VDSR_DATA")
    assert run("fetch", "--all").exit_code == 0
    assert entries(tmp_path / "cache") == ["B100", "Set5"]
    assert len(find_images("B100", "train")[1]) == 2
    monkeypatch.setenv("VDSR_DATA", str(tmp_path / "data"))
    assert find_images("B100", "train")[1][0].parent == tmp_path / "cache" / "B100"


def test_cache_is_where_pooch_would_put_it():
    import pooch

    code = "from vdsr_data.public.registry import cache_folder; print(cache_folder())"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == str(pooch.os_cache("vdsr-toolkit"))


def test_list(public: Public, tmp_path: Path):
    lines = run("fetch", "--list").stdout.splitlines()
    assert lines[0].split() == ["Set5", "5", "files", "0.0", "MB", "not", "there", "vdsr-data", "fetch", "Set5"]
    assert f"put the folder into {tmp_path / 'data'}" in lines[2]
    assert "no licence is known" in lines[3]
    public.faults["/Set5/head.bmp"] = failing(404)
    run("fetch", "B100", "Set5", "--workers", 1)
    lines = run("fetch", "--list").stdout.splitlines()
    assert f"{tmp_path / 'data' / '.Set5.partial'}" in lines[0]
    assert "3 there" in lines[0]
    assert "all there" in lines[1]
    assert str(tmp_path / "data" / "B100") in lines[1]


def test_path_goes_before_vdsr_data_and_vdsr_data_before_the_cache(public: Public, tmp_path: Path):
    for base in ("cache", "data", "."):
        for name in ("1.bmp", "2.bmp")[: 2 if base == "." else 1]:
            (tmp_path / base / "B100").mkdir(parents=True, exist_ok=True)
            shutil.copy(tmp_path / "origin" / "B100" / name, tmp_path / base / "B100" / name)
    generate_test("B100", [tmp_path / "origin" / "B100" / "1.bmp"], tmp_path / "data" / "B100.h5", scales=(2,))
    assert len(open_set("B100")) == 2
    shutil.rmtree(tmp_path / "B100")
    assert find_images("B100", "test")[1][0].parent == tmp_path / "data" / "B100"
    shutil.rmtree(tmp_path / "data" / "B100")
    assert open_set("B100").stored("1", 2) is not None
    assert find_images("B100", "test")[1][0].parent == tmp_path / "cache" / "B100"


def test_what_is_asked_for_must_be_clear(public: Public):
    fails(run("fetch"), 2, "names of sets, --all or --list")
    fails(run("fetch", "Set5", "--all"), 2, "names of sets, --all or --list")
    fails(run("fetch", "Set5", "--workers", 0), 2, "--workers")
    fails(run("fetch", "Set5", "DIV2K"), 1, "DIV2K", "checksums", "Set5, B100", "put the folder")
    assert not public.asked


def test_missing_set_names_the_command_that_fetches_it(public: Public):
    fails(run("build-test", "Set5"), 1, "Set5: no such data set; get it with `vdsr-data fetch Set5`")
    fails(run("build-train", "b100/"), 1, "`vdsr-data fetch B100`")
    with pytest.raises(VdsrError, match="vdsr-data fetch Set5"):
        open_set("Set5")
    with pytest.raises(VdsrError, match=r"no such data set; did you mean Set5[?] looked"):
        open_set("Set55")


FAULTS = [
    (cut, "the connection was cut"),
    (cut_without_length, "has 50 bytes instead of the registered 3654"),
    (wrong, "SHA-256 is not the registered one"),
    (endless, "longer than the registered 3654 bytes"),
    (stalled, f"no answer within {SHORT:g} s"),
    (mute, f"no answer within {SHORT:g} s"),
    (failing(404), "the server says 404 Not Found"),
    (failing(503), "the server says 503"),
    (redirecting("file:///etc/passwd"), "file:///etc/passwd: a redirect from http leads there"),
    (redirecting("https://127.0.0.1:1/x"), "https://127.0.0.1:1/x: a redirect from http leads there"),
    (redirecting("http://images.invalid/x"), "http://images.invalid/x: a redirect from http leads there"),
    (redirecting("/Set5/head.bmp"), "redirects"),
]


WAITING = [pytest.param(*fault, marks=[pytest.mark.slow] if fault[0] in (stalled, mute) else []) for fault in FAULTS]


@pytest.mark.parametrize(("fault", "words"), WAITING, ids=[words[:30] for _, words in FAULTS])
def test_fault_is_one_line_and_the_rest_stays(public: Public, tmp_path: Path, fault: Callable, words: str):
    public.faults["/Set5/head.bmp"] = fault
    if fault in (stalled, mute):
        download.READ_TIMEOUT = SHORT
    result = run("fetch", "Set5", "--retries", 0, "--workers", 1)
    fails(result, 1, "head.bmp", words, "3 of 5 files of Set5 are kept")
    assert public.sent < 1 << 24  # an endless body is not read to its end
    data = tmp_path / "data"
    assert entries(data) == [".Set5.partial"]
    kept = contents(data / ".Set5.partial")
    assert kept == {name: body for name, body in expected(public).items() if name in NAMES[:3]}
    fails(run("build-test", "Set5"), 1, "vdsr-data fetch Set5")

    public.faults.clear()
    public.asked.clear()
    download.READ_TIMEOUT = 60.0
    assert "5 files verified, 2 of them new" in run("fetch", "Set5").output
    assert sorted(public.asked) == ["/Set5/head.bmp", "/Set5/woman.bmp"]
    assert contents(data / "Set5") == expected(public)
    assert entries(data) == ["Set5"]


def test_failure_lets_downloads_under_way_finish(public: Public, tmp_path: Path):
    begun = threading.Event()

    def late(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        begun.wait(5)
        handler.send_error(404)

    def slow(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        begun.set()
        dribbling(handler, body)

    public.faults = {"/Set5/baby.bmp": late, "/Set5/bird.bmp": slow}
    fails(run("fetch", "Set5", "--workers", 2), 1, "baby.bmp", "404")
    kept = contents(tmp_path / "data" / ".Set5.partial")
    assert kept["bird.bmp"] == expected(public)["bird.bmp"]


@pytest.mark.slow
def test_what_may_pass_is_tried_again(public: Public, tmp_path: Path):
    download.READ_TIMEOUT = SHORT
    turns = {"/Set5/head.bmp": [cut, failing(503), wrong], "/Set5/baby.bmp": [stalled], "/Set5/bird.bmp": [mute]}

    def moody(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        left = turns[handler.path]
        (left.pop(0) if left else whole)(handler, body)

    public.faults = dict.fromkeys(turns, moody)
    moved = []
    fetch("Set5", retries=3, advance=lambda count, _: moved.append(count))
    assert contents(tmp_path / "data" / "Set5") == expected(public)
    asked = Counter(Path(path).stem for path in public.asked)
    assert asked == {"head": 4, "baby": 2, "bird": 2, "butterfly": 1, "woman": 1}
    assert sum(moved) == pytest.approx(sum(map(len, expected(public).values())) / 1e6)


@pytest.mark.parametrize(("fault", "asked"), [(failing(404), 1), (endless, 1), (failing(503), 3), (cut, 3)])
def test_only_what_may_pass_is_tried_again(public: Public, fault: Callable, asked: int):
    public.faults["/B100/1.bmp"] = fault
    fails(run("fetch", "B100", "--retries", 2), 1, "1.bmp")
    assert public.asked.count("/B100/1.bmp") == asked


def test_redirect_of_the_same_scheme_is_followed(public: Public, tmp_path: Path):
    public.bodies["/elsewhere"] = public.bodies["/B100/1.bmp"]
    public.faults["/B100/1.bmp"] = redirecting("/elsewhere")
    assert run("fetch", "B100").exit_code == 0
    assert "/elsewhere" in public.asked


def test_slow_server_is_waited_for(public: Public, tmp_path: Path):
    public.faults["/Set5/head.bmp"] = dribbling
    assert run("fetch", "Set5").exit_code == 0
    assert contents(tmp_path / "data" / "Set5") == expected(public)


def test_no_server(public: Public, tmp_path: Path):
    public.close()
    fails(run("fetch", "Set5", "--retries", 1), 1, "cannot be reached", "0 of 5 files")
    assert entries(tmp_path / "data") == []


def test_files_come_side_by_side(public: Public, tmp_path: Path):
    together = threading.Barrier(5, timeout=60)

    def meeting(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        together.wait()
        whole(handler, body)

    public.faults = dict.fromkeys(public.bodies, meeting)
    assert run("fetch", "Set5", "--workers", 5, "--retries", 0).exit_code == 0


def test_damaged_and_missing_files_are_replaced_in_place(public: Public, tmp_path: Path):
    run("fetch", "Set5")
    folder = tmp_path / "data" / "Set5"
    (folder / "bird.bmp").unlink()
    whole_body = (folder / "head.bmp").read_bytes()
    (folder / "head.bmp").write_bytes(whole_body[:-1] + b"?")
    (folder / ".head-abc.partial.bmp").write_bytes(b"left by a process that was killed")
    public.asked.clear()
    assert "2 of them new" in run("fetch", "Set5").output
    assert sorted(public.asked) == ["/Set5/bird.bmp", "/Set5/head.bmp"]
    assert contents(folder) == expected(public)


def test_leftovers_of_a_killed_process_go_when_the_set_is_whole(public: Public, tmp_path: Path):
    waiting = tmp_path / "data" / ".Set5.partial"
    waiting.mkdir(parents=True)
    (waiting / ".head-abc.partial.bmp").write_bytes(b"half")
    assert run("fetch", "Set5").exit_code == 0
    assert contents(tmp_path / "data" / "Set5") == expected(public)


def test_two_at_once(public: Public, tmp_path: Path):
    public.faults = dict.fromkeys(public.bodies, dribbling)
    done, failed = [], []

    def one() -> None:
        try:
            done.extend(fetch("Set5"))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) + len(failed) == 3
    assert done
    for error in failed:
        assert isinstance(error, VdsrError)
        assert f"process {os.getpid()} is writing there" in str(error)
    assert contents(tmp_path / "data" / "Set5") == expected(public)
    assert entries(tmp_path / "data") == ["Set5"]


def test_set_is_not_mixed_into_other_images(public: Public, tmp_path: Path):
    own = tmp_path / "data" / "Set5"
    own.mkdir(parents=True)
    (own / "baby.png").write_bytes(b"mine")
    (own / "readme.txt").write_bytes(b"mine, too")
    fails(run("fetch", "Set5"), 1, "Set5", "baby.png", "rename")
    assert contents(own) == {"baby.png": b"mine", "readme.txt": b"mine, too"}
    (own / "baby.png").unlink()
    assert run("fetch", "Set5").exit_code == 0


def test_mirrors(public: Public, tmp_path: Path):
    origin = tmp_path / "origin"
    assert run("fetch", "Set5", "--mirror", origin).exit_code == 0
    assert not public.asked
    assert contents(tmp_path / "data" / "Set5") == expected(public)
    shutil.rmtree(tmp_path / "data")
    public.bodies |= {f"/mirror{path}": body for path, body in public.bodies.items()}
    assert run("fetch", "Set5", "--mirror", f"{public.url}/mirror/").exit_code == 0
    assert {path.split("/")[1] for path in public.asked} == {"mirror"}

    (origin / "B100" / "1.bmp").write_bytes(b"short")
    fails(run("fetch", "B100", "--mirror", origin, "--retries", 0), 1, "1.bmp", "has 5 bytes instead of")
    (origin / "B100" / "1.bmp").write_bytes(bytes(4000))
    fails(run("fetch", "B100", "--mirror", origin), 1, "1.bmp: is longer than")
    (origin / "B100" / "1.bmp").unlink()
    fails(run("fetch", "B100", "--mirror", origin), 1, "1.bmp: no such file", "of 2 files of B100 are kept")
    fails(run("fetch", "B100", "--mirror", "nowhere"), 1, "nowhere: no such folder")
    for address in ("http://images.invalid", "ftp://127.0.0.1/x", "file:///tmp"):
        fails(run("fetch", "B100", "--mirror", address), 1, f"{address}: an address is not trusted")


def test_folder_that_cannot_be_written(public: Public, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("VDSR_DATA", str(tmp_path / "file"))
    fails(run("fetch", "Set5"), 1, "cannot be written", "set VDSR_DATA")
    monkeypatch.setenv("VDSR_DATA", str(tmp_path / "locked"))
    (tmp_path / "locked").mkdir(mode=0o500)
    if os.access(tmp_path / "locked", os.W_OK):
        pytest.skip("this user may write anywhere")
    fails(run("fetch", "Set5"), 1, "cannot be written", "set VDSR_DATA")


def test_disk_full(public: Public, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(sink: object, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(download._Sink, "write", full)
        fails(run("fetch", "Set5"), 1, ".bmp", "No space left on device")
    assert entries(tmp_path / "data") == []
    public.asked.clear()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    fails(run("fetch", "Set5"), 1, "0.1 kB are free; set VDSR_DATA")
    assert not public.asked


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("fault", [stalled, mute], ids=["mid-file", "before-the-answer"])
def test_interruption_is_quick_and_leaves_nothing_partial(public: Public, tmp_path: Path, fault: Callable):
    public.faults["/Set5/head.bmp"] = fault
    code = (
        "import pathlib, sys\nfrom vdsr_data.public import registry\n"
        "registry.REGISTRY = pathlib.Path(sys.argv.pop())\n"
        "from vdsr_data.cli.main import main\nmain(['fetch', 'Set5', '--workers', '1'])\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "registry.tsv")], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while "/Set5/head.bmp" not in public.asked and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert time.monotonic() - began < 2
    assert child.returncode == 130
    assert said.strip().endswith("interrupted")
    assert said.strip().count("\n") == 0
    assert sorted(contents(tmp_path / "data" / ".Set5.partial")) == NAMES[:3]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_killed_process_leaves_no_false_file(public: Public, tmp_path: Path):
    public.faults["/Set5/head.bmp"] = stalled
    code = (
        "import pathlib, sys\nfrom vdsr_data.public import registry\n"
        "registry.REGISTRY = pathlib.Path(sys.argv.pop())\n"
        "from vdsr_data.cli.main import main\nmain(['fetch', 'Set5'])\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "registry.tsv")])
    deadline = time.monotonic() + 120
    while len(public.asked) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    child.kill()
    child.wait()
    assert entries(tmp_path / "data") == [".Set5.lock", ".Set5.partial"]
    for name, body in contents(tmp_path / "data" / ".Set5.partial").items():
        assert name.startswith(".") or body == expected(public)[name]
    public.faults.clear()
    assert run("fetch", "Set5").exit_code == 0
    assert contents(tmp_path / "data" / "Set5") == expected(public)
    assert entries(tmp_path / "data") == ["Set5"]


SHA = "0" * 64


@pytest.mark.parametrize(
    "line",
    [
        f"..\tx.bmp\t{SHA}\t9\thttps://a.invalid/x",
        f"../Set5\tx.bmp\t{SHA}\t9\thttps://a.invalid/x",
        f"Set5\t../x.bmp\t{SHA}\t9\thttps://a.invalid/x",
        f"Set5\t..\\x.bmp\t{SHA}\t9\thttps://a.invalid/x",
        f"Set5\t/x.bmp\t{SHA}\t9\thttps://a.invalid/x",
        f"Set5\tC:x.bmp\t{SHA}\t9\thttps://a.invalid/x",
        f"Set5\t.x.bmp\t{SHA}\t9\thttps://a.invalid/x",
        f"Set5\t\t{SHA}\t9\thttps://a.invalid/x",
        f"Set5\tx.bmp\t{SHA[1:]}\t9\thttps://a.invalid/x",
        f"Set5\tx.bmp\t{SHA}\t0\thttps://a.invalid/x",
        f"Set5\tx.bmp\t{SHA}\t-1\thttps://a.invalid/x",
        f"Set5\tx.bmp\t{SHA}\t9",
    ],
)
def test_registry_cannot_lead_outside_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str):
    (tmp_path / "registry.tsv").write_text(f"dataset\tfile\tsha256\tbytes\turl\n{line}\n")
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "registry.tsv")
    with pytest.raises(VdsrError, match="line 2 is damaged"):
        registered()
    fails(run("fetch", "--list"), 1, "line 2 is damaged")


@pytest.mark.parametrize(
    ("url", "source", "trusted"),
    [
        ("https://a.invalid/x", None, True),
        ("http://a.invalid/x", None, False),
        ("http://127.0.0.1:8000/x", None, True),
        ("http://localhost/x", None, True),
        ("http://127.0.0.1.a.invalid/x", None, False),
        ("http://127.0.0.1@a.invalid/x", None, False),
        ("ftp://127.0.0.1/x", None, False),
        ("file:///x", None, False),
        ("x", None, False),
        ("https://b.invalid/x", "https", True),
        ("http://127.0.0.1/x", "https", False),
        ("https://a.invalid/x", "http", False),
        ("file:///x", "https", False),
    ],
)
def test_addresses_that_are_trusted(url: str, source: str | None, trusted: bool):
    with contextlib.nullcontext() if trusted else pytest.raises(VdsrError, match="not trusted"):
        check_address(url, redirected_from=source)


def test_registry_of_this_package():
    sets = registered()
    assert {dataset: len(files) for dataset, files in sets.items()} == {
        "291": 291, "Set5": 5, "Set14": 14, "B100": 100, "Urban100": 100, "Set12": 12, "niqe": 1, "brisque": 2,
    }  # fmt: skip
    assert list(sets) == list(NOTES) == find_sets()
    files = [file for files in sets.values() for file in files]
    assert all(file.url.startswith("https://") for file in files)
    assert len({(file.dataset, Path(file.name).stem) for file in files}) == len(files)


def test_files_beside_the_reference_sets_are_the_registered_ones(reference_data: Path):
    """Whose folders lie elsewhere: those of the papers whose numbers prove ours."""
    places = {"Set12": "dncnn/Set12", "niqe": "niqe", "brisque": "brisque"}
    there = {name: reference_data / "proofs" / place for name, place in places.items()}
    there = {name: folder for name, folder in there.items() if folder.is_dir()}
    if not there:
        pytest.skip(f"no folders of Set12 and the models in {reference_data / 'proofs'}")
    for name, folder in there.items():
        for file in registered()[name]:
            data = (folder / file.name).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size, file.sha256), file.name


def test_reference_data_are_the_registered_files(reference_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The real registry against a server of the real images."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("VDSR_DATA", str(tmp_path))
    sets = [presence.dataset for presence in list_sets() if (reference_data / presence.dataset).is_dir()]
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=reference_data))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        result = run("fetch", *sets, "--mirror", f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert result.exit_code == 0, result.output
    assert set(sets) >= {"291", "Set5", "Set14", "B100"}
    assert all(presence.present == presence.files for presence in list_sets() if presence.dataset in sets)
    assert cache_folder() != tmp_path
