"""The style sheet of an exported page, around that of everything that is shown: its own frame, light and dark."""

from __future__ import annotations

from heliconemagic.render.style import build_style

# What is off the screen of a page with thousands of steps is neither laid out nor painted.
_PAGE = """
:root{color-scheme:light dark;--jp-error-color1:light-dark(#c21a24,#ff7b72);
--jp-warn-color0:light-dark(#8a5a00,#e3b341);--jp-content-link-color:light-dark(#1a5fb4,#78aeed)}
body{margin:0;background:Canvas;color:CanvasText;font:15px/1.55 system-ui,sans-serif}
main{max-width:1000px;margin:0 auto;padding:16px 16px 64px}
h1{font-size:22px;margin:8px 0 2px;overflow-wrap:anywhere}
.hx-facts{color:color-mix(in srgb,currentColor 62%,transparent);font-size:13px;margin:0 0 12px;overflow-wrap:anywhere}
.hx-facts a{color:var(--jp-content-link-color)}
main .hm{max-width:none}
.hx-tools{position:sticky;top:0;z-index:1;display:flex;flex-wrap:wrap;gap:8px;align-items:center;padding:8px 0;
background:Canvas;margin-top:12px}
.hx-tools[hidden]{display:none}
.hx-tools input{flex:1 1 200px;font:inherit;padding:4px 8px;min-width:0}
.hx-tools button{font:inherit;padding:3px 10px}
#hx-count{font-size:13px;color:color-mix(in srgb,currentColor 62%,transparent)}
.hx-picture>summary{cursor:pointer;font-size:13px;padding:4px 0}
.hx-step{border:1px solid color-mix(in srgb,currentColor 18%,transparent);border-radius:8px;margin:6px 0;
scroll-margin-top:52px;content-visibility:auto;contain-intrinsic-size:auto 36px}
.hx-step>summary{cursor:pointer;padding:6px 12px;display:flex;flex-wrap:wrap;gap:0 12px;align-items:baseline;
font-size:13px;font-variant-numeric:tabular-nums}
.hx-step>summary::before{content:"▸";font-size:11px;opacity:.6}
.hx-step[open]>summary::before{content:"▾"}
.hx-step>summary>.hx-end{margin-left:auto}
.hx-step>summary span{color:color-mix(in srgb,currentColor 62%,transparent)}
.hx-step>summary strong{font:600 13px ui-monospace,monospace;overflow-wrap:anywhere}
.hx-step.hx-old>summary{opacity:.55}
.hx-step.hx-failed>summary strong,.hx-step.hx-failed>summary .hx-state{color:var(--jp-error-color1)}
.hx-step>.hm{border:0;border-top:1px solid color-mix(in srgb,currentColor 18%,transparent);border-radius:0;margin:0}
.hx-role{margin:10px 16px 2px;font-size:12px;color:var(--hm-muted)}
.hm.hm.hm .hx-said{margin:2px 16px 8px;white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}
.hx-notes{padding:4px 16px 10px;font-size:12px;color:var(--hm-muted);overflow-wrap:anywhere}
.hx-notes p{margin:2px 0}
@media print{.hx-tools{display:none}}
"""


def build_page_style() -> str:
    """All rules of the page in one ``<style>`` element."""
    return build_style().replace("</style>", _PAGE.replace("\n", "") + "</style>")
