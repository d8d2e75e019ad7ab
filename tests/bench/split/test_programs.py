"""The chain: each program differs from its neighbour in one thing."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest

from bench.runtimes import find, ort_rust
from bench.split import programs


@pytest.fixture(autouse=True)
def somewhere(monkeypatch):
    monkeypatch.setattr(ort_rust, "library", lambda: Path("/lib/libonnxruntime.so"))
    monkeypatch.setattr(ort_rust, "BINARY", Path(sys.executable))


def parts(program: programs.Program) -> tuple[dict[str, str], tuple[str, ...], frozenset[str]]:
    """Environment, program and ways of a command line."""
    words = program.descriptor.command(("cpu",))
    environment = {}
    if words[0] == "env":
        settings = [word for word in words[1:] if "=" in word and not word.startswith("-")]
        environment, words = dict(word.split("=", 1) for word in settings), words[1 + len(settings) :]
    place = next(at for at, word in enumerate(words) if word in ("serve", "split"))
    return environment, tuple(words[:place]), frozenset(words[place + 1 :])


def test_it_begins_and_ends_with_what_a_run_measures():
    chain = programs.chain()
    assert (chain.names[0], chain.names[-1]) == ("ort-python", "ort-rust")
    assert chain.programs[0].descriptor == find("ort-python")
    assert chain.programs[-1].descriptor == find("ort-rust")
    assert len(set(chain.names)) == len(chain.names)
    assert chain.remains in chain.names
    assert all(program.isolates for program in chain.programs[1:])


def test_each_step_changes_one_thing():
    """Environment, program, or ways; of the environment what belongs together, of the ways one."""
    changes = {}
    for before, after in pairwise(programs.chain().programs):
        (old, first, some), (new, second, others) = parts(before), parts(after)
        ways = some ^ others - {"/lib/libonnxruntime.so"}
        changes[after.name] = frozenset(dict(old.items() ^ new.items())), first != second, ways - {"/lib/libonnxruntime.so"}
    alone, malloc = frozenset(programs.ALONE), frozenset(programs.MALLOC)
    none: frozenset[str] = frozenset()
    assert changes == {
        "python-lean": (none, False, {"--lean"}),
        "python-alone": (alone, False, none),
        "python-malloc": (malloc, False, none),
        "python-aligned": (none, False, {"--aligned"}),
        "python-bound": (none, False, {"--bound"}),
        "python-c": (none, False, {"--library"}),
        # The other language: no NumPy, so no threads of its; aligned, bare, and malloc as before.
        "rust-bare": (alone, True, {"--lean", "--bound", "--library", "--bare"}),
        "rust-run": (none, False, {"--bare"}),
        "rust-unaligned": (none, False, {"--aligned"}),
        "ort-rust": (malloc, False, none),
    }


def test_programs_are_their_runtimes_own():
    for program in programs.chain().programs:
        runtime = "ort-python" if "python" in program.name else "ort-rust"
        assert program.descriptor.name == runtime
        assert program.descriptor.source() == find(runtime).source()


def test_only_the_output_may_differ_and_only_where_a_step_says_so():
    may = {program.name: program.differs for program in programs.chain().programs if program.differs}
    assert may == {"python-bound": {"output_allocation"}, "rust-run": {"output_allocation"}}


def test_the_environment_reaches_the_process():
    command = programs.python(["--lean"], {"MALLOC_ARENA_MAX": "1"}).command(("cpu",))
    assert command[:3] == ["env", "MALLOC_ARENA_MAX=1", sys.executable]
    assert programs.python([]).command(("cpu",)) == [sys.executable, "-m", "infer_py", "split"]
