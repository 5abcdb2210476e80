"""What lies at a provider: files, models, jobs, and what the account may still do.

In: a client. Out: `Thing`s, every page of them, whatever the server leaves out; and one deletion at a time. It decides
nothing about what may be deleted, and knows nothing of this workspace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from core.endpoints.answers import all_pages, count_in, object_of, table_in, text_in
from core.endpoints.failures import Failure, explained
from core.endpoints.profiles import Profile
from core.language import _
from core.problem import Misuse

if TYPE_CHECKING:
    import openai

What = Literal["files", "models", "jobs"]
KINDS: Final[tuple[What, ...]] = ("files", "models", "jobs")
_PROVIDERS: Final = frozenset({"openai", "openai-internal", "system", "library", "vllm", "azure"})


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing at the provider. A figure that the server does not give is 0, a text empty."""

    what: What
    id: str
    name: str = ""  # a file's name, a job's base
    size: int = 0
    created_at: int = 0
    owner: str = ""
    status: str = ""
    purpose: str = ""
    ends: str = ""  # a model's last day, as the server says it
    run: str = ""  # the run that a job was noted to belong to
    made: tuple[str, ...] = ()  # what a job uses and made: files and a model

    @property
    def ours(self) -> bool:
        """Whether it may be the account's own; a provider's own models are nobody's to delete."""
        return self.what != "models" or self.id.startswith("ft:") or ".ft-" in self.id or self.owner not in _PROVIDERS


def listed(client: openai.OpenAI, profile: Profile, what: What, mark: str = "") -> list[Thing]:
    """All things of a kind, the newest first. `mark` is the name of a job's note about its run."""
    match what:
        case "files":
            profile.need("files")
            found = all_pages(lambda after: client.files.with_raw_response.list(extra_query=after), profile)
            things = [_file(one) for one in found]
        case "models":
            found = all_pages(lambda after: client.models.with_raw_response.list(extra_query=after), profile)
            things = [_model(one) for one in found]
        case "jobs":
            profile.need("fine-tune")
            found = all_pages(lambda after: client.fine_tuning.jobs.with_raw_response.list(extra_query=after), profile)
            things = [_job(one, mark) for one in found]
    return sorted((one for one in things if one.id), key=lambda one: -one.created_at)


def limits(client: openai.OpenAI, profile: Profile) -> dict[str, Any] | None:
    """What the server says of its limits for fine-tuning, in whatever form; None where it does not say."""
    import httpx2

    try:
        with explained(profile):
            return object_of(client.get("/fine_tuning/model_limits", cast_to=httpx2.Response), profile)
    except Failure as failure:
        if failure.kind not in ("missing", "address", "broken", "not-json"):
            raise
    return None


def delete(client: openai.OpenAI, profile: Profile, thing: Thing) -> None:
    """Delete one thing; done is when the server says so."""
    match thing.what:
        case "files":
            profile.need("files")
            raw = client.files.with_raw_response.delete(thing.id)
        case "models":
            profile.need("delete-models")
            raw = client.models.with_raw_response.delete(thing.id)
        case "jobs":
            raise Misuse(
                _("the protocol deletes no jobs."),
                advice=_("One that still goes on can be cancelled: sinsonte train cancel RUN."),
            )
    if object_of(raw, profile).get("deleted") is not True:
        raise Failure(
            "refused",
            _("the server did not say that it deleted {id}.").format(id=thing.id),
            where=profile.name,
            advice=_("List again to see whether it is there."),
        )


def _file(told: dict[str, Any]) -> Thing:
    return Thing(
        "files", text_in(told, "id"), text_in(told, "filename"), count_in(told, "bytes"), count_in(told, "created_at"),
        status=text_in(told, "status"), purpose=text_in(told, "purpose"),
    )  # fmt: skip


def _model(told: dict[str, Any]) -> Thing:
    return Thing(
        "models", text_in(told, "id"), created_at=count_in(told, "created"), owner=text_in(told, "owned_by"),
        ends=text_in(told, "shutdown_date"),
    )  # fmt: skip


def _job(told: dict[str, Any], mark: str) -> Thing:
    results: Any = told.get("result_files")
    made = [text_in(told, key) for key in ("training_file", "validation_file", "fine_tuned_model")]
    made += [one for one in results if isinstance(one, str)] if isinstance(results, list) else []  # pyright: ignore[reportUnknownVariableType]
    return Thing(
        "jobs", text_in(told, "id"), text_in(told, "model"), created_at=count_in(told, "created_at"),
        owner=text_in(told, "organization_id"), status=text_in(told, "status"),
        run=text_in(table_in(told, "metadata"), mark) if mark else "", made=tuple(filter(None, made)),
    )  # fmt: skip
