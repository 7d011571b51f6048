"""Where the panel stands on the page: its widgets, and below them the static form, which is hidden as long as they are
there. A file that is saved meanwhile, and opened elsewhere, has that form in place of a broken widget.
"""

from __future__ import annotations

import uuid
from typing import Any

from heliconemagic.views.plain import Publish
from heliconemagic.views.widgets import build_view_bundle

_BELOW = "hm-below-panel"
NOTHING = {"text/html": "", "text/plain": ""}
"""Takes no room on a page; of an output without any form nbconvert warns."""
_SAVED = "the session as it was when its panel was opened"
# JupyterLab says in a widget's place that there is none, as text alone: that is hidden, for the form says all.
_STYLE = (
    f"<style>.jp-OutputArea-child:has(.hm-panel)~.jp-OutputArea-child:has(.{_BELOW}){{display:none}}"
    f".jp-OutputArea:has(.{_BELOW}) .jp-OutputArea-output.jupyter-widgets:not(:has(*)){{display:none}}</style>"
)


class PanelPlace:
    """Two displays of one cell: the widgets, and the static form."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._above, self._below = (f"heliconemagic-panel-{uuid.uuid4()}" for _ in range(2))

    def show(self, model_id: str, title: str, form: dict[str, Any]) -> None:
        """Displays the widget, in whose place a line stands where there are none, and ``form``, hidden."""
        text = f"{title}: a panel of widgets, which need the kernel that made them"
        self._publish(build_view_bundle(model_id, text), display_id=self._above, update=False)
        hidden = {**form, "text/html": f'<div class="{_BELOW}">{_STYLE}<p>{_SAVED}:</p>{form["text/html"]}</div>'}
        self._publish(hidden, display_id=self._below, update=False)

    def leave(self, form: dict[str, Any]) -> None:
        """Leaves ``form`` alone; an output cannot be taken away, but it can be empty."""
        self._publish(form, display_id=self._below, update=True)
        self._publish(dict(NOTHING), display_id=self._above, update=True)
