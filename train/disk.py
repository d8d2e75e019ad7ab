"""A full disk, told by writers that are no Python: torch's raises RuntimeError, safetensors' an error of its own, neither with an errno."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError

# What torch says when its stream cannot be written, and when it then cannot be closed; Rust's number of ENOSPC, EFBIG or EDQUOT.
SAID = re.compile(r"PytorchStreamWriter failed|inline_container\.cc.*unexpected pos|\(os error (?:27|28|122)\)")


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Raise OSError (ENOSPC) for what these writers raise on a full disk; anything else passes."""
    try:
        yield
    except (RuntimeError, SafetensorError) as fault:
        if SAID.search(str(fault)) is None:
            raise
        raise OSError(errno.ENOSPC, "No space left on device") from fault
