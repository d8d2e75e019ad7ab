"""Claims: read from a sentence, refused with an example of one, and one for each backbone."""

from __future__ import annotations

import pytest

from contract import matrix as matrices
from contract.claim import Claim, parse_claim
from contract.errors import DataError, UsageError
from contract.layout import CHECKOUT
from contract.options import parse, parser, select
from contract.strict import StrictError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("disagreement < 1 % at 95 %", Claim("disagreement", 0.01, 0.95)),
        (" disagreement<0.5% at 99% ", Claim("disagreement", 0.005, 0.99)),
        ("accuracy drop < 2.5 % at 90 %", Claim("accuracy drop", 0.025, 0.9)),
    ],
)
def test_a_claim_is_read(text, expected):
    assert parse_claim(text, "claim") == expected
    assert parse_claim(str(expected), "claim") == expected


@pytest.mark.parametrize("text", ["", "agreement > 99 %", "disagreement < 1 %", "disagreement < -1 % at 95 %", "disagreement < x"])
def test_another_sentence_is_refused_with_an_example(text):
    with pytest.raises(StrictError, match="write it as 'disagreement < 1 % at 95 %'"):
        parse_claim(text, "claim")


@pytest.mark.parametrize("text", ["disagreement < 0 % at 95 %", "disagreement < 100 % at 95 %", "disagreement < 1 % at 100 %"])
def test_shares_lie_between_0_and_100(text):
    with pytest.raises(StrictError, match="between 0 and 100 %"):
        parse_claim(text, "claim")


def test_a_backbone_has_its_own_claim_or_that_of_all():
    settings = matrices.Parity(claim="disagreement < 1 % at 95 %", claims={"resnet18": "disagreement < 5 % at 95 %"})
    assert settings.claim_for("resnet18").share == 0.05
    assert settings.claim_for("regnet_x_400mf").share == 0.01
    assert matrices.Parity().claim_for("resnet18") is None


def write_matrix(folder, parity: str):
    path = folder / "matrix.toml"
    path.write_text((CHECKOUT / "matrix.toml").read_text().replace("[parity]\n", f"[parity]\n{parity}\n"))
    return path


def test_a_claim_of_an_unknown_backbone_is_refused(tmp_path):
    path = write_matrix(tmp_path, "claims = { resnet81 = 'disagreement < 1 % at 95 %' }")
    with pytest.raises(DataError, match="unknown backbone 'resnet81'; did you mean 'resnet18'"):
        matrices.load(path)


def test_a_budget_of_an_unknown_backbone_is_refused(tmp_path):
    path = tmp_path / "matrix.toml"
    path.write_text((CHECKOUT / "matrix.toml").read_text().replace("budgets = { regnet_y_16gf", "budgets = { regnet_y_61gf"))
    with pytest.raises(DataError, match="unknown backbone 'regnet_y_61gf'; did you mean 'regnet_y_16gf'"):
        matrices.load(path)


def test_a_bad_claim_in_matrix_toml_names_the_file(tmp_path):
    with pytest.raises(StrictError, match="not a claim: 'none'") as caught:
        matrices.load(write_matrix(tmp_path, "claim = 'none'"))
    assert caught.value.where == "matrix.toml.parity (claim)"


def test_the_command_line_replaces_all_claims(tmp_path):
    path = write_matrix(tmp_path, "claims = { resnet18 = 'disagreement < 1 % at 95 %' }")
    options, _ = parse(parser("test", ""), ["--matrix", str(path), "--claim", "accuracy drop < 3 % at 95 %"])
    assert select(options).parity.claim_for("resnet18") == Claim("accuracy drop", 0.03, 0.95)
    bad, _ = parse(parser("test", ""), ["--claim", "all good"])
    with pytest.raises(UsageError, match="not a claim: 'all good'") as caught:
        select(bad)
    assert caught.value.exit_code == 2
