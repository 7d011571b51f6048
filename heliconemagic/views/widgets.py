"""The widgets that live cards are made of. The only module that imports ipywidgets; it knows no IPython."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

NO_STOP = '<div class="hm-head"><span>interrupt the kernel to stop</span></div>'
# What the widgets' own style sheet would make different from the static card.
LIVE_STYLE = (
    "<style>.hm-live .widget-html,.hm-live .widget-htmlmath{margin:0}"
    ".hm-live .jp-RenderedHTMLCommon>.widget-html-content,.hm-live .jp-RenderedHTMLCommon>.widget-htmlmath-content"
    "{margin:0;line-height:var(--jp-content-line-height,1.6);font-size:var(--jp-content-font-size1,14px)}"
    ".hm-live .hm-columns .hm-body .widget-html .widget-html-content{font-size:13px}"
    ".hm-live .hm-columns .hm-body .widget-htmlmath .widget-htmlmath-content{font-size:13px}"
    ".hm-live .jp-RenderedHTMLCommon{padding-right:0}.hm-live .hm-live-head .hm-head{background:none}"
    ".hm-live .hm-part,.hm-live .hm-part pre{margin:0!important}"
    ".jp-OutputArea-output .hm-live{margin-right:20px}"  # what JupyterLab leaves beside HTML, where the card ends
    ".hm-live-head .jupyter-button,.hm-ask .jupyter-button{width:auto;flex:none;"  # never "S…", however narrow
    "height:24px;line-height:22px;margin:0 10px 0 0;padding:0 10px;"
    "border:1px solid var(--hm-line);border-radius:6px;background:none;font-size:12px}</style>"
)


class Stop:
    """What a Stop button does: at most once, and not after the end. Clicks come on any thread.

    ``on_stop`` is None where no click would get through.
    """

    def __init__(self, on_stop: Callable[[], None] | None) -> None:
        self._on_stop = on_stop
        self._lock = threading.Lock()
        self._is_closed = False
        self.is_pressed = False

    @property
    def takes_clicks(self) -> bool:
        """Whether there can be a button."""
        return self._on_stop is not None

    def press(self, _button: Any = None) -> None:
        """A click."""
        with self._lock:
            if self.is_pressed or self._is_closed or self._on_stop is None:
                return
            self.is_pressed = True
        self._on_stop()

    def close(self) -> None:
        """There is nothing left to stop."""
        self._is_closed = True


class WidgetSet:
    """Makes widgets that share one layout and, by kind, one style, and closes them all, with those."""

    def __init__(self) -> None:
        import ipywidgets

        self._ipywidgets = ipywidgets
        self._made: list[Any] = []
        self._layout: dict[str, Any] = {}
        self._styles: dict[str, dict[str, Any]] = {}

    def build_html(self, value: str, *, has_math: bool = False) -> Any:
        """A piece of HTML, looking as HTML output of a cell does. Math is set anew at each update, visibly."""
        kind = "HTMLMath" if has_math else "HTML"
        # The class as an argument, not by add_class: that would be another message for each widget.
        widget = self._build(kind, value, _dom_classes=("jp-RenderedHTMLCommon",), **self._styles.get(kind, {}))
        self._styles[kind] = {"style": widget.style}
        return widget

    def build_box(self, kind: str, children: tuple[Any, ...], *classes: str) -> Any:
        """A ``VBox`` or ``HBox``."""
        return self._build(kind, children, _dom_classes=classes)

    def build_button(self, description: str, on_click: Callable[[Any], None]) -> Any:
        """A button whose clicks get through while a cell is running."""
        button = self._build("Button", description=description)
        button.on_click(on_click)
        # ipykernel 7.4 delivers a click not to the subshell that the front end names, which is free, but to the one
        # that the widget was made in: the main one, which is busy during a synchronous cell. This gives the front
        # end's choice back. The name is private; where it doesn't exist there is nothing to do.
        if hasattr(button.comm, "_reply_subshell_for"):
            button.comm._reply_subshell_for = lambda data, default: default
        return button

    def build_field(
        self, placeholder: str, tooltip: str, *classes: str, is_area: bool = False, tells_keys: bool = False
    ) -> Any:
        """A field for a line of text, or for several; it tells when it was left, or at Enter, or of each key."""
        kind = "Textarea" if is_area else "Text"
        traits = {"placeholder": placeholder, "tooltip": tooltip, "continuous_update": tells_keys}
        return self._build(kind, _dom_classes=classes, **traits)

    def build_number(self, tooltip: str, *classes: str) -> Any:
        """A field for a whole number from 1; arrow keys change it."""
        return self._build("BoundedIntText", value=1, min=1, max=1, tooltip=tooltip, _dom_classes=classes)

    def build_choice(self, options: Sequence[tuple[str, str]], tooltip: str, *classes: str) -> Any:
        """A drop-down list of labels with their values."""
        return self._build("Dropdown", options=options, tooltip=tooltip, _dom_classes=classes)

    def build_list(self, rows: int, tooltip: str, *classes: str) -> Any:
        """A list box, empty, of which ``rows`` lines are seen."""
        return self._build("Select", options=(), rows=rows, tooltip=tooltip, _dom_classes=classes)

    def build_plain_button(self, description: str, tooltip: str, on_click: Callable[[Any], None]) -> Any:
        """A button that is pressed between cells."""
        button = self._build("Button", description=description, tooltip=tooltip)
        button.on_click(on_click)
        return button

    def _build(self, kind: str, *args: Any, **traits: Any) -> Any:
        widget = getattr(self._ipywidgets, kind)(*args, **self._layout, **traits)
        self._layout = {"layout": widget.layout}
        self._made.append(widget)
        return widget

    def close_now(self, widgets: tuple[Any, ...]) -> None:
        """Closes some before the end, without the layout and style that they may share."""
        for widget in widgets:
            widget.close()

    def close(self, keep: tuple[Any, ...] = ()) -> None:
        """Closes all widgets but ``keep``, even if closing one of them fails. May be called twice."""
        kept = {id(part) for widget in keep for part in _list_parts(widget)}
        with contextlib.ExitStack() as stack:
            for widget in self._made:
                for part in _list_parts(widget):
                    if id(part) not in kept:
                        stack.callback(part.close)
        self._made = list(keep)


def build_view_bundle(model_id: str, text: str) -> dict[str, Any]:
    """What displays a widget; ``text`` stands for it where there are none."""
    view = {"version_major": 2, "version_minor": 0, "model_id": model_id}
    return {"application/vnd.jupyter.widget-view+json": view, "text/plain": text}


def _list_parts(widget: Any) -> list[Any]:
    """A widget, and the widgets that describe how it looks."""
    parts = (widget, getattr(widget, "layout", None), getattr(widget, "style", None))
    return [part for part in parts if part is not None]
