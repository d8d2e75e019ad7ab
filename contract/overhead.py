"""What `infer-rs overhead` and `python -m infer_py overhead` print as JSON: nanoseconds of blocks of calls, by the way of calling."""

from __future__ import annotations

from dataclasses import dataclass

from contract import strict
from contract.protocol import Receipt


@dataclass(frozen=True)
class Counted:
    """One process. `ways`: of each way of calling the session, the nanoseconds of each block of `calls` calls.

    Block n of every way was taken in round n, in an order drawn from `seed`. Raises StrictError where the rounds are not as many for all.
    """

    receipt: Receipt
    threads: int
    calls: int
    seed: int
    ways: dict[str, tuple[int, ...]]

    def __post_init__(self) -> None:
        strict.at_least(1, calls=self.calls, threads=self.threads)
        rounds = {way: len(blocks) for way, blocks in self.ways.items()}
        if len(set(rounds.values())) != 1 or 0 in rounds.values():
            raise strict.StrictError(f"every way needs as many blocks, and one at least; there are {rounds}")
        for way, blocks in self.ways.items():
            strict.at_least(1, **{way: min(blocks)})
