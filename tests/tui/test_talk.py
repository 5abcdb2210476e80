"""Each act of the chat screen, by keys alone: with a real tiny model behind the real server, and with servers that fail."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.chatting import serving
from core.workspace import chats, corrections, transcripts
from core.workspace.opening import Workspace, open_workspace
from tests import tiny
from tests.tui.hosts import screen_text, until, workspace_with
from tests.tui.talks import Chunk, answering, delta, tuned_workspace, with_endpoint
from tui.app import Workbench
from tui.screens.talk.composer import Composer
from tui.screens.talk.screen import TalkScreen

Reply = Callable[[dict[str, object]], Iterator[Chunk]]
TALL = (80, 40)


@asynccontextmanager
async def talking(workspace: Workspace, size: tuple[int, int] = TALL) -> AsyncIterator[Pilot[int]]:
    """The chat screen, open."""
    app = Workbench(workspace, workspace.settings)
    try:
        async with app.run_test(size=size) as pilot:
            await pilot.press("7")
            await until(pilot, "A new talk")
            yield pilot
    finally:
        workspace.close()


def screen_of(pilot: Pilot[int]) -> TalkScreen:
    found = pilot.app.screen_stack[0]
    assert isinstance(found, TalkScreen)
    return found


def workspace_of(pilot: Pilot[int]) -> Workspace:
    return screen_of(pilot).workbench.workspace


async def type_in(pilot: Pilot[int], text: str) -> None:
    """Put words in the field, as pasting does, and send them."""
    field = screen_of(pilot).query_one(Composer)
    field.focus()
    field.take(text)
    await pilot.press("enter")


async def quiet(pilot: Pilot[int], seconds: int = 30) -> str:
    """Wait until no reply is coming and everything is kept; returns the screen."""
    screen = screen_of(pilot)
    for _turn in range(seconds * 50):
        await pilot.pause(0.02)
        if not screen.talk.answers and not screen._busy and not screen._keeping:  # pyright: ignore[reportPrivateUsage]
            await pilot.pause(0.05)
            return screen_text(pilot.app)
    raise AssertionError(f"a reply goes on for ever:\n{screen_text(pilot.app)}")


async def reading(pilot: Pilot[int], *keys: str) -> None:
    """Press keys as one who reads."""
    screen_of(pilot).view(0).focus()
    await pilot.pause()
    await pilot.press(*keys)
    await pilot.pause()


@asynccontextmanager
async def with_server(tmp_path: Path, reply: Reply, size: tuple[int, int] = TALL) -> AsyncIterator[Pilot[int]]:
    """The chat screen with a model “lab:m” that answers so."""
    with answering(reply) as base_url:
        workspace_with(tmp_path / "w").close()
        workspace = open_workspace(tmp_path / "w", with_endpoint(base_url, tmp_path))
        async with talking(workspace, size) as pilot:
            screen_of(pilot).talk.set_models(["lab:m"])
            screen_of(pilot).show_talk()
            yield pilot


def last_of(asked: dict[str, object]) -> str:
    messages = asked["messages"]
    assert isinstance(messages, list)
    return str(messages[-1]["content"])  # pyright: ignore[reportUnknownArgumentType]


def echo(asked: dict[str, object]) -> Iterator[Chunk]:
    """Says again what was said last."""
    for index in range(int(str(asked.get("n") or 1))):
        for word in f"oí: {last_of(asked)}{index or ''}".split(" "):
            yield delta(word + " ", index=index)
        yield delta("", "stop", index)
    yield {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}


def texts(pilot: Pilot[int]) -> list[str]:
    return [one.text.strip() for one in screen_of(pilot).talk.way(0)]


async def test_what_is_said_is_answered_and_kept(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await until(pilot, "Say something to lab:m.")
        await type_in(pilot, "¿qué tal?")
        await until(pilot, "oí: ¿qué tal?")
        await quiet(pilot)
        text = screen_text(pilot.app)
        assert "4 tokens" in text
        assert pilot.app.screen.query_one(Composer).text == ""
        workspace = workspace_of(pilot)
        (row,) = transcripts.listing(workspace)
        assert row.title == "¿qué tal?"
        said = list(transcripts.tree(workspace, row.id).by_id.values())
        assert [(one.role, one.text.strip(), one.finish) for one in said] == [
            ("user", "¿qué tal?", ""),
            ("assistant", "oí: ¿qué tal?", "stop"),
        ]
        assert (said[1].prompt_tokens, said[1].reply_tokens) == (9, 4)


async def test_a_newline_by_ctrl_j_or_a_backslash_and_enter_sends(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await pilot.press(*"uno", "ctrl+j", *"dos", "backslash", "enter", *"tres")
        assert pilot.app.screen.query_one(Composer).text == "uno\ndos\ntres"
        await pilot.press("enter")
        await quiet(pilot)
        assert texts(pilot)[0] == "uno\ndos\ntres"


async def test_another_reply_stands_beside_the_first_and_one_can_go_back(tmp_path: Path) -> None:
    count = iter(range(9))

    def counting(_asked: dict[str, object]) -> Iterator[Chunk]:
        yield delta(f"respuesta {next(count)}")
        yield delta("", "stop")

    async with with_server(tmp_path, counting) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "respuesta 0")
        await quiet(pilot)
        await reading(pilot, "r")
        text = await until(pilot, "respuesta 1")
        assert "respuesta 0" not in text
        await quiet(pilot)
        await reading(pilot, "left")
        text = await until(pilot, "‹ 1/2 ›")
        assert "respuesta 0" in text
        # What is said now goes on from the reply that is shown.
        await type_in(pilot, "sigo")
        await until(pilot, "respuesta 2")
        await quiet(pilot)
        assert texts(pilot) == ["hola", "respuesta 0", "sigo", "respuesta 2"]


async def test_three_more_at_once_each_a_reply_of_its_own(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await type_in(pilot, "hola")
        await quiet(pilot)
        await reading(pilot, "a")
        await quiet(pilot)
        await until(pilot, "‹ 2/4 ›")
        await reading(pilot, "right", "right")
        await until(pilot, "oí: hola2")


async def test_an_edited_question_is_a_branch_and_the_first_wording_stays(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await type_in(pilot, "¿vienes?")
        await quiet(pilot)
        await reading(pilot, "home", "e")
        await until(pilot, "⏎ asks this in its place")
        assert screen_of(pilot).query_one(Composer).text == "¿vienes?"
        await type_in(pilot, "¿venís mañana?")
        await until(pilot, "oí: ¿venís mañana?")
        await quiet(pilot)
        await reading(pilot, "home", "left")
        await until(pilot, "oí: ¿vienes?")
        assert len(screen_of(pilot).talk.tree) == 4


async def test_a_message_taller_than_the_screen_is_read_page_by_page(tmp_path: Path) -> None:
    def long(_asked: dict[str, object]) -> Iterator[Chunk]:
        for number in range(300):
            yield delta(f"línea {number}.\n")
        yield delta("fin", "stop")

    async with with_server(tmp_path, long, (80, 24)) as pilot:
        await type_in(pilot, "hola")
        text = await until(pilot, "fin")
        await quiet(pilot)
        assert "línea 0." not in text
        await reading(pilot, "pageup")
        text = screen_text(pilot.app)
        assert "┃ fin" not in text
        await reading(pilot, "home")
        text = await until(pilot, "línea 0.")
        assert "hola" in text
        seen = -1
        for _page in range(60):
            numbers = [int(line.split("línea ")[1].split(".")[0]) for line in text.splitlines() if "línea " in line]
            assert not numbers or numbers[0] <= seen + 1, "no line is passed over"
            seen = max([seen, *numbers])
            if "┃ fin" in text:
                break
            await pilot.press("pagedown")
            await pilot.pause()
            text = screen_text(pilot.app)
        assert seen == 299


async def test_esc_leaves_an_edit_and_nothing_has_changed(tmp_path: Path) -> None:
    async with with_server(tmp_path, echo) as pilot:
        await type_in(pilot, "hola")
        await quiet(pilot)
        await reading(pilot, "home", "e", "escape")
        await quiet(pilot)
        assert screen_of(pilot).query_one(Composer).text == ""
        assert len(screen_of(pilot).talk.tree) == 2


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


class Slow:
    """Says a word, then waits until it is let go on; knows whether its reader went away."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.left = threading.Event()

    def __call__(self, _asked: dict[str, object]) -> Iterator[Chunk]:
        try:
            yield delta("una palabra ")
            self.goes_on.wait(20)
            for _word in range(10_000):
                yield delta("y otra ")
        except GeneratorExit:
            self.left.set()
            raise
        self.left.set()


async def test_esc_stops_at_once_and_what_had_come_is_kept_and_marked(tmp_path: Path) -> None:
    slow = Slow()
    async with with_server(tmp_path, slow) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "una palabra")
        await pilot.press("escape")
        text = await until(pilot, "The reply was stopped.")
        assert "c goes on" in text
        await quiet(pilot)
        slow.goes_on.set()
        (row,) = transcripts.listing(workspace_of(pilot))
        said = list(transcripts.tree(workspace_of(pilot), row.id).by_id.values())[-1]
        assert (said.text, said.finish, said.cut_off) == ("una palabra ", "", True)


async def test_a_second_question_waits_for_the_first_reply(tmp_path: Path) -> None:
    slow = Slow()
    async with with_server(tmp_path, slow) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "una palabra")
        await type_in(pilot, "otra")
        await until(pilot, "A reply is still coming")
        assert screen_of(pilot).query_one(Composer).text == "otra"
        await pilot.press("escape")
        await quiet(pilot)
        slow.goes_on.set()


def breaking(how: Chunk) -> Reply:
    """The first reply breaks in the middle, the later ones are whole."""
    count = iter(range(9))

    def reply(asked: dict[str, object]) -> Iterator[Chunk]:
        if next(count) == 0:
            yield delta("che, el ga")
            yield how
        elif last_of(asked) == "che, el ga":
            yield delta("to está lindo")
        else:
            yield delta("de nuevo, entera")
        yield delta("", "stop")

    return reply


@pytest.mark.parametrize("how", [None, b"data: {not json\n\n", b"data: [1]\n\n"], ids=["broken", "not json", "a list"])
async def test_a_stream_that_breaks_keeps_what_came_and_one_key_goes_on(tmp_path: Path, how: Chunk) -> None:
    async with with_server(tmp_path, breaking(how)) as pilot:
        await type_in(pilot, "hola")
        text = await until(pilot, "c goes on, r asks again")
        assert "che, el ga" in text
        await quiet(pilot)
        await reading(pilot, "c")
        text = await until(pilot, "che, el gato está lindo")
        text = await quiet(pilot)
        assert "⚠" not in text
        assert texts(pilot) == ["hola", "che, el gato está lindo"]


async def test_a_broken_reply_can_be_asked_for_again_and_both_stay(tmp_path: Path) -> None:
    async with with_server(tmp_path, breaking(None)) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "c goes on")
        await quiet(pilot)
        await reading(pilot, "r")
        await until(pilot, "de nuevo, entera")
        await quiet(pilot)
        await until(pilot, "‹ 2/2 ›")


async def test_a_server_that_is_not_there_is_told_and_can_be_asked_again(tmp_path: Path) -> None:
    with answering(echo) as base_url:
        pass  # gone again: nothing listens there now
    workspace = open_workspace(tmp_path / "w", with_endpoint(base_url, tmp_path))
    async with talking(workspace) as pilot:
        screen_of(pilot).talk.set_models(["lab:m"])
        await type_in(pilot, "hola")
        text = await until(pilot, "c asks again")
        assert "⚠" in text
        assert "127.0.0.1" in text
        await quiet(pilot)
        assert texts(pilot) == ["hola", ""]


async def test_two_models_hear_the_same_and_stand_side_by_side_or_one_above_the_other(tmp_path: Path) -> None:
    def naming(asked: dict[str, object]) -> Iterator[Chunk]:
        yield delta(f"soy {asked['model']}, oí {last_of(asked)}")
        yield delta("", "stop")

    async with with_server(tmp_path, naming, (120, 30)) as pilot:
        screen_of(pilot).talk.set_models(["lab:uno", "lab:dos"])
        screen_of(pilot).show_talk()
        await type_in(pilot, "hola")
        text = await until(pilot, "soy dos, oí hola")
        assert any("soy uno" in line and "soy dos" in line for line in text.splitlines())
        await quiet(pilot)
        await pilot.resize_terminal(80, 30)
        text = await until(pilot, "soy dos, oí hola")
        assert not any("soy uno" in line and "soy dos" in line for line in text.splitlines())
        await type_in(pilot, "chau")
        await until(pilot, "soy dos, oí chau")
        await quiet(pilot)
        first, second = (len(screen_of(pilot).talk.way(lane)) for lane in (0, 1))
        assert first == second == 4
        # What is said otherwise is said otherwise to both.
        await reading(pilot, "home", "e")
        await type_in(pilot, "buenas")
        await until(pilot, "soy dos, oí buenas")
        await quiet(pilot)
        ways = [[one.text for one in screen_of(pilot).talk.way(lane)] for lane in (0, 1)]
        assert ways == [["buenas", "soy uno, oí buenas"], ["buenas", "soy dos, oí buenas"]]
        # The second one leaves: the first goes on alone.
        await reading(pilot, "b", "home", "enter")
        await quiet(pilot)
        assert screen_of(pilot).talk.models == ("lab:uno",)


async def test_bubbles_come_apart_at_the_separator_at_the_pace_of_the_chats(tmp_path: Path) -> None:
    from core.workspace.pacing import Pace

    def bubbling(_asked: dict[str, object]) -> Iterator[Chunk]:
        for piece in ("che<|ms", "g_sep|>el gato", "<|msg_sep|>re lindo"):
            yield delta(piece)
        yield delta("", "stop")

    async with with_server(tmp_path, bubbling) as pilot:
        from core.workspace import recipe

        recipe.change(workspace_of(pilot), {"separator": "<|msg_sep|>"})
        screen_of(pilot)._live.pace = Pace((0.3,))  # pyright: ignore[reportPrivateUsage]
        await type_in(pilot, "hola")
        text = await until(pilot, "┃ che")
        assert "re lindo" not in text
        assert "┃ …" in text
        text = await until(pilot, "┃ re lindo")
        assert "msg_sep" not in text
        assert "┃ …" not in text
        screen = screen_of(pilot)
        await reading(pilot, "p")
        await pilot.press("home", "down", "down", "enter")
        await quiet(pilot)
        assert not screen.talk.terms.paced


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
        await until(pilot, "Written: ")
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


async def test_the_workbench_ends_in_mid_answer_and_the_answer_is_kept(tmp_path: Path) -> None:
    slow = Slow()
    async with with_server(tmp_path, slow) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "una palabra")
    slow.goes_on.set()
    with open_workspace(tmp_path / "w") as workspace:
        (row,) = transcripts.listing(workspace)
        said = list(transcripts.tree(workspace, row.id).by_id.values())[-1]
        assert (said.text, said.cut_off) == ("una palabra ", True)
    assert slow.left.wait(10), "the server was left"


@pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine
async def test_base_and_tuned_side_by_side_from_the_real_server_which_dies_in_mid_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.workspace.models.mini_folder", lambda: tiny.tuned().base)
    workspace = tuned_workspace(tmp_path / "w")
    folder = workspace.folder / "server"
    try:
        async with talking(workspace, (120, 40)) as pilot:
            screen = screen_of(pilot)
            assert screen.talk.models == ("rita",)
            screen.talk.set_models(["mini", "rita"])
            screen.talk.terms.manner = screen.talk.terms.manner.changed({"temperature": 0, "max_tokens": 40})
            screen.show_talk()
            await type_in(pilot, "¿Qué me cuentas del gato?")
            await quiet(pilot, 200)
            base, tuned = (screen.talk.way(lane)[-1] for lane in (0, 1))
            assert (base.model, tuned.model) == ("mini", "rita")
            assert "che" in tuned.text
            assert base.text != tuned.text
            assert tuned.reply_tokens > 1
            assert tuned.first_token is not None
            (server,) = serving.find_all(folder)
            # A reply that would go on for long, and its server is killed.
            screen.talk.terms.manner = screen.talk.terms.manner.changed(
                {"temperature": 2, "top_p": 1, "max_tokens": 400, "repetition_penalty": 0.1}
            )
            os.kill(server.process.pid, signal.SIGSTOP)
            await type_in(pilot, "¿Y del tren?")
            for _turn in range(500):
                await pilot.pause(0.02)
                if screen.talk.answers:
                    break
            os.kill(server.process.pid, signal.SIGKILL)
            await until(pilot, "⚠", 100)
            await quiet(pilot, 100)
            assert all(screen.talk.way(lane)[-1].cut_off for lane in (0, 1))
            # Asked again, a new server is started.
            await reading(pilot, "end", "c")
            await quiet(pilot, 200)
            assert serving.find_all(folder)
    finally:
        serving.stop_servers(folder)


@pytest.mark.parametrize("leave", [False, True], ids=["esc", "quit"])
async def test_a_model_that_takes_its_time_to_open_can_be_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leave: bool
) -> None:
    import sys

    from core.training.backends import local

    monkeypatch.setattr(local, "command", lambda *_words: [sys.executable, "-c", "import time; time.sleep(100)"])
    monkeypatch.setattr("core.workspace.models.mini_folder", lambda: tmp_path)
    (tmp_path / "model.safetensors").touch()
    workspace = workspace_with(tmp_path / "w")
    async with talking(workspace) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "opening the model")
        while not (found := list((workspace.folder / "server").rglob("server.json"))):
            await pilot.pause(0.02)
        assert found
        if not leave:
            await pilot.press("escape")
            await quiet(pilot)
            assert texts(pilot) == ["hola"]
    assert not list((tmp_path / "w" / "server").rglob("server.json")), "the server that never answered is gone"


def test_the_terminal_process_never_imports_torch() -> None:
    import subprocess
    import sys

    program = "import sys, tui.screens.talk.screen, core.workspace.conversing; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
