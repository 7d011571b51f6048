"""Two sessions side by side in words and figures: what the HTML, Markdown and text forms share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from heliconemagic.insights.phases import find_first_token
from heliconemagic.records import SessionTotals, Step, StepKind, StepStatus, sum_steps
from heliconemagic.render.batch_words import MAX_PATH, shorten
from heliconemagic.render.card_words import describe_model, describe_state
from heliconemagic.render.figures import format_cost, format_count, format_seconds, format_total_cost
from heliconemagic.render.word_diff import WordDiff, compare_words
from heliconemagic.steps.pairing import Pair, SessionDiff, list_changed_parameters, list_texts

COLUMNS = ("path", "model", "first token", "time", "tokens", "cost", "differs in")
SIDES = "llrrrrl"
MAX_ROWS = 200
"""Rows of the table of figures."""
MAX_COMPARED = 40
"""Steps whose texts are compared word by word."""
MAX_CHARACTERS = 20_000
"""Of each text that is compared."""
MAX_OPEN_WORDS = 400
"""Differences that are shown unfolded: until so many words differ."""
MAX_VALUE = 40
"""Characters of a parameter's value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDiff:
    """How one text of a pair differs: compared word by word, or why it wasn't."""

    name: str  # "answer"
    diff: WordDiff | None
    note: str = ""

    @property
    def summary(self) -> str:
        """``answer: 84 words the same, 12 removed, 9 added``."""
        return f"{self.name}: {self._count() if self.diff and self.diff.changes else self.note}"

    def _count(self) -> str:
        changes = self.diff.changes if self.diff else ()
        kinds = {"the same": "same", "removed": "removed", "added": "added"}
        counts = {words: sum(len(getattr(change, kind)) for change in changes) for words, kind in kinds.items()}
        (first, count), *others = ((words, count) for words, count in counts.items() if count)
        return ", ".join([f"{format_count(count, 'word')} {first}", *(f"{more:,} {words}" for words, more in others)])


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDiff:
    """What differs in the words of a pair."""

    path: str
    texts: tuple[TextDiff, ...]
    is_open: bool  # short enough to be read at once

    @property
    def summary(self) -> str:
        """How much differs in each text."""
        return " · ".join(text.summary for text in self.texts)


# ---- figures


def list_rows(diff: SessionDiff) -> list[tuple[str, ...]]:
    """A row of the table for each pair, by `COLUMNS`."""
    common = _find_common(diff)
    return [_build_row(pair, common) for pair in _choose_pairs(diff, common)]


def _choose_pairs(diff: SessionDiff, common: Sequence[tuple[str, str, str]]) -> list[Pair]:
    """As many pairs as there are rows, in their order: of too many those that tell nothing are left out first."""
    order = sorted(range(len(diff.pairs)), key=lambda place: _find_rank(diff.pairs[place], common))
    return [diff.pairs[place] for place in sorted(order[:MAX_ROWS])]


def _find_rank(pair: Pair, common: Sequence[tuple[str, str, str]]) -> int:
    """0 for what failed, 1 for what differs, 2 for what was asked and is the same, 3 for what was kept as it was."""
    old, new = pair.old, pair.new
    if any(step and step.status in (StepStatus.FAILED, StepStatus.INTERRUPTED) for step in (old, new)):
        return 0
    if old is None or new is None or _list_differences(old, new, pair, common):
        return 1
    return 2 if pair.is_asked else 3


def _find_common(diff: SessionDiff) -> list[tuple[str, str, str]]:
    """The parameters that changed in the same way in all pairs, of which there are several: said once."""
    changed = [list_changed_parameters(pair) for pair in diff.whole if pair.is_asked]
    return [change for change in changed[0] if all(change in other for other in changed)] if len(changed) > 1 else []


def _build_row(pair: Pair, common: Sequence[tuple[str, str, str]]) -> tuple[str, ...]:
    path = shorten(pair.path, MAX_PATH)
    if pair.old is None or pair.new is None:
        return (path, *_list_alone(pair), "only in the first" if pair.new is None else "only in the second")
    old, new = pair.old, pair.new
    return (
        path,
        _join(_name(old), _name(new)),
        _compare(old, new, find_first_token, format_seconds),
        _compare(old, new, lambda step: step.latency, format_seconds),
        _compare(old, new, _count_tokens, format_count),
        _compare(old, new, lambda step: step.cost, format_cost),
        ", ".join(_list_differences(old, new, pair, common)) or "nothing",
    )


def _list_alone(pair: Pair) -> tuple[str, ...]:
    step = pair.old or pair.new
    assert step is not None
    return (
        _name(step),
        _spell(find_first_token(step), format_seconds),
        _spell(step.latency, format_seconds),
        _spell(_count_tokens(step), format_count),
        _spell(step.cost, format_cost),
    )


def _name(step: Step) -> str:
    return describe_model(step) if step.kind is StepKind.LLM else step.kind.value


def _count_tokens(step: Step) -> int | None:
    return step.usage.total_tokens if step.usage else None


def _spell(value: float | None, form: Callable[..., str]) -> str:
    return "" if value is None else form(value)


def _compare(old: Step, new: Step, measure: Callable[[Step], float | None], form: Callable[..., str]) -> str:
    """``6.3 s → 4.1 s (−35 %)``; an answer that was kept has no figures of its own."""
    sides = ["kept" if step.origin else _spell(measure(step), form) for step in (old, new)]
    change = "" if old.origin or new.origin else describe_change(measure(old), measure(new))
    return " ".join(part for part in (_join(*sides), change) if part)


def _join(old: str, new: str) -> str:
    return old if old == new else f"{old or '–'} → {new or '–'}"


def describe_change(old: float | None, new: float | None) -> str:
    """How much more or less, in percent, or times from the tenfold on.

    >>> [describe_change(*pair) for pair in ((4.0, 3.0), (1, 12.4), (2, 2), (0, 3), (1000, 1001))]
    ['(−25 %)', '(× 12)', '', '', '']
    """
    if not old or new is None or old == new:
        return ""
    if new / old >= 10:
        return f"(× {new / old:,.0f})"
    percent = round(100 * (new - old) / old)
    return f"({percent:+} %)".replace("-", "−") if percent else ""


def _list_differences(old: Step, new: Step, pair: Pair, common: Sequence[tuple[str, str, str]]) -> list[str]:
    """What is other than before: texts by their names, parameters with their values, the state."""
    parts = [name for name, before, after in list_texts(pair) if before != after]
    parts += [_describe_parameter(change) for change in list_changed_parameters(pair) if change not in common]
    states = describe_state(old), describe_state(new)
    return [*parts, *([_join(*states)] if states[0] != states[1] else [])]


def _describe_parameter(change: tuple[str, str, str]) -> str:
    name, old, new = change
    return f"{name} {shorten(old, MAX_VALUE)} → {shorten(new, MAX_VALUE)}"


def build_sums(diff: SessionDiff) -> Iterator[tuple[str, ...]]:
    """The rows below them: of the steps that were asked in both sessions, if not all were, and of all steps."""
    asked = diff.asked
    if len(asked) not in (0, len(diff.pairs)):
        yield _build_sum("asked in both", [old for old, _ in asked], [new for _, new in asked])
    yield _build_sum("all steps", diff.old_steps, diff.new_steps)


def _build_sum(name: str, old_steps: Sequence[Step], new_steps: Sequence[Step]) -> tuple[str, ...]:
    old, new = sum_steps(tuple(old_steps)), sum_steps(tuple(new_steps))
    return (
        name,
        _join(format_count(old.steps, "step"), format_count(new.steps, "step")),
        "",
        _add(old.model_seconds, new.model_seconds, format_seconds),
        _add(old.tokens, new.tokens, format_count),
        _join(_spell_cost(old), _spell_cost(new)) + _pad(describe_change(old.cost, new.cost)),
        _join_errors(old, new),
    )


def _add(old: float, new: float, form: Callable[..., str]) -> str:
    return _join(form(old), form(new)) + _pad(describe_change(old, new))


def _pad(change: str) -> str:
    return f" {change}" if change else ""


def _spell_cost(totals: SessionTotals) -> str:
    return format_total_cost(totals.cost, totals.unpriced)


def _join_errors(old: SessionTotals, new: SessionTotals) -> str:
    words = [format_count(totals.errors, "error") for totals in (old, new)]
    return _join(*words) if old.errors or new.errors else ""


# ---- words


def list_notes(diff: SessionDiff) -> list[str]:
    """What has to be said besides: what is alike, what was left out."""
    same = [pair.path for pair in diff.whole if pair.has_same_words]
    common = ", ".join(map(_describe_parameter, _find_common(diff)))
    notes = [f"other parameters in all of them: {common}"] if common else []
    notes += [f"the same words in both: {_list_paths(same)}"] if same else []
    if diff.left_out:
        notes.append(
            f"left out: {format_count(diff.left_out, 'step')} that no longer count (superseded, or not picked)"
        )
    if len(diff.pairs) > MAX_ROWS:
        notes.append(f"… {len(diff.pairs) - MAX_ROWS:,} more rows; the sums are of all")
    return notes


def _list_paths(paths: Sequence[str], most: int = 12) -> str:
    named = [shorten(path, MAX_PATH) for path in dict.fromkeys(paths)]
    return ", ".join([*named[:most], *([f"and {len(named) - most:,} more"] if len(named) > most else [])])


def compare_pairs(diff: SessionDiff) -> list[PairDiff]:
    """What differs in the words of each pair that has any, up to `MAX_COMPARED`."""
    compared: list[PairDiff] = []
    systems: dict[tuple[str, str], str] = {}  # where this change of the system prompt was shown
    differing = 0
    for pair in _list_differing(diff)[:MAX_COMPARED]:
        changed = [(name, old, new) for name, old, new in list_texts(pair) if old != new]
        texts = tuple(_compare_text(pair.path, change, systems) for change in changed)
        differing += sum(_count_differing(text) for text in texts)
        compared.append(PairDiff(path=pair.path, texts=texts, is_open=differing <= MAX_OPEN_WORDS))
    return compared


def describe_uncompared(diff: SessionDiff) -> str:
    """How many pairs `compare_pairs` leaves out."""
    missing = len(_list_differing(diff)) - MAX_COMPARED
    return f"… {format_count(missing, 'more step')} with other words, not compared one by one" if missing > 0 else ""


def _list_differing(diff: SessionDiff) -> list[Pair]:
    return [pair for pair in diff.whole if not pair.has_same_words]


def _compare_text(path: str, change: tuple[str, str, str], systems: dict[tuple[str, str], str]) -> TextDiff:
    name, old, new = change
    if name == "system prompt" and (shown := systems.setdefault((old, new), path)) != path:
        return TextDiff(name=name, diff=None, note=f"as at {shorten(shown, MAX_PATH)}")
    return compare_texts(name, old, new)


def compare_texts(name: str, old: str, new: str) -> TextDiff:
    """Two texts word by word, at most their beginnings."""
    diff = compare_words(old[:MAX_CHARACTERS], new[:MAX_CHARACTERS])
    cut = (
        f"only the first {MAX_CHARACTERS:,} characters are compared" if max(len(old), len(new)) > MAX_CHARACTERS else ""
    )
    if not cut and diff.changes and all(change.same for change in diff.changes):
        cut = "only blanks within lines differ"
    note = "; ".join(part for part in (diff.note, cut) if part)
    return TextDiff(name=name, diff=WordDiff(changes=diff.changes, note=note), note=note)


def _count_differing(text: TextDiff) -> int:
    return sum(len(change.removed) + len(change.added) for change in text.diff.changes) if text.diff else 0
