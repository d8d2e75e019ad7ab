"""The twelve species of `wings`. Each shares its colours with another, so that shape, bands and spots tell them apart."""

from __future__ import annotations

from itertools import zip_longest

from train.data.wings_shapes import (
    ANGLED,
    BROAD,
    DISC,
    DROP,
    FAN,
    HOOKED,
    LONG,
    OVAL,
    SAIL,
    SMALL,
    SPOON,
    SWORD,
    Band,
    Colour,
    Species,
    Spots,
    Wing,
)

BLACK: Colour = (24, 20, 24)
SOOT: Colour = (52, 36, 30)
BROWN: Colour = (112, 74, 44)
UMBER: Colour = (84, 52, 34)
TAWNY: Colour = (176, 116, 62)
ORANGE: Colour = (232, 124, 28)
RUST: Colour = (186, 78, 24)
RED: Colour = (206, 38, 40)
YELLOW: Colour = (246, 212, 62)
LEMON: Colour = (240, 226, 120)
CREAM: Colour = (246, 236, 206)
WHITE: Colour = (244, 244, 238)
GREY: Colour = (176, 180, 178)
AZURE: Colour = (62, 128, 224)
NAVY: Colour = (28, 52, 134)
SKY: Colour = (132, 190, 238)
TEAL: Colour = (36, 168, 160)

_ORANGE_KINDS = (
    Species(
        "EMBER FRITILLARY",
        Wing(
            OVAL,
            ORANGE,
            RUST,
            (
                Spots((2.2, 0.9), (5.2, 0.9), 7, ((0.045, SOOT),)),
                Spots((1.9, 0.68), (5.4, 0.68), 6, ((0.055, SOOT),)),
                Spots((1.4, 0.48), (4.5, 0.4), 3, ((0.06, SOOT),)),
            ),
        ),
        Wing(DISC, ORANGE, RUST, (Spots((2.0, 0.9), (5.2, 0.9), 7, ((0.04, SOOT),)), Spots((2.0, 0.66), (5.4, 0.66), 5, ((0.055, SOOT),)))),
        SOOT,
    ),
    Species(
        "REGENT'S LATTICE",
        Wing(
            LONG,
            ORANGE,
            ORANGE,
            (
                Band(2.3, 3.6, 0.66, 1.0, BLACK),
                Band(3.0, 5.6, 0.86, 1.0, BLACK),
                Spots((2.7, 0.78), (3.5, 0.74), 3, ((0.05, WHITE),)),
                Spots((3.0, 0.93), (5.2, 0.93), 7, ((0.022, WHITE),)),
            ),
            veins=6,
        ),
        Wing(FAN, ORANGE, ORANGE, (Band(1.8, 5.7, 0.86, 1.0, BLACK), Spots((2.2, 0.93), (5.4, 0.93), 9, ((0.022, WHITE),))), veins=6),
        BLACK,
    ),
    Species(
        "RAGGED COMMA-WING",
        Wing(
            HOOKED,
            RUST,
            TAWNY,
            (
                Band(2.0, 5.6, 0.84, 1.0, UMBER),
                Band(1.2, 1.9, 0.6, 0.98, SOOT),
                Spots((1.9, 0.66), (4.8, 0.5), 3, ((0.085, SOOT),)),
            ),
            scallop=0.07,
        ),
        Wing(ANGLED, RUST, TAWNY, (Band(2.0, 5.6, 0.78, 1.0, UMBER), Spots((2.4, 0.55), (3.2, 0.5), 2, ((0.07, SOOT),))), scallop=0.1),
        UMBER,
    ),
)

_BLUE_KINDS = (
    Species(
        "AZURE CROWN-TAIL",
        Wing(SAIL, AZURE, NAVY, (Band(2.4, 5.6, 0.84, 1.0, BLACK), Spots((2.9, 0.92), (5.2, 0.92), 6, ((0.028, SKY),)))),
        Wing(
            DROP,
            AZURE,
            NAVY,
            (Band(1.8, 5.6, 0.8, 1.0, BLACK), Spots((5.1, 0.86), (5.1, 0.86), 1, ((0.06, RED),))),
            scallop=0.06,
            tail=SPOON,
        ),
        BLACK,
    ),
    Species(
        "LESSER HARBOUR BLUE",
        Wing(OVAL, AZURE, SKY, (Band(2.2, 5.6, 0.94, 1.0, WHITE), Spots((1.7, 0.6), (1.7, 0.6), 1, ((0.05, NAVY),)))),
        Wing(DISC, AZURE, SKY, (Band(1.8, 5.6, 0.93, 1.0, WHITE), Spots((2.3, 0.84), (5.2, 0.84), 6, ((0.065, ORANGE), (0.036, BLACK))))),
        NAVY,
    ),
    Species(
        "MIDNIGHT SASH",
        Wing(
            BROAD,
            BLACK,
            NAVY,
            (Band(1.3, 5.7, 0.5, 0.72, AZURE), Spots((2.6, 0.86), (3.4, 0.86), 3, ((0.045, WHITE),))),
        ),
        Wing(FAN, BLACK, NAVY, (Band(1.5, 5.9, 0.5, 0.72, AZURE), Spots((2.4, 0.88), (5.0, 0.88), 5, ((0.035, SKY),))), scallop=0.06),
        BLACK,
    ),
)

_PALE_KINDS = (
    Species(
        "CHALK VESTAL",
        Wing(OVAL, WHITE, CREAM, (Band(2.2, 3.9, 0.8, 1.0, SOOT), Spots((3.7, 0.62), (4.9, 0.62), 2, ((0.075, SOOT),))), veins=4),
        Wing(DISC, CREAM, LEMON, (Spots((2.2, 0.76), (2.2, 0.76), 1, ((0.07, SOOT),)),), veins=4),
        GREY,
    ),
    Species(
        "MARBLED CHEQUER",
        Wing(
            BROAD,
            WHITE,
            GREY,
            (
                Band(2.2, 5.7, 0.86, 1.0, BLACK),
                Band(1.2, 5.6, 0.6, 0.72, BLACK),
                Band(1.0, 6.0, 0.28, 0.42, BLACK),
                Spots((2.6, 0.93), (5.3, 0.93), 6, ((0.036, WHITE),)),
            ),
            veins=7,
        ),
        Wing(DISC, WHITE, GREY, (Band(1.8, 5.7, 0.84, 1.0, BLACK), Band(1.4, 6.0, 0.52, 0.64, BLACK)), veins=6, scallop=0.05),
        BLACK,
    ),
    Species(
        "SAINT IVO'S SWORDTAIL",
        Wing(
            SAIL,
            LEMON,
            CREAM,
            (
                Band(2.6, 5.6, 0.87, 1.0, BLACK),
                Band(1.0, 6.2, 0.68, 0.77, BLACK),
                Band(0.8, 6.4, 0.48, 0.57, BLACK),
                Band(0.6, 6.6, 0.26, 0.36, BLACK),
            ),
        ),
        Wing(
            DROP,
            LEMON,
            CREAM,
            (Band(2.0, 5.4, 0.82, 1.0, BLACK), Band(1.5, 6.2, 0.46, 0.56, BLACK), Spots((5.1, 0.76), (5.1, 0.76), 1, ((0.07, RED),))),
            tail=SWORD,
        ),
        BLACK,
    ),
    Species(
        "GILDED SICKLE",
        Wing(HOOKED, YELLOW, LEMON, (Spots((1.9, 0.6), (1.9, 0.6), 1, ((0.06, ORANGE),)), Band(2.6, 3.4, 0.88, 1.0, RUST)), veins=5),
        Wing(ANGLED, YELLOW, LEMON, (Spots((3.3, 0.56), (3.3, 0.56), 1, ((0.075, ORANGE),)),), veins=5),
        TAWNY,
    ),
)

_DARK_KINDS = (
    Species(
        "ORACLE'S EYE",
        Wing(
            BROAD,
            BROWN,
            TAWNY,
            (
                Band(2.3, 5.6, 0.9, 1.0, UMBER),
                Spots((3.0, 0.72), (3.0, 0.72), 1, ((0.15, CREAM), (0.12, BLACK), (0.06, TEAL), (0.025, WHITE))),
            ),
        ),
        Wing(
            FAN,
            BROWN,
            TAWNY,
            (
                Band(1.9, 5.6, 0.9, 1.0, UMBER),
                Spots((3.6, 0.64), (3.6, 0.64), 1, ((0.2, CREAM), (0.165, BLACK), (0.09, TEAL), (0.035, WHITE))),
            ),
            scallop=0.05,
        ),
        SOOT,
    ),
    Species(
        "CRIMSON POSTMAN",
        Wing(LONG, BLACK, SOOT, (Band(1.6, 4.7, 0.56, 0.76, RED),)),
        Wing(SMALL, BLACK, SOOT, (Spots((2.0, 0.5), (5.0, 0.5), 4, ((0.05, CREAM),)),)),
        BLACK,
    ),
)

# One of each family in turn, so that the first few, too, are unlike.
_ROUNDS = zip_longest(_ORANGE_KINDS, _BLUE_KINDS, _PALE_KINDS, _DARK_KINDS)
SPECIES: tuple[Species, ...] = tuple(kind for kinds in _ROUNDS for kind in kinds if kind is not None)
