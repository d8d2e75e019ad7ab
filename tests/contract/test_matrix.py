"""matrix.toml: the product, its holes with reasons, and what is refused."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from contract import matrix, strict
from contract.errors import DataError
from contract.layout import CHECKOUT
from contract.matrix import Matrix

SMALL = """
[defaults]
dataset = ["set"]
backbone = ["b18"]
variant = ["fixed", "free"]
runtime = ["torch-eager", "ort-python"]
scenario = ["one", "eight", "load"]
[[dataset]]
name = "set"
format = "folder"
[[backbone]]
name = "b18"
task = "classify"
weights = ["random"]
recipe = { cpu = "head", random-cuda = "all" }
[[recipe]]
name = "head"
train = "head"
head_epochs = 1
[[recipe]]
name = "all"
train = "all"
epochs = 1
[[variant]]
name = "fixed"
simplify = false
batch = "static"
[[variant]]
name = "free"
simplify = false
batch = "dynamic"
[[runtime]]
name = "torch-eager"
[[runtime]]
name = "ort-python"
[[scenario]]
name = "one"
kind = "latency"
[[scenario]]
name = "eight"
kind = "throughput"
batch = 8
[[scenario]]
name = "load"
kind = "load"
variant = ["free"]
"""


def load(tmp_path: Path, text: str) -> Matrix:
    path = tmp_path / "m.toml"
    path.write_text(text, encoding="utf-8")
    return matrix.load(path)


def named(found) -> dict[str, str]:
    return {str(hole.cell): hole.why for hole in found}


def test_the_cells_are_the_product_and_static_variants_have_a_derived_hole(tmp_path):
    cells, holes = load(tmp_path, SMALL).cells("set", "b18", ("cpu",))
    assert [str(cell) for cell in cells] == [
        "b18/eager/torch-eager/cpu/one-1",
        "b18/fixed/ort-python/cpu/one-1",
        "b18/free/ort-python/cpu/one-1",
        "b18/eager/torch-eager/cpu/eight-8",
        "b18/free/ort-python/cpu/eight-8",
        "b18/eager/torch-eager/cpu/load-1",
        "b18/free/ort-python/cpu/load-1",
    ]
    assert named(holes) == {"b18/fixed/ort-python/cpu/eight-8": "static batch 1"}


def test_a_list_of_batches_is_a_cell_for_each(tmp_path):
    made = load(tmp_path, SMALL.replace("batch = 8", "batch = [4, 1]") + '[[skip]]\nwhy = "too slow"\nbatch = 4\nruntime = "torch-eager"\n')
    assert made.find("scenario", "eight").batches == (4, 1)
    assert made.find("scenario", "one").batches == (1,)
    cells, holes = made.cells("set", "b18", ("cpu",))
    assert [str(cell) for cell in cells if cell.scenario == "eight"] == [
        "b18/free/ort-python/cpu/eight-4",
        "b18/eager/torch-eager/cpu/eight-1",
        "b18/fixed/ort-python/cpu/eight-1",
        "b18/free/ort-python/cpu/eight-1",
    ]
    assert named(holes) == {"b18/eager/torch-eager/cpu/eight-4": "too slow", "b18/fixed/ort-python/cpu/eight-4": "static batch 1"}


def test_no_scenario_is_called_what_one_batch_of_another_is_called(tmp_path):
    """A cell is named by scenario and batch where a scenario has several: curve-8."""
    twin = '[[scenario]]\nname = "eight-2"\nkind = "throughput"\nbatch = 2\n'
    assert len(load(tmp_path, SMALL + twin).scenario) == 4
    with pytest.raises(DataError, match=r"m\.toml\): scenario 'eight-2': so is batch 2 of 'eight' called"):
        load(tmp_path, SMALL.replace("batch = 8", "batch = [8, 2]") + twin)
    assert len(load(tmp_path, SMALL.replace("batch = 8", "batch = [8, 4]") + twin).scenario) == 4


def test_two_providers_double_it(tmp_path):
    cells, holes = load(tmp_path, SMALL).cells("set", "b18", ("cpu", "cuda"))
    assert (len(cells), len(holes)) == (14, 2)


@pytest.mark.parametrize(
    ("skip", "skipped"),
    [
        ('runtime = "ort-python"\nprovider = "cpu"', 4),
        ('runtime = "ort-python"\nprovider = "cuda"', 0),
        ('variant = "eager"', 3),
        ("batch = 8", 2),
        ('batch = 8\nvariant = "free"', 1),
        ('scenario = "load"\nbackbone = "b18"\ndataset = "set"', 2),
    ],
)
def test_a_skip_takes_the_cells_that_match_all_its_keys_and_says_why(tmp_path, skip, skipped):
    cells, holes = load(tmp_path, SMALL + f'[[skip]]\nwhy = "too slow"\n{skip}\n').cells("set", "b18", ("cpu",))
    assert list(named(holes).values()).count("too slow") == skipped
    assert len(cells) == 7 - skipped


def test_a_runtime_that_was_left_out_is_a_hole_with_that_reason(tmp_path):
    text = SMALL.replace('runtime = ["torch-eager", "ort-python"]', 'runtime = ["torch-eager"]\nwithout = ["ort-python"]')
    cells, holes = load(tmp_path, text).cells("set", "b18", ("cpu",))
    assert {cell.runtime for cell in cells} == {"torch-eager"}
    assert list(named(holes).values()) == ["--without ort-python"] * 2 + ["static batch 1"] + ["--without ort-python"] * 2


def test_the_recipe_by_device_and_kind_of_weights(tmp_path):
    backbone = load(tmp_path, SMALL).find("backbone", "b18")
    assert backbone.recipe_for("cpu", random=False) == "head"
    assert backbone.recipe_for("cpu", random=True) == "head"
    assert backbone.recipe_for("cuda", random=True) == "all"
    with pytest.raises(DataError, match="no recipe for cuda"):
        backbone.recipe_for("cuda", random=False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("simplify = false", "simplfy = false", r"m\.toml\.variant\[0\]: unknown key 'simplfy'; did you mean 'simplify'\?"),
        ("[defaults]", "[default]", r"m\.toml: unknown key 'default'; did you mean 'defaults'\?"),
        ('backbone = ["b18"]', 'backbone = ["b81"]', r"unknown backbone 'b81'; did you mean 'b18'\?"),
        ('backbone = ["b18"]', 'backbone = ["b18", "b18"]', r"defaults\.backbone 'b18' is given twice"),
        ('cpu = "head"', 'cpu = "haed"', r"unknown recipe 'haed'; did you mean 'head'\?"),
        ('variant = ["free"]', 'variant = ["fere"]', r"unknown variant 'fere'; did you mean 'free'\?"),
        ('name = "free"', 'name = "fixed"', "variant 'fixed' is given twice"),
        ('name = "set"', 'name = "../set"', r"dataset '\.\./set': a name is made of letters, digits and _ \. -"),
        ("batch = 8", "batch = 0", r"m\.toml\.scenario\[1\] \(eight\): batch must be at least 1"),
        ("batch = 8", 'batch = "8"', r"m\.toml\.scenario\[1\]\.batch: expected an integer, got '8'"),
        ("batch = 8", "batch = true", r"expected an integer, got True"),
        ('batch = "dynamic"', 'batch = "free"', "'free' is not one of 'static', 'dynamic'"),
        ("head_epochs = 1", "", r"m\.toml\.recipe\[0\] \(head\): train = 'head' needs epochs or head_epochs >= 1"),
        ("head_epochs = 1", "head_epochs = 1\nlr = nan", r"m\.toml\.recipe\[0\]\.lr: expected a finite number, got nan"),
        ("head_epochs = 1", "head_epochs = 1\nlr = 0", "learning rates > 0"),
        ("head_epochs = 1", "head_epochs = 1\ndropout = 1.0", "dropout < 1"),
        ("head_epochs = 1", "head_epochs = 1\nbatch = 0", "batch >= 1"),
        ("epochs = 1\n[[variant", "epochs = 0\n[[variant", "train = 'all' needs epochs >= 1"),
        ('weights = ["random"]', "weights = []", "weights must name at least one to try"),
        ('weights = ["random"]', 'weights = ["file:", "random"]', r"backbone\[0\] \(b18\): 'file:' names no file: .*'file:weights/"),
        ('format = "folder"', 'format = "csv"', r"dataset\[0\] \(set\): a csv set needs labels = FILE"),
        ('format = "folder"', 'format = "folder"\nsplit = [0.5, 0.5, 0.5]', "positive shares that sum to 1"),
        ('format = "folder"', 'format = "folder"\ntrain = "t"', "train and test folders come together"),
        ('format = "folder"', 'format = "folder"\nspecies = 0', "at least 1"),
        (
            'format = "folder"',
            'format = "folder"\nspecies = 3',
            r"dataset\[0\] \(set\): 'species' means nothing to format = 'folder'; known",
        ),
        ('format = "folder"', 'format = "folder"\nlabels = "l.csv"', "'labels' means nothing to format = 'folder'"),
        ('format = "folder"', 'format = "folder"\ncolumns = { file = "f" }', "'columns' means nothing to format = 'folder'"),
        ('format = "folder"', 'format = "wings"\nroot = "r"', "'root' means nothing to format = 'wings'"),
        ("[defaults]", "[defaults]\nseed = -1", "seed must be 0 to 18446744073709551615, got -1"),
        ("[defaults]", "[defaults]\nwithout = ['torch-eager']", "torch-eager is the reference"),
        ("[defaults]", "[parity]\nimages = 0\n[defaults]", r"m\.toml\.parity: images, seconds and the tolerance factor must be positive"),
        ("[defaults]", "[measure]\nrestarts = 0\n[defaults]", r"measure: seconds, restarts, equivalent and threshold must be positive"),
        ("[defaults]", "[measure]\ngenerations = 2\n[defaults]", "generations must be at least 3: fewer processes give no interval"),
        ("[defaults]", "[[skip]]\nwhy = 'x'\n[defaults]", "at least one key that says which cells"),
        ("[defaults]", "[[skip]]\nwhy = ' '\nbatch = 8\n[defaults]", "a hole needs a why"),
        ("[defaults]", "[[skip]]\nwhy = 'x'\nmost_threads = 2\n[defaults]", "at least one key that says which cells"),
        ("[defaults]", "[[skip]]\nwhy = 'x'\nbatch = 8\nmost_threads = 0\n[defaults]", "most_threads must be at least 1, got 0"),
        (
            "[defaults]",
            "[[skip]]\nwhy = 'x'\nruntime = 'ort-pyhton'\n[defaults]",
            "unknown runtime 'ort-pyhton'; did you mean 'ort-python'",
        ),
        ("[defaults]", "[[skip]]\nwhy = 'x'\nprovider = 'gpu'\n[defaults]", "'gpu' is not one of 'cpu', 'cuda'"),
        (
            "[defaults]",
            "[quick]\nbackbone=['b19']\nvariant=[]\nrecipe='head'\nper_species=1\nparity_images=1\nmeasure_seconds=1\nmeasure_generations=3\n[defaults]",
            "unknown backbone 'b19'",
        ),
        ('cpu = "head"', 'gpu = "head"', r"backbone\[0\] \(b18\): no recipe is ever looked up for 'gpu'; did you mean 'cpu'\?"),
        ('random-cuda = "all"', 'random-gpu = "all"', "no recipe is ever looked up for 'random-gpu'; did you mean 'random-cpu'"),
        ("head_epochs = 1", "head_epochs = 1\nlabel_smoothing = 1.0", "label_smoothing < 1"),
        ("head_epochs = 1", "head_epochs = 1\nlabel_smoothing = -0.1", "0 <= label_smoothing"),
        ("head_epochs = 1", "head_epochs = 1\nwarmup = 1.0", "warmup < 1"),
        ("head_epochs = 1", "head_epochs = 1\nwarmup = -0.1", "0 <= warmup"),
        ("head_epochs = 1", "head_epochs = 1\nstem_lr = 0", r"recipe\[0\] \(head\): stem_lr > 0"),
        ('train = "head"', 'train = "none"', "train = 'none' trains nothing: epochs and head_epochs must be 0"),
        ('train = "all"', 'train = "none"', "train = 'none' trains nothing"),
        ('kind = "load"', 'kind = "e2e"\nbatch = 2', r"scenario\[2\] \(load\): e2e is one image at a time, got batch 2"),
        ("batch = 8", "batch = []", r"scenario\[1\] \(eight\): batch must name at least one, got an empty list"),
        ("batch = 8", "batch = [8, 0]", r"scenario\[1\] \(eight\): batch must be at least 1, got 0"),
        ("batch = 8", "batch = 0", r"scenario\[1\] \(eight\): batch must be at least 1, got 0"),
        ("batch = 8", "batch = [4, 8, 4]", r"scenario\[1\] \(eight\): batch 4 is given twice"),
        ("batch = 8", "batch = [4, true]", r"scenario\[1\]\.batch\[1\]: expected an integer, got True"),
        ("batch = 8", "batch = 'all'", r"scenario\[1\]\.batch: expected an integer, got 'all'"),
        (
            'kind = "latency"',
            'kind = "latency"\nbatch = [1]',
            r"\(one\): a list of batches is for throughput, and latency takes one number",
        ),
        ('kind = "load"', 'kind = "e2e"\nbatch = [1, 2]', r"\(load\): a list of batches is for throughput, and e2e takes one number"),
        ("[defaults]", "source = 'x'\n[defaults]", "m\\.toml: unknown key 'source'; did you mean 'measure'"),
        ('recipe = { cpu = "head"', 'recipe = { cpu = "haed"', r"^m\.toml: unknown recipe"),
        ("[defaults]", "[defaults", "not valid TOML"),
        ("[defaults]", "[defaults]\nseed = 1\nseed = 2", "not valid TOML"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(tmp_path, old, new, message):
    assert old in SMALL
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, SMALL.replace(old, new, 1))
    assert caught.value.next


def test_a_missing_or_unreadable_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        matrix.load(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not valid TOML"):
        matrix.load(tmp_path / "binary.toml")
    with pytest.raises(DataError, match="a folder, not a TOML file") as caught:
        matrix.load(tmp_path)
    assert "--matrix FILE" in caught.value.next


def test_the_real_matrix():
    real = matrix.load(CHECKOUT / "matrix.toml")
    cells, holes = real.cells("wings", "regnet_y_16gf", ("cpu",))
    assert {cell.variant for cell in cells if cell.scenario == "latency"} == {"eager", *real.defaults.variant}
    reasons = set(named(holes).values())
    assert {reason.partition(":")[0] for reason in reasons} == {
        "static batch 1", "over a second a batch on two cores", "a quarter of a second a forward on two cores",
    }  # fmt: skip
    assert {cell.runtime for cell in cells if cell.scenario == "latency" and cell.variant == "raw-dynamic"} == {"ort-python", "ort-rust"}
    assert "curve" not in real.defaults.scenario
    assert real.find("scenario", "curve").batches == (1, 2, 4, 8, 16, 32)
    for backbone in real.backbone:
        for device in ("cpu", "cuda"):
            for random in (True, False):
                real.find("recipe", backbone.recipe_for(device, random=random))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_entries_that_the_documents_show_are_good_ones(page):
    blocks = re.findall(r"^```toml\n(.*?)^```", (CHECKOUT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        for noun, entries in tomllib.loads(block).items():
            for entry in entries:
                strict.decode(getattr(matrix, noun.capitalize()), entry, f"{page}: {noun}")
