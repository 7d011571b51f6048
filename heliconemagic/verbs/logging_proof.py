"""Whether what was sent is at Helicone: asked of Helicone itself, for its answer to a request proves nothing."""

from __future__ import annotations

from heliconemagic.errors import CredentialError, HeliconeMagicError
from heliconemagic.gateways.choice import Choice
from heliconemagic.gateways.keys import HELICONE_VARIABLE, Key
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.notebook.production import Proof

_HOW = "run a %%llm cell through it, then doctor again: it looks for that request at Helicone"


def describe_logging(notebook: Notebook, choice: Choice) -> str:
    """One sentence for ``doctor``; late rows are waited for a few seconds."""
    key, session = notebook.access.find_keys().helicone, notebook.session
    if not choice.gateway.is_helicone:
        return "not logged at Helicone: this gateway isn't Helicone's; the local journal has everything"
    if key is None:
        return f"unproven: {HELICONE_VARIABLE} is not set, and without it nothing is logged"
    if key.is_write_only:
        return "cannot be checked: the Helicone key begins with pk-, so it logs and reads nothing; sk- keys read"
    if session is None or session.choice.gateway.label != choice.gateway.label:
        return f"unproven: no session of this gateway is open; {_HOW}"
    try:
        proof = notebook.production.prove_logging(session)
    except CredentialError as error:
        return f"probably not logged: {error.message} This gateway answers all the same; check {HELICONE_VARIABLE}"
    except HeliconeMagicError as error:
        return f"cannot be checked: {' '.join(part for part in (error.message, error.hint) if part)}"
    return f"unproven: nothing of this session was answered through it; {_HOW}" if proof is None else _say(proof, key)


def _say(proof: Proof, key: Key) -> str:
    where, is_one = f"at {proof.hosts.label} (checked now)", proof.sent == 1
    if proof.landed == proof.sent:
        everything = "the only request" if is_one else f"all {proof.sent:,} requests"
        return f"logged: {everything} of this session {'is' if is_one else 'are'} {where}"
    if proof.landed:
        some = f"{proof.landed:,} of {proof.sent:,} requests of this session {'is' if proof.landed == 1 else 'are'}"
        return f"logged in part: {some} {where}; the others may land within a minute"
    region = "the EU" if key.is_eu else "the US"
    nothing = f"none of the {proof.sent:,} requests of this session is"
    if is_one:
        nothing = "the only request of this session isn't"
    return (
        f"not logged: {nothing} at {proof.hosts.label} "
        f"(checked now, for some seconds). This gateway answers all the same if it doesn't know the Helicone key: "
        f"make a new one in the dashboard of the right account; the key here is one of {region}"
    )
