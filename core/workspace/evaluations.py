"""The verbs about evaluations: a tuned model against its base, on the replies that were held out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from core.language import _, grouped
from core.problem import Problem
from core.workspace.opening import Workspace

_REPORT: Final = "report.json"
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class PerplexityReport:
    """Perplexity of base and tuned on the same held-out replies."""

    model: str
    base: str
    dataset: str
    base_pooled: float
    tuned_pooled: float
    base_by_conversation: float
    tuned_by_conversation: float
    base_bits_per_byte: float
    tuned_bits_per_byte: float
    less: float  # 0.4: 40 % less
    less_low: float
    less_high: float
    conversations: int
    replies: int
    tokens: int
    base_difference: float | None  # of the logits, adapter off against the clean base

    def as_json(self) -> dict[str, Any]:
        """The report for `--json`."""
        return asdict(self)

    def as_text(self) -> list[str]:
        """The report in words, with what each figure means."""
        proven = (
            _("the adapter turned off gives the clean base's logits (largest difference {figure:.1e})").format(
                figure=self.base_difference
            )
            if self.base_difference is not None
            else ""
        )
        return [
            _("   replies of {dataset}: {replies}, {tokens} tokens, {conversations} conversations").format(
                dataset=self.dataset,
                replies=grouped(self.replies),
                tokens=grouped(self.tokens),
                conversations=grouped(self.conversations),
            ),
            _("   perplexity on replies (pooled): base {base:.2f} → tuned {tuned:.2f}").format(
                base=self.base_pooled, tuned=self.tuned_pooled
            ),
            _("   {less:.0f} % less; 95 % of redrawn samples lie between {low:.0f} and {high:.0f} %").format(
                less=100 * self.less, low=100 * self.less_low, high=100 * self.less_high
            ),
            _("   bits per byte: base {base:.3f} → tuned {tuned:.3f}").format(
                base=self.base_bits_per_byte, tuned=self.tuned_bits_per_byte
            ),
            *([f"   {proven}"] if proven else []),
        ]


def perplexity(workspace: Workspace, model: str, progress: Progress | None = None) -> PerplexityReport:
    """Score the held-out replies of the model's own dataset under base and tuned."""
    from core import evaluating
    from core.dataset.export import writing
    from core.dataset.recipe import Recipe
    from core.training.process import write_whole
    from core.workspace import datasets, models

    row = models.named(workspace, model)
    if row.kind != models.ADAPTER or not row.dataset:
        raise Problem(
            _("model “{name}” cannot be measured: it has no adapter, or no dataset that holds replies out.").format(
                name=model
            ),
            advice=_("Measure one that was tuned on a dataset with method=lora."),
        )
    made = datasets.named(workspace, row.dataset)
    if not made.validation:
        raise Problem(
            _("dataset “{name}” holds no conversation out.").format(name=made.name),
            advice=_("Build one with validation above 0, and train on it."),
        )
    folder = workspace.folder / "evaluations" / model
    held_out = (one for one in datasets.as_examples(workspace, made.name) if one.side == "validation")
    written = writing.write(held_out, Recipe.from_dict(made.recipe), folder, "run", force=True)
    base = models.base_folder(workspace, row.base)

    def tell(event: Any) -> None:
        done, total = event.fields.get("done"), event.fields.get("total")
        if progress is not None and isinstance(done, int) and isinstance(total, int):
            progress(done, total, "")

    examples = next(one.path for one in written if one.side == "validation")
    try:
        scores = evaluating.score(folder, base, examples, row.folder, tell)
    finally:
        wipe_words(workspace, model)  # the dataset has them; a second copy would only have to be found again
    found = evaluating.difference(scores.examples)
    report = PerplexityReport(
        model=model,
        base=row.base,
        dataset=made.name,
        base_pooled=found.base.pooled,
        tuned_pooled=found.tuned.pooled,
        base_by_conversation=found.base.by_conversation,
        tuned_by_conversation=found.tuned.by_conversation,
        base_bits_per_byte=found.base.bits_per_byte,
        tuned_bits_per_byte=found.tuned.bits_per_byte,
        less=found.share,
        less_low=found.low,
        less_high=found.high,
        conversations=found.base.conversations,
        replies=found.base.examples,
        tokens=found.base.tokens,
        base_difference=scores.base_difference,
    )
    write_whole(folder / _REPORT, json.dumps(report.as_json(), ensure_ascii=False).encode())
    return report


def wipe_words(workspace: Workspace, model: str) -> None:
    """Take away the examples that a measurement was made on; its figures stay."""
    from core.workspace.traces import SIDES

    for side in SIDES:
        (workspace.folder / "evaluations" / model / side).unlink(missing_ok=True)


def last(workspace: Workspace, model: str) -> PerplexityReport | None:
    """The report that was made last for a model; None when there is none that can be read."""
    try:
        return PerplexityReport(**json.loads((workspace.folder / "evaluations" / model / _REPORT).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
