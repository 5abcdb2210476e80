"""What the chat screen keeps beside a talk, by keys alone: its manner, corrections, history, files, real replies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.workspace import chats, corrections, transcripts
from core.workspace.opening import open_workspace
from tests.tui.hosts import until
from tests.tui.talking import (
    Slow,
    echo,
    quiet,
    reading,
    screen_of,
    talking,
    texts,
    type_in,
    with_server,
    workspace_of,
)
from tests.tui.talks import Chunk, answering, delta, with_endpoint


async def test_a_corrected_reply_is_kept_as_a_pair_for_the_next_training(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await type_in(pilot, "hola")
        await quiet(pilot)
        await reading(pilot, "e")
        await until(pilot, "⏎ keeps it as a correction")
        await type_in(pilot, "che, hola")
        text = await until(pilot, "Kept as a correction")
        assert "corrected" in text
        (row,) = corrections.listing(workspace_of(pilot))
        assert (row.model, row.rejected.strip(), row.chosen) == ("lab:m", "oí: hola", "che, hola")
        await type_in(pilot, "sigo")
        await quiet(pilot)
        assert texts(pilot) == ["hola", "che, hola", "sigo", "oí: sigo"]


async def test_presets_and_parameters_are_changed_in_the_panel_and_kept_with_the_talk(tmp_path: Path) -> None:
    seen: list[dict[str, object]] = []

    def listening(asked: dict[str, object]) -> Iterator[Chunk]:
        seen.append(asked)
        yield from echo(asked)

    async with with_server(tmp_path, listening) as pilot:
        await reading(pilot, "p")
        text = await until(pilot, "temperature")
        assert "Named manners" in text
        await pilot.press("home", "enter")
        text = await until(pilot, "whatsapp-smollm3")
        await pilot.press("down", "down", "enter")
        await until(pilot, "daring")
        await quiet(pilot)
        await pilot.press("home", "down", "down", "down", "enter")
        await until(pilot, "How daring the choice of words")
        await pilot.press("backspace", "backspace", "backspace", *"9", "enter")
        await until(pilot, "between 0 and 2")  # what does not fit is said, and the field stays
        await pilot.press("backspace", *"0,5", "enter")
        await quiet(pilot)
        await type_in(pilot, "hola")
        await quiet(pilot)
        assert (seen[0]["temperature"], seen[0]["top_p"]) == (0.5, 0.95)
        (row,) = transcripts.listing(workspace_of(pilot))
        assert row.manner["parameters"]["temperature"] == 0.5


async def test_a_system_prompt_of_the_seeds_is_what_the_model_hears_first(tmp_path: Path) -> None:
    seen: list[dict[str, object]] = []

    def listening(asked: dict[str, object]) -> Iterator[Chunk]:
        seen.append(asked)
        yield from echo(asked)

    async with with_server(tmp_path, listening) as pilot:
        await reading(pilot, "p")
        await pilot.press("home", "down", "enter")
        await until(pilot, "as the WhatsApp persona on Phi-3 was told")
        await pilot.press("down", "down", "down", "enter")
        await quiet(pilot)
        await type_in(pilot, "hola")
        await quiet(pilot)
        messages = seen[0]["messages"]
        assert isinstance(messages, list)
        assert messages[0]["role"] == "system"
        assert "imitando el estilo" in str(messages[0]["content"])  # pyright: ignore[reportUnknownArgumentType]


async def test_the_history_is_searched_and_a_talk_goes_on_where_it_was(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        for words in ("el gato duerme", "el tren va lento"):
            await type_in(pilot, words)
            await quiet(pilot)
            await reading(pilot, "n")
        await until(pilot, "Say something")
        await reading(pilot, "o")
        text = await until(pilot, "2 talks")
        assert "el gato duerme" in text
        await pilot.press(*"gato")
        text = await until(pilot, "2 messages found")
        assert "el tren va lento" not in text
        await pilot.press("enter")
        await until(pilot, "oí: el gato duerme")
        await type_in(pilot, "sigo")
        await quiet(pilot)
        assert texts(pilot) == ["el gato duerme", "oí: el gato duerme", "sigo", "oí: sigo"]


async def test_a_talk_is_written_to_a_file_put_among_the_chats_and_deleted(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await reading(pilot, "w")
        await until(pilot, "Nothing was said yet.")
        await type_in(pilot, "hola")
        await quiet(pilot)
        await reading(pilot, "w")
        await until(pilot, "Written:")  # a long path stands below
        assert "oí: hola" in (tmp_path / "w" / "transcripts" / "talk-1.md").read_text()
        screen_of(pilot).action_to_chats()
        await until(pilot, "among the chats (1)")
        assert [row.messages for row in chats.listing(workspace_of(pilot))] == [2]
        await reading(pilot, "D")
        await until(pilot, "Delete this talk")
        await pilot.press("escape")
        assert len(transcripts.listing(workspace_of(pilot))) == 1
        await reading(pilot, "D")
        await pilot.press("y")
        await until(pilot, "The talk is deleted.")
        assert transcripts.listing(workspace_of(pilot)) == []


async def test_a_message_is_copied_as_it_is_seen(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await type_in(pilot, "hola \x1b[2J")
        await quiet(pilot)
        await reading(pilot, "y")
        await until(pilot, "Copy this message of lab:m:")
        await pilot.press("enter")
        await until(pilot, "Sent to the terminal")
        assert pilot.app.clipboard.strip() == "oí: hola ␛[2J"


async def test_how_likely_each_token_was(tmp_path: Path) -> None:
    def with_chances(asked: dict[str, object]) -> Iterator[Chunk]:
        def token(text: str, chance: float) -> dict[str, object]:
            others = [{"token": "perro", "logprob": -1.5, "bytes": None}]
            return {"content": [{"token": text, "logprob": chance, "bytes": None, "top_logprobs": others}]}

        told = asked.get("logprobs")
        for text, chance in (("che", -0.01), (" gato", -2.0)):
            yield delta(text, logprobs=token(text, chance)) if told else delta(text)
        yield delta("", "stop")

    async with with_server(tmp_path, with_chances) as pilot:
        await type_in(pilot, "hola")
        await quiet(pilot)
        await reading(pilot, "t")
        await until(pilot, "Asked once more")
        await until(pilot, "‹ 2/2 ›")
        await quiet(pilot)
        await reading(pilot, "t")
        text = await until(pilot, "2 tokens")
        assert "“che”  99.0 %" in text
        await pilot.press("n")
        text = await until(pilot, "“ gato”  13.5 %")
        assert "22.3 %  “perro”" in text
        await pilot.press("escape")
        await until(pilot, "‹ 2/2 ›")


async def test_a_real_question_shows_the_real_reply_after_the_models_own(tmp_path: Path) -> None:
    from tests.tui.talks import with_dataset

    slow = Slow()
    with answering(slow) as base_url:
        workspace = open_workspace(tmp_path / "w", with_endpoint(base_url, tmp_path))
        with_dataset(workspace)
        async with talking(workspace) as pilot:
            screen_of(pilot).talk.set_models(["lab:m"])
            await reading(pilot, "v")
            text = await until(pilot, "¿Qué me cuentas del gato?")
            assert "Me aburrooo" in text
            assert "el gato duerme" not in text
            await pilot.press("enter")
            text = await until(pilot, "una palabra")
            assert "el gato duerme" not in text
            await pilot.press("escape")
            await until(pilot, "In the chat, Nico wrote:")
            text = await until(pilot, "che, el gato duerme")
            assert "‹" not in text  # it is no reply of the model's
            await quiet(pilot)
            slow.goes_on.set()


async def test_what_another_workbench_says_in_this_talk_is_seen_and_its_deletion_told(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await type_in(pilot, "hola")
        await quiet(pilot)
        with open_workspace(tmp_path / "w") as other:
            transcripts.ask_in(other, 1, "desde la otra terminal")
        await until(pilot, "desde la otra terminal")
        with open_workspace(tmp_path / "w") as other:
            transcripts.delete(other, 1)
        text = await until(pilot, "no longer there")
        assert "A new talk" in text
        await type_in(pilot, "sigo")
        await quiet(pilot)
        assert texts(pilot) == ["sigo", "oí: sigo"]
