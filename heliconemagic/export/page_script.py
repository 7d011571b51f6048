"""The only script of an exported page: search and folding. It is this constant, whatever the session holds.

The page's own policy allows a script of exactly this hash and nothing else, so none that a text could bring along runs.
"""

from __future__ import annotations

import base64
import hashlib

SCRIPT = """
(() => {
  "use strict";
  const find = (id) => document.getElementById(id);
  const steps = Array.from(document.querySelectorAll(".hx-step"));
  const box = find("hx-search");
  const count = find("hx-count");
  let texts = null;
  const search = () => {
    texts = texts || steps.map((step) => step.textContent.toLowerCase());
    const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let found = 0;
    steps.forEach((step, place) => {
      step.hidden = !words.every((word) => texts[place].includes(word));
      found += step.hidden ? 0 : 1;
    });
    count.textContent = words.length ? found + " of " + steps.length + " steps" : "";
  };
  const fold = (isOpen) => () => steps.forEach((step) => {
    if (!step.hidden) step.open = isOpen;
  });
  const follow = () => {
    const step = find(location.hash.slice(1));
    if (!step || !steps.includes(step)) return;
    step.hidden = false;
    step.open = true;
    step.scrollIntoView();
  };
  box.addEventListener("input", search);
  find("hx-open").addEventListener("click", fold(true));
  find("hx-close").addEventListener("click", fold(false));
  window.addEventListener("hashchange", follow);
  find("hx-tools").hidden = false;
  if (box.value) search();
  follow();
})();
"""


def build_policy() -> str:
    """What the page may do: show itself, with pictures that are in it, and run the one script. Nothing is loaded."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
