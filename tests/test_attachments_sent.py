"""What was attached, on the wire, in the journal, on cards, in code and after a restart."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from attachment_samples import MP3, PDF, build_png, build_stand_in, build_wav
from fake_helicone import FakeHelicone
from notebooks_in_process import BOTH_KEYS, Bench
from shells import Shell

from heliconemagic.attachments.attachment import list_attachments, parse_part
from heliconemagic.attachments.store import AttachmentStore
from heliconemagic.cards import build_recorded_card, build_reply
from heliconemagic.cli.main import main
from heliconemagic.errors import BudgetError, InputError
from heliconemagic.planning.describing import describe_plan
from heliconemagic.planning.estimates import estimate_request_tokens
from heliconemagic.records import Step
from heliconemagic.render.card import REPLY_MIME, build_bundle
from heliconemagic.render.code import build_python, build_typescript
from heliconemagic.render.dry_run import build_dry_run_bundle

BuildBench = Callable[..., Bench]


@pytest.fixture
def build_bench(tmp_path: Path, helicone: FakeHelicone) -> Iterator[BuildBench]:
    """Makes notebooks whose network leads to the fake; closes them."""
    made: list[Bench] = []

    def build(line: str = '"Lesson"') -> Bench:
        made.append(Bench(tmp_path, helicone, BOTH_KEYS))
        made[-1].open(line)
        return made[-1]

    yield build
    for bench in made:
        bench.close()


@pytest.fixture
def bench(build_bench: BuildBench, tmp_path: Path) -> Bench:
    """A notebook with a picture and a text beside it."""
    (tmp_path / "chart.png").write_bytes(build_png(30, 20))
    (tmp_path / "notes.md").write_text("# Bees\n\n```\nthey dance\n```\n")
    return build_bench()


def read_content(helicone: FakeHelicone, message: int = 0) -> list[dict[str, Any]]:
    """The parts of one message of the last request."""
    content: list[dict[str, Any]] = json.loads(helicone.completions[-1].body)["messages"][message]["content"]
    return content


def encode(data: bytes) -> str:
    """As the API wants bytes."""
    return base64.b64encode(data).decode()


def count(bench: Bench, table: str) -> int:
    """How many rows the journal's table has."""
    bench.notebook.journal.flush()
    with closing(sqlite3.connect(bench.folder / "journal" / "journal.sqlite3")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def show(bench: Bench, step: Step) -> dict[str, Any]:
    """The bundle of a step's card."""
    assert bench.notebook.session is not None
    return build_bundle(build_recorded_card(bench.notebook.session, step))


# ---- on the wire


def test_each_kind_travels_in_its_own_part(bench: Bench, helicone: FakeHelicone, tmp_path: Path) -> None:
    """The text first, then what is attached, in the order of the line; of a file only its name."""
    (tmp_path / "sub").mkdir()
    for name, data in (("paper.pdf", PDF), ("talk.wav", build_wav(1)), ("talk.mp3", MP3)):
        (tmp_path / "sub" / name).write_bytes(data)
    bench.run("/x -a chart.png -a sub/paper.pdf -a sub/talk.wav -a sub/talk.mp3 -a notes.md", "What is it?")
    text, image, paper, wav, mp3, notes = read_content(helicone)
    assert text == {"type": "text", "text": "What is it?"}
    url = "data:image/png;base64," + encode(build_png(30, 20))
    assert image == {"type": "image_url", "image_url": {"url": url, "detail": "auto"}}
    held = {"filename": "paper.pdf", "file_data": "data:application/pdf;base64," + encode(PDF)}
    assert paper == {"type": "file", "file": held}
    assert wav["input_audio"] == {"data": encode(build_wav(1)), "format": "wav"}
    assert mp3["input_audio"]["format"] == "mp3"
    assert notes["text"].startswith('<file name="notes.md" id="') and "they dance" in notes["text"]


def test_children_send_the_picture_too(bench: Bench, helicone: FakeHelicone) -> None:
    """It is part of the conversation; the journal has its bytes once."""
    bench.run("/look -a chart.png", "What is it?")
    first = read_content(helicone)
    bench.run("/look/more", "And then?")
    assert read_content(helicone) == first
    assert count(bench, "attachments") == 1
    assert count(bench, "steps") == 2


def test_retries_and_plain_steps_are_as_before(bench: Bench, helicone: FakeHelicone) -> None:
    """Without an attachment the content is the text itself."""
    bench.run("/x", "Hi")
    assert json.loads(helicone.completions[0].body)["messages"] == [{"role": "user", "content": "Hi"}]


# ---- in the journal


def test_a_resumed_session_still_has_the_picture(bench: Bench, build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """In another kernel, though the file is gone: the bytes come from the journal."""
    bench.run("/look -a chart.png", "What is it?")
    bench.close()
    (bench.folder / "chart.png").unlink()
    again = build_bench('"Lesson" --resume')
    again.skip_runs(100)
    again.run("/look/more", "And then?")
    assert read_content(helicone)[1]["image_url"]["url"].endswith(encode(build_png(30, 20)))


def test_an_identical_request_is_recognised_after_a_restart(bench: Bench, build_bench: BuildBench) -> None:
    """By the content, so that a picture that changed is sent again."""
    cell = "/look -a chart.png"
    first = bench.run(cell, "What is it?")
    bench.close()
    again = build_bench('"Lesson" --resume')
    again.skip_runs(100)
    kept = again.plan(cell, "What is it?").kept
    assert kept is not None and kept.id == first.id
    (bench.folder / "chart.png").write_bytes(build_png(31, 20))
    assert again.plan(cell, "What is it?").kept is None


def test_forgetting_deletes_what_nobody_else_needs(bench: Bench, build_bench: BuildBench) -> None:
    """The bytes of a picture that another session has, too, stay until that is forgotten."""
    bench.run("/look -a chart.png -a notes.md", "What is it?")
    other = build_bench('"Other"')
    other.run("/look -a chart.png", "What is it?")
    assert count(bench, "attachments") == 2
    for notebook, left in ((bench, 1), (other, 0)):
        assert notebook.notebook.session is not None
        notebook.notebook.sessions.forget(notebook.notebook.session.record)
        assert (count(bench, "attachments"), count(bench, "message_attachments")) == (left, left)


def test_unlogged_steps_leave_nothing_and_still_go_on(bench: Bench, helicone: FakeHelicone) -> None:
    """Their bytes live in memory; a recorded child brings them into the journal with its conversation."""
    bench.run("/look -a chart.png --no-log", "What is it?")
    assert count(bench, "attachments") == 0
    bench.run("/look/more", "And then?")
    assert count(bench, "attachments") == 1
    assert len(read_content(helicone)) == 2


@pytest.mark.parametrize("damage", ["DELETE FROM attachments", "UPDATE attachments SET body = 'another'"])
def test_what_is_nowhere_is_told_before_sending(
    bench: Bench, build_bench: BuildBench, helicone: FakeHelicone, damage: str
) -> None:
    """A conversation without its picture, or with another one, would be another conversation."""
    bench.run("/look -a chart.png", "What is it?")
    bench.notebook.journal.flush()
    with closing(sqlite3.connect(bench.folder / "journal" / "journal.sqlite3")) as connection, connection:
        connection.execute(damage)
    bench.close()
    again = build_bench('"Lesson" --resume')
    sent = len(helicone.completions)
    with pytest.raises(InputError, match=r"(?s)'chart\.png'.*no longer recorded.*run the cell .* again"):
        again.run("/look/more", "And then?")
    assert len(helicone.completions) == sent


def test_memory_is_bounded() -> None:
    """The least recently used bytes are let go of, and looked up again when they are needed."""
    store = AttachmentStore({"a": b"from the journal"}.get, limit=20)
    for name in "ab":
        store.put({name: name.encode() * 10})
    assert store.find("a") == b"a" * 10  # now b is the older one
    store.put({"c": b"c" * 10})
    assert (store.find("a"), store.find("b")) == (b"a" * 10, None)
    store.put({"d": b"d" * 100})
    assert (store.find("a"), store.find("d")) == (b"from the journal", b"d" * 100)


# ---- on cards, and in what Python gets


def test_the_card_shows_a_picture_and_words(bench: Bench) -> None:
    """The picture in HTML alone, from bytes of its own; the words in every form."""
    bundle = show(bench, bench.run("/look -a chart.png -a notes.md", "What is it?"))
    assert (
        f'<img src="data:image/png;base64,{encode(build_png(30, 20))}" alt="" width="30" height="20">'
        in (bundle["text/html"])
    )
    assert "attached: chart.png: PNG 30 × 20" in bundle["text/plain"]
    assert "attached: chart.png: PNG 30 × 20" in bundle["text/markdown"]
    assert "base64" not in bundle["text/markdown"] + bundle["text/plain"]


def test_a_large_image_leaves_little_in_the_notebook(bench: Bench, tmp_path: Path) -> None:
    """Not its bytes: its hash, type and size. Without Pillow there is no small picture of it."""
    (tmp_path / "large.png").write_bytes(build_png(1200, 800, noise=os.urandom(2_000_000)))
    bundle = show(bench, bench.run("/look -a large.png", "What is it?"))
    assert sum(len(str(value)) for value in bundle.values()) < 40_000
    part = bundle[REPLY_MIME]["messages"][0]["content"][1]
    assert (part["type"], part["media_type"], part["width"]) == ("attachment", "image/png", 1200)
    assert "<strong>large.png</strong> PNG 1,200 × 800, 2 MB" in bundle["text/html"]


@pytest.mark.parametrize(
    "thumbnail",
    [
        "data:image/svg+xml;base64,PHN2Zz4=",
        "https://evil.example/p.png",
        'data:image/png;base64,AAAA" onerror="alert(1)',
        "data:image/png;base64," + "A" * 20_000,
    ],
)
def test_only_our_own_thumbnails_are_shown(bench: Bench, thumbnail: str) -> None:
    """What a journal or a recording from elsewhere says is a thumbnail may be anything."""
    step = bench.run("/look -a chart.png", "What is it?")
    part = {**step.messages[0]["content"][1], "thumbnail": thumbnail, "name": "<b>x</b>.png"}
    object.__setattr__(step, "messages", ({"role": "user", "content": [part]},))
    page = show(bench, step)["text/html"]
    assert "<img" not in page and "evil" not in page and "onerror" not in page
    assert "&lt;b&gt;x&lt;" not in page  # a name is its last piece
    assert "b&gt;.png" in page


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.png", "a/../../x.png", "~/x.png", "C:\\x.png", "a\nb.png"])
def test_code_reads_nothing_outside_the_notebooks_folder(path: str) -> None:
    """Whatever a journal or a recording from elsewhere says that the file's path is."""
    part = {"type": "attachment", "sha256": "0" * 64, "name": "x.png", "path": path}
    found = parse_part(part)
    assert found is not None and found.path == ""
    kept = parse_part({**part, "path": "plots/first chart..v2.png"})
    assert kept is not None and kept.path == "plots/first chart..v2.png"


def test_a_cell_with_tools_shows_what_it_attached(bench: Bench) -> None:
    """Though its last message is a tool's result; the prompt's own attachments are those of the turn."""
    step = bench.run("/look -a chart.png", "What is it?")
    messages = (*step.messages, {"role": "assistant", "content": None}, {"role": "tool", "content": "4"})
    page = show(bench, replace(step, messages=messages))["text/html"]
    assert page.count("<img") == 1 and "<strong>chart.png</strong>" in page


def test_columns_show_what_all_of_them_were_sent_once(shell: Shell, tmp_path: Path) -> None:
    """Above the columns, in HTML and in Markdown."""
    shell.run('%helicone_session "Lesson" --gateway demo -m demo-fast')
    (tmp_path / "chart.png").write_bytes(build_png(30, 20))
    bundle = shell.run(f"%%llm /look -a {tmp_path}/chart.png -n 2\nWhat is it?").displays[0].bundle
    assert bundle["text/html"].count("<img") == 1
    assert bundle["text/markdown"].count("attached: chart.png") == 1


def test_budgets_know_what_images_cost(bench: Bench) -> None:
    """For the model at hand: gpt-4o-mini, the default, counts thirty times the tokens of gpt-4o."""
    small, large = (
        estimate_request_tokens(bench.plan(f"/x -m {model} -a chart.png").request)
        for model in ("gpt-4o", "gpt-4o-mini")
    )
    assert (small, large) == (4 + 1 + 85 + 170, 4 + 1 + 2833 + 5667)
    bench.open('"Lesson" --budget 0.001')
    with pytest.raises(BudgetError, match="this prompt alone costs about"):
        bench.plan("/x -m gpt-4o-mini -a chart.png")


def test_the_dry_run_has_no_bytes(bench: Bench) -> None:
    """Type, size and about how many tokens; words where the base64 would stand."""
    plan = bench.plan("/look -a chart.png -a notes.md")
    told = build_dry_run_bundle(plan.form, describe_plan(plan))["text/plain"]
    assert "attached chart.png: PNG 30 × 20" in told and "about 8,500 tokens" in told
    assert "data:image/png;base64,… chart.png" in told and encode(build_png(30, 20))[:40] not in told


def test_the_reply_has_what_was_sent(bench: Bench, helicone: FakeHelicone) -> None:
    """`reply.messages` can be sent again by any other client."""
    step = bench.run("/look -a chart.png", "What is it?")
    assert bench.notebook.session is not None
    assert (
        list(build_reply(bench.notebook.session, step).messages) == json.loads(helicone.completions[0].body)["messages"]
    )
    assert step.prompt == "What is it?"


def test_the_command_line_gives_files_back(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under their names, or one with a hash where another file has that; and lists them for programs."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.md").write_text("mine")
    bench.run("/look -a chart.png -a notes.md", "What is it?")
    bench.notebook.journal.flush()
    monkeypatch.setenv("HELICONEMAGIC_HOME", str(tmp_path / "journal"))
    assert main(["show", "Lesson", "--files", str(tmp_path / "out")]) == 0
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert written.pop("chart.png") == build_png(30, 20) and written.pop("notes.md") == b"mine"
    assert [name[:6] for name in written] == ["notes-"] and b"dance" in next(iter(written.values()))
    capsys.readouterr()
    assert main(["show", "Lesson", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["attachments"]
    assert [(row["name"], row["is_recorded"]) for row in listed] == [("chart.png", True), ("notes.md", True)]
    assert main(["show", "Lesson"]) == 0
    assert "attached: chart.png: PNG 30 × 20" in capsys.readouterr().out


def test_the_command_line_says_what_is_missing(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where another program has emptied the journal's table."""
    bench.run("/look -a chart.png", "What is it?")
    bench.notebook.journal.flush()
    with closing(sqlite3.connect(tmp_path / "journal" / "journal.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM attachments")
    monkeypatch.setenv("HELICONEMAGIC_HOME", str(tmp_path / "journal"))
    for arguments in (["show", "Lesson"], ["show", "Lesson", "--files", str(tmp_path / "out")]):
        assert main(arguments) == 0
        assert "not in the journal: chart.png" in capsys.readouterr().out


# ---- as code


def test_code_in_python_sends_the_same(bench: Bench, helicone: FakeHelicone, tmp_path: Path) -> None:
    """It reads the files, and has none of their bytes in it."""
    plan = bench.plan(f"/look -a chart.png -a notes.md --gateway direct:{helicone.direct_url}", "What is it?")
    code = build_python(plan.form)
    assert 'Path("chart.png").read_bytes()' in code and len(code) < 2_000
    environ = {**os.environ, "OPENAI_API_KEY": BOTH_KEYS["OPENAI_API_KEY"]}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environ, check=True, capture_output=True, timeout=60)
    by_code = read_content(helicone)
    bench.run(f"/look -a chart.png -a notes.md --gateway direct:{helicone.direct_url}", "What is it?")
    assert read_content(helicone) == by_code


def test_code_says_which_files_it_needs(bench: Bench) -> None:
    """A variable has no file; a name from elsewhere cannot end the literal."""
    plan = bench.plan("/look -a fig", names={"fig": build_png()})
    assert "# put beside this file: fig.png\n" in build_python(plan.form)
    code = build_typescript(plan.form)
    assert "// put beside this file: fig.png\n" in code and 'readFileSync("fig.png", "base64")' in code


# ---- thumbnails


def test_pillow_makes_thumbnails_where_it_is_loaded(tmp_path: Path) -> None:
    """Only then: it is looked for among the loaded modules, and never imported."""
    code = f"""
import sys, types, json
sys.path.insert(0, {str(Path(__file__).parent)!r})
from attachment_samples import build_png
from heliconemagic.attachments import media, thumbnails
large = build_png(1200, 800, noise=bytes(range(256)) * 100)
before = thumbnails.build_thumbnail(large, media.PNG)
assert "PIL" not in sys.modules
class Image:
    mode, size = "RGB", (120, 80)
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def draft(self, *_): pass
    def copy(self): return self
    def thumbnail(self, size): self.size = size
    def convert(self, mode): return self
    def alpha_composite(self, other): pass
    def save(self, buffer, format, quality): buffer.write(b"x" * (quality * 200))
sys.modules["PIL.Image"] = types.SimpleNamespace(open=lambda _: Image(), new=lambda *_: Image())
print(json.dumps([before, thumbnails.build_thumbnail(large, media.PNG)[:30]]))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    before, after = json.loads(done.stdout)
    assert before == "" and after.startswith("data:image/jpeg;base64,eHh4")


# ---- the demo


def test_the_demo_says_what_it_got_and_that_it_cannot_look(tmp_path: Path) -> None:
    """Type and size, and the name of what is sent with one."""
    (tmp_path / "paper.pdf").write_bytes(PDF)
    bench = Bench(tmp_path, None, {})
    bench.open('"Lesson" --gateway demo')
    step = bench.run("/x -a raw -a paper.pdf", "What is on the *axis*?", names={"raw": build_png(30, 20)})
    bench.close()
    assert "has 2 attachments (PNG 30 × 20" in step.text and "paper.pdf: PDF 2 pages" in step.text
    assert "which I cannot look into" in step.text
    assert step.usage is not None and 3_000 < step.usage.prompt_tokens < 3_400


def test_addresses_are_passed_on(bench: Bench, helicone: FakeHelicone) -> None:
    """As they were typed; the card has a link and no picture."""
    step = bench.run("/look -a https://example.com/a.png?x=1 --allow-url", "What is it?")
    assert read_content(helicone)[1]["image_url"]["url"] == "https://example.com/a.png?x=1"
    page = show(bench, step)["text/html"]
    assert '<a href="https://example.com/a.png?x=1"' in page and "<img" not in page
    assert list_attachments(step.messages[0]) == []


def test_values_of_any_class_are_named_in_errors(bench: Bench) -> None:
    """A stand-in for something that cannot be attached is refused before anything is sent."""
    with pytest.raises(InputError, match="of type Tensor, which cannot be attached"):
        bench.plan("/x -a x", names={"x": build_stand_in("torch", "Tensor")})
