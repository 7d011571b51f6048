"""What -a takes, checks and refuses, before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attachment_samples import GIF, MP3, PDF, WEBP, build_jpeg, build_png, build_stand_in, build_wav
from notebooks_in_process import Bench

from heliconemagic.attachments import limits
from heliconemagic.attachments.attachment import Attachment, list_attachments
from heliconemagic.attachments.loading import Sources, load_attachments
from heliconemagic.attachments.offering import iterate_attachable, iterate_lists
from heliconemagic.errors import InputError


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A notebook with the demo, in a folder of its own."""
    opened = Bench(tmp_path, None, {})
    opened.open('"Lesson" --gateway demo')
    yield opened
    opened.close()


def load(folder: Path, word: str, *, allows_url: bool = False, **names: Any) -> Attachment:
    """What one word after -a becomes."""
    loaded = load_attachments([word], Sources(names=names, folder=folder, allows_url=allows_url))
    return list_attachments({"content": loaded.parts})[0]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("chart.png", build_png(8, 4), "PNG 8 × 4"),
        ("photo.jpg", build_jpeg(1200, 800), "JPEG 1,200 × 800"),
        ("loop.gif", GIF, "GIF 30 × 20"),
        ("page.webp", WEBP, "WEBP 100 × 50"),
        ("paper.pdf", PDF, "PDF 2 pages"),
        ("talk.wav", build_wav(3), "WAV about 3 s"),
        ("talk.mp3", MP3, "MP3 about 2 s"),
        ("notes.md", "Grüße".encode(), "text"),
        ("table.csv", "a;b\n".encode("utf-16"), "text"),
        ("Makefile", b"all:\n\techo", "text"),
    ],
)
def test_files_are_known_by_their_content(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    """Images with their pixels, recordings with their length, PDFs with their pages, and any text."""
    (tmp_path / name).write_bytes(data)
    found = load(tmp_path, name)
    assert found.describe().startswith(words)
    assert (found.name, found.path) == (name, name)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("empty.png", b"", "is empty"),
        ("blank.txt", b" \n", "nothing but blanks"),
        ("photo.heic", b"\0\0\0\x18ftypheic", "HEIC image.*convert it to PNG or JPEG"),
        ("talk.ogg", b"OggS\0", "Ogg recording.*WAV or MP3"),
        ("plan.docx", b"PK\x03\x04rest", "ZIP archive, as Office documents are.*PDF"),
        ("rows.parquet", b"PAR1\0", "Parquet.*DataFrame"),
        ("blob.bin", b"\x00\x01\x02\xff", "unknown type"),
        ("old.txt", "Grüße".encode("latin-1"), "unknown type.*text in UTF-8"),
        ("page.png", b"<!DOCTYPE html><p>404", "called .png, but is text"),
        ("paper.pdf", build_png(), "called .pdf, but is PNG inside"),
    ],
)
def test_what_cannot_be_sent_is_refused(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    """Each with what it is, and what to do about it."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=f"(?s)^-a '{name}'.*{told}"):
        load(tmp_path, name)


def test_a_missing_file_offers_close_names(tmp_path: Path) -> None:
    """As they would have to be typed."""
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "first chart.png").write_bytes(build_png())
    with pytest.raises(InputError, match='did you mean -a "plots/first chart') as told:
        load(tmp_path, "plots/first chrt.png")
    assert "there is no such file" in told.value.message


def test_a_missing_variable_offers_close_names(tmp_path: Path) -> None:
    """A variable is as likely to be meant as a file."""
    with pytest.raises(InputError, match="no variable of that name") as told:
        load(tmp_path, "figg", fig=build_png(), _figg=1)
    assert told.value.hint == "did you mean -a fig?"


def test_completion_offers_what_fits(tmp_path: Path) -> None:
    """Values that can be attached, files of the folder that is typed; lists for --messages."""
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "a b.png").touch()
    names = {"raw": b"x", "n": 1, "shots": [{}], "_hidden": b"", "where": tmp_path}
    assert list(iterate_attachable(names, tmp_path, "")) == ["raw", "where", "plots/"]
    assert list(iterate_attachable({}, tmp_path, '"plots/a')) == ["plots/a b.png"]
    assert list(iterate_attachable({}, tmp_path, "nowhere/")) == []
    assert list(iterate_lists(names)) == ["shots"]


def test_a_folder_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    """A pipe is not even opened: reading it might never end."""
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "a.png").write_bytes(build_png())
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"(?s)is a folder.*-a plots/a\.png"):
        load(tmp_path, "plots")
    with pytest.raises(InputError, match="no ordinary file"):
        load(tmp_path, "pipe")


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "nul\0.png"])
def test_an_unreadable_file_says_why(tmp_path: Path, name: str) -> None:
    """In the system's words."""
    with pytest.raises(InputError, match=r"(?s)cannot be read.*cause: "):
        load(tmp_path, name)


@pytest.mark.parametrize(
    ("name", "begin", "most"),
    [("a.png", build_png(), 20), ("a.pdf", PDF, 32), ("a.wav", build_wav(1), 25), ("a.bin", b"", 32)],
)
def test_too_large_is_told_with_both_figures(tmp_path: Path, name: str, begin: bytes, most: int) -> None:
    """The file's size and the limit of its kind."""
    with (tmp_path / name).open("wb") as file:
        file.write(begin)
        file.truncate(most * limits.MEGABYTE + 100_000)
    with pytest.raises(InputError, match=rf"has {most}\.1 MB: .* no.* more than {most} MB|{most} MB"):
        load(tmp_path, name)


def test_a_long_text_is_refused_by_its_characters(tmp_path: Path) -> None:
    """A model could not read it."""
    (tmp_path / "book.txt").write_text("x" * 400_001)
    with pytest.raises(InputError, match="400,001 characters: a text may have no more than 400,000"):
        load(tmp_path, "book.txt")


def test_the_content_decides_between_formats_of_one_kind(tmp_path: Path) -> None:
    """A JPEG called .png is sent as JPEG, and a note says so; so does one where a photo was taken."""
    (tmp_path / "photo.png").write_bytes(build_jpeg(has_place=True))
    loaded = load_attachments(["photo.png"], Sources(names={}, folder=tmp_path))
    assert loaded.parts[0]["media_type"] == "image/jpeg"
    assert loaded.notes == [
        "photo.png is JPEG inside, and sent as that",
        "photo.png says where it was taken (GPS in its EXIF data)",
    ]


def test_a_file_elsewhere_keeps_its_place_to_itself(tmp_path: Path) -> None:
    """Only its name goes into the journal, the notebook and the request."""
    (tmp_path / "nb").mkdir()
    (tmp_path / "chart.png").write_bytes(build_png())
    found = load(tmp_path / "nb", str(tmp_path / "chart.png"))
    assert (found.name, found.path) == ("chart.png", "")
    assert load(tmp_path / "nb", "../chart.png").path == ""


# ---- variables


def test_variables_are_files_bytes_and_paths(tmp_path: Path) -> None:
    """Bytes get a name from theirs; a text or a Path is where the file lies."""
    (tmp_path / "chart.png").write_bytes(build_png())
    names = {"raw": build_png(), "where": "chart.png", "path": tmp_path / "chart.png", "rows": [{"file": "chart.png"}]}
    found = [load(tmp_path, word, **names) for word in ("raw", "where", "path", "{{ rows[0].file }}", "{{ raw }}")]
    assert len({attachment.sha256 for attachment in found}) == 1
    assert [attachment.name for attachment in found] == ["raw.png", *["chart.png"] * 3, "raw.png"]


def test_images_and_figures_write_themselves(tmp_path: Path) -> None:
    """As PNG; colours that PNG doesn't have are converted."""

    def save(_self: Any, buffer: Any, **_: Any) -> None:
        buffer.write(build_png(3, 2))

    rgb = build_stand_in("PIL.Image", "Image", mode="RGB", save=save)
    cmyk = build_stand_in("PIL.JpegImagePlugin", "Image", mode="CMYK", convert=lambda self, mode: rgb)
    figure = build_stand_in("matplotlib.figure", "Figure", savefig=save)
    for value in (rgb, cmyk, figure):
        found = load(tmp_path, "fig", fig=value)
        assert (found.name, found.describe()[:9]) == ("fig.png", "PNG 3 × 2")


def test_a_table_is_capped_as_in_a_prompt(tmp_path: Path) -> None:
    """With a note that says how much of it was sent."""
    rows = [(number, number * 2) for number in range(2000)]

    class DataFrame:
        columns = ("n", "twice")

        def __init__(self, kept: list[Any]) -> None:
            self.kept = kept

        def __len__(self) -> int:
            return len(self.kept)

        def head(self, count: int) -> DataFrame:
            return DataFrame(self.kept[:count])

        def iter_rows(self) -> Iterator[Any]:
            return iter(self.kept)

    loaded = load_attachments(["df"], Sources(names={"df": DataFrame(rows)}, folder=tmp_path))
    assert loaded.notes == ["DataFrame df: 10 of 2,000 rows"]
    assert loaded.parts[0]["name"] == "df.md"
    assert b"| 9 | 18 |\n(first 10 of 2,000 rows)" in next(iter(loaded.data.values()))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "did the cell that makes it run"),
        (["a.png"], "one at a time"),
        ({"a": 1}, "into the prompt"),
        (build_stand_in("numpy", "ndarray"), "Image.fromarray"),
        (build_stand_in("matplotlib.axes._axes", "Axes"), "x.figure"),
        (build_stand_in("matplotlib.figure", "Figure", savefig=lambda *_, **__: 1 / 0), "ZeroDivisionError"),
        ("two\nlines", "no path"),
    ],
)
def test_other_values_are_refused_with_what_to_do(tmp_path: Path, value: Any, told: str) -> None:
    """Nothing is sent as the text of its memory address."""
    with pytest.raises(InputError, match=f"(?s)^-a 'x'.*{told}"):
        load(tmp_path, "x", x=value)


def test_a_name_that_is_both_is_ambiguous(tmp_path: Path) -> None:
    """The hint has a spelling for each, and both work."""
    (tmp_path / "chart").write_bytes(build_png(2, 2))
    with pytest.raises(InputError, match=r"-a \./chart.*\{\{ chart \}\}"):
        load(tmp_path, "chart", chart=build_png(1, 1))
    assert load(tmp_path, "./chart", chart=build_png(1, 1)).width == 2
    assert load(tmp_path, "{{ chart }}", chart=build_png(1, 1)).width == 1


# ---- addresses


def test_an_address_needs_to_be_allowed(tmp_path: Path) -> None:
    """It is passed on, never fetched here."""
    address = "https://example.com/a.png?size=2"
    with pytest.raises(InputError, match="add --allow-url"):
        load(tmp_path, address)
    loaded = load_attachments([address], Sources(names={}, folder=tmp_path, allows_url=True))
    assert loaded.parts == [{"type": "image_url", "image_url": {"url": address, "detail": "auto"}}]
    assert loaded.data == {}


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "data:text/html,x", "ftp://a.example/x.png", "javascript://x"]
)
def test_other_schemes_are_refused(tmp_path: Path, address: str) -> None:
    """Also where addresses are allowed."""
    with pytest.raises(InputError, match="only http"):
        load(tmp_path, address, allows_url=True)


def test_an_address_of_no_image_is_refused(tmp_path: Path) -> None:
    """Chat completions fetch nothing else."""
    with pytest.raises(InputError, match="images only"):
        load(tmp_path, "https://example.com/paper.PDF#page=2", allows_url=True)


# ---- the cell


def test_a_key_in_an_attached_text_is_refused(tmp_path: Path) -> None:
    """As in a prompt; also in the bytes of a PDF."""
    key = "sk-fakefakefakefakefakefake"
    (tmp_path / "log.txt").write_text(f"token {key}")
    (tmp_path / "paper.pdf").write_bytes(PDF + key.encode())
    bench = Bench(tmp_path, None, {"OPENAI_API_KEY": key})
    bench.open('"Lesson" --gateway demo')
    for name in ("log.txt", "paper.pdf"):
        with pytest.raises(InputError, match=f"attachment '{name}' contains the value of one of your keys") as told:
            bench.plan(f"/x -a {name}")
        assert key not in str(told.value)
    bench.close()


def test_everything_together_has_a_limit(bench: Bench) -> None:
    """Three images of 19 MB would be refused by the provider."""
    images = {name: build_png(noise=name.encode() * 19_000_000) for name in "abc"}
    with pytest.raises(InputError, match="have 57 MB: a request may have no more than 50 MB"):
        bench.plan("/x -a a -a b -a c", names=images)


def test_an_earlier_attachment_is_sent_again(bench: Bench, tmp_path: Path) -> None:
    """The conversation has it, though the file is gone; the bytes come from memory or from the journal."""
    (tmp_path / "chart.png").write_bytes(build_png())
    first = bench.run("/look -a chart.png", "What is it?")
    (tmp_path / "chart.png").unlink()
    plan = bench.plan("/look/more", "And then?")
    assert [message["role"] for message in plan.request.messages] == ["user", "assistant", "user"]
    assert plan.request.attachments == {list_attachments(first.messages[0])[0].sha256: build_png()}


def test_the_fingerprint_is_that_of_the_content(bench: Bench, tmp_path: Path) -> None:
    """Another name of the same image is the same request; another image under the same name is not."""
    prints = []
    for name, data in (("a.png", build_png()), ("b.png", build_png()), ("a.png", build_png(9, 9))):
        (tmp_path / name).write_bytes(data)
        prints.append(bench.plan(f"/x -a {name}").step.fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_allow_url_alone_means_nothing(bench: Bench) -> None:
    """It is refused, like anything else that cannot be meant."""
    with pytest.raises(InputError, match="--allow-url"):
        bench.plan("/x --allow-url")
