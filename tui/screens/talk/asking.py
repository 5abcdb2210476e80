"""What the chat screen asks a person for: a model, a preset, a system prompt, the value of a parameter, a prompt.

In: the screen. Out: the talk, changed. Each opens a dialog and gives what was chosen to the talk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from core.language import _
from core.problem import Problem
from core.safe_text import SafeText, shown
from tui.lines import NOTHING, said
from tui.screens.ask import AskDialog
from tui.screens.choose import Choice, ChooseDialog
from tui.screens.talk.parameters import LABELS

if TYPE_CHECKING:
    from core.workspace.conversing import Terms
    from core.workspace.prompts import HeldOut
    from core.workspace.talking import SpeakerRow
    from tui.screens.talk.screen import TalkScreen

_SHOWN = 1500  # characters of a prompt in its dialog


# ── who speaks ──────────────────────────────────────────────────────────────────────────────────────────────────


def ask_for_model(screen: TalkScreen, lane: int) -> None:
    """Who is to speak on this lane."""
    from core.workspace import talking

    talk = screen.talk
    try:
        rows = talking.speakers(screen.workbench.workspace, priced=False)
    except Problem as problem:
        screen.workbench.say_problem(problem)
        return
    names: list[str | None] = [row.name for row in rows]
    choices = [Choice(said("{name}", name=row.name), _detail(row, priced=False)) for row in rows]
    if lane and len(talk.models) > 1:
        choices.insert(0, Choice(SafeText(_("nobody: one model alone"))))
        names.insert(0, "")
    names.append(None)
    hint = SafeText(_("PROFILE:ID of an endpoint, or a folder. ollama, vllm, llamacpp and lmstudio are found here."))
    choices.append(Choice(SafeText(_("another one, by its name")), hint))
    now = talk.models[lane] if lane < len(talk.models) else ""
    question = _("Who is to speak beside {model}?") if lane else _("Who is to speak?")
    first = talk.models[0] if talk.models else ""
    dialog = ChooseDialog(said(question, model=first), choices, names.index(now) if now in names else 0)
    screen.app.push_screen(dialog, partial(_take_model, screen, lane, names))
    if any(row.kind == "remote" for row in rows):
        _look_up_prices(screen, dialog, names)


def _look_up_prices(screen: TalkScreen, dialog: ChooseDialog, names: Sequence[str | None]) -> None:
    """Say what each costs once it is known: the first price that is looked up takes half a second."""
    from core.workspace import talking

    def look() -> None:
        try:
            rows = talking.speakers(screen.workbench.workspace)
        except Problem:
            return  # who is to speak was listed already; what else is the matter is told when it is asked
        details = {row.name: _detail(row) for row in rows}
        told = {at: details[name] for at, name in enumerate(names) if name in details}
        screen.app.call_from_thread(dialog.take_details, told)

    screen.run_worker(look, thread=True, exclusive=True, group="prices", name="prices", exit_on_error=False)


def _detail(row: SpeakerRow, *, priced: bool = True) -> SafeText:
    """What it is, until when it answers, and what it costs."""
    kinds = {"adapter": _("tuned on {base}"), "base": _("a base"), "remote": _("remote: {base}")}
    lines = [said(kinds.get(row.kind, "{base}"), base=row.base)]
    if row.ends:
        lines.append(said("{ends}", ends=row.ends))
    if row.price is not None and not row.price.free:
        words = _("{input} in, {output} out for a million tokens ({currency}); {said}")
        price = row.price
        lines.append(said(words, input=price.input, output=price.output, currency=price.currency, said=price.said()))
    elif row.price is not None:
        lines.append(said("{said}", said=row.price.said()))
    elif row.kind == "remote":
        lines.append(SafeText(_("no price of it is known") if priced else _("looking up its price …")))
    return SafeText("\n".join(lines))


def _take_model(screen: TalkScreen, lane: int, names: Sequence[str | None], at: int | None) -> None:
    if at is None:
        return
    if (name := names[at]) is not None:
        _set_model(screen, lane, name)
        return
    from core.workspace import talking

    workspace = screen.workbench.workspace

    def known(typed: str) -> None:
        talking.speaker_named(workspace, typed.strip(), priced=False)

    screen.app.push_screen(
        AskDialog(
            SafeText(_("The name: PROFILE:ID of an endpoint of the settings, or the folder of a model.")), take=known
        ),
        lambda typed: _set_model(screen, lane, typed.strip()) if typed else None,
    )


def _set_model(screen: TalkScreen, lane: int, name: str) -> None:
    models = list(screen.talk.models)
    models[lane : lane + 1] = [name] if name else []
    talk = screen.talk
    screen.do(lambda: talk.set_models(models))


# ── how ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def ask_for_parameter(screen: TalkScreen, name: str) -> None:
    """Another value of one line of the panel."""
    terms = screen.talk.terms
    if name == "paced":
        set_terms(screen, replace(terms, paced=not terms.paced))
    elif name == "preset":
        _ask_for_preset(screen)
    elif name == "system":
        _ask_for_system(screen)
    else:
        _ask_for_value(screen, name)


def set_terms(screen: TalkScreen, terms: Terms) -> None:
    """Go on in this manner."""
    talk = screen.talk
    screen.do(lambda: talk.set_terms(terms))


def _ask_for_preset(screen: TalkScreen) -> None:
    from core.workspace.talking import PRESETS

    def told(values: dict[str, Any]) -> str:
        return ", ".join(f"{_(LABELS[name])} {value:g}" for name, value in values.items() if name != "stop")

    choices = [
        Choice(SafeText(one.name), SafeText(f"{_(one.meaning)}\n{told(one.manner.to_dict())}")) for one in PRESETS
    ]
    names = [one.name for one in PRESETS]
    terms = screen.talk.terms

    def take(at: int | None) -> None:
        if at is not None:
            set_terms(screen, replace(terms, manner=PRESETS[at].manner, preset=names[at]))

    at = names.index(terms.preset) if terms.preset in names else 0
    screen.app.push_screen(ChooseDialog(SafeText(_("How is it to answer?")), choices, at), take)


def _ask_for_system(screen: TalkScreen) -> None:
    from core.workspace import prompts, talking

    terms, models = screen.talk.terms, screen.talk.models
    try:
        own = talking.speaker_named(screen.workbench.workspace, models[0], priced=False).system if models else ""
        known = prompts.system_prompts(screen.workbench.workspace)
    except Problem as problem:
        screen.workbench.say_problem(problem)
        return
    values: list[str | None] = [None, "", *(words for _what, words in known)]
    choices = [
        Choice(SafeText(_("the model's own")), shown(own or _("It has none, or nobody knows it."), limit=_SHOWN)),
        Choice(SafeText(_("none"))),
        *(Choice(SafeText(_(what)), shown(words, limit=_SHOWN)) for what, words in known),
        Choice(SafeText(_("another one"))),
    ]

    def write(typed: str | None) -> None:
        if typed is not None:
            set_terms(screen, replace(terms, system=typed))

    def take(at: int | None) -> None:
        if at is None:
            return
        if at < len(values):
            set_terms(screen, replace(terms, system=values[at]))
        else:
            now = own if terms.system is None else terms.system
            screen.app.push_screen(AskDialog(SafeText(_("What is the model told before anything else?")), now), write)

    screen.app.push_screen(ChooseDialog(SafeText(_("What is the model told first?")), choices), take)


def _ask_for_value(screen: TalkScreen, name: str) -> None:
    from core.workspace.talking import PARAMETERS

    terms = screen.talk.terms
    now: Any = getattr(terms.manner, name)
    texts = PARAMETERS[name].sort == "texts"
    shown_now = " | ".join(one.replace("\n", "\\n") for one in now) if texts else "" if now is None else f"{now:g}"

    def values(typed: str) -> dict[str, Any]:
        if texts:
            return {name: [one.strip(" ").replace("\\n", "\n") for one in typed.split("|") if one.strip(" ")]}
        return {name: typed.strip().replace(",", ".")}

    def take(typed: str | None) -> None:
        if typed is not None:
            set_terms(screen, replace(terms, manner=terms.manner.changed(values(typed)), preset=""))

    hint = _("Several are set apart by |.") if texts else _("Empty leaves it to the server.")
    question = said("{name}\n\n", name=_(LABELS[name])).replace("␤", "\n") + _(PARAMETERS[name].help) + " " + hint
    screen.app.push_screen(
        AskDialog(SafeText(question), shown_now, lambda typed: terms.manner.changed(values(typed))), take
    )


# ── what is asked ───────────────────────────────────────────────────────────────────────────────────────────────


def ask_for_prompt(screen: TalkScreen) -> None:
    """A question of the validation set, or one of those that everybody asks."""
    from core.workspace import prompts

    models = screen.talk.models
    try:
        found = prompts.held_out(screen.workbench.workspace, models[0] if models else "")
    except Problem as problem:
        screen.workbench.say_problem(problem)
        return
    choices = [Choice(said("{asked}", asked=one.asked), _context(one)) for one in found]
    tests = SafeText(_("One of the questions that the WhatsApp persona was tried with."))
    choices += [Choice(SafeText(words), tests) for words in prompts.TEST_PROMPTS]

    def take(at: int | None) -> None:
        if at is None:
            return
        if at < len(found):
            screen.ask_held_out(found[at])
        else:
            screen.send(prompts.TEST_PROMPTS[at - len(found)])

    question = _("What to ask? The real reply is shown after the model's own.") if found else _("What to ask?")
    screen.app.push_screen(ChooseDialog(SafeText(question), choices), take)


def _context(one: HeldOut) -> SafeText:
    before = one.turns[:-1]
    if not before:
        return SafeText(_("A question without anything before it."))
    lines = [f"{one.name if role == 'assistant' else '—'}: {' '.join(text.split())}" for role, text in before]
    return shown("\n".join(lines), limit=_SHOWN) if lines else NOTHING
