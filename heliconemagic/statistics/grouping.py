"""What tells steps apart: their user, a property, their model, path or notebook."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heliconemagic.statistics.figures import SessionFigures, StepFigures

WORDS = "user, model, path, notebook or property:KEY"


class Aspect(StrEnum):
    """Of what kind the difference is."""

    USER = "user"
    MODEL = "model"
    PATH = "path"
    NOTEBOOK = "notebook"
    PROPERTY = "property"


@dataclass(frozen=True, slots=True)
class Grouping:
    """How steps are put into groups."""

    aspect: Aspect
    key: str = ""  # of a property, in lower case as Helicone stores it

    @property
    def label(self) -> str:
        """What the column of the groups is called."""
        return self.key or self.aspect.value

    def read_group(self, step: StepFigures, session: SessionFigures) -> str:
        """The group of a step; "" where it has none."""
        if self.aspect is Aspect.PROPERTY:
            return step.properties.get(self.key, "")
        if self.aspect is Aspect.NOTEBOOK:
            return session.notebook
        return str(getattr(step, self.aspect.value))


def parse_grouping(text: str) -> Grouping:
    """``user``, ``model``, ``path``, ``notebook`` or ``property:KEY``.

    >>> parse_grouping("property:Team").label
    'team'

    Raises:
        ValueError: it is none of them; the end of a sentence.
    """
    word, colon, key = text.partition(":")
    if word == Aspect.PROPERTY and key.strip():
        return Grouping(Aspect.PROPERTY, key.strip().lower())
    if colon or word not in set(Aspect) - {Aspect.PROPERTY}:
        raise ValueError(f"takes {WORDS}")
    return Grouping(Aspect(word))
