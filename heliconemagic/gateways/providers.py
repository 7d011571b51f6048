"""The providers known by name: their hosts, the variable of their key, a default model, their name in price lists."""

from __future__ import annotations

from dataclasses import dataclass

OPENAI_VARIABLE = "OPENAI_API_KEY"
HELICONE_VARIABLE = "HELICONE_API_KEY"
AZURE_VARIABLE = "AZURE_OPENAI_API_KEY"


@dataclass(frozen=True, slots=True)
class Provider:
    """A company that serves models."""

    id: str  # as Helicone's AI gateway spells it after the slash of `model/provider`
    host: str = ""  # its API's, subdomains included
    key_variable: str = ""
    default_model: str = ""
    other_price_id: str = ""  # in genai-prices, where it is not `id`

    @property
    def price_id(self) -> str:
        """Its name in genai-prices, if it is there at all."""
        return self.other_price_id or self.id


PROVIDERS = (
    Provider("openai", "api.openai.com", OPENAI_VARIABLE, "gpt-4o-mini"),
    Provider("azure", "openai.azure.com", AZURE_VARIABLE),
    Provider("anthropic", "api.anthropic.com", "ANTHROPIC_API_KEY"),
    Provider("groq", "api.groq.com", "GROQ_API_KEY"),
    Provider("openrouter", "openrouter.ai", "OPENROUTER_API_KEY"),
    Provider("google-ai-studio", "generativelanguage.googleapis.com", "GEMINI_API_KEY", other_price_id="google"),
    Provider("mistral", "api.mistral.ai", "MISTRAL_API_KEY"),
    Provider("together", "api.together.xyz", "TOGETHER_API_KEY"),
    Provider("deepseek", "api.deepseek.com", "DEEPSEEK_API_KEY"),
    Provider("xai", "api.x.ai", "XAI_API_KEY", other_price_id="x-ai"),
    Provider("fireworks", "api.fireworks.ai", "FIREWORKS_API_KEY"),
    Provider("perplexity", "api.perplexity.ai", "PERPLEXITY_API_KEY"),
    Provider("cohere", "api.cohere.ai", "COHERE_API_KEY"),
    Provider("cerebras", "api.cerebras.ai", "CEREBRAS_API_KEY"),
    Provider("deepinfra", "api.deepinfra.com", "DEEPINFRA_API_KEY"),
    Provider("novita", "api.novita.ai", "NOVITA_API_KEY"),
    Provider("nebius", "api.studio.nebius.com", "NEBIUS_API_KEY", other_price_id="huggingface_nebius"),
    Provider("baseten", "inference.baseten.co", "BASETEN_API_KEY"),
    Provider("bedrock", other_price_id="aws"),
    Provider("vertex", other_price_id="google"),
    Provider("chutes"),
    Provider("canopywave"),
    Provider("crusoe"),
    Provider("helicone"),
)

KEY_VARIABLES = (
    OPENAI_VARIABLE,
    HELICONE_VARIABLE,
    *sorted({provider.key_variable for provider in PROVIDERS} - {"", OPENAI_VARIABLE}),
)

_BY_ID = {provider.id: provider for provider in PROVIDERS}


def find_provider(name: str) -> Provider | None:
    """The provider that Helicone's AI gateway calls ``name``."""
    return _BY_ID.get(name.lower())


def find_provider_of_host(host: str) -> Provider | None:
    """The provider whose API answers at ``host``."""
    return next(
        (provider for provider in PROVIDERS if provider.host and f".{host}".endswith(f".{provider.host}")), None
    )
