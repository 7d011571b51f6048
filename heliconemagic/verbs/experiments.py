"""The verbs ``rerun`` and ``diff``: a recorded session played again with changes, and two sessions side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from heliconemagic.errors import InputError
from heliconemagic.gateways.pricing import estimate_cost
from heliconemagic.lines.options import SessionCommand
from heliconemagic.notebook.experiments import RecordedSession
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.paths import SessionPath
from heliconemagic.planning.estimates import estimate_request_tokens
from heliconemagic.planning.plan import Plan
from heliconemagic.planning.rerunning import RerunPlanner
from heliconemagic.render.batch_words import shorten
from heliconemagic.render.figures import format_count, format_total_cost
from heliconemagic.running.batch import BuildBatchView
from heliconemagic.running.rerun import RerunRun
from heliconemagic.steps.pairing import build_session_diff
from heliconemagic.steps.rerunning import Scene
from heliconemagic.usage import Usage, estimate_tokens

if TYPE_CHECKING:
    from heliconemagic.render.rerun_plan import PlannedScene

Bundle = dict[str, Any]

MAX_SYSTEM = 60
"""Characters of a system prompt in the line that names the changes."""


class ExperimentLine:
    """Runs the two verbs."""

    def __init__(self, notebook: Notebook, publish: Callable[..., None], build_view: BuildBatchView) -> None:
        self._notebook = notebook
        self._publish = publish
        self._build_view = build_view

    # ---- rerun

    def rerun(self, command: SessionCommand) -> Bundle:
        """Plays a recorded session again, and says what came of it.

        Raises:
            InputError, CredentialError, BudgetError: nothing was sent, and there is no new session.
            RerunError, StepInterrupted: some steps have no answer; the report was shown.
        """
        recorded = self._notebook.experiments.find(next(iter(command.arguments), None))
        start_at = command.extras.get("start_at")
        _check_system(command.options.system)
        planner = self._notebook.experiments.open_rerun(
            recorded, command.options, start_at and SessionPath.parse(start_at)
        )
        plans = planner.check()
        if command.extras.get("is_dry_run"):
            return self._build_plan(planner, plans)
        planner.check_budget(plans)
        changes = _describe_changes(planner, plans)
        run = RerunRun(self._notebook, planner, self._build_view, origin=changes)
        run.play()
        error = run.build_error()
        if error is not None and not run.is_begun:  # there is no session that a report could be of
            raise error
        report = self._build_report(recorded, planner, run, changes)
        if error is not None:
            self._publish(report)
            raise error
        return report

    def _build_plan(self, planner: RerunPlanner, plans: Sequence[Plan]) -> Bundle:
        from heliconemagic.render.rerun_plan import MAX_REQUESTS, build_rerun_plan_bundle

        live = planner.script.live
        first = len(planner.script.scenes) - len(live) + 1  # what is kept comes before
        scenes = [
            _build_planned(scene, plan, number, len(planner.list_uses(scene)))
            for number, (scene, plan) in enumerate(zip(live, plans, strict=True), start=first)
        ]
        costs = [scene.cost for scene in scenes]
        cost = format_total_cost(sum(cost or 0.0 for cost in costs), costs.count(None))
        tokens = sum(scene.tokens for scene in scenes)
        lines = [
            f"rerun of {planner.original.title} ({planner.original.id[:8]}) · {_describe_changes(planner, plans)}",
            f"{format_count(len(scenes), 'step')} to send · about {tokens:,} tokens · {cost} est., "
            "if the answers are as long as the recorded ones",
            *_list_script(planner),
            "the requests hold the recorded answers; the new ones will stand in their places",
            *([f"the first {MAX_REQUESTS} requests are shown"] if len(scenes) > MAX_REQUESTS else ()),
            *dict.fromkeys(note for plan in plans for note in plan.notes),
        ]
        return build_rerun_plan_bundle(scenes, lines)

    def _build_report(self, recorded: RecordedSession, planner: RerunPlanner, run: RerunRun, changes: str) -> Bundle:
        from heliconemagic.render.session_diff import DiffPage, build_session_diff_bundle

        session = planner.session
        diff = build_session_diff(recorded.record, recorded.steps, session.record, session.steps_by_start)
        old, new = recorded.record.id[:8], session.record.id[:8]
        return build_session_diff_bundle(
            DiffPage(
                diff=diff,
                head=f"{session.record.title}, played again",
                facts=(f"{old} → {new}", changes),
                lines=(*_list_script(planner), *_describe_replaced(run)),
                commands=(
                    f"word by word: %helicone_session diff {old} {new}",
                    f"go on in the new session: %helicone_session resume {new}, then show; this notebook's stays open",
                ),
                shows_words=False,
            )
        )

    # ---- diff

    def diff(self, command: SessionCommand) -> Bundle:
        """Two sessions side by side; of one, the open session is the first; of none, with its newest rerun.

        Raises:
            InputError: there is no such session, or both are the same.
        """
        from heliconemagic.render.session_diff import build_diff_page, build_session_diff_bundle

        experiments = self._notebook.experiments
        old = experiments.find(command.arguments[0] if len(command.arguments) > 1 else None)
        new = experiments.find(command.arguments[-1]) if command.arguments else experiments.find_rerun(old)
        if old.record.id == new.record.id:
            raise InputError(
                f"both are the session {old.record.id[:8]} ({old.record.title}).",
                hint="name two: the ids are in `%helicone_session list`",
            )
        diff = build_session_diff(old.record, old.steps, new.record, new.steps)
        return build_session_diff_bundle(build_diff_page(diff))


def _check_system(system: str | None) -> None:
    """Nothing is filled in here: a template would be sent as it is typed."""
    if system and "{{" in system:
        raise InputError(
            "`rerun` sends -s as it stands, and it has {{ in it.", hint="type the text that should stand there"
        )


def _build_planned(scene: Scene, plan: Plan, number: int, replacements: int) -> PlannedScene:
    from heliconemagic.render.rerun_plan import PlannedScene

    usage = scene.step.usage
    answer = usage.completion_tokens if usage else estimate_tokens(scene.step.text)
    prompt = estimate_request_tokens(plan.request)
    counted = Usage(prompt_tokens=prompt, completion_tokens=answer)
    return PlannedScene(
        number=number,
        path=plan.step.path,
        model=plan.request.model,
        gateway=plan.request.gateway.label,
        replacements=replacements,
        tokens=prompt + answer,
        cost=estimate_cost(plan.request.model, counted, gateway=plan.request.gateway),
        form=plan.form,
    )


# ---- words


def _describe_changes(planner: RerunPlanner, plans: Sequence[Plan]) -> str:
    """What is asked otherwise than it was: ``model gpt-4o → gpt-4o-mini · temperature 0.2``."""
    given = planner.given
    pairs = list(zip(planner.script.live, plans, strict=True))
    models = dict.fromkeys((scene.step.model, plan.request.model) for scene, plan in pairs)
    gateways = dict.fromkeys((scene.step.gateway, plan.request.gateway.label) for scene, plan in pairs)
    changes = {
        "model": _join_changes(models),
        "gateway": _join_changes(gateways),
        "system": _describe_system(given.system),
        "temperature": "" if given.temperature is None else f"{given.temperature:g}",
        **{name: shorten(str(value), MAX_SYSTEM) for name, value in given.parameters.items()},
    }
    return " · ".join(f"{name} {change}" for name, change in changes.items() if change) or "nothing changed"


def _describe_system(system: str | None) -> str:
    if system is None:
        return ""
    return repr(shorten(system, MAX_SYSTEM)) if system else "none"


def _join_changes(pairs: dict[tuple[str, str], None]) -> str:
    return ", ".join(f"{old} → {new}" for old, new in pairs if old != new)


def _list_script(planner: RerunPlanner) -> list[str]:
    """What of the recorded session is played, kept and left out."""
    script = planner.script
    kept = len(script.scenes) - len(script.live)
    lines = [f"{format_count(kept, 'recorded answer')} kept, before {script.live[0].step.path}"] if kept else []
    lines += [f"left out: {_list_paths(steps)} ({reason})" for reason, steps in script.left_out.items()]
    stale = [scene.step for scene in script.scenes if scene.is_stale]
    lines += [f"continues an answer that is not played again, and stays in it: {_list_paths(stale)}"] if stale else []
    return lines


def _list_paths(steps: Sequence[Any], most: int = 8) -> str:
    paths = list(dict.fromkeys(step.path for step in steps))
    return ", ".join([*paths[:most], *([f"and {len(paths) - most:,} more"] if len(paths) > most else [])])


def _describe_replaced(run: RerunRun, most: int = 12) -> tuple[str, ...]:
    """``earlier answers replaced by the new ones in 3 places: /outline 1, /lesson 2``."""
    if not run.replaced:
        return () if run.unsent else ("nothing replaced: no later request holds an earlier answer",)
    listed = [f"{path} {count:,}" for path, count in run.replaced.items()]
    more = [f"and {len(listed) - most:,} more"] if len(listed) > most else []
    count = format_count(sum(run.replaced.values()), "place")
    return (f"earlier answers replaced by the new ones in {count}: {', '.join([*listed[:most], *more])}",)
