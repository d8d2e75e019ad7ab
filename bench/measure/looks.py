"""Looks at unfinished groups: one whose contrasts are all decided is closed, and its time goes to the others."""

from __future__ import annotations

from bench import ratios
from bench.measure import pairs
from bench.measure.group import Entry, Group

# Fractions of a site's share of the budget. More looks would find a decided group sooner, and each costs some of alpha.
LOOKS = (0.5, 0.75, 1.0)
SHARES = tuple(ratios.spending(LOOKS))


class Looks:
    """The looks at one site; what no early look closes has the last one, when the run ends. `family`: contrasts of the whole run."""

    def __init__(self, groups: list[Group], equivalent: float, family: int) -> None:
        self._groups, self._equivalent, self._family = groups, equivalent, family
        self._next = 0
        for entry in (entry for group in groups for entry in group.entries):
            entry.alpha_share = SHARES[-1]

    def look(self, fraction: float) -> None:
        """Close the groups that are decided, if a look is due after this fraction of the site's budget."""
        while self._next < len(LOOKS) - 1 and fraction >= LOOKS[self._next]:
            share = SHARES[self._next]
            self._next += 1
            for group in self._groups:
                if not group.closed and decided(group.entries, share, self._equivalent, self._family):
                    group.close(share)


def decided(entries: list[Entry], share: float, equivalent: float, family: int) -> bool:
    """Whether every contrast of a group has a verdict at this look, with Bonferroni's correction for the family.

    A group without contrasts is never decided: its times get better with every round.
    """
    measured = [entry for entry in entries if entry.alive]
    polished = pairs.polished(measured)
    contrasts = list(pairs.of(measured, key=lambda entry: entry.cell))
    for one, base, _ in contrasts:
        found = ratios.evidence([each.log for each in polished[one.cell].ratios(one.cell, base.cell)])
        p = ratios.p_value(found, share)
        if ratios.verdict(found, equivalent, p, min(1.0, p * family), share) == "inconclusive":
            return False
    return bool(contrasts)
