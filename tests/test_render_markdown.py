"""Answers as HTML, whole and while they grow, and as Markdown."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from render_samples import PageReader

from heliconemagic.render.markdown import SegmentedMarkdown, make_safe_markdown, render_markdown
from heliconemagic.render.markdown_html import find_renderer
from heliconemagic.render.markdown_parser import find_parser

FEATURES = [
    ("# One", "<h1>One</h1>\n"),
    ("~~gone~~ **b** _i_", "<p><s>gone</s> <strong>b</strong> <em>i</em></p>\n"),
    ("$a_1 b_2$ and $$c_3$$", "<p>$a_1 b_2$ and $$c_3$$</p>\n"),
    ("$$\na_1\n$$", '<div class="hm-math">$$\na_1\n$$</div>\n'),
    (r"\(a_1\)", "<p>$a_1$</p>\n"),
    ("\\[\na_1\n\\]", "<p>$$a_1$$</p>\n"),
    ("$5 and $6", "<p><span>$</span>5 and <span>$</span>6</p>\n"),
    ("`$x`", "<p><code>$x</code></p>\n"),
    ("[a](/lab) [b](#c) [d](ftp://e)", "<p>a b d</p>\n"),
    ("[a](mailto:b@c.d)", '<p><a href="mailto:b@c.d" target="_blank" rel="noopener noreferrer">a</a></p>\n'),
    ("```\na\n```", '<div class="highlight"><pre>a\n</pre></div>\n'),
    ("```python\n1\n```", '<div class="highlight"><pre><span class="m">1</span>\n</pre></div>\n'),
    ("```no-such-language\n<b>\n```", '<div class="highlight"><pre>&lt;b&gt;\n</pre></div>\n'),
    ("7. a", '<ol start="7">\n<li>a</li>\n</ol>\n'),
    ("| a |\n|--:|\n| 1 |", None),
]

BLOCKS = [
    "Some *text* with `code`, **bold** words, $x_1$ and [a link](https://a.example/b).",
    "# Heading",
    "Foo\nbar\n---",
    "- a\n- b\n  - c\n\n  more of b\n- d",
    "1. x\n2. y\n3. z",
    "> quote\n> more\nlazy",
    "| a | b |\n|---|--:|\n| 1 | 2 |",
    "$$\na_b\n$$",
    "$$ not closed",
    "\\[\nx^2\n\\]",
    "    indented\n\n    code",
    "***",
    "~~~\ntildes\n~~~",
    "text\n```js\nx\n```\nafter",
    "- ```sh\n  a\n  ```\n- b",
    "*",
    "-",
    "a\r\nb",
    "```python\ndef f():\n" + "    y = '''a\n\nb'''\n" * 40 + "```",
    "```\nnot closed",
    "\n".join(f"- item {i} with *some* text\n  and more" for i in range(60)),
    "\n\n".join(f"{i}. item {i} with *some* text" for i in range(5, 60)),
    "word " * 900,
]


def build_document(seed: int) -> str:
    """Some blocks, with and without blank lines between them."""
    chance = random.Random(seed)
    between = chance.choice(["\n", "\n\n"])
    return between.join(chance.choice(BLOCKS) for _ in range(chance.randint(1, 8)))


@pytest.mark.parametrize(("source", "page"), FEATURES)
def test_an_answer_is_rendered(source: str, page: str | None) -> None:
    """Markdown as models write it, with math that its own typesetter finds untouched."""
    rendered = render_markdown(source)
    if page is None:
        assert '<th align="right">a</th>' in rendered and "style" not in rendered
    else:
        assert rendered == page


def test_nothing_of_an_answer_is_kept() -> None:
    """The links that one answer defines are not known in the next."""
    for _ in range(2):
        assert "<a " in render_markdown("[a]\n\n[a]: https://b.c")
        assert render_markdown("[a]") == "<p>[a]</p>\n"
        assert make_safe_markdown("[a][b]\n\n[b]: https://c.d") == "[a](https://c.d)\n"
        assert make_safe_markdown("[a][b]") == "[a\\][b\\]\n"


def test_threads_share_one_renderer() -> None:
    """Also where it is built while several threads wait for it, each answer is rendered as ever."""
    find_renderer.cache_clear()
    find_parser.cache_clear()
    sources, gate = [source for source, _ in FEATURES], Barrier(8)

    def render(number: int) -> list[str]:
        gate.wait()
        return [form(source) for source in sources for form in (render_markdown, make_safe_markdown)]

    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(render, range(8)))
    assert pages == [[form(source) for source in sources for form in (render_markdown, make_safe_markdown)]] * 8


@pytest.mark.parametrize("seed", range(60))
def test_a_growing_answer_shows_the_same_as_the_whole(seed: int) -> None:
    """However it is cut into pieces, segments and tail say at the end what one rendering says."""
    source, chance, end = build_document(seed), random.Random(seed), 0
    growing = SegmentedMarkdown()
    while end < len(source):
        end += chance.choice([1, 3, 7, 40, 200])
        before = list(growing.closed)
        growing.update(source[:end])
        assert growing.closed[: len(before)] == before
    growing.finish(source)
    assert PageReader("".join(growing.closed) + growing.tail).text == PageReader(render_markdown(source)).text


def feed(source: str, *, step: int = 40) -> tuple[SegmentedMarkdown, int]:
    """The segments of ``source``, fed as it streams, and the characters of HTML that were sent for it."""
    growing, sent, tail = SegmentedMarkdown(), 0, ""
    for end in range(step, len(source) + step, step):
        before = len(growing.closed)
        growing.update(source[:end])
        sent += sum(map(len, growing.closed[before:])) + (len(growing.tail) if growing.tail != tail else 0)
        tail = growing.tail
    return growing, sent


@pytest.mark.parametrize(
    "unit",
    ["Some words in a paragraph.\n\n", "- an item of a list\n", "| a | b |\n", "word ", "> quote\n", "    code\n"],
)
def test_what_is_sent_is_proportional_to_the_answer(unit: str) -> None:
    """An answer ten times as long makes no more HTML for each of its characters."""
    (_, short), (_, long) = (feed((unit * length)[:length]) for length in (3_000, 30_000))
    assert long / 30_000 < 1.5 * short / 3_000 + 5
    assert long < 30_000 * 50


def test_a_long_fence_is_cut_at_line_ends() -> None:
    """Its parts are closed while it is still open, and look like one block."""
    lines = [f"line_{i} = {i}\n" for i in range(200)]
    growing, _ = feed("```python\n" + "".join(lines))
    assert len(growing.closed) > 3
    assert all(segment.startswith('<div class="highlight hm-part"><pre>') for segment in growing.closed)
    assert PageReader("".join(growing.closed) + growing.tail).text == "".join("".join(lines).split())


def test_a_cut_numbered_list_goes_on_counting() -> None:
    """Also where every item calls itself the first."""
    growing, _ = feed("1. an item that has some words\n" * 200)
    starts = [attrs.get("start", "1") for segment in growing.closed for _, attrs in PageReader(segment).elements[:1]]
    assert len(starts) > 2
    assert starts == sorted(starts, key=lambda start: int(start or 1)) and len(set(starts)) == len(starts)


def test_a_line_that_is_not_complete_closes_nothing() -> None:
    """A lone ``*`` after a list may be a new list or a word in italics; it waits for its line's end."""
    growing = SegmentedMarkdown()
    growing.update("- b\n*")
    assert growing.closed == []
    growing.update("- b\n*really* lazy\n")
    assert "<em>really</em> lazy</li>" in growing.tail


@pytest.mark.parametrize(
    "source",
    ["# A\n\n- b\n- *c*\n\n```html\n<b>\n```\n", "array[0] & x < 3, $a_1 < b$", "1 * 2 * 3\n\n|a|\n|-|\n|b|"],
)
def test_markdown_without_anything_suspect_is_left_alone(source: str) -> None:
    """Byte for byte, where there is nothing to guard against outside of code."""
    if "<b>" not in source:
        assert make_safe_markdown(source) == source
    assert "```html\n<b>\n```" in make_safe_markdown("# A\n\n```html\n<b>\n```\n")


@pytest.mark.parametrize("seed", range(60))
def test_safe_markdown_renders_to_the_same_words(seed: int) -> None:
    """Guarding an answer changes how it is written, not what it says."""
    source = build_document(seed) + "\n\n[not a link](javascript:x) and AT&T, 1 \\* 2, a_b_c\n"
    assert make_safe_markdown(source) != source
    assert PageReader(render_markdown(make_safe_markdown(source))).text == PageReader(render_markdown(source)).text


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("Here:\n```python\nprint(1)\n", "print(1)\n```\n"),
        ("~~~~\n```\n", "```\n~~~~\n"),
        ("```", "```\n```\n"),
        ("```\n    ```", "    ```\n```\n"),
        ("[a](javascript:x)\n```\ncode", "code\n```\n"),
        ("- a\n  ```\n  code", "  code"),
        ("```\ncode\n```", "code\n```"),
    ],
)
def test_no_code_goes_on_below_the_answer(source: str, end: str) -> None:
    """An answer may break off inside a fence; a list closes its own."""
    safe = make_safe_markdown(source)
    assert safe.endswith(end)
    assert "<h2>below</h2>" in find_parser().render(f"{safe}\n\n## below")


def test_code_that_looks_like_html_keeps_its_fence() -> None:
    """At the top level the block is untouched; in a list, where parsers disagree, it becomes an element."""
    assert make_safe_markdown("```html\n<b>\n```") == "```html\n<b>\n```\n"
    assert "<pre><code>&#60;b&#62;&#10;</code></pre>" in make_safe_markdown("- ```html\n  <b>\n  ```")
    assert make_safe_markdown("`<b>`") == "<code>&#60;b&#62;</code>\n"
