"""The first thing that every package asks: is this Python new enough to read the rest? In words that an old one reads, too (3.6)."""

import sys

NEEDED = (3, 11)
# contract.errors.ENVIRONMENT, which an old Python cannot import.
EXIT_CODE = 3


def require() -> None:
    """End the process with a line on stderr where this Python is too old: it would stumble over a module or a name that it lacks."""
    if sys.version_info >= NEEDED:
        return
    found, wanted = (".".join(map(str, version)) for version in (sys.version_info[:3], NEEDED))
    # nox takes a .venv that there is, whatever its Python.
    own = sys.prefix.replace("\\", "/").endswith("/.venv")
    step = f"{'rm -rf .venv && ' if own else ''}uvx --python '>={wanted}' nox -s doctor, which makes .venv; then use .venv/bin/python"
    sys.stderr.write(f"error: Python >= {wanted} is needed, and this is {found} ({sys.executable}); next: {step}\n")
    sys.exit(EXIT_CODE)
