"""How the panel is laid out: two sides, below each other where it is narrow. Classes only: layouts are shared."""

from __future__ import annotations

from typing import Any

HIDDEN = "hm-none"
"""The class of what is not shown now."""
_DIM = "hm-dim"

PANEL_STYLE = (
    "<style>.hm-panel{container-type:inline-size;max-width:none!important}"
    ".hm-panel .hm-none{display:none!important}"
    ".hm-panel .widget-inline-hbox,.hm-panel .widget-text,.hm-panel .widget-dropdown,.hm-panel .widget-select,"
    ".hm-panel .widget-textarea{width:auto;min-width:0;margin:0}"
    ".hm-panel .hm-filters,.hm-panel .hm-bar-row{display:flex;flex-flow:row wrap;gap:6px;align-items:center;"
    "padding:6px 10px;overflow:visible}"
    ".hm-panel .hm-filters{border-bottom:1px solid var(--hm-line)}"
    ".hm-panel .hm-filters>*{flex:1 1 110px}"
    ".hm-panel .hm-filters>.hm-grow{flex:3 1 160px}"
    ".hm-panel .hm-bar-row>.hm-grow{flex:1 1 140px}"
    ".hm-panel .hm-bar-row>.hm-jump{flex:0 0 76px}"
    ".hm-panel .hm-bar-row .widget-html-content{font-size:12px;color:var(--hm-muted)}"
    ".hm-panel .hm-sides{display:grid;grid-template:minmax(0,1fr)/minmax(0,11fr) minmax(0,9fr);"
    "height:min(560px,72vh);overflow:visible}"
    ".hm-panel .hm-list{min-width:0;border-right:1px solid var(--hm-line);overflow:hidden;"
    "display:flex;flex-flow:column nowrap}"
    ".hm-panel .hm-list>.widget-select{flex:1 1 0;height:auto;min-height:0;overflow:hidden}"
    ".hm-panel .widget-select>select{font:11px/1.5 var(--hm-mono);width:100%;height:100%;margin:0;border:0;"
    "border-top:1px solid var(--hm-line);padding:4px 2px;background:none;color:inherit;overflow:auto}"
    ".hm-panel .widget-select>select>option{padding:1px 4px}"
    ".hm-panel .widget-select>select>option:empty{display:none}"  # places that stand for lines of a moment ago
    ".hm-panel .widget-select>select:focus-visible{outline:2px solid var(--hm-run);outline-offset:-2px}"
    ".hm-panel .jupyter-button{width:auto;min-width:30px;height:26px;line-height:24px;margin:0;padding:0 9px;"
    "border:1px solid var(--hm-line);border-radius:6px;background:none;color:inherit;font-size:12px}"
    ".hm-panel .jupyter-button:focus-visible{outline:2px solid var(--hm-run)}"
    ".hm-panel .hm-dim .jupyter-button{opacity:.45}"
    ".hm-panel .hm-selected{min-width:0;overflow:hidden auto}"
    ".hm-panel .hm-selected .widget-html-content,.hm-panel .hm-selected .widget-htmlmath-content{flex:1 1 auto;"
    "width:100%}"
    ".hm-panel .hm-selected details{padding:3px 16px}"
    ".hm-panel .hm-more{margin:0!important;padding:1px 12px!important}"
    ".hm-panel .hm-more.hm-bad{color:var(--hm-bad)}"
    ".hm-panel .hm-source{padding:0 10px 8px;width:auto}"
    ".hm-panel textarea{font:12px/1.5 var(--hm-mono);height:150px}"
    "@container (max-width:760px){.hm-panel .hm-sides{grid-template:auto/minmax(0,1fr);height:auto}"
    ".hm-panel .hm-list{border-right:0;border-bottom:1px solid var(--hm-line);height:260px}"
    ".hm-panel .hm-selected{max-height:min(560px,72vh)}}</style>"
)


def set_value(widget: Any, name: str, value: Any) -> int:
    """Gives a widget another value; how many bytes that sends: what stays as it is costs nothing."""
    if getattr(widget, name) == value:
        return 0
    setattr(widget, name, value)
    return len(str(value).encode())


def show_widget(widget: Any, *, is_shown: bool) -> None:
    """Shows or hides a widget."""
    (widget.remove_class if is_shown else widget.add_class)(HIDDEN)


def dim_widget(widget: Any, *, is_dim: bool) -> None:
    """Lets buttons look as if they had nothing to do now."""
    (widget.add_class if is_dim else widget.remove_class)(_DIM)
