"""index.html: it asks nothing of anybody, hostile names stay text in it, and a real browser runs its script without a complaint."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bench.report import page, tables
from bench.report.table import printable
from bench.results import ImageVerdict, Results
from tests.bench import drawn, made
from tests.bench.test_report import ACTING

ASKS = {"src", "href", "srcset", "action", "poster", "data", "background", "formaction", "xlink:href"}
KNOWN = {
    "html", "head", "meta", "title", "style", "script", "body", "header", "main", "section", "article", "footer", "h1", "h2", "p", "ul",
    "li", "span", "code", "figure", "figcaption", "div", "svg", "line", "text", "g", "circle", "rect", "table", "thead", "tbody", "tr",
    "th", "td", "img", "strong", "path", "nav", "a", "details", "summary",
}  # fmt: skip
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)


def rendered(results: Results) -> str:
    return page.render(results, tables.all_tables(results))


class Parsed(HTMLParser):
    """Tags with their attributes, and all text outside of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self._inside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in self.raw:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.raw:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        (self.raw[self._inside[-1]] if self._inside else self.words).append(data)


@pytest.mark.parametrize("results", [made.results(), drawn.results(), made.hostile()], ids=["a run", "every drawing", "a hostile run"])
def test_it_asks_nothing_of_anybody(results):
    text = rendered(results)
    parsed = Parsed(text)
    names = [name for _, attributes in parsed.tags for name in attributes]
    sources = [attributes.pop("src") for _, attributes in parsed.tags if "src" in attributes]
    assert sources
    assert all(re.fullmatch(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+", source or "") for source in sources)
    places = {attributes["id"] for _, attributes in parsed.tags if "id" in attributes}
    links = [attributes.pop("href") for tag, attributes in parsed.tags if tag == "a"]
    assert links
    assert {f"#{place}" for place in places} >= set(links)
    assert ASKS.isdisjoint(name for _, attributes in parsed.tags for name in attributes)
    assert not [name for name in names if name.startswith("on") or name == "style"]
    assert {tag for tag, _ in parsed.tags} <= KNOWN
    assert [tag for tag, _ in parsed.tags].count("script") == 1
    assert len(text.encode()) < 300_000


def test_the_policy_admits_its_own_style_and_script_alone():
    parsed = Parsed(rendered(made.hostile()))
    (policy,) = [attributes["content"] for tag, attributes in parsed.tags if attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256("".join(parsed.raw[tag]).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "img-src data:;" in policy
    assert "unsafe" not in policy


def test_hostile_names_are_text():
    words = "".join(Parsed(rendered(made.hostile())).words)
    for name in made.HOSTILE:
        assert printable(name) in words
    assert not ACTING.search(words)


def test_every_table_and_answer_is_there():
    results = made.results()
    words = "".join(Parsed(rendered(results)).words)
    for table in tables.all_tables(results):
        assert table.title in words
        assert all(cell in words for row in table.rows for cell in row)
        assert all(note in words for note in table.notes)
    assert "2 of 4 agree with PyTorch eager" in words
    assert "Latency: resnet18 (random) on cpu" in words


def test_the_run_that_browsers_are_shown_has_every_drawing():
    text = rendered(drawn.results())
    titles = {html.unescape(title).partition(":")[0] for title in re.findall("<figcaption>([^<]*)</figcaption>", text)}
    assert titles == {
        "Latency", "Latency ratios, below 1 is faster", "Where the time goes, from image file to label",
        "Noise of this machine, ratios of equal programs", "Throughput over batch sizes", "Accuracy against latency", "The gate's checks",
        "Stage ledger", "What the reference calls 150 images", "Training, loss", "Training, accuracy",
    }  # fmt: skip
    assert text.count('class="joined dashed"') == 1
    words = "".join(Parsed(text).words)
    assert all(f"{printable(name)} called {printable(name)}: 7 of 10" in words for name in made.HOSTILE)


def test_the_same_results_make_the_same_page():
    assert rendered(made.results()) == rendered(made.results())


def test_an_empty_run_has_a_page():
    nothing = replace(made.results(), parity=(), stages=(), cells=(), contrasts=(), noise=None, gate=None, holes=(), subjects=(), floors=())
    assert "not judged" in rendered(nothing)


def test_a_large_run_is_shown_in_part_and_says_so():
    some = made.results()
    backbones = [f"backbone_{number}" for number in range(1000)]
    cells = [replace(cell, cell=replace(cell.cell, backbone=name)) for name in backbones for cell in some.cells[:5]]
    rows = [made.row("raw-dynamic", "ort-rust", backbone=name) for name in backbones]
    text = rendered(replace(some, cells=tuple(cells), parity=tuple(rows)))
    assert len(text.encode()) < page.LARGEST
    assert "This run is large" in text
    assert "backbone_3" in text
    assert "This run is large" not in rendered(some)


def test_images_are_left_out_before_rows_are():
    some = made.results()
    large = [replace(made.sample(), picture="A" * 6000, backbone=name) for name in ("a", "b", "c", "d") for _ in range(12)]
    text = rendered(replace(some, samples=tuple(large)))
    assert len(text.encode()) < page.LARGEST
    assert text.count("<img ") == text.count("A" * 6000) == 4 * 9, "half a picture is none"
    assert "This run is large" not in text


def test_ten_thousand_classes_fit():
    pairs = [(f"class {number}", f"class {number + number % 2}", 1) for number in range(10_000)]
    text = rendered(replace(made.results(), confusions=(made.confusion(*pairs),)))
    assert "5000 of 10000 right" in text
    assert "4980 more pairs" in text


def named(*names: str) -> Results:
    """A run whose classes, problems, errors and machine have these names."""
    run = made.results()
    pairs = [(name, other, 1) for name, other in zip(names, (*names[1:], names[0]), strict=True)]
    shown = tuple(ImageVerdict(f"{name}.jpg", "flip", name, name, 1.5, 3.2) for name in names)
    return replace(
        run,
        confusions=(made.confusion(*pairs),),
        samples=tuple(made.sample(name, name, name) for name in names),
        parity=(*run.parity, replace(run.parity[2], shown=shown, problems=names)),
        cells=(*run.cells, *(replace(run.cells[2], error=name) for name in names)),
        problems=names,
        remarks=names,
        command=" ".join(names),
        environment=replace(run.environment, cpu="".join(names)),
    )


@pytest.mark.parametrize("letter", ["W", "<", "\N{RIGHT-TO-LEFT OVERRIDE}", "\N{GRINNING FACE}"])
def test_a_text_of_any_length_is_cut_and_says_so(letter):
    text = rendered(named(letter * 100_000))
    assert len(text.encode()) < page.LARGEST
    words = Parsed(text).words
    assert max(map(len, words)) <= page.LONGEST + 100, "one line is made of several texts"
    assert any(word.endswith("…") and len(word) >= page.LONGEST for word in words)
    assert text.rstrip().endswith("</html>")


def test_ten_thousand_long_texts_are_shown_in_part():
    text = rendered(named(*(f"{number} {'<' * 300}" for number in range(10_000))))
    assert len(text.encode()) < page.LARGEST
    assert "This run is large" in text
    assert re.search("… [0-9]+ more lines", text)
    assert "2 of 5 agree with PyTorch eager" in text


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_in_a_browser(tmp_path):
    path = tmp_path / "index.html"
    path.write_text(rendered(made.hostile()), encoding="utf-8")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-logging=stderr"]
    done = subprocess.run(
        [*command, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr, done.stderr
    # The script ran: heads are buttons, long tables have a filter. And nothing else did.
    assert '<th scope="col"><button type="button">backbone</button></th>' in done.stdout
    assert 'class="filter"' in done.stdout
    assert not re.search(r'<img (?!src="data:image/jpeg;base64,)', done.stdout)
