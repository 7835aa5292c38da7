"""Ctrl-C in a process of its own; `faults/test_kill.py` tries it with the commands."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patience import in_time

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

BEGIN = """
import os, signal, sys, time
from vdsr_data.io import interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv[0] = "/somewhere/vdsr-test"
def main():
"""
READY = '    os.write(1, b"ready\\n")\n'
RUN = """
sys.modules["cli"] = type("Cli", (), {"main": staticmethod(main)})
interrupt.run("cli")
print("done")
"""


def interrupted(body: str, *, setup: str = "", times: int = 1) -> tuple[int, str, str, float]:
    """Exit code, stdout, stderr and seconds of a command with this body after so many Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + setup + READY + body + RUN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    assert line.endswith("ready\n")
    began = time.monotonic()
    for _ in range(times):
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, line.removesuffix("ready\n") + out, err, time.monotonic() - began


LINE = "vdsr-test: interrupted\n"


def test_one_line():
    assert interrupted("    time.sleep(10)\n")[:3] == (130, "", LINE)


def test_what_was_printed_is_kept_and_what_is_half_done_is_not(tmp_path: Path):
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "below").mkdir(parents=True)
    setup = (
        f"    interrupt.half_done |= {{{str(tmp_path / 'file')!r}, {str(tmp_path / 'folder')!r}, '/nowhere'}}\n"
        "    sys.stdout.write('result')\n"
    )
    assert interrupted("    time.sleep(10)\n", setup=setup)[:3] == (130, "result", LINE)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_cleaning_up_is_not_interrupted():
    body = "    try: time.sleep(10)\n    finally:\n        time.sleep(0.5); print('cleaned')\n"
    assert interrupted(body, times=3)[:3] == (130, "cleaned\n", LINE)


@pytest.mark.slow
def test_a_thread_that_its_pool_has_forgotten_ends_its_work():
    body = (
        "    import threading\n"
        "    def work(): time.sleep(0.5); print('cleaned')\n"
        "    threading.Thread(target=work).start()\n    time.sleep(10)\n"
    )
    assert interrupted(body)[:3] == (130, "cleaned\n", LINE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        "    while True:\n        try: time.sleep(10)\n        except BaseException: pass\n",
        "    from concurrent.futures import ThreadPoolExecutor\n"
        "    with ThreadPoolExecutor() as pool: pool.submit(time.sleep, 10)\n",
        "    import ctypes\n    ctypes.CDLL(None).sleep(10)\n",
    ],
    ids=["swallowed", "thread", "compiled"],
)
def test_nothing_holds_it_up(body: str):
    code, _, err, seconds = interrupted(body)
    assert (code, err) == (130, LINE)
    assert in_time(seconds, 2)


def test_what_fails_for_it_is_not_reported():
    body = "    try: time.sleep(10)\n    except KeyboardInterrupt: raise ImportError('half of a library') from None\n"
    assert interrupted(body)[:3] == (130, "", LINE)


@pytest.mark.slow
def test_complaints_of_libraries_are_silent():
    body = (
        "    class Handle:\n        def __del__(self): time.sleep(0.5)\n"
        "    handle = Handle()\n    del handle\n    time.sleep(10)\n"
    )
    assert interrupted(body)[:3] == (130, "", LINE)


def run(body: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", BEGIN + READY + body + RUN], capture_output=True, text=True, check=False
    )


def test_without_it_a_command_ends_as_ever():
    assert run("    pass\n").stdout == "ready\ndone\n"
    assert run("    sys.exit(3)\n").returncode == 3
    broken = run("    raise RuntimeError('a bug')\n")
    assert broken.returncode == 1
    assert broken.stderr.startswith("Traceback")
    assert broken.stderr.endswith("RuntimeError: a bug\n")


def test_a_process_that_is_to_ignore_it_does():
    """As under nohup, or in the background of a script."""
    body = (
        "    print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    )
    assert run(body).stdout == "ready\nTrue\ndone\n"


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("package", ["data", "eval", "train"])
def test_closed_streams_stop_nothing(package: str, closed: str):
    code = f"import sys; sys.argv[1:] = ['--help']; from vdsr_{package}.start import main; main()"
    done = subprocess.run(["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code], check=False)
    assert done.returncode == int(">&-" in closed.replace("2>&-", ""))  # what was to be read is lost


@pytest.mark.parametrize("package", ["data", "eval", "train"])
def test_what_a_closed_stream_does_not_show_is_told(package: str):
    words = ["sh", "-c", f'exec "$0" -m vdsr_{package} --version >&-', sys.executable]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    lost = "standard output is closed, and what was printed is lost; the rest was done\n"
    assert (done.returncode, done.stderr) == (1, f"python -m vdsr_{package}: {lost}")


def test_no_file_of_ours_takes_the_place_of_a_closed_stream(tmp_path: Path):
    """Otherwise what a C library complains of would be written into it."""
    body = f"    file = open({str(tmp_path / 'file')!r}, 'w')\n    print('complaint', file=sys.stderr)\n"
    code = BEGIN + body + "    sys.exit(file.fileno())\n" + RUN
    done = subprocess.run(["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, code], check=False)
    assert done.returncode > 2
    assert (tmp_path / "file").read_text() == ""


def test_a_name_that_is_not_text_can_be_printed():
    done = run("    print('a\\udcff')\n")
    assert done.stdout == "ready\na\\udcff\ndone\n"


@pytest.mark.slow
def test_ctrl_c_in_a_child_leaves_its_parent_alone():
    """A process that was forked has the parent's handlers, but not its thread, and none of its files to remove."""
    body = (
        "    interrupt.half_done.add('/nowhere')\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        assert not interrupt.half_done\n"
        "        try: os.kill(os.getpid(), signal.SIGINT); time.sleep(10)\n"
        "        except KeyboardInterrupt: os._exit(7)\n"
        "    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "    time.sleep(1.5)\n"
        "    print(code)\n"
    )
    assert run(body).stdout == "ready\n7\ndone\n"


@pytest.mark.parametrize("package", ["data", "eval", "train"])
def test_a_current_folder_that_was_deleted_is_one_line(package: str, tmp_path: Path):
    words = f'cd "$1" && rmdir "$1" && exec "$0" -m vdsr_{package} x'
    done = subprocess.run(
        ["sh", "-c", words, sys.executable, str(tmp_path)], capture_output=True, text=True, check=False
    )
    line = f"python -m vdsr_{package}: the current folder was deleted; change to one that exists\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)
    (tmp_path / "other").mkdir(parents=True)
    words = f'cd "$1" && rmdir "$1" && exec "$0" -m vdsr_{package} --version'
    done = subprocess.run(
        ["sh", "-c", words, sys.executable, str(tmp_path / "other")], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


LATE = """
class Last:
    def __del__(self, kill=os.kill, me=os.getpid(), signum=signal.SIGINT):
        kill(me, signum)  # Python no longer looks after signals
last = Last()
"""


def test_at_pythons_end_it_changes_nothing():
    code = BEGIN + "    sys.exit(0)\n" + LATE + RUN
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
