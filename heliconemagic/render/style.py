"""The style sheet of everything that is shown. One class prefix, theme variables with fallbacks, nothing loaded.

JupyterLab and VS Code name their colours in variables; where neither is, text keeps the page's own
colour and lines are a thin mix of it, so that dark and light pages both work.
"""

from __future__ import annotations

import re

_VARIABLES = """
--hm-muted:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,color-mix(in srgb,currentColor 62%,transparent)));
--hm-line:var(--jp-border-color2,var(--vscode-panel-border,color-mix(in srgb,currentColor 18%,transparent)));
--hm-soft:color-mix(in srgb,currentColor 6%,transparent);
--hm-link:var(--jp-content-link-color,var(--vscode-textLink-foreground,#2f7de1));
--hm-run:var(--jp-brand-color1,var(--vscode-charts-blue,#2f7de1));
--hm-ok:var(--jp-success-color1,var(--vscode-charts-green,#2da44e));
--hm-bad:var(--jp-error-color1,var(--vscode-errorForeground,#d1242f));
--hm-warn:var(--jp-warn-color0,var(--vscode-charts-orange,#b07800));
--hm-mono:var(--jp-code-font-family,var(--vscode-editor-font-family,ui-monospace,monospace));
"""

_CARD = """
.hm{border:1px solid var(--hm-line);border-radius:8px;overflow:auto hidden;max-width:860px;margin:2px 0}
.hm-head,.hm-foot{display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline;padding:6px 12px;
background:var(--hm-soft);font-size:12px;line-height:1.5;font-variant-numeric:tabular-nums}
.hm-head>span,.hm-foot{color:var(--hm-muted)}
.hm-head{border-bottom:1px solid var(--hm-line)}
.hm-foot{border-top:1px solid var(--hm-line)}
.hm-head:last-child{border-bottom:0}
.hm-path{font:600 13px var(--hm-mono);overflow-wrap:anywhere}
.hm-title{font-weight:600;font-size:13px;overflow-wrap:anywhere}
.hm-right{margin-left:auto}
.hm-right a+a{margin-left:8px}
.hm-sep{display:none}
.hm .hm-dot{color:var(--hm-ok)}
.hm .hm-dot-pending{color:var(--hm-run)}
.hm .hm-dot-failed,.hm .hm-bad{color:var(--hm-bad)}
.hm .hm-dot-interrupted,.hm .hm-stopped{color:var(--hm-warn)}
.hm-state{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.hm-hint{flex-basis:100%}
.hm-body{padding:6px 16px;overflow-x:auto}
.hm-body>:first-child{margin-top:.4em}
.hm-note{font-size:12px;color:var(--hm-warn)}
.hm-lines{font-size:12px;line-height:1.7;color:var(--hm-muted)}
.hm a{color:var(--hm-link);text-decoration:none}
.hm a:hover{text-decoration:underline}
"""

_ATTACHED = """
.hm.hm.hm .hm-attached,.hm-live .hm-attached{display:flex;flex-wrap:wrap;gap:6px 18px;list-style:none;margin:0;
padding:8px 16px 2px;font-size:12px;color:var(--hm-muted)}
.hm.hm.hm .hm-attached:last-child{padding-bottom:8px}
.hm-attached li{display:flex;align-items:center;gap:8px;margin:0}
.hm-attached strong{color:var(--jp-content-font-color1,inherit);font-weight:500;overflow-wrap:anywhere}
.hm-attached img{max-width:120px;max-height:80px;border-radius:4px;border:1px solid var(--hm-line);margin:0}
"""

_PARTS = """
.hm.hm.hm pre{background:var(--hm-soft);padding:8px 12px;border-radius:6px;margin:.6em 0;overflow-x:auto;
font-family:var(--hm-mono);font-size:13px;line-height:1.5;border:0}
.hm.hm.hm .hm-part pre{margin:0;border-radius:0;padding-top:0;padding-bottom:0}
.hm details{padding:3px 12px 4px;font-size:12px}
.hm .hm-body details{padding:2px 0}
.hm .hm-call+:not(.hm-call){margin-top:.7em}
.hm summary{cursor:pointer;color:var(--hm-muted)}
.hm.hm.hm details pre{font-size:12px;white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere}
.hm-live-head>.widget-html,.hm-live-head>.jupyter-widgets:first-child{flex:1 1 auto}
.hm-live-head{align-items:center;background:var(--hm-soft);border-bottom:1px solid var(--hm-line)}
.hm-live-head .hm-head{border-bottom:0}
"""

_COLUMNS = """
.hm-comparison .hm-columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,200px),1fr));gap:6px;
margin:4px 0;align-items:stretch;overflow:visible}
.hm-comparison .hm{max-width:none;margin:0}
.hm-columns>.hm{display:flex;flex-direction:column;min-width:0}
.hm-columns>.hm>.hm-body{flex:1 1 auto;font-size:13px}
.hm.hm.hm h4.hm-path{margin:0;font:600 13px/1.5 var(--hm-mono)}
.hm.hm.hm .hm-diff p{margin:.4em 0;line-height:1.6;font-size:13px}
.hm-diff del{color:var(--hm-bad);text-decoration:line-through}
.hm-diff ins{color:var(--hm-ok);text-decoration:underline}
"""

# Three times the class: JupyterLab's own rules for tables and code have the weight of two.
_TABLES = """
.hm.hm.hm table{border-collapse:collapse;width:100%;margin:0;font-size:12.5px;border:0;table-layout:auto}
.hm.hm.hm tr{background:none!important}
.hm.hm.hm th{font-weight:500;white-space:nowrap;color:var(--hm-muted);text-align:left;padding:4px 6px;
border:0;border-bottom:1px solid var(--hm-line)}
.hm.hm.hm td{padding:2px 6px;text-align:left;white-space:nowrap;font-variant-numeric:tabular-nums;border:0}
.hm.hm.hm.hm-versus td{white-space:normal}
.hm.hm.hm.hm-versus td:nth-child(-n+2){white-space:nowrap}
.hm.hm.hm tfoot tr:first-child td{border-top:1px solid var(--hm-line);font-weight:500}
.hm.hm.hm [align=right]{text-align:right}
.hm.hm.hm [align=center]{text-align:center}
.hm.hm.hm .hm-plain td,.hm.hm.hm .hm-body td{white-space:normal}
.hm.hm.hm .hm-body table,.hm.hm.hm details table{width:auto;margin:.6em 0}
.hm.hm.hm .hm-body th,.hm.hm.hm .hm-body td{border-bottom:1px solid var(--hm-line)}
.hm.hm.hm td.hm-step{font-family:var(--hm-mono);white-space:pre;overflow-wrap:anywhere}
.hm.hm.hm .hm-folder td{color:var(--hm-muted)}
.hm.hm.hm .hm-old td{opacity:.5}
.hm.hm.hm .hm-failed td.hm-step{color:var(--hm-bad)}
.hm .hm-progress{font:10px/1 var(--hm-mono);color:var(--hm-run);margin-right:8px}
.hm .hm-more{margin:0;padding:3px 12px 6px;font-size:12px;color:var(--hm-muted)}
"""

_BATCH = """
.hm.hm.hm .hm-batch td:nth-child(2){min-width:10em;overflow-wrap:anywhere}
.hm.hm.hm .hm-batch td:nth-child(3):nth-last-child(5){min-width:14em}
"""

# Bars are block characters; where the sheet is, they are drawn as bars of their cells' colour instead.
_SESSION = """
.hm.hm-session{container-type:inline-size;max-width:1100px}
.hm.hm.hm .hm-bar{font:10px/1 var(--hm-mono);white-space:pre;letter-spacing:0;color:var(--hm-muted);
background:none;padding:2px 6px}
.hm.hm.hm samp.hm-bar{padding:0 4px 0 0}
.hm.hm.hm .hm-bar samp{font:inherit;background:none;padding:0}
.hm.hm.hm td.hm-bar{width:1%}
.hm.hm.hm.hm-session td:nth-child(2){white-space:normal;min-width:7em}
.hm .hm-bar span{-webkit-text-fill-color:transparent}
.hm .hm-bar .hm-c{-webkit-text-fill-color:currentColor}
.hm .hm-w,.hm .hm-x{background:var(--hm-line)}
.hm .hm-bar .hm-x{-webkit-text-fill-color:var(--hm-bad);font-weight:700}
.hm .hm-t{background:color-mix(in srgb,var(--hm-run) 38%,transparent)}
.hm .hm-g{background:var(--hm-run)}
.hm .hm-a{background:color-mix(in srgb,var(--hm-run) 70%,transparent)}
.hm .hm-k{background:var(--hm-muted)}
.hm .hm-failed .hm-t{background:color-mix(in srgb,var(--hm-bad) 38%,transparent)}
.hm .hm-failed .hm-g,.hm .hm-failed .hm-a,.hm .hm-failed .hm-k{background:var(--hm-bad)}
.hm.hm.hm .hm-critical>td:first-child{box-shadow:inset 3px 0 var(--hm-warn)}
.hm td .hm-mark{position:absolute;clip-path:inset(50%)}
.hm .hm-sign .hm-mark{display:inline-block;width:3px;height:11px;margin-right:4px;background:var(--hm-warn);
-webkit-text-fill-color:transparent;overflow:hidden;vertical-align:-1px}
.hm.hm.hm .hm-say{margin:0;padding:6px 12px;border-top:1px solid var(--hm-line);font-size:12.5px;line-height:1.5}
.hm .hm-say strong{color:var(--hm-warn);font-weight:600}
.hm .hm-sign{display:inline-block;margin-right:14px}
.hm.hm.hm.hm-session .hm-more{margin:0;padding:1px 12px;line-height:1.6}
.hm.hm.hm.hm-session :not(.hm-more)+.hm-more{padding-top:5px;border-top:1px solid var(--hm-line)}
.hm.hm.hm.hm-session .hm-more:last-child{padding-bottom:6px}
.hm.hm.hm details .hm-tree{margin:2px 0 4px;width:100%}
@container (max-width:840px){
.hm.hm.hm td.hm-bar{font-size:8px}
.hm.hm.hm .hm-tree td,.hm.hm.hm .hm-tree th{padding-left:4px;padding-right:4px}
.hm.hm.hm .hm-tree td:nth-child(2){white-space:normal}
.hm.hm.hm .hm-tree td.hm-step{white-space:pre-wrap}
}
@container (max-width:720px){
.hm.hm.hm .hm-tree :is(td,th):nth-child(4):nth-last-child(5),
.hm.hm.hm .hm-tree :is(td,th):nth-last-child(4){display:none}
}
@container (max-width:620px){
.hm.hm.hm .hm-tree thead{display:none}
.hm.hm.hm .hm-tree tr{display:flex;flex-wrap:wrap;gap:0 8px;align-items:baseline;padding:3px 8px}
.hm.hm.hm .hm-tree td{display:none;padding:0;border:0}
.hm.hm.hm .hm-tree td:nth-child(-n+3),.hm.hm.hm .hm-tree td:nth-last-child(-n+2){display:block}
.hm.hm.hm .hm-tree td.hm-step{flex:1 1 50%;white-space:pre-wrap}
.hm.hm.hm .hm-tree td.hm-bar{order:1;width:250px;font-size:10px}
.hm.hm.hm .hm-tree td:nth-child(2){order:2;flex:1 1 0;white-space:normal;font-size:11px;color:var(--hm-muted)}
.hm.hm.hm .hm-tree tr.hm-critical{box-shadow:inset 3px 0 var(--hm-warn)}
.hm.hm.hm .hm-critical>td:first-child{box-shadow:none}
}
"""

_WIDE = """
.hm.hm-wide{max-width:none;overflow-x:auto}
"""

_STATISTICS = """
.hm.hm-statistics{max-width:1100px;overflow-x:auto}
.hm.hm.hm.hm-statistics h4{margin:0;padding:8px 12px 0;font-size:12px;font-weight:600}
.hm.hm.hm.hm-statistics table{width:auto;margin:0 6px 4px}
.hm.hm.hm.hm-statistics td:first-child{font-family:var(--hm-mono)}
.hm.hm.hm.hm-statistics code{font:12px/1 var(--hm-mono);color:var(--hm-run);background:none;padding:0;border:0;
white-space:pre;letter-spacing:0}
"""

# Where there is little room the table scrolls and nothing else, and words wrap before it does.
_NARROW = """
.hm.hm-wide,.hm.hm-versus,.hm.hm-statistics{container-type:inline-size}
@container (max-width:620px){
.hm.hm.hm:is(.hm-wide,.hm-versus,.hm-statistics)>table{display:block;overflow-x:auto;font-size:12px;margin:0}
.hm.hm.hm:is(.hm-wide,.hm-versus,.hm-statistics)>table th{white-space:normal;vertical-align:bottom;min-width:2.6em}
.hm.hm.hm:is(.hm-wide,.hm-versus,.hm-statistics)>table td{vertical-align:top}
.hm.hm.hm.hm-wide>table td:nth-child(2),
.hm.hm.hm:is(.hm-versus,.hm-statistics)>table td:first-child{white-space:normal;min-width:11em;overflow-wrap:anywhere}
.hm.hm.hm.hm-versus>table td:nth-child(n+2){min-width:4.5em;white-space:normal}
}
"""

# An answer that is an object: tables inside tables, without the lines that would be drawn twice.
_OBJECTS = """
.hm.hm.hm .hm-object th,.hm.hm.hm .hm-object td,.hm.hm.hm .hm-rows td{vertical-align:top;line-height:1.5;
padding:2px 6px}
.hm.hm.hm .hm-object table{margin:0}
.hm.hm.hm .hm-body .hm-object tr:last-child>th,.hm.hm.hm .hm-body .hm-object tr:last-child>td,
.hm.hm.hm .hm-body .hm-rows tr:last-child>td{border-bottom:0}
.hm.hm.hm .hm-body .hm-rows>thead>tr>th{border-bottom:1px solid var(--hm-line)}
.hm.hm.hm .hm-object ul,.hm.hm.hm .hm-rows ul{margin:0;padding-left:1.2em}
"""

_CODE = """
.hm .highlight .k,.hm .highlight .ow
{color:var(--jp-mirror-editor-keyword-color,var(--vscode-symbolIcon-keywordForeground,#8250df))}
.hm .highlight .s
{color:var(--jp-mirror-editor-string-color,var(--vscode-charts-green,#2a8a4a))}
.hm .highlight .c
{color:var(--jp-mirror-editor-comment-color,var(--hm-muted));font-style:italic}
.hm .highlight .m{color:var(--jp-mirror-editor-number-color,var(--vscode-charts-orange,#b06000))}
.hm .highlight .nf,.hm .highlight .nc{color:var(--jp-mirror-editor-def-color,var(--vscode-charts-blue,#2f6fde))}
"""


_ALWAYS = f".hm{{{_VARIABLES}}}{_CARD}{_PARTS}"
_SOMETIMES = (
    (_ATTACHED, "hm-attached"),
    (_COLUMNS, "hm-comparison|hm-diff"),
    (_TABLES, "<table|hm-progress|hm-more"),
    (_BATCH, "hm-batch"),
    (_SESSION, "hm-session"),
    (_WIDE, "hm-wide"),
    (_STATISTICS, "hm-statistics"),
    (_NARROW, "hm-wide|hm-versus|hm-statistics"),
    (_OBJECTS, "hm-object|hm-rows"),
    (_CODE, 'class="highlight'),
)
"""Rules, and what stands in every display that they are for."""


def build_style() -> str:
    """The ``<style>`` element of a display that is still growing: all rules."""
    return _build_element(_ALWAYS + "".join(rules for rules, _ in _SOMETIMES))


def add_style(content: str) -> str:
    """``content``, HTML that is finished, with the rules that it needs before it: a notebook saves them with each."""
    return (
        _build_element(_ALWAYS + "".join(rules for rules, marks in _SOMETIMES if re.search(marks, content))) + content
    )


def _build_element(sheet: str) -> str:
    return f"<style>{sheet.replace(chr(10), '')}</style>"
