"""The faults of the systems that this one grew from, each in a whole build from messages to examples."""

from __future__ import annotations

from core.chat import Chat, Example, Kind, Message, Role, Side
from core.dataset.examples import Build
from core.dataset.leaks import leaks
from core.dataset.material import material_of
from core.dataset.recipe import Recipe, preset
from tests.dataset.chats import notebook, talk


def said_in(examples: list[Example]) -> str:
    return "\n".join(line.text for example in examples for line in example.lines if line.role is not Role.SYSTEM)


def with_noise() -> list[Message]:
    """What a reader that knew no kinds would have passed on as text."""
    noise = (
        "Messages and calls are end-to-end encrypted. No one outside of this chat can read them.",
        "Los mensajes y las llamadas están cifrados de extremo a extremo.",
        "imagen omitida", "\u200esticker omitido", "<Multimedia omitido>", "You deleted this message", "null",
        "Se eliminó este mensaje.", "Llamada de voz perdida",
    )  # fmt: skip
    messages: list[Message] = []
    for n, text in enumerate(noise):
        messages.append(Message("Beto", 200 * n, Kind.TEXT, text))
        messages.append(Message("Beto", 200 * n + 10, Kind.TEXT, f"pregunta {n} \u200e<Se editó este mensaje.>"))
        messages.append(Message("Ana", 200 * n + 60, Kind.TEXT, f"respuesta {n} <This message was edited>"))
    return messages


def test_no_notice_of_an_app_is_ever_learnt() -> None:
    material = material_of([(Chat("c", "whatsapp"), with_noise())])
    for recipe in (Recipe(persona="Ana"), preset("whatsapp").changed({"persona": "Ana", "min_reply_chars": 0})):
        told = said_in(list(Build(material, recipe.changed({"validation": 0}))))
        for trace in (
            "cifrad",
            "encrypt",
            "omitid",
            "editó",
            "edited",
            "eliminó",
            "deleted",
            "null",
            "perdida",
            "\u200e",
        ):
            assert trace not in told, trace
        assert "pregunta 3" in told
        assert "respuesta 8" in told


def test_normalising_on_request_does_not_let_a_notice_through() -> None:
    recipe = Recipe(
        persona="Ana", lower_case=True, fold_accents=True, squeeze_spaces=True, strip_emoji=True, validation=0.0
    )
    told = said_in(list(Build(material_of([(Chat("c", "whatsapp"), with_noise())]), recipe)))
    assert "encrypt" not in told
    assert "edit" not in told


def test_emoji_capitals_and_brackets_of_a_style_survive_every_preset() -> None:
    style = "(jaja) ¡¡NO PUEDO!! 😂🙏🏽 :) #finde @beto"
    for name in ("whatsapp", "csv", "course"):
        recipe = preset(name).changed({"persona": "Ana", "validation": 0})
        made = list(Build(material_of([talk(("Beto", 0, "Viste?"), ("Ana", 1, style))]), recipe))
        assert made[-1].lines[-1].text == style


def test_the_buffer_that_is_asked_for_is_the_buffer_that_is_used() -> None:
    sizes: list[int] = []
    for size in (0, 1, 2, 3, 4):
        recipe = preset("csv").changed({"persona": "AI", "validation": 0, "buffer_size": size})
        sizes.append(max(len(example.lines) for example in Build(notebook(), recipe)))
    assert sizes == [1, 2, 4, 6, 8]


def test_a_copy_of_what_was_trained_is_not_what_it_is_validated_on() -> None:
    lines: list[tuple[str, int, str]] = []
    for day in range(30):
        minute = day * 1440
        lines += [("Beto", minute, "hola!"), ("Ana", minute + 1, "Hola, ¿cómo va?")]
        lines += [("Beto", minute + 2, f"lo de ayer {day}"), ("Ana", minute + 3, f"sí, {day} veces")]
    for split in ("time", "random"):
        made = list(Build(material_of([talk(*lines)]), Recipe(persona="Ana", validation=0.2, split=split)))
        assert any(example.side is Side.VALIDATION for example in made)
        assert leaks(made) == []
