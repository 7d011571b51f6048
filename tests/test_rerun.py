"""A recorded session played again: what is sent, what is kept, what is told; against the fake Helicone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batches_in_process import RecordingView
from fake_helicone import FakeHelicone, Received, reply_json
from notebooks_in_process import BOTH_KEYS, Bench

from heliconemagic.errors import BudgetError, InputError, RerunError, StepInterrupted, UnknownModelError
from heliconemagic.lines.options import CellCommand, parse_session_line
from heliconemagic.records import OriginKind, SessionRecord, Step, StepKind, StepStatus
from heliconemagic.verbs.experiments import ExperimentLine

ABSTRACT = "A course about bees, and about those who keep them."
OUTLINE = "First the hive, then the year of a colony."
NEW = {"/abstract": "A course on honey, from the flower to the jar.", "/outline": "Flowers; bees; jars; markets."}


class RerunBench(Bench):
    """A notebook with a session of two steps and one that quotes the second, and the two verbs."""

    def __init__(self, folder: Path, fake: FakeHelicone) -> None:
        super().__init__(folder, fake, dict(BOTH_KEYS))
        self.helicone = fake
        self.view = RecordingView()
        self.published: list[dict[str, Any]] = []
        self.line = ExperimentLine(self.notebook, lambda bundle: self.published.append(bundle), self._build_view)
        self.open('"Course" -m gpt-4o-mini')
        self.ask("/abstract", "An abstract on bees.", ABSTRACT)
        self.ask("/outline -t 0.7 --user ada -p team=blue", "An outline of it.", OUTLINE)
        self.ask("/lesson --fresh", f"The first lesson of this:\n{OUTLINE}\n\nBe brief.", "Lesson.")
        self.original = self.record
        fake.requests.clear()
        fake.respond = self._answer_anew

    def _build_view(self, stop: Any, command: CellCommand) -> RecordingView:
        self.stop = stop
        return self.view

    def _answer_anew(self, received: Received) -> None:
        path = received.header("helicone-session-path") or ""
        self.helicone.gateway.text = NEW.get(path, "Something else.")

    def ask(self, line: str, prompt: str, answer: str) -> Step:
        """Runs a cell that is answered so."""
        self.helicone.gateway.text = answer
        return self.run(line, prompt)

    @property
    def record(self) -> SessionRecord:
        """The record of the open session."""
        assert self.notebook.session is not None
        return self.notebook.session.record

    def rerun(self, line: str = "") -> str:
        """The report of ``rerun``, as text."""
        return str(self.line.rerun(parse_session_line(f"rerun {line}"))["text/plain"])

    def load_new(self) -> tuple[SessionRecord, list[Step]]:
        """The newest session of the journal."""
        loaded = self.notebook.journal.load_session(self.notebook.journal.list_sessions(limit=1)[0].id)
        assert loaded is not None
        return loaded

    @property
    def bodies(self) -> list[list[str]]:
        """The texts of the messages of each request that was sent."""
        return [[message["content"] for message in one.json["messages"]] for one in self.helicone.completions]


@pytest.fixture
def bench(tmp_path: Path, helicone: FakeHelicone) -> Iterator[RerunBench]:
    """The notebook."""
    bench = RerunBench(tmp_path, helicone)
    yield bench
    bench.close()


# ---- what is sent


def test_new_answers_stand_where_the_old_ones_stood(bench: RerunBench) -> None:
    """In the turns of the conversation, and in the prompt into which a template had put one."""
    report = bench.rerun()
    assert bench.bodies == [
        ["An abstract on bees."],
        ["An abstract on bees.", NEW["/abstract"], "An outline of it."],
        [f"The first lesson of this:\n{NEW['/outline']}\n\nBe brief."],
    ]
    assert "earlier answers replaced by the new ones in 2 places: /outline 1, /lesson 1" in report


def test_requests_are_as_recorded_but_for_what_the_line_changes(bench: RerunBench) -> None:
    """Model, system prompt and parameters of the line; all others, users and properties are the step's own."""
    bench.rerun('-m gpt-4o -s "Be kind." -o max_tokens 50')
    first, second, _ = (one.json for one in bench.helicone.completions)
    assert first == {
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "An abstract on bees."}],
        "max_tokens": 50,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert (second["temperature"], second["max_tokens"]) == (0.7, 50)
    sent = bench.helicone.completions[1]
    assert (sent.header("helicone-user-id"), sent.header("helicone-property-team")) == ("ada", "blue")


def test_steps_are_tagged_as_a_session_of_their_own(bench: RerunBench) -> None:
    """The same name and paths, a new id that all share."""
    bench.rerun()
    tags = [
        [one.header(f"helicone-session-{part}") for part in ("id", "name", "path")]
        for one in bench.helicone.completions
    ]
    record, _ = bench.load_new()
    assert tags == [[record.id, "Course", path] for path in ("/abstract", "/outline", "/lesson")]
    assert record.id != bench.original.id


def test_a_system_prompt_is_replaced(bench: RerunBench) -> None:
    """By that of the line; without one, the recorded one stays."""
    bench.open('"Course" -s "Be dull." --new')
    bench.ask("/a", "Hi.", "Hello.")
    bench.helicone.requests.clear()
    bench.rerun()
    bench.rerun('-s "Be kind."')
    bench.rerun("-s ''")
    assert bench.bodies == [["Be dull.", "Hi."], ["Be kind.", "Hi."], ["Hi."]]


def test_calls_of_tools_stay_as_recorded(bench: RerunBench) -> None:
    """The request that asked for them isn't sent, the one with their results is; no tool may be called again."""
    step = bench.last
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = ({"role": "user", "content": "Weather?"}, {"role": "assistant", "content": None, "tool_calls": [call]})
    tools = {"tools": [{"type": "function", "function": {"name": "f"}}]}
    changes: dict[str, Any] = {
        "messages": (*turns, {"role": "tool", "tool_call_id": "1", "content": "12"}),
        "parameters": tools,
    }
    session = bench.notebook.session
    assert session is not None
    session.put_step(replace(step, id="tool", kind=StepKind.TOOL, path="/weather/f", text="12"))
    session.put_step(replace(step, id="answer", path="/weather", **changes))
    report = bench.rerun("--from /weather")
    (sent,) = (one.json for one in bench.helicone.completions)
    assert sent["messages"] == [dict(message) for message in changes["messages"]]
    assert sent["tool_choice"] == "none"
    assert "left out: /weather/f (no prompt: what it gave stays in the messages)" in report


# ---- what is kept


def test_up_to_from_answers_are_kept(bench: RerunBench) -> None:
    """They are steps of the new session at no cost, and what follows is sent with them."""
    report = bench.rerun("--from /outline")
    assert bench.bodies[0] == ["An abstract on bees.", ABSTRACT, "An outline of it."]
    _, steps = bench.load_new()
    assert [(step.path, step.text, step.cost == 0.0, step.origin and step.origin.kind) for step in steps[:2]] == [
        ("/abstract", ABSTRACT, True, OriginKind.KEPT), ("/outline", NEW["/outline"], False, None),
    ]  # fmt: skip
    assert "1 recorded answer kept, before /outline" in report


def test_the_parents_are_those_of_the_new_session(bench: RerunBench) -> None:
    """Each step continues the new step that plays the one it continued; a kept one too."""
    for line in ("", "--from /outline"):
        bench.rerun(line)
        _, (first, second, third) = bench.load_new()
        assert (first.parent_id, second.parent_id, third.parent_id) == (None, first.id, None)


def test_the_notebooks_session_stays(bench: RerunBench) -> None:
    """The new one says what it is, can be resumed by its id, and is nobody's newest."""
    report = bench.rerun()
    record, _ = bench.load_new()
    assert bench.record.id == bench.original.id
    assert (record.source, record.notebook) == (f"rerun of {bench.original.id}", "")
    assert record.ended_at is not None
    assert f"%helicone_session resume {record.id[:8]}" in report
    assert bench.notebook.journal.find_session("Course").id == bench.original.id


def test_each_step_is_recorded_before_it_is_sent(bench: RerunBench) -> None:
    """As every request is: the row stands there while the server answers."""
    seen: list[list[StepStatus]] = []

    def look(received: Received) -> None:
        seen.append([step.status for step in bench.load_new()[1]])

    bench.helicone.respond = look
    bench.rerun()
    done, pending = StepStatus.DONE, StepStatus.PENDING
    assert seen == [[pending], [done, pending], [done, done, pending]]


def test_an_earlier_session_is_played_by_id_or_name(bench: RerunBench) -> None:
    """The open one is left alone."""
    bench.open('"Other"')
    for reference in (bench.original.id[:8], "Course", bench.original.id):
        bench.rerun(reference)
        assert bench.load_new()[0].source.endswith(bench.original.id)
    assert bench.record.name == "Other"


# ---- what goes wrong


def test_what_builds_on_a_failure_is_not_sent(bench: RerunBench) -> None:
    """What doesn't is; the report is shown, then the cell fails."""
    bench.ask("/aside --fresh", "Something else.", "Aside.")
    bench.helicone.requests.clear()

    def fail(received: Received) -> Any:
        path = received.header("helicone-session-path")
        return reply_json({"error": {"message": "no"}}, 400) if path == "/outline" else None

    bench.helicone.respond = fail
    with pytest.raises(RerunError, match=r"^/outline failed; what builds on that was not sent \(1 path\)") as caught:
        bench.rerun()
    sent = [one.header("helicone-session-path") for one in bench.helicone.completions]
    assert sent == ["/abstract", "/outline", "/aside"]
    assert "2 of 4 steps are done and kept" in str(caught.value)
    assert "only in the first" in bench.published[-1]["text/plain"]
    assert bench.view.cards[-1].notes[-1] == "not sent: /lesson"


@pytest.mark.parametrize("model", ["empty", "toolcall"])
def test_an_answer_that_nothing_can_build_on(bench: RerunBench, model: str) -> None:
    """Nothing is sent that would quote it."""
    with pytest.raises(RerunError, match=r"^/abstract failed; what builds on that was not sent") as caught:
        bench.rerun(f"-m {model}")
    assert caught.value.cause in ("the answer is empty", "the model asks for tools, and a rerun calls none")
    assert len(bench.helicone.completions) == 1


def test_an_answer_in_another_form_than_asked_for(bench: RerunBench) -> None:
    """A step that wanted JSON fails with anything else, as its cell would have."""
    bench.open('"Course" -o response_format \'{"type": "json_object"}\'')
    bench.ask("/json --fresh", "Some JSON.", "{}")
    with pytest.raises(RerunError, match=r"^/json failed") as caught:
        bench.rerun("--from /json")
    assert "JSON" in (caught.value.cause or "")
    assert bench.load_new()[1][-1].text == "Something else."


def test_an_interrupt_keeps_what_is_done(bench: RerunBench) -> None:
    """What is under way is stopped, the rest isn't sent, the report is shown."""

    def interrupt(card: Any) -> None:
        if card.counts.done == 1:
            raise KeyboardInterrupt

    bench.view.on_update = interrupt
    with pytest.raises(StepInterrupted, match="the rerun was stopped: 1 of 3 steps are done and kept"):
        bench.rerun("-m slow-30")
    _, steps = bench.load_new()
    assert [step.status for step in steps] == [StepStatus.DONE, StepStatus.INTERRUPTED]
    assert bench.view.cards[-1].status is StepStatus.INTERRUPTED
    assert len(bench.published) == 1


def test_stop_does_the_same(bench: RerunBench) -> None:
    """The button of the card, from whatever thread."""
    bench.view.on_update = lambda card: bench.stop()
    with pytest.raises(StepInterrupted, match="0 of 3 steps"):
        bench.rerun("-m slow-200")
    assert len(bench.helicone.completions) == 1


def test_a_view_that_breaks_leaves_nothing_running(bench: RerunBench) -> None:
    """Its error is raised, the request is stopped, the step is in the journal."""

    def fail(card: Any) -> None:
        if bench.helicone.completions:
            raise ZeroDivisionError

    bench.view.on_update = fail
    with pytest.raises(ZeroDivisionError):
        bench.rerun("-m slow-200")
    assert bench.helicone.wait_for(lambda: bench.helicone.disconnects == 1)


def test_the_budget_is_kept(bench: RerunBench) -> None:
    """The line's, or that of the open session, for the rerun alone: what doesn't fit is not sent."""
    with pytest.raises(RerunError, match=r"the budget of .* would be exceeded.* 1 of 3 steps are done") as caught:
        bench.rerun("--budget 0.000004")
    assert len(bench.helicone.completions) == 1 and "larger --budget" in (caught.value.hint or "")


def test_a_budget_that_holds_nothing(bench: RerunBench) -> None:
    """Nothing is sent, shown or recorded, be it kept answers; a plan is shown all the same."""
    for line in ("--budget 0.0000001", "--from /lesson --budget 0.0000001"):
        with pytest.raises(BudgetError, match=r"the budget of .* would be exceeded") as caught:
            bench.rerun(line)
        assert "add a larger --budget to the line" in (caught.value.hint or "")
    bench.open('"Course" --budget 0.0000001')
    with pytest.raises(BudgetError, match="budget"):
        bench.rerun()
    assert "3 steps to send" in bench.rerun("--dry-run")
    assert bench.helicone.completions == bench.view.cards == bench.published == []
    assert len(bench.notebook.journal.list_sessions()) == 1


def test_stopped_before_it_sent_anything(bench: RerunBench) -> None:
    """No session stays behind, and no report names one."""
    bench.view.on_open = lambda card: bench.stop()
    with pytest.raises(StepInterrupted, match="stopped before it sent anything"):
        bench.rerun()
    assert bench.published == [] and len(bench.notebook.journal.list_sessions()) == 1


def test_a_model_without_a_price_and_a_budget(bench: RerunBench) -> None:
    """A budget that cannot be kept is refused."""
    with pytest.raises(BudgetError, match="no price is known"):
        bench.rerun("--budget 1 -m no-such-model-has-a-price")
    assert bench.helicone.completions == [] and len(bench.notebook.journal.list_sessions()) == 1


@pytest.mark.parametrize(
    ("line", "says", "hint"),
    [
        ("nothere", "no session is called 'nothere'", "list"),
        ("--from /x", "nothing at or below", "/abstract, /outline, /lesson"),
        ('-s "About {{ topic }}."', "has {{ in it", "type the text"),
        ("--gateway replay", "a recorded lesson answered there", "--gateway demo"),
        ("--gateway demo -m gpt-4o", "'gpt-4o' is not a model of the gateway 'demo'", "demo-fast"),
        (f"-s {BOTH_KEYS['OPENAI_API_KEY']}", "contains the value of one of your keys", "take the key out"),
    ],
)
def test_what_cannot_be_sent_is_said_before_anything_is(bench: RerunBench, line: str, says: str, hint: str) -> None:
    """Nothing is sent, and no session is recorded."""
    with pytest.raises((InputError, UnknownModelError)) as caught:
        bench.rerun(line)
    assert says in caught.value.message and hint in (caught.value.hint or "")
    assert BOTH_KEYS["OPENAI_API_KEY"] not in str(caught.value)
    assert bench.helicone.completions == []
    assert len(bench.notebook.journal.list_sessions()) == 1


def test_a_session_from_elsewhere_does_not_decide_where_keys_go(bench: RerunBench) -> None:
    """An address that a file names gets none; a gateway that is known by name does, or the one the line names."""
    record = replace(bench.original, id="f" * 36, source="homework.ipynb", gateway="")
    step = replace(bench.last, id="stranger", session_id=record.id)
    bench.notebook.journal.put_session(record)
    for label in ("http://attacker.invalid", "direct:http://attacker.invalid/v1", ""):
        bench.notebook.journal.close_step(replace(step, gateway=label))
        with pytest.raises(InputError, match="doesn't decide where your keys go"):
            bench.rerun(record.id)
    assert bench.helicone.completions == []
    bench.rerun(f"{record.id} --gateway oai")
    bench.notebook.journal.close_step(replace(step, gateway="oai"))
    bench.rerun(record.id)
    assert len(bench.helicone.completions) == 2


def test_a_rerun_without_a_session(tmp_path: Path, helicone: FakeHelicone) -> None:
    """The hint says where they are listed."""
    bench = Bench(tmp_path, helicone, dict(BOTH_KEYS))
    line = ExperimentLine(bench.notebook, lambda bundle: None, lambda stop, command: RecordingView())
    with pytest.raises(InputError, match="no session is open"):
        line.rerun(parse_session_line("rerun"))
    bench.close()


def test_another_gateway_without_its_model_takes_its_own(bench: RerunBench) -> None:
    """Where the line names only the gateway; the report says which model was asked instead."""
    report = bench.rerun("--gateway demo")
    assert "model gpt-4o-mini → demo · gateway oai → demo" in report
    assert bench.helicone.completions == []


# ---- what is shown


def test_a_dry_run_shows_the_requests_and_sends_nothing(bench: RerunBench) -> None:
    """With what they cost if the answers are as long as before; nothing is recorded."""
    report = bench.rerun("--dry-run -m gpt-4o --from /outline")
    assert "2 steps to send · about" in report and "est., if the answers are as long" in report
    assert '"model": "gpt-4o"' in report and "/outline" in report
    assert BOTH_KEYS["OPENAI_API_KEY"] not in report and "Authorization: Bearer {OPENAI_API_KEY}" in report
    assert bench.helicone.completions == []
    assert len(bench.notebook.journal.list_sessions()) == 1


def test_the_card_says_what_is_under_way(bench: RerunBench) -> None:
    """A row for the running step above those that have ended; at the end all, with the sums."""
    bench.rerun("-m slow-5")
    running = [card.lines[0] for card in bench.view.cards if card.lines and card.lines[0].state == "running"]
    assert {line.path for line in running} == {"/abstract", "/outline", "/lesson"}
    end = bench.view.cards[-1]
    assert (end.status, [line.state for line in end.lines]) == (StepStatus.DONE, ["done"] * 3)
    assert end.totals is not None and end.totals.steps == 3


def test_the_report_sets_the_figures_beside_the_old_ones(bench: RerunBench) -> None:
    """By path, and with the commands to go on."""
    report = bench.rerun("-m gpt-4o -t 0")
    new = bench.load_new()[0].id[:8]
    assert f"{bench.original.id[:8]} → {new} · model gpt-4o-mini → gpt-4o · temperature 0" in report
    assert "/abstract  gpt-4o-mini → gpt-4o" in report
    assert f"%helicone_session diff {bench.original.id[:8]} {new}" in report


# ---- diff


def show_diff(bench: RerunBench, line: str) -> str:
    """What ``diff`` shows, as text."""
    return str(bench.line.diff(parse_session_line(f"diff {line}"))["text/plain"])


def test_diff_sets_the_open_session_beside_its_last_rerun(bench: RerunBench) -> None:
    """Or beside the one that is named; or any two."""
    bench.rerun("-m gpt-4o")
    first = bench.load_new()[0].id[:8]
    bench.rerun("-m gpt-4.1")
    assert "gpt-4o-mini → gpt-4.1" in show_diff(bench, "")
    assert "gpt-4o-mini → gpt-4o" in show_diff(bench, first)
    assert "gpt-4o → gpt-4.1" in show_diff(bench, f"{first} {bench.load_new()[0].id[:8]}")


def test_diff_shows_what_became_of_prompts_and_answers(bench: RerunBench) -> None:
    """Word by word, whatever a replaced answer changed in a prompt."""
    bench.rerun("--from /outline")
    shown = show_diff(bench, "")
    assert "The first lesson of this:\n[-First the hive, then the year of a colony.-] {+Flowers; bees;" in shown
    assert "the same words in both: /abstract" in shown


@pytest.mark.parametrize(
    ("line", "says"),
    [("", "was not played again yet"), ("Course", "both are the session"), ("x y", "no session is called")],
)
def test_what_diff_cannot_show(bench: RerunBench, line: str, says: str) -> None:
    """The hint says what to type."""
    with pytest.raises(InputError, match=says) as caught:
        show_diff(bench, line)
    assert "%helicone_session" in (caught.value.hint or "")


# ---- attachments


def test_attachments_are_sent_again(bench: RerunBench, tmp_path: Path) -> None:
    """Their bytes are those of the journal; what was kept out of it is still in memory."""
    (tmp_path / "note.txt").write_text("The hive is empty.", encoding="utf-8")
    for line in ("/note --fresh -a note.txt", "/note --fresh --no-log -a note.txt"):
        bench.ask(line, "What does it say?", "That the hive is empty.")
    bench.helicone.requests.clear()
    bench.rerun("--from /note")
    assert ["The hive is empty." in str(one.json) for one in bench.helicone.completions] == [True, True]
