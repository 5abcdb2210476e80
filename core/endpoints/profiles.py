"""What each kind of provider can do, how it wants to be asked, and what it refuses.

In: an endpoint of the settings. Out: a `Profile`. The figures are the providers' published ones; what an endpoint says
of itself in the settings (`abilities`, `training_type`, `lora`, `train_price`) wins over its kind's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from core.language import N_, _
from core.problem import Misuse
from core.settings import Endpoint, Settings

MIB: Final = 1 << 20
GIB: Final = 1 << 30

# What an endpoint can be able to do; the words stand in the settings.
ABILITIES: Final[Mapping[str, str]] = {
    "chat": N_("answers as a chat"),
    "completions": N_("answers to a bare prompt, the old way"),
    "fine-tune": N_("tunes models"),
    "dpo": N_("tunes by preferences"),
    "pause": N_("pauses jobs"),
    "checkpoints": N_("keeps checkpoints of jobs"),
    "files": N_("lists and deletes files"),
    "parts": N_("takes large files in parts"),
    "metadata": N_("keeps notes beside jobs"),
    "delete-models": N_("deletes tuned models"),
    "prompt-completion": N_("tunes on prompt and completion"),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """One endpoint with all that is known of its kind."""

    endpoint: Endpoint
    abilities: frozenset[str]
    file_limit: int  # bytes of one upload; above it a file goes in parts, where the provider takes parts
    part_size: int = 64 * MIB
    fewest_examples: int = 10
    suffix_limit: int = 64
    suffix_dots: bool = True
    bom: bool = False  # files begin with a byte order mark
    top_level_hyperparameters: bool = False  # the older form, beside `method` in the protocol's newer one
    absolute_rate: bool = False  # learning_rate_multiplier is the rate itself
    lora: bool | None = None  # said in the hyperparameters where it is not None
    training_type: str = ""
    price_source: str = ""  # for people: where its prices come from
    train_price: Decimal | None = None  # the settings' own, for a million tokens
    deploys: bool = True  # a tuned model answers at once; False: it must be deployed by other means first

    @property
    def name(self) -> str:
        """What the settings call it."""
        return self.endpoint.name

    @property
    def kind(self) -> str:
        """openai, azure, nebius or custom."""
        return self.endpoint.kind

    def can(self, ability: str) -> bool:
        """Whether the endpoint does this."""
        return ability in self.abilities

    def need(self, ability: str) -> None:
        """A Misuse if the endpoint cannot do this."""
        if ability not in self.abilities:
            raise Misuse(
                _("endpoint “{name}” does not do this: {ability}.").format(name=self.name, ability=ability),
                advice=_("It can: {abilities}. A setting says more: {key}.").format(
                    abilities=", ".join(sorted(self.abilities)) or "—", key=f"endpoints.{self.name}.abilities"
                ),
            )


_ALL: Final = frozenset(ABILITIES) - {"prompt-completion", "completions"}
_OPENAI_PRICES: Final = N_("the dated list of this program (`sinsonte prices`)")
_OWN_PRICES: Final = N_("your own price file, or train_price of the endpoint")


def profile_for(endpoint: Endpoint) -> Profile:
    """The profile of an endpoint."""
    where = f"[endpoints.{endpoint.name}]"
    own = _abilities(endpoint, where)
    price = _price(endpoint, where)
    match endpoint.kind:
        case "openai":
            return Profile(endpoint, own or _ALL, 512 * MIB, train_price=price, price_source=_(_OPENAI_PRICES))
        case "azure":
            return Profile(
                endpoint,
                own or _ALL - {"dpo", "delete-models"},
                512 * MIB,
                suffix_limit=18,
                suffix_dots=False,
                bom=True,
                training_type=endpoint.training_type or "Standard",
                train_price=price,
                price_source=_(_OWN_PRICES),
                deploys=False,
            )
        case "nebius":
            return Profile(
                endpoint,
                own or frozenset({"chat", "completions", "fine-tune", "checkpoints", "files"}),
                5 * GIB,
                top_level_hyperparameters=True,
                absolute_rate=True,
                lora=endpoint.lora != "no",
                train_price=price,
                price_source=_(_OWN_PRICES),
                deploys=False,
            )
        case _:
            # A server of somebody's own: asked for everything but parts and models' deletion, and believed when it
            # says no. The note beside a job is harmless where it is ignored.
            return Profile(
                endpoint,
                own or _ALL - {"parts"} | {"completions"},
                512 * MIB,
                fewest_examples=1,
                lora={"yes": True, "no": False}.get(endpoint.lora),
                training_type=endpoint.training_type,
                train_price=price,
                price_source=_(_OWN_PRICES),
            )


def profile_of(settings: Settings, name: str) -> Profile:
    """The profile of the endpoint that the settings call so."""
    endpoint = settings.endpoints.get(name)
    if endpoint is None:
        raise Misuse(
            _("there is no endpoint “{name}”.").format(name=name),
            advice=_("There are: {names}. One is added with: sinsonte config set endpoints.NAME.base_url URL").format(
                names=", ".join(sorted(settings.endpoints))
            ),
        )
    return profile_for(endpoint)


def is_remote(settings: Settings, model: str) -> bool:
    """Whether a model's name is PROFILE:ID with a profile of the settings."""
    head, mark, tail = model.partition(":")
    return bool(mark and tail) and head in settings.endpoints


def split_name(settings: Settings, model: str) -> tuple[Profile, str]:
    """The profile and the provider's own id of a remote model's name; an id may itself hold colons (`ft:…`)."""
    head, mark, tail = model.partition(":")
    if not mark or not tail:
        raise Misuse(
            _("“{model}” names no remote model.").format(model=model),
            advice=_("A remote model is written PROFILE:ID, for example openai:gpt-4.1-mini."),
        )
    return profile_of(settings, head), tail


def _abilities(endpoint: Endpoint, where: str) -> frozenset[str]:
    told = frozenset(one.strip() for one in endpoint.abilities.split(",") if one.strip())
    for one in sorted(told - set(ABILITIES)):
        raise Misuse(
            _("there is no ability “{name}”.").format(name=one),
            where=where,
            advice=_("Use one of: {known}.").format(known=", ".join(ABILITIES)),
        )
    return told


def _price(endpoint: Endpoint, where: str) -> Decimal | None:
    if not endpoint.train_price:
        return None
    try:
        price = Decimal(endpoint.train_price)
    except InvalidOperation:
        price = Decimal(-1)
    if not price.is_finite() or not 0 <= price < 1_000_000:
        raise Misuse(
            _('train_price must be an amount for a million tokens, such as "3.00".'),
            where=where,
        )
    return price
