"""Which gateway is chosen and why, how its keys go out, and what is refused before anything is sent."""

from __future__ import annotations

import pytest

from heliconemagic.errors import CredentialError, HeliconeMagicError, InputError, UnknownModelError
from heliconemagic.gateways.choice import (
    DEMO_MODELS,
    build_credentials,
    build_gateway,
    build_request_url,
    build_session_url,
    check_model,
    choose_gateway,
    describe_secret_headers,
)
from heliconemagic.gateways.failures import Refusal, suggest_model
from heliconemagic.gateways.keys import find_keys
from heliconemagic.redaction import Redactor, Secret

OPENAI = {"OPENAI_API_KEY": "sk-fake-openai-key"}
HELICONE = {"HELICONE_API_KEY": "sk-helicone-fakefak-efakefa-kefakef-akefake"}
EU = {"HELICONE_API_KEY": "sk-helicone-eu-fakefak-efakefa-kefakef-akefake"}
GROQ = {"GROQ_API_KEY": "gsk_fakefake"}
AZURE = {
    "AZURE_OPENAI_API_KEY": "fake-azure-key",
    "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/",
    "AZURE_OPENAI_DEPLOYMENT": "my deployment",
    "OPENAI_API_VERSION": "2024-10-21",
    "AZURE_OPENAI_MODEL": "gpt-4o",
}


def choose(spec=None, environ=None, *, is_attended=True):
    """A choice with the keys that are in ``environ`` and nowhere else."""
    environ = environ or {}
    keys = find_keys(environ, folder=None, keyring=None)
    return choose_gateway(spec, keys, is_attended=is_attended, environ=environ)


def send(spec, environ):
    """The bearer and the headers with keys that go out."""
    gateway = choose(spec, environ).gateway
    credentials = build_credentials(gateway, find_keys(environ, folder=None, keyring=None))
    return credentials.api_key.reveal(), credentials.reveal_headers()


# ---- choosing


@pytest.mark.parametrize(
    ("environ", "label", "reason"),
    [
        (OPENAI | HELICONE, "oai", "both keys are set"),
        (HELICONE, "helicone", "only HELICONE_API_KEY is set"),
        (OPENAI, "direct", "only OPENAI_API_KEY is set"),
        ({}, "demo", "no key is set"),
    ],
)
def test_keys_at_hand_choose_the_gateway(environ, label, reason):
    """The rule of choice, with its reason in words."""
    choice = choose(None, environ)
    assert (choice.gateway.label, choice.reason) == (label, reason)


def test_what_is_not_logged_is_said():
    """Going to OpenAI directly leaves nothing at Helicone."""
    assert choose(None, OPENAI).notes == ("not logged at Helicone",)
    assert choose(None, OPENAI | HELICONE).notes == ()
    assert "not a language model" in choose().notes[0]


def test_demo_is_never_chosen_where_nobody_sits():
    """A script that has no key fails, and is told of `--gateway demo`."""
    with pytest.raises(CredentialError, match="--gateway demo"):
        choose(is_attended=False)
    assert choose("demo", is_attended=False).gateway.answers_in_process


@pytest.mark.parametrize(
    ("spec", "environ", "named"),
    [
        ("oai", OPENAI, "HELICONE_API_KEY is not set"),
        ("oai", HELICONE, "OPENAI_API_KEY is not set"),
        ("direct", {}, "OPENAI_API_KEY is not set"),
        ("target:https://api.groq.com/openai/v1", OPENAI | HELICONE, "GROQ_API_KEY is not set"),
        ("http://localhost:8585", OPENAI, "HELICONE_API_KEY is not set"),
        (
            None,
            OPENAI | {"HELICONE_API_KEY": "your-key-here"},
            "HELICONE_API_KEY (from the environment) is a placeholder",
        ),
        ("direct:http://localhost:8000/v1", {"OPENAI_API_KEY": HELICONE["HELICONE_API_KEY"]}, "holds a Helicone key"),
    ],
)
def test_missing_or_misshapen_key_is_named(spec, environ, named):
    """Nothing is sent; the error names the variable and `login`, and shows nothing of a key."""
    with pytest.raises(CredentialError) as caught:
        choose(spec, environ)
    assert named in str(caught.value)
    assert "%helicone_session login" in str(caught.value)
    assert not any(value in str(caught.value) for value in environ.values())


# ---- what goes out


def test_oai_sends_the_provider_key_as_bearer_and_helicones_beside_it():
    """As in Helicone's own examples."""
    bearer, headers = send("oai", OPENAI | HELICONE)
    assert bearer == OPENAI["OPENAI_API_KEY"]
    assert headers == {"Helicone-Auth": f"Bearer {HELICONE['HELICONE_API_KEY']}"}


def test_ai_gateway_sends_helicones_key_as_bearer():
    """No provider key goes there."""
    assert send("helicone", OPENAI | HELICONE) == (HELICONE["HELICONE_API_KEY"], {})


@pytest.mark.parametrize("spec", ["direct", "direct:http://localhost:8000/v1", "ollama", "lmstudio", "demo"])
def test_no_helicone_key_or_header_leaves_for_elsewhere(spec):
    """Whoever isn't Helicone gets nothing of Helicone's."""
    gateway = choose(spec, OPENAI | HELICONE).gateway
    bearer, headers = send(spec, OPENAI | HELICONE)
    assert HELICONE["HELICONE_API_KEY"] not in {bearer, *headers.values()}
    assert headers == gateway.extra_headers == gateway.secret_headers == {}
    assert not gateway.is_helicone


def test_other_providers_get_their_own_key():
    """OpenAI's key is OpenAI's: Groq gets Groq's, through Helicone or directly."""
    environ = OPENAI | HELICONE | GROQ
    assert send("target:https://api.groq.com/openai/v1", environ)[0] == GROQ["GROQ_API_KEY"]
    assert send("direct:https://api.groq.com/openai/v1", environ)[0] == GROQ["GROQ_API_KEY"]
    with pytest.raises(CredentialError, match="GROQ_API_KEY"):
        send("direct:https://API.GROQ.COM./openai/v1", OPENAI)


def test_server_without_keys_gets_a_placeholder():
    """The openai client insists on a key; the server doesn't look."""
    assert send("direct:http://localhost:8000/v1", {}) == ("no-key-needed", {})
    assert send("direct:http://localhost:8000/v1", OPENAI)[0] == OPENAI["OPENAI_API_KEY"]


def test_target_names_the_origin_and_keeps_the_path():
    """Helicone uses only the origin, so the path stands in the base URL."""
    gateway = build_gateway("target:https://api.groq.com/openai/v1/", {})
    assert gateway.base_url == "https://gateway.helicone.ai/openai/v1"
    assert gateway.extra_headers == {"Helicone-Target-URL": "https://api.groq.com"}


def test_azure_is_built_from_its_standard_variables():
    """Deployment in the URL, version in the query, endpoint and model in headers."""
    gateway = choose("azure", AZURE | HELICONE).gateway
    assert gateway.base_url == "https://oai.helicone.ai/openai/deployments/my%20deployment"
    assert gateway.query == {"api-version": "2024-10-21"}
    assert gateway.extra_headers == {
        "Helicone-OpenAI-Api-Base": "https://mine.openai.azure.com",
        "Helicone-Model-Override": "gpt-4o",
    }
    assert send("azure", AZURE | HELICONE)[1]["api-key"] == "fake-azure-key"


def test_azure_names_the_variables_it_misses():
    """All of them at once."""
    with pytest.raises(InputError, match="AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_DEPLOYMENT, OPENAI_API_VERSION"):
        choose("azure", HELICONE)


@pytest.mark.parametrize("spec", ["oai", "helicone", "azure", "http://localhost:8585", "demo"])
def test_secret_headers_are_described_by_their_variables(spec):
    """The description and what is sent come from one template."""
    environ = OPENAI | HELICONE | AZURE
    described = describe_secret_headers(choose(spec, environ).gateway)
    assert {name: form.format_map(environ) for name, form in described.items()} == send(spec, environ)[1]
    assert not any(environ["HELICONE_API_KEY"] in form for form in described.values())


def test_credentials_hand_their_bare_keys_to_redaction():
    """A server echoes the key, not the header's whole value."""
    keys = find_keys(OPENAI | HELICONE, folder=None, keyring=None)
    credentials = build_credentials(build_gateway("oai", {}), keys)
    assert credentials.secrets == (Secret(OPENAI["OPENAI_API_KEY"]), Secret(HELICONE["HELICONE_API_KEY"]))
    assert build_credentials(build_gateway("demo", {}), keys).secrets == ()
    assert "fake" not in repr(credentials)


def test_keys_of_a_gateway_are_named_for_a_sentence():
    """What `doctor` and the errors call them."""
    assert build_gateway("oai", {}).key_names == "OPENAI_API_KEY and HELICONE_API_KEY"
    assert build_gateway("demo", {}).key_names == "no key"


# ---- URLs


@pytest.mark.parametrize(
    ("spec", "base_url"),
    [
        ("http://helicone.lan:8585", "http://helicone.lan:8585/v1/gateway/oai/v1"),
        ("http://helicone.lan:8585/", "http://helicone.lan:8585/v1/gateway/oai/v1"),
        ("https://Helicone.Lan/custom/v1/", "https://helicone.lan/custom/v1"),
        ("http://[::1]:8585", "http://[::1]:8585/v1/gateway/oai/v1"),
    ],
)
def test_url_is_a_self_hosted_helicone(spec, base_url):
    """The path is added where there is none; REST and dashboard are on the same host."""
    gateway = choose(spec, OPENAI | HELICONE).gateway
    assert (gateway.base_url, gateway.is_helicone) == (base_url, True)
    assert base_url.startswith(gateway.rest_url)
    assert gateway.dashboard_url.endswith(":3000")


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ("https://ai-gateway.helicone.ai/v1", "helicone"),
        ("https://oai.helicone.ai/v1", "oai"),
        ("https://oai.hconeai.com/v1", "oai"),
        ("https://oai.helicone.ai/openai/deployments/x", "azure"),
        ("OAI", "oai"),
    ],
)
def test_helicones_own_hosts_are_their_presets(spec, label):
    """Typed as URLs they get the same keys, dashboards and checks."""
    assert build_gateway(spec, AZURE).label == label


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("https://api.openai.com/v1", "direct:https://api.openai.com/v1"),
        ("https://api.anthropic.com/v1", "direct:https://api.anthropic.com/v1"),
        ("https://openrouter.ai/api/v1", "target:https://openrouter.ai/api/v1"),
        ("https://mine.openai.azure.com/", "direct:https://mine.openai.azure.com"),
        ("direct:https://oai.helicone.ai/v1", "--gateway oai"),
        ("target:https://ai-gateway.helicone.ai/v1", "--gateway helicone"),
        ("https://gateway.helicone.ai/v1", "target:URL"),
        ("ftp://helicone.lan", "https://HOST/v1"),
        ("http://", "https://HOST/v1"),
        ("http://host:port/v1", "https://HOST:PORT/v1"),
        ("https://helicone.lan/v1?key=hidden-value", "type https://helicone.lan/v1"),
        ("https://helicone.lan/v1#hidden-value", "type https://helicone.lan/v1"),
        ("https://user:hidden-value@helicone.lan:81/v1", "type https://helicone.lan:81/v1,"),
        ("direct:https://hidden-value@helicone.lan/v1", "type https://helicone.lan/v1,"),
        ("direct:localhost:8000", "https://HOST/v1"),
        ("http://a b", "https://HOST/v1"),
        ("http://a\nb", "https://HOST/v1"),
        ("localhost:8585", "http://HOST:8585"),
        ("helicon", "did you mean 'helicone'?"),
        ("olama", "did you mean 'ollama'?"),
        ("target", "target:https://api.groq.com/openai/v1"),
        ("targt:https://x.y", "did you mean 'target'?"),
        ("zzz", "type one of oai, helicone, target:URL"),
        ("sk-hidden-value-typed-by-mistake", "type one of"),
    ],
)
def test_what_is_no_gateway_is_refused_with_what_to_type(spec, hint):
    """The hint names the right form, and no secret of the URL is repeated."""
    with pytest.raises(InputError) as caught:
        build_gateway(spec, {})
    assert hint in (caught.value.hint or "")
    assert "hidden-value" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        ("", "http://localhost:11434/v1"),
        ("0.0.0.0", "http://localhost:11434/v1"),
        (":8080", "http://localhost:8080/v1"),
        ("gpu.lan", "http://gpu.lan:11434/v1"),
        ("gpu.lan:99", "http://gpu.lan:99/v1"),
        ("https://gpu.lan", "https://gpu.lan/v1"),
    ],
)
def test_ollama_host_is_honoured(host, base_url):
    """As Ollama itself reads the variable."""
    assert build_gateway("ollama", {"OLLAMA_HOST": host}).base_url == base_url


def test_unencrypted_way_of_a_key_is_said():
    """http to another machine lets everyone on the way read the key."""
    assert "unencrypted" in build_gateway("direct:http://gpu.lan/v1", {}).note
    assert "unencrypted" not in build_gateway("direct:http://127.0.0.1:1/v1", {}).note


@pytest.mark.parametrize(
    ("spec", "key", "dashboard", "rest"),
    [
        ("oai", HELICONE, "https://us.helicone.ai", "https://api.helicone.ai"),
        ("oai", EU, "https://eu.helicone.ai", "https://eu.api.helicone.ai"),
        ("helicone", EU, "https://eu.helicone.ai", "https://eu.api.helicone.ai"),
        ("http://h.lan:8585", EU, "http://h.lan:3000", "http://h.lan:8585"),
        ("direct", EU, None, None),
    ],
)
def test_key_of_the_eu_changes_only_dashboard_and_rest(spec, key, dashboard, rest):
    """The gateway's hosts route by the key."""
    gateway = choose(spec, OPENAI | key).gateway
    assert (gateway.dashboard_url, gateway.rest_url) == (dashboard, rest)
    assert gateway.base_url == build_gateway(spec, {}).base_url


def test_links_quote_everything():
    """A slash or a blank in a name must not become part of the path."""
    gateway = build_gateway("oai", {})
    assert build_session_url(gateway, "A/B c", "id/1") == "https://us.helicone.ai/sessions/A%2FB%20c/id%2F1"
    assert build_request_url(gateway, "a&b") == "https://us.helicone.ai/requests?requestId=a%26b"
    assert build_session_url(build_gateway("demo", {}), "A", "1") is None
    assert build_request_url(build_gateway("direct", {}), "1") is None


# ---- models


@pytest.mark.parametrize(
    ("model", "mended"),
    [
        ("openai/gpt-4o-mini", "gpt-4o-mini/openai"),
        ("claude-sonnet-4/anthropic, openai/gpt-4o", "claude-sonnet-4/anthropic,gpt-4o/openai"),
        ("OpenAI/gpt-4o", "gpt-4o/OpenAI"),
    ],
)
def test_reversed_model_is_refused_by_the_ai_gateway_only(model, mended):
    """There it is `model/provider`; elsewhere a slash is part of the name."""
    with pytest.raises(UnknownModelError, match=f"did you mean '{mended}'"):
        check_model(build_gateway("helicone", {}), model)
    assert check_model(build_gateway("direct:https://openrouter.ai/api/v1", {}), model) == model


@pytest.mark.parametrize(
    "model", ["gpt-4o-mini", "gpt-4o/azure/my-deployment", "gpt-4o,!openai", "anything/new-provider"]
)
def test_models_in_the_right_order_pass(model):
    """What isn't known to be wrong is Helicone's to judge."""
    assert check_model(build_gateway("helicone", {}), model) == model


def test_demo_knows_its_models():
    """Nothing is substituted: another model's name is refused, a misspelt one mended."""
    demo = build_gateway("demo", {})
    assert [check_model(demo, model) for model in DEMO_MODELS] == list(DEMO_MODELS)
    with pytest.raises(UnknownModelError, match="did you mean 'demo-slow'"):
        check_model(demo, "demo-slw")
    with pytest.raises(UnknownModelError, match="leave -m out"):
        check_model(demo, "gpt-4o")


@pytest.mark.parametrize("spec", ["lmstudio", "direct:https://api.groq.com/openai/v1"])
def test_gateway_without_a_default_model_asks_for_one(spec):
    """What is loaded or offered there cannot be guessed."""
    gateway = build_gateway(spec, {})
    with pytest.raises(InputError, match="-m MODEL"):
        check_model(gateway, gateway.default_model)


@pytest.mark.parametrize(
    "spec", ["oai", "helicone", "direct", "ollama", "demo", "http://h.lan", "direct:http://h.lan/v1"]
)
def test_other_gateways_have_a_default_model(spec):
    """The session line can name it."""
    gateway = build_gateway(spec, {})
    assert check_model(gateway, gateway.default_model)


def test_every_error_is_one_that_prints_short():
    """Nothing that is typed as a gateway leads to another kind of error."""
    for spec in (":", "://", "http:", "direct:", "target:", "http://[", "http://:80", "direct://x", "é", "http://é"):
        with pytest.raises(HeliconeMagicError):
            build_gateway(spec, {})


def test_a_model_is_not_suggested_instead_of_itself() -> None:
    """A gateway may list a model that it then says it doesn't have."""
    assert suggest_model("gpt-4.1-nano", ["gpt-4.1-nano"]) == ""
    assert suggest_model("gpt-4.1-nano", ["gpt-4.1-nano", "gpt-4.1-mini"]) == "did you mean 'gpt-4.1-mini'?  "


# ---- refusals


@pytest.mark.parametrize(
    ("body", "headers", "told", "hint"),
    [
        ("slow down", {"retry-after": "20"}, "asked too often", "run the cell again in 20 s, or"),
        (
            "slow down",
            {"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"},
            "asked too often",
            "again after Wed, 21 Oct 2099",
        ),
        ("slow down", {}, "asked too often", "wait a little"),
        ('{"error": {"code": "insufficient_quota"}}', {}, "nothing left to spend (429)", "add credit"),
    ],
)
def test_a_limit_says_what_helps(body, headers, told, hint):
    """Waiting, for as long as the server says; or, where the account is empty, no waiting at all."""
    refusal = Refusal(429, body, headers)
    error = refusal.explain(gateway="oai", model="m", key_variables="K", redactor=Redactor(()))
    assert told in error.message
    assert hint in error.hint
