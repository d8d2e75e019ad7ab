"""A decoder that is Pillow with one fault of the test's choice, speaking as `infer-rs decode -` does: fake_decoder.py FAULT."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main() -> None:
    fault = sys.argv[1]
    if fault == "hangs":
        hang()
        return
    from bench.fuzz.judge import by_pillow

    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        answer, head = by_pillow(path), path.read_bytes()[:3]
        said: dict[str, object] = {"path": str(path)}
        if answer.pixels is None:
            said |= {"error": answer.said, "kind": "internal" if fault == "panics" else "data"}
        else:
            size, sha256, stated = answer.pixels.split(" ")
            width, height = map(int, size.split("x"))
            said |= {"width": width, "height": height, "sha256": "0" * 64 if fault == "wrong-gif" and head == b"GIF" else sha256}
            said["orientation"] = None if fault == "upright" or stated == "None" else int(stated)
        if fault == "dies" and head == b"\x89PN":
            sys.exit(7)
        print(json.dumps(said), flush=True)


def hang() -> None:
    """Quick to start, because the test waits for its deadline; it hangs on files whose name ends in 1."""
    for line in sys.stdin:
        if line.rstrip().endswith("1"):
            time.sleep(600)
        print(json.dumps({"width": 1, "height": 1, "sha256": "0", "orientation": None}), flush=True)


if __name__ == "__main__":
    main()
