"""What the session line says of sessions at Helicone: ``find`` and ``pull``."""

from __future__ import annotations

from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.gateways.choice import build_session_page
from heliconemagic.helicone_api.questions import LISTED, MOST_SEARCHED_PAGES, PAGE, Found, Search
from heliconemagic.lines.options import SessionCommand
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.notebook.pulling import Pulled
from heliconemagic.render.figures import format_count
from heliconemagic.render.found_sessions import FoundSessions, build_found_bundle

Bundle = dict[str, Any]

DEFAULT_SINCE = 7 * 86400.0
"""Seconds."""


class ProductionLine:
    """The two verbs."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

    # ---- find

    def find(self, command: SessionCommand) -> Bundle:
        """The sessions at Helicone that fit."""
        ago = command.extras.get("since", DEFAULT_SINCE)
        search = self._build_search(command, ago)
        found, hosts = self._notebook.production.find(search, command.options.gateway)
        sessions = found.sessions
        return build_found_bundle(
            FoundSessions(
                head=format_count(len(sessions), "session") + f" at {hosts.label}",
                facts=(_describe_search(search, ago),),
                sessions=sessions,
                urls={
                    (one.id, one.name): build_session_page(hosts.dashboard_url, one.name, one.id) for one in sessions
                },
                lines=tuple(_describe_found(found, search)),
                counts_failures=search.is_about_requests,
            )
        )

    def _build_search(self, command: SessionCommand, ago: float) -> Search:
        now, extras = self._notebook.surroundings.clock(), command.extras
        return Search(
            begin=now - ago,
            end=now + 60.0,  # clocks differ
            name=extras.get("part", ""),
            user=command.options.user or "",
            properties=command.options.properties,
            is_failed=extras.get("is_failed", False),
        )

    # ---- pull

    def pull(self, command: SessionCommand) -> Bundle:
        """Brings a session into the journal, and shows it."""
        from heliconemagic.render.session import build_session_bundle

        if not command.arguments:
            raise InputError(
                "pull wants the id of a session, or the address of its page.",
                hint="`%helicone_session find` lists those at Helicone; type %helicone_session pull ID",
            )
        pulled = self._notebook.production.pull(
            command.arguments[0],
            name=command.extras.get("name"),
            with_bodies=not command.extras.get("is_bodiless", False),
            spec=command.options.gateway,
        )
        record = pulled.record
        url = build_session_page(pulled.hosts.dashboard_url, record.name, record.id)
        return build_session_bundle(record, pulled.steps, session_url=url, notes=tuple(_describe_pulled(pulled)))


def _describe_search(search: Search, ago: float) -> str:
    wanted = [f"name with {search.name!r}"] if search.name else []
    wanted += [f"user {search.user}"] if search.user else []
    wanted += [f"{name}={value}" for name, value in search.properties.items()]
    wanted += ["with a failed request"] if search.is_failed else []
    return ", ".join([_describe_ago(ago), *wanted])


def _describe_ago(seconds: float) -> str:
    """``last 7 days``, ``last 24 hours``, ``last 30 minutes``."""
    units = (("day", 86400.0, 2.0), ("hour", 3600.0, 1.0))
    for unit, size, least in units:
        count = round(seconds) / size
        if count >= least and count.is_integer():
            return f"last {format_count(int(count), unit)}"
    return f"last {format_count(round(seconds / 60), 'minute')}"


def _describe_found(found: Found, search: Search) -> list[str]:
    lines = []
    if not found.sessions:
        lines.append("nothing fits: look further back with --since 30d; an EU account's are found with its own key")
    elif search.is_about_requests:
        lines.append("requests, tokens and cost are of what fits, not of whole sessions")
    if not found.is_whole and search.is_about_requests:
        lines.append(f"only the newest {MOST_SEARCHED_PAGES * PAGE:,} requests that fit were looked at; narrow --since")
    elif not found.is_whole:
        lines.append(f"Helicone lists the newest {LISTED}: narrow it with --name or --since")
    if found.sessions:
        lines.append("%helicone_session pull ID brings one here")
    return lines


def _describe_pulled(pulled: Pulled) -> list[str]:
    """What came, what did not, and how to go on."""
    parts = [f"{pulled.new:,} new"] if pulled.new else []
    parts += [f"{pulled.updated:,} brought up to date"] if pulled.updated else []
    parts += [f"{pulled.unchanged:,} here already, with prompt and answer"] if pulled.unchanged else []
    parts += [f"{pulled.own:,} ran here and stay as they are"] if pulled.own else []
    lines = [f"from {pulled.hosts.label}: {', '.join(parts) or 'no answered request'}"]
    if pulled.bodiless:
        count = format_count(pulled.bodiless, "request")
        lines.append(
            f"{count} without prompt and answer: their bodies expired, or lie in a store not reached from here"
        )
    if pulled.under_way:
        lines.append(f"{format_count(pulled.under_way, 'request')} still without an answer: pull again for them")
    if not pulled.is_whole:
        lines.append("the session is longer than what is read of one")
    short = pulled.record.id[:8]
    return [*lines, f"go on: %helicone_session edit /path, or resume {short}; forget {short} deletes it here"]
