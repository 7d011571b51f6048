"""Which steps somebody looks for: by path, kind, state, model, and words in prompt or answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from heliconemagic.records import Step, StepStatus

SUPERSEDED, RATED = "superseded", "rated"
STATES = {
    "done": StepStatus.DONE,
    "failed": StepStatus.FAILED,
    "stopped": StepStatus.INTERRUPTED,
    "running": StepStatus.PENDING,
}
"""States by the words that are shown for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFilter:
    """What a step must be; an empty field asks for nothing."""

    path: str = ""  # a folder; without a slash at the front any part of a path; with * a pattern
    kind: str = ""
    state: str = ""  # a word of `STATES`, `SUPERSEDED` or `RATED`
    model: str = ""
    text: str = ""  # in the prompt, the answer or what was thought of it; case doesn't matter

    def choose(self, steps: Iterable[Step], find_opinion: Callable[[str], str] = lambda step_id: "") -> list[Step]:
        """Those of ``steps`` that fit; ``find_opinion`` gives what was thought of a step, by its id."""
        tests = [test for test in self._build_tests(find_opinion) if test is not None]
        return [step for step in steps if all(test(step) for test in tests)]

    def _build_tests(self, find_opinion: Callable[[str], str]) -> Sequence[Callable[[Step], bool] | None]:
        wanted = self.text.casefold()
        return (
            (lambda step: step.kind.value == self.kind) if self.kind else None,
            (lambda step: (step.answered_by or step.model) == self.model) if self.model else None,
            self._build_state_test(find_opinion),
            self._build_path_test(),
            (lambda step: wanted in _gather_text(step, find_opinion)) if wanted else None,
        )

    def _build_state_test(self, find_opinion: Callable[[str], str]) -> Callable[[Step], bool] | None:
        if not self.state:
            return None
        if self.state == RATED:
            return lambda step: bool(find_opinion(step.id))
        if self.state == SUPERSEDED:
            return lambda step: step.is_superseded
        wanted = STATES.get(self.state)
        return lambda step: step.status is wanted

    def _build_path_test(self) -> Callable[[Step], bool] | None:
        wanted = self.path.strip()
        if not wanted:
            return None
        if "*" in wanted:
            return lambda step: fnmatchcase(step.path, wanted if wanted[0] in "/*" else f"*{wanted}")
        if not wanted.startswith("/"):
            return lambda step: wanted in step.path
        folder = wanted.rstrip("/")
        return lambda step: step.path == folder or step.path.startswith(f"{folder}/")


def _gather_text(step: Step, find_opinion: Callable[[str], str]) -> str:
    return "\n".join((step.prompt, step.input, step.text, step.error or "", find_opinion(step.id))).casefold()


def list_models(steps: Iterable[Step]) -> list[str]:
    """The models that answered, or were asked, each once, the first first."""
    return list(dict.fromkeys(step.answered_by or step.model for step in steps if step.model))


def list_kinds(steps: Iterable[Step]) -> list[str]:
    """The kinds that occur."""
    return [kind.value for kind in dict.fromkeys(step.kind for step in steps)]
