from __future__ import annotations

import errno
import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Self

import pytest

from contract import lock
from contract.errors import EnvironmentFault, disk_fault
from train.weights import download
from train.weights.download import DownloadFailedError, fetch

BODY = bytes(range(256)) * 400
NAME = f"tiny-{hashlib.sha256(BODY).hexdigest()[:8]}.pth"
URL = f"https://download.example.invalid/models/{NAME}"


class Server:
    """Answers with whatever `answer(handler, offset)` writes, and notes the ranges that were asked for."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.paths: list[str] = []
        self.answer: Callable[[BaseHTTPRequestHandler, int], None] = whole
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                outer.offsets.append(int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0)
                outer.paths.append(self.path)
                outer.answer(self, outer.offsets[-1])

            def log_message(self, *_: object) -> None:
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, announced: int | None = None) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if announced is None else announced))
    handler.end_headers()
    handler.wfile.write(body)


def whole(handler: BaseHTTPRequestHandler, offset: int) -> None:
    send(handler, 206 if offset else 200, BODY[offset:])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    made = Server()
    monkeypatch.setenv(download.MIRROR, made.url)
    yield made
    made.http.shutdown()
    made.http.server_close()


def test_a_file_is_downloaded_checked_and_kept(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        path = fetch(URL, tmp_path, offline=False)
        assert path.read_bytes() == BODY
    assert server.paths == [f"/models/{NAME}"]  # the second time nothing is asked
    assert sorted(each.name for each in tmp_path.iterdir()) == [".locks", NAME]


def test_where_there_is_no_terminal_a_download_says_how_far_it_is(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(URL, tmp_path, offline=False)
    assert capsys.readouterr().err.splitlines() == [
        f"downloading {server.url}/models/{NAME}", f"{NAME}: 0.0 of 0.1 MB", f"{NAME}: 0.1 of 0.1 MB",
    ]  # fmt: skip


def test_a_cached_file_serves_offline_and_a_missing_one_does_not(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailedError, match="--offline"):
        fetch(URL, tmp_path, offline=True)
    fetch(URL, tmp_path, offline=False)
    assert fetch(URL, tmp_path, offline=True).read_bytes() == BODY


def test_a_broken_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    def broken(handler: BaseHTTPRequestHandler, offset: int) -> None:
        server.answer = whole
        send(handler, 200, BODY[:1000], announced=len(BODY))

    server.answer = broken
    assert fetch(URL, tmp_path, offline=False).read_bytes() == BODY
    assert server.offsets == [0, 1000]


def test_an_interrupted_run_is_resumed_by_the_next(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:5000])
    assert fetch(URL, tmp_path, offline=False).read_bytes() == BODY
    assert server.offsets == [5000]


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:5000])
    server.answer = lambda handler, _: send(handler, 200, BODY)
    assert fetch(URL, tmp_path, offline=False).read_bytes() == BODY


def test_a_complete_part_needs_no_more_bytes(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(BODY)
    server.answer = lambda handler, _: send(handler, 416, b"")
    assert fetch(URL, tmp_path, offline=False).read_bytes() == BODY


def test_a_part_of_another_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(b"x" * 5000)
    assert fetch(URL, tmp_path, offline=False).read_bytes() == BODY
    assert server.offsets == [5000, 0]


def test_a_wrong_checksum_is_refused_and_nothing_is_left(server: Server, tmp_path: Path) -> None:
    server.answer = lambda handler, _: send(handler, 200, b"a log-in page")
    with pytest.raises(DownloadFailedError, match="sha256"):
        fetch(URL, tmp_path, offline=False)
    assert [each.name for each in tmp_path.iterdir()] == [".locks"]


def test_a_damaged_cached_file_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"damaged")
    assert fetch(URL, tmp_path, offline=False).read_bytes() == BODY


def test_http_errors_are_said(server: Server, tmp_path: Path) -> None:
    server.answer = lambda handler, _: send(handler, 404, b"")
    with pytest.raises(DownloadFailedError, match="HTTP 404") as caught:
        fetch(URL, tmp_path, offline=False)
    assert caught.value.exit_code == 3
    assert download.MIRROR in caught.value.next


def test_a_refused_connection_fails_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(download.MIRROR, "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(DownloadFailedError, match="refused"):
        fetch(URL, tmp_path, offline=False)
    assert time.monotonic() - began < 2


def test_a_silent_server_times_out(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT_S", 0.2)
    server.answer = lambda *_: time.sleep(0.6)
    with pytest.raises(DownloadFailedError, match="timed out"):
        fetch(URL, tmp_path, offline=False)


class Cable:
    """An answer whose connection breaks after its first bytes."""

    status, headers = 200, {"Content-Length": str(len(BODY))}

    def __init__(self, fault: OSError) -> None:
        self.fault, self.blocks = fault, [BODY[:1000]]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, _: int) -> bytes:
        if self.blocks:
            return self.blocks.pop()
        raise self.fault


FAULTS = [
    OSError(errno.EHOSTUNREACH, "No route to host"),
    OSError(errno.ENETUNREACH, "Network is unreachable"),
    ssl.SSLError(1, "bad record"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.strerror)
@pytest.mark.parametrize("when", ["while it is asked", "while it comes"])
def test_whatever_breaks_while_reading_is_a_failed_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: OSError, when: str
) -> None:
    def asked(*_: object, **__: object) -> Cable:
        if when == "while it is asked":
            raise fault
        return Cable(fault)

    monkeypatch.setattr(download.urllib.request, "urlopen", asked)
    with pytest.raises(DownloadFailedError, match=fault.strerror):
        fetch(URL, tmp_path, offline=False)


def test_a_full_disk_is_no_failed_download(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        fetch(URL, tmp_path, offline=False)
    assert disk_fault(caught.value) is not None


def test_two_processes_do_not_write_into_the_same_part(server: Server, tmp_path: Path) -> None:
    with (
        lock.exclusive(tmp_path / ".locks" / NAME, f"downloading {NAME}"),
        pytest.raises(EnvironmentFault, match=f"in use: downloading {NAME}") as caught,
    ):
        fetch(URL, tmp_path, offline=False)
    assert not isinstance(caught.value, DownloadFailedError), "the next weights are no answer to it"
    assert "--data DIR" in caught.value.next
    assert server.paths == []


def test_what_another_process_ended_just_now_is_not_fetched_again(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def late(*_: object, **__: object) -> Iterator[None]:
        (tmp_path / NAME).write_bytes(BODY)
        yield

    monkeypatch.setattr(download.lock, "exclusive", late)
    assert fetch(URL, tmp_path, offline=False).read_bytes() == BODY
    assert server.paths == []


def test_only_http_is_spoken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(download.MIRROR, "file:///etc")
    with pytest.raises(DownloadFailedError, match="not an http address"):
        fetch(URL, tmp_path, offline=False)
