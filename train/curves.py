"""Loss and accuracy over the epochs, as one SVG file that is the same for the same history."""

from __future__ import annotations

import io
from itertools import pairwise

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter, ScalarFormatter

from train.fit.state import Epoch

# From this ratio of losses on the first epochs of random weights would press all others flat: the axis is logarithmic then.
WIDE = 30
TRAINING, VALIDATION, QUIET = "#9aa5b1", "#1f6feb", "#6b7280"


def curves_svg(history: tuple[Epoch, ...], best_epoch: int, title: str) -> str:
    """The picture as SVG text."""
    with mpl.rc_context({"svg.hashsalt": "concord", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(8, 3.4), layout="constrained")
        figure.suptitle(title if history else f"{title}: nothing was trained")
        loss, accuracy = figure.subplots(1, 2)
        _panel(loss, history, best_epoch, "loss")
        if history and _range(history) > WIDE:
            loss.set_yscale("log")
            loss.yaxis.set_major_formatter(ScalarFormatter())
        _panel(accuracy, history, best_epoch, "accuracy")
        accuracy.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        accuracy.set_ylim(0, 1.02)
        text = io.StringIO()
        FigureCanvasSVG(figure)
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _range(history: tuple[Epoch, ...]) -> float:
    losses = [loss for row in history for loss in (row.train_loss, row.val_loss)]
    return max(losses) / min(losses) if min(losses) > 0 else 1.0


def _panel(axes: Axes, history: tuple[Epoch, ...], best_epoch: int, what: str) -> None:
    axes.set_title(what, loc="left")
    axes.set_xlabel("epoch")
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if not history:
        return
    numbers = [row.number for row in history]
    marker = "o" if len(history) < 20 else ""
    for kind, colour in (("train", TRAINING), ("val", VALIDATION)):
        values = [getattr(row, f"{kind}_{what}") for row in history]
        axes.plot(numbers, values, color=colour, marker=marker, markersize=3, label={"train": "training", "val": "validation"}[kind])
    for before, after in pairwise(history):
        if before.phase != after.phase:
            axes.axvline(before.number + 0.5, color=QUIET, linewidth=0.8, linestyle="--")
            axes.annotate(
                f"from here: {after.phase}",
                (before.number + 0.5, 1),
                xycoords=("data", "axes fraction"),
                xytext=(3, 3),
                textcoords="offset points",
                color=QUIET,
                fontsize=8,
            )
    if best_epoch:
        best = next(row for row in history if row.number == best_epoch)
        axes.plot(
            [best_epoch],
            [getattr(best, f"val_{what}")],
            "o",
            color=VALIDATION,
            markersize=7,
            fillstyle="none",
            label=f"best epoch: {best_epoch}",
        )
    axes.legend(frameon=False, loc="best")
