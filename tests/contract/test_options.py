"""What follows `--` on a nox line, applied to matrix.toml."""

from __future__ import annotations

import contextlib
import io
import sys

import pytest

from contract import layout, options, overrides
from contract.errors import ConcordError, UsageError
from contract.layout import CHECKOUT, Asked
from contract.machine import usable_threads
from contract.matrix import Matrix
from contract.options import user_path


def parse(*argv: str) -> options.Options:
    return options.parse(options.parser("train", "about"), list(argv))[0]


def select(*argv: str) -> Matrix:
    return options.select(parse(*argv))


def test_without_options_everything_is_as_in_matrix_toml():
    chosen = select()
    assert chosen.defaults.backbone == ("resnet18", "regnet_x_400mf", "regnet_y_16gf")
    assert chosen.find("dataset", "wings").per_species == 60
    assert parse().threads == usable_threads()
    assert parse().artifacts == CHECKOUT / "artifacts"


def test_choices_and_numbers_override():
    argv = "--backbone mobilenet_v2 resnet18 --device cpu --seed 7 --images 12 --seconds 1.5 --weights random --variant raw-static"
    chosen = select(*argv.split(), "--preset", "IMAGENET1K_V2")
    assert chosen.defaults.backbone == ("mobilenet_v2", "resnet18")
    assert (chosen.defaults.device, chosen.defaults.seed, chosen.defaults.variant) == ("cpu", 7, ("raw-static",))
    assert (chosen.parity.images, chosen.parity.seconds, chosen.measure.seconds) == (12, None, 1.5)
    assert [chosen.find("backbone", name).weights for name in chosen.defaults.backbone] == [("random",)] * 2
    assert chosen.find("backbone", "resnet18").preset == "IMAGENET1K_V2"
    assert chosen.find("backbone", "regnet_y_16gf").weights == ("DEFAULT", "random"), "a backbone that is not chosen stays as it is"
    assert select("--seed", "0").defaults.seed == 0


def test_a_recipe_goes_to_every_chosen_backbone_and_epochs_to_the_phase_there_is():
    chosen = select("--recipe", "head", "--epochs", "3")
    for name in chosen.defaults.backbone:
        entry = chosen.find("backbone", name)
        assert {entry.recipe_for(device, random=random) for device in ("cpu", "cuda") for random in (True, False)} == {"head"}
    head, finetune = chosen.find("recipe", "head"), chosen.find("recipe", "finetune")
    assert (head.epochs, head.head_epochs) == (0, 3)
    assert (finetune.epochs, finetune.head_epochs) == (3, 60)


@pytest.mark.parametrize(("said", "share"), [("5%", 0.05), ("2.5 %", 0.025), ("0.05", 0.05), (".1", 0.1)])
def test_a_threshold_is_a_share_or_percent(said, share):
    assert select("--threshold", said).measure.threshold == pytest.approx(share)
    assert select().measure.threshold == 0.05


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--bakbone", "resnet18"], "did you mean '--backbone'? "),
        (["--imges=3"], "did you mean '--images'? "),
        (["--xyzzy"], ""),
        ([""], ""),
    ],
)
def test_a_misspelt_option_is_told_with_the_nearest_one(given, meant):
    with pytest.raises(UsageError, match="unrecognized arguments") as caught:
        parse(*given)
    assert caught.value.next.endswith("lists the options")
    assert caught.value.next.partition("?")[0] == (meant.partition("?")[0] or caught.value.next)


def test_stages_are_asked_for_of_every_image():
    assert not select("--quick").parity.stages
    assert select("--quick", "--stages").parity.stages


def test_quick_and_what_is_said_beside_it():
    chosen = select("--quick")
    quick = select().quick
    assert quick is not None
    assert chosen.defaults.backbone == quick.backbone == ("resnet18",)
    assert chosen.defaults.variant == quick.variant == ("raw-dynamic", "sim-dynamic")
    assert select("--quick", "--variant", "raw-static").defaults.variant == ("raw-static",)
    assert chosen.find("dataset", "wings").per_species == quick.per_species < select().find("dataset", "wings").per_species
    assert (chosen.parity.images, chosen.measure.seconds) == (quick.parity_images, quick.measure_seconds)
    assert 3 == quick.measure_generations == chosen.measure.generations < select().measure.generations
    assert chosen.parity.seconds is not None
    assert set(chosen.find("backbone", "resnet18").recipe.values()) == {"quick"}
    chosen = select("--quick", "--backbone", "mobilenet_v2", "--recipe", "head", "--images", "5")
    assert chosen.defaults.backbone == ("mobilenet_v2",)
    assert set(chosen.find("backbone", "mobilenet_v2").recipe.values()) == {"head"}
    assert chosen.parity.images == 5


def test_without_leaves_a_runtime_out_and_its_cells_are_holes():
    chosen = select("--without", "ort-rust", "ort-rust")
    assert chosen.defaults.runtime == ("torch-eager", "ort-python")
    cells, holes = chosen.cells("wings", "resnet18", ("cpu",))
    assert not [cell for cell in cells if cell.runtime == "ort-rust"]
    assert {hole.why for hole in holes if hole.cell.runtime == "ort-rust"} == {"static batch 1", "--without ort-rust"}
    # One that was not chosen anyway leaves no holes behind.
    assert select("--runtime", "torch-eager", "ort-python", "--without", "ort-rust").defaults.without == ()


def test_paths_are_relative_to_where_the_user_stood(monkeypatch, tmp_path):
    monkeypatch.setenv(options.USER_FOLDER, str(tmp_path))
    given = parse("--root", "../photos", "--checkpoint", "c.pth", "--weights", "file:w.npz", "DEFAULT", "--onnx", "a.onnx", "/b.onnx")
    assert given.root == tmp_path.parent / "photos"
    assert given.checkpoint == tmp_path / "c.pth"
    assert given.weights == (f"file:{tmp_path / 'w.npz'}", "DEFAULT")
    assert [str(path) for path in given.onnx] == [str(tmp_path / "a.onnx"), "/b.onnx"]
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert parse("--artifacts", "~/a").artifacts == tmp_path / "home" / "a"
    monkeypatch.delenv(options.USER_FOLDER)
    monkeypatch.chdir(tmp_path)
    assert parse("--reports", "r").reports == tmp_path / "r"


def test_paths_in_matrix_toml_are_relative_to_the_checkout_and_data_is_the_user_s(tmp_path):
    assert select("--dataset", "rps").find("dataset", "rps").root == str(CHECKOUT / "data" / "rps")
    assert select("--dataset", "rps", "--data", str(tmp_path)).find("dataset", "rps").root == str(tmp_path / "rps")
    assert select("--dataset", "rps", "--root", str(tmp_path)).find("dataset", "rps").root == str(tmp_path)
    text = (CHECKOUT / "matrix.toml").read_text(encoding="utf-8").replace('["DEFAULT", "random"]', '["file:w/a.pth"]')
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    assert select("--matrix", str(tmp_path / "m.toml")).find("backbone", "resnet18").weights == (f"file:{CHECKOUT / 'w/a.pth'}",)


def pointers(monkeypatch, checkout) -> dict[str, str]:
    """The pointer of each data set of a checkout that lies there, with weights of a file in it."""
    for module in (layout, options, overrides):
        monkeypatch.setattr(module, "CHECKOUT", checkout)
    (checkout / "data").mkdir(parents=True)
    text = (CHECKOUT / "matrix.toml").read_text(encoding="utf-8").replace('["DEFAULT", "random"]', '["file:w/a.pth"]')
    (checkout / "matrix.toml").write_text(text, encoding="utf-8")
    parsed = parse("--dataset", "wings", "rps", "butterfly", "--checkpoint", str(checkout / "c.pth"), "--backbone", "resnet18")
    asked = [options.asked(parsed, options.select(parsed), name, "resnet18") for name in ("wings", "rps", "butterfly")]
    return {each.dataset.name: str(each.pointer(parsed.artifacts).relative_to(checkout)) for each in asked}


def test_a_checkout_that_moves_keeps_its_artifacts(monkeypatch, tmp_path):
    assert pointers(monkeypatch, tmp_path / "here") == pointers(monkeypatch, tmp_path / "there")


def test_wings_has_no_root():
    assert select("--dataset", "wings").find("dataset", "wings").root == ""


def without_root(tmp_path, more: str = "") -> str:
    text = (CHECKOUT / "matrix.toml").read_text(encoding="utf-8").replace('root = "data/rps"\n', more)
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    return str(tmp_path / "m.toml")


def test_a_data_set_without_a_root_is_an_error_only_where_it_is_chosen_and_not_wings(tmp_path):
    matrix = without_root(tmp_path)
    with pytest.raises(UsageError, match="dataset rps: where the images lie is not said\n  next: add --root DIR"):
        select("--matrix", matrix, "--dataset", "rps")
    assert select("--matrix", matrix, "--dataset", "rps", "--root", str(tmp_path)).find("dataset", "rps").root == str(tmp_path)
    assert select("--matrix", matrix).defaults.dataset == ("wings",)


def test_folders_of_splits_need_no_root(tmp_path):
    matrix = without_root(tmp_path, 'train = "data/rps/train"\ntest = "/mnt/rps-test"\n')
    entry = select("--matrix", matrix, "--dataset", "rps", "--data", str(tmp_path)).find("dataset", "rps")
    assert (entry.root, entry.train, entry.val, entry.test) == ("", str(tmp_path / "rps" / "train"), None, "/mnt/rps-test")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--backbon x", "unrecognized arguments"),
        ("--back resnet18", "unrecognized arguments"),
        ("--backbone resnet81", r"unknown backbone 'resnet81'; did you mean 'resnet18'\?"),
        ("--backbone resnet18 resnet18", "--backbone resnet18 is given twice"),
        ("--without ort-rsut", r"unknown runtime 'ort-rsut'; did you mean 'ort-rust'\?"),
        ("--without torch-eager", "torch-eager is the reference"),
        ("--runtime ort-rust --without ort-rust", "no runtime is left"),
        ("--recipe haed", r"unknown recipe 'haed'; did you mean 'head'\?"),
        ("--threads 0", "--threads must be positive, got 0"),
        ("--threads two", "invalid int value"),
        ("--images -3", "--images must be positive, got -3"),
        ("--seconds 0", "--seconds must be positive"),
        ("--seconds nan", "--seconds must be positive, got nan"),
        ("--seconds inf", "--seconds must be positive, got inf"),
        ("--epochs 0", "--epochs must be positive"),
        ("--threshold 0%", "'0%' is no share between 0 and 100 %: write it as 5% or 0.05"),
        ("--threshold 100%", "'100%' is no share"),
        ("--threshold five", "'five' is no share"),
        ("--threshold=-1%", "'-1%' is no share"),
        ("--seed -1", "--seed must be 0 to 18446744073709551615, got -1"),
        ("--seed 18446744073709551616", "--seed must be 0 to 18446744073709551615"),
        ("--device tpu", "invalid choice"),
        ("--root d", "wings is drawn by Concord and has no root"),
        ("--root d --dataset rps butterfly", "--root says where one data set lies, and 2 are chosen"),
        ("--checkpoint c.pth", "--checkpoint is one model, and 3 backbones are chosen"),
        ("--matrix none.toml", "no such file"),
    ],
)
def test_what_makes_no_sense_is_refused(argv, message):
    with pytest.raises(ConcordError, match=message):
        select(*argv.split())


@pytest.mark.parametrize("entry", ["file:", "file: "])
def test_a_weights_file_has_a_name(entry):
    """The path of nothing is the current folder, which nobody meant."""
    with pytest.raises(UsageError, match="--weights: 'file:' names no file\n  next: write the path behind it, such as file:w") as caught:
        parse("--weights", "DEFAULT", entry)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["~nobody-is-called-so/x", "loop"])
def test_what_is_no_path_is_refused(tmp_path, monkeypatch, name):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    monkeypatch.setenv("CONCORD_USER_FOLDER", str(tmp_path))
    if name == "loop" and sys.version_info >= (3, 13):
        pytest.skip("this Python resolves a loop of links to itself")
    with pytest.raises(UsageError, match="no path: "):
        user_path(name)


@pytest.mark.parametrize(("argv", "close"), [("--device cdua", "did you mean 'cuda'? "), ("--device x", "")])
def test_a_choice_that_is_none_is_told_the_nearest(argv, close):
    with pytest.raises(UsageError, match="invalid choice") as caught:
        select(*argv.split())
    assert caught.value.next.startswith(close)
    assert caught.value.next.endswith("--help lists the options")
    assert ("did you mean" in caught.value.next) == bool(close)


def test_quick_needs_a_quick_table(tmp_path):
    text = (CHECKOUT / "matrix.toml").read_text(encoding="utf-8")
    (tmp_path / "m.toml").write_text(text[: text.index("[quick]")], encoding="utf-8")
    with pytest.raises(UsageError, match=r"--quick needs a \[quick\] table"):
        select("--quick", "--matrix", str(tmp_path / "m.toml"))


def test_help_lists_every_option_of_the_dataclass():
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as end:
        parse("--help")
    assert end.value.code == 0
    names = {name: f"--{name.replace('_', '-')}" for name in options.Options.__dataclass_fields__} | {
        "output_json": "--json",
        "image_folder": "--images",
        "keyword": "-k EXPR",
    }
    assert [name for name in names.values() if name not in out.getvalue()] == []


def asked(*argv: str) -> Asked:
    given = parse("--dataset", "rps", "--backbone", "resnet18", *argv)
    return options.asked(given, options.select(given), "rps", "resnet18")


@pytest.mark.parametrize(
    "argv",
    [
        "--root /x", "--seed 1", "--epochs 9", "--weights random", "--preset IMAGENET1K_V1", "--recipe head", "--checkpoint /c.pth",
        "--data /d", "--skip-bad-images", "--quick",
    ],
)  # fmt: skip
def test_whatever_decides_the_checkpoint_gives_another_pointer(tmp_path, argv):
    assert asked(*argv.split()).pointer(tmp_path) != asked().pointer(tmp_path)


@pytest.mark.parametrize(
    "argv",
    [
        "", "--threads 1", "--images 5", "--seconds 3", "--force", "--json", "--without ort-rust", "--variant raw-static",
        "--runtime ort-rust", "--scenario load", "--reports /r", "--artifacts /a", "--offline", "--onnx a.onnx", "--weights DEFAULT random",
        "--device cpu", "--gate then", "--threshold 5%",
    ],
)  # fmt: skip
def test_whatever_does_not_decide_it_gives_the_same_pointer(tmp_path, argv):
    assert asked(*argv.split()).pointer(tmp_path) == asked().pointer(tmp_path)


def test_another_backbone_in_the_same_run_changes_nothing(tmp_path):
    given = parse("--dataset", "rps", "--backbone", "resnet18", "regnet_x_400mf")
    assert options.asked(given, options.select(given), "rps", "resnet18") == asked()


def test_images_are_a_number_or_with_onnx_a_folder(tmp_path):
    assert (parse("--images", "7").images, parse("--images", "7").image_folder) == (7, None)
    given = parse("--images", str(tmp_path), "--onnx", "a.onnx")
    assert (given.images, given.image_folder) == (None, tmp_path)
    for wrong in ("1.5", "many", str(tmp_path)):
        with pytest.raises(UsageError, match="--images is a number here") as caught:
            select("--images", wrong)
        assert caught.value.exit_code == 2
