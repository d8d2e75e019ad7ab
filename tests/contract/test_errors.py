"""Exit codes are promises: each kind of end, as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from contract import errors
from contract.layout import CHECKOUT

CODES = {"JudgedBad": 1, "UsageError": 2, "UnsupportedError": 2, "EnvironmentFault": 3, "DataError": 4}
KINDS = {kind.__name__: name for name, kind in errors.BY_KIND.items()}


def step(body: str, *arguments: str) -> subprocess.Popen[bytes]:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    body = textwrap.indent(textwrap.dedent(body), "    ")
    program = f"import os, sys, time\nfrom contract.errors import *\ndef main():\n{body}\nrun_step(main)"
    return subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)


def end(body: str, *arguments: str) -> tuple[int, str, str]:
    process = step(body, *arguments)
    out, error = process.communicate(timeout=30)
    return process.returncode, out.decode(), error.decode()


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_each_kind_of_error_has_its_code_and_three_parts_and_no_traceback(name, code):
    assert end(f"raise {name}('is bad', where='a.png', next='do this')") == (code, "", "error: a.png: is bad\n  next: do this\n")


@pytest.mark.parametrize(
    ("body", "kind", "what", "where", "code"),
    [
        *((f"raise {name}('is bad', where='a.png', next='do this')", name, "is bad", "a.png", code) for name, code in CODES.items()),
        ("raise MemoryError", "EnvironmentFault", "out of memory", "", 3),
        ("raise PermissionError(13, 'no permission', '/x')", "EnvironmentFault", "no permission", "/x", 3),
        ("return {}['key']", "bug", "KeyError: 'key'", "", 2),
    ],
)
def test_with_json_an_error_is_a_document_on_stdout_beside_the_words_on_stderr(body, kind, what, where, code):
    ended, out, said = end(body, "--json")
    words = end(body)
    assert (ended, said, words[1]) == (words[0], words[2], "")
    made = json.loads(out)
    assert made == {
        "error": {"kind": KINDS.get(kind, kind), "what": what, "where": where, "next": made["error"]["next"]},
        "exit_code": code,
    }
    assert made["error"]["next"] in said or kind == "bug"
    assert ended == code


def test_with_json_there_is_one_document_where_a_result_says_what_is_bad():
    assert end("print('[]'); raise JudgedBad('differs', answered=True)", "--json") == (1, "[]\n", "error: differs\n")


def test_with_json_a_closed_stdout_keeps_the_code():
    process = step("time.sleep(0.2); raise DataError('is bad')", "--json")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert (process.communicate(timeout=30)[1], process.returncode) == (b"error: is bad\n", 4)


def test_what_files_say_of_themselves_does_not_move_the_cursor():
    code, _, error = end(r"raise DataError('the class \x1b[2J\u202etfel\x07', where='a\x1b]0;title\x07.csv', next='one\ntwo')")
    assert code == 4
    assert error == "error: a\\x1b]0;title\\x07.csv: the class \\x1b[2J\\u202etfel\\x07\n  next: one\ntwo\n"


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_step_s_own_verdict_is_the_code(code):
    assert end(f"print('done'); return {code}") == (code, "done\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_is_130_and_finally_blocks_run(number):
    process = step("""
        try:
            print("ready", flush=True)
            time.sleep(30)
        finally:
            print("cleaned up", flush=True)
    """)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    out, error = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"cleaned up\n")
    assert error.startswith(b"interrupted: what was finished is kept")


def test_a_better_next_step_replaces_that_of_an_interrupted_step():
    said = "interrupted: what was finished is kept; "
    assert end("raise KeyboardInterrupt") == (130, "", f"{said}run the same command again to go on\n")
    assert end("raise Stopped('to go on: this')") == (130, "", f"{said}to go on: this\n")


def closed_stdout(body: str) -> tuple[int, bytes]:
    process = step(body)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, error = process.communicate(timeout=30)
    return process.returncode, error


@pytest.mark.parametrize("code", [0, 1])
def test_a_closed_stdout_is_quiet_and_changes_no_verdict(code):
    # Here the print itself breaks, and main does not get to its verdict: nothing was judged.
    assert closed_stdout(f"time.sleep(0.2); print('x' * 100_000); return {code}") == (2, b"")
    assert closed_stdout(f"time.sleep(0.2); sys.stdout.write('x'); return {code}") == (code, b"")


def test_another_broken_pipe_is_not_taken_for_a_closed_stdout():
    code, _, error = end("raise BrokenPipeError('a runner closed its input')")
    assert code == 2
    assert "a runner closed its input" in error


def test_a_closed_stderr_keeps_the_code():
    process = step("time.sleep(0.2); raise DataError('nobody hears this')")
    assert process.stderr is not None
    process.stderr.close()
    process.stderr = None
    process.communicate(timeout=30)
    assert process.returncode == 4


def test_a_bug_shows_its_traceback_and_is_not_judged_and_bad():
    code, _, error = end("return {}['key']")
    assert code == 2
    assert "Traceback" in error
    assert "KeyError: 'key'" in error
    assert error.endswith("please report it with the lines above\n")


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("MemoryError", ""),
        ("RuntimeError('[enforce fail] DefaultCPUAllocator: can\\'t allocate memory: you tried')", " ([enforce fail] Default"),
        (
            "type('OutOfMemoryError', (RuntimeError,), {})('CUDA out of memory. Tried to allocate 2 GiB\\nmore')",
            " (CUDA out of memory. Tried",
        ),
    ],
)
def test_out_of_memory_is_the_environment(raised, said):
    """Python's, and torch's on the CPU and on CUDA."""
    code, _, error = end(f"raise {raised}")
    assert code == 3
    assert error.startswith(f"error: out of memory{said}")
    assert "next: choose smaller backbones" in error


@pytest.mark.parametrize("code", ["pathlib.Path('file/x').mkdir()", "pathlib.Path('file').mkdir()", "pathlib.Path('x' * 300).mkdir()"])
def test_a_path_that_cannot_be_is_wrong_usage(tmp_path, code):
    ended, _, error = end(f"import os, pathlib; os.chdir({str(tmp_path)!r}); pathlib.Path('file').touch(); {code}")
    assert ended == 2
    assert "Traceback" not in error
    assert "next: give another path" in error


def test_a_sign_that_the_terminal_does_not_know_is_shown_as_an_escape():
    code = "import sys; from contract.errors import run_step; run_step(lambda: print('Ω …') or 0)"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    said = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "\\u03a9 \\u2026\n"


@pytest.mark.parametrize(
    "write", ["artifact.write_bytes(path, bytes(200_000))", "with artifact.atomic_path(path) as t: np.save(t.open('wb'), np.zeros(50_000))"]
)
def test_a_full_disk_is_the_environment_and_the_old_file_stays(tmp_path, write):
    code, _, error = end(f"""
        import pathlib, resource
        import numpy as np
        from contract import artifact
        path = pathlib.Path({str(tmp_path / "a.npy")!r})
        artifact.write_text(path, "old")
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        {write}
    """)
    assert code == 3
    assert error.startswith(f"error: {tmp_path / 'a.npy'}: no space left (")
    assert "next: free some space" in error
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
    assert (tmp_path / "a.npy").read_text() == "old"


def test_no_permission_is_the_environment():
    fault = errors.disk_fault(PermissionError(13, "Permission denied", "/x"))
    assert isinstance(fault, errors.EnvironmentFault)
    assert fault.where == "/x"
    assert errors.disk_fault(FileNotFoundError(2, "No such file", "/x")) is None


def test_every_kind_can_travel_and_come_back():
    assert {name: kind.__name__ for name, kind in errors.BY_KIND.items()} == {
        "judged": "JudgedBad",
        "usage": "UsageError",
        "unsupported": "UnsupportedError",
        "environment": "EnvironmentFault",
        "data": "DataError",
    }


def test_nearest():
    assert errors.nearest("resnet81", ["resnet18", "regnet_x"]) == "did you mean 'resnet18'?"
    assert errors.nearest("zzz", ["b", "a"]) == "known: a, b"
    assert errors.nearest("zzz", [f"n{i:02}" for i in range(20)]).endswith("n11, … (20 in all)")
    assert errors.nearest("zzz", []) == "none is known"
