"""The workbench: what is common to all screens, and how it starts and ends.

In: an open workspace and the settings. Out: an exit code. It holds the counters, the chat that is open, the notices and
the walls; what a screen shows and does is the screen's own. It calls `core.workspace` and nothing deeper.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, work
from textual.binding import Binding, BindingType
from textual.filter import LineFilter, Monochrome, NoColor
from textual.worker import Worker, WorkerState, get_current_worker

from core.language import N_, _
from core.problem import Problem
from core.safe_text import SafeText, shown_in_line
from core.workspace.counting import LONG, SHORT, Counting
from tui.commands import Command
from tui.lines import said
from tui.places import PLACES
from tui.screens.keys import KeysDialog
from tui.second_wall import SecondWall
from tui.themes import SINSONTE
from tui.typed import OneByOne
from tui.work import Work, Works, name_of

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.timer import Timer

    from core.settings import Settings
    from core.workspace.opening import Workspace
    from core.workspace.recipe import Counters
    from tui.screens.place import PlaceScreen

# Seconds after which a thread that counts gives way to a key. With Python's own 5 ms, each of the ten statements of SQLite
# that a key may cost waited so long for the thread that counts: 60 ms a key.
GIVE_WAY: float = 0.0005
SETTLE: float = 0.06  # seconds without another change before all is counted: a key that is held down is not held up
# Seconds after the last count until its memory is given back, 50 MB at a million messages: a key that follows at once
# would pay 10 ms for having it again.
REST: float = 2.0
POLL: float = 0.5  # seconds between two looks at whether another process changed the workspace
TAKE_IN: float = 5.0  # seconds between two looks at what the runs under way have told


class Workbench(OneByOne, inherit_bindings=False):
    """The application."""

    TITLE = "sinsonte"
    ENABLE_COMMAND_PALETTE = False  # ours is in tui/screens/palette.py: no blinking, no spinner, safe text
    MODES = {place.name: place.screen for place in PLACES}  # noqa: RUF012 - Textual's declaration
    CSS = """
    Screen { background: $background; }
    .dialog { align: center middle; background: $background 70%; }
    .dialog > Vertical {
        width: 76; max-width: 94%; height: auto; max-height: 90%;
        padding: 1 2; background: $background; border: round $border;
    }
    .dialog.tall > Vertical { height: 80%; }
    .dialog.wide > Vertical { width: 110; }
    Plain { height: auto; }
    Input { margin: 1 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(place.key, f"go('{place.name}')", place.title, id=f"go.{place.name}", show=False)
            for place in PLACES
        ),
        Binding("question_mark", "keys", N_("keys"), id="app.keys"),
        Binding("ctrl+p,colon", "palette", N_("commands"), id="app.palette", priority=False),
        Binding("q,ctrl+q", "quit", N_("quit"), id="app.quit"),
        Binding("ctrl+z", "suspend", N_("suspend"), id="app.suspend", show=False),
        Binding("ctrl+c", "how_to_quit", N_("how to quit"), id="app.how_to_quit", show=False),
    ]

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        super().__init__()
        self.workspace = workspace
        self.settings = settings
        self.counting = Counting(workspace)
        self.counters: Counters | None = None
        self.saved_counters: Counters | None = None  # of the last save: what changes are measured against
        self.open_chat: int | None = None
        self.works = Works(self)
        self.wanted_message: str | None = None  # the message to go to when its chat is shown
        self.crashed = ""  # the line to leave in the terminal
        self._wall = SecondWall()
        self._no_colour = NoColor()
        self._seen: object = None
        self._left_uncounted: object = self
        self._resting: Timer | None = None
        self.register_theme(SINSONTE)
        self.theme = self._first_theme(settings.theme)
        # Frames of an animation are wasted on a wire; nothing of ours moves, but Textual's own widgets do.
        if os.environ.get("SSH_TTY") and "TEXTUAL_ANIMATIONS" not in os.environ:
            self.animation_level = "none"

    def _first_theme(self, wanted: str) -> str:
        if self.no_color and not wanted.startswith("ansi"):
            return "ansi-dark"  # only there can colour be left out altogether
        return wanted if wanted in self.available_themes else SINSONTE.name

    def get_driver_class(self) -> type[Driver]:
        found = super().get_driver_class()
        from textual.drivers.linux_driver import LinuxDriver

        if found is LinuxDriver:
            from tui.thrift import ThriftyDriver

            return ThriftyDriver
        return found

    def get_line_filters(self) -> Sequence[LineFilter]:
        # With NO_COLOR Textual's own makes greys of colours, which are colours, and ends the workbench at a piece of text
        # without any style.
        filters = [one for one in super().get_line_filters() if not isinstance(one, Monochrome)]
        return [*filters, self._no_colour, self._wall] if self.no_color else [*filters, self._wall]

    def on_mount(self) -> None:
        self._listen_for_the_end()  # before the first paint: whoever sees the workbench may end it
        self.set_keymap(self.settings.keys)
        self.switch_mode(PLACES[0].name)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.look_for_changes()
        self.set_interval(POLL, self.look_for_changes)
        self.set_interval(TAKE_IN, self.take_in_runs)

    def _listen_for_the_end(self) -> None:
        # A hang-up or a polite kill ends as `q` does: nothing is half-written, and the terminal is given back.
        if self.is_headless:
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, lambda code=128 + number: self.exit(code, return_code=code))

    # What screens call

    @property
    def place(self) -> PlaceScreen | None:
        """The screen beneath any dialog."""
        from tui.screens.place import PlaceScreen

        return next((one for one in reversed(self.screen_stack) if isinstance(one, PlaceScreen)), None)

    def say(self, text: SafeText, severity: str = "information") -> None:
        """Show a notice of one line."""
        if (place := self.place) is not None:
            place.say(shown_in_line(text), severity)

    def say_problem(self, problem: Problem) -> None:
        """Show what went wrong and what to do next."""
        self.say(shown_in_line(str(problem)), "error")

    def notify(self, message: str, **_options: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Textual's own notices take the same way: one line, no markup, no timer."""
        self.say(shown_in_line(message), str(_options.get("severity", "information")))

    def show_chat(self, chat: int) -> None:
        """Open the messages of a chat."""
        self.open_chat = chat
        self.switch_mode("messages")

    def show_message(self, chat: int, message: str) -> None:
        """Open a message (by its stable id, as a check's finding has it) in its conversation, from any screen.

        `core.workspace.conversations.place_of` tells the chat of a message whose id is all that one has.
        """
        self.wanted_message = message
        self.open_chat = chat
        if self.current_mode != "messages":
            self.switch_mode("messages")
        elif (place := self.place) is not None:
            place.workspace_changed()

    def talk_to(self, *models: str) -> None:
        """Open a new talk with a model, or with two side by side."""
        from tui.screens.talk.screen import TalkScreen

        def begin() -> None:
            if isinstance(place := self.place, TalkScreen):
                place.open_talk(None, models=[*models])

        self.switch_mode("talk")
        self.call_after_refresh(begin)

    def look_for_changes(self) -> None:
        """Ask whether anything changed, here or in another process; 7 µs when nothing did."""
        if not self.is_running:
            return  # until the last moment of the workbench the clock ticks, also while its screens lose their parts
        from core.workspace import changes

        self.counting.wait_for(LONG if self.current_mode == "recipe" else SHORT)
        try:
            seen = changes.version(self.workspace)
        except Problem as problem:
            self.say_problem(problem)
            return
        if seen != self._seen:
            self._seen = seen
            self.count_again()
            if (place := self.place) is not None and place.is_mounted:
                place.workspace_changed()

    @work(thread=True, exclusive=True, group="counters", name="counters", exit_on_error=False)
    def count_again(self) -> None:
        """Bring the counters up to date: an estimate at once, the exact figures when they are there."""
        from core.workspace import chats

        worker: Worker[Any] = get_current_worker()

        try:
            last = self.counters
            if last is not None and last.exact and self.counting.is_cold() and not self._are_known():
                # They hold no more, and it takes a while until there are others.
                self.call_from_thread(self._take_counters, replace(last, exact=False, train=None, validation=None))
            now = self._first_counters()
            self.call_from_thread(self._take_counters, now)
            if not now.examples:
                return
            self.call_from_thread(self._take_counters, now, self._saved_counters())
            time.sleep(SETTLE)
            if not worker.is_cancelled and self._left_uncounted != self._seen:
                self._count_all(now, worker)
        except chats.Cancelled:
            return  # another change, or the end of the workbench, made this count useless
        except Problem as problem:
            if not worker.is_cancelled:
                self.call_from_thread(self.say_problem, problem)

    def _first_counters(self) -> Counters:
        """The counters of now; how far the reading of many messages is, where that has to come first."""
        from core.workspace import chats

        with self.works.aside("counters", SafeText(_("reading the messages"))) as work:
            try:
                return self.counting.counters(work.progress)
            except chats.Cancelled:
                # By esc: another change does not stop the reading, or a quick hand would let it come to no end.
                self._left_uncounted = self._seen
                self.call_from_thread(self.say, SafeText(_("Counting was stopped: ≈ marks what is an estimate.")))
                raise

    def _are_known(self) -> bool:
        from core.workspace import recipe

        return recipe.known_counters(self.workspace) is not None

    def _count_all(self, now: Counters, worker: Worker[Any]) -> None:
        """Count exactly, of the working recipe and of the last save; who stops it keeps the estimates."""
        from core.workspace import chats

        with self.works.aside("counters", SafeText(_("counting all tokens"))) as work:

            def progress(done: int, total: int) -> None:
                if worker.is_cancelled:
                    raise chats.Cancelled
                work.progress(done, total)

            try:
                if not now.exact:
                    now = self.counting.exact_counters(progress)
                    self.call_from_thread(self._take_counters, now)
                if self.current_mode == "recipe":
                    saved = self._saved_counters(exactly=True, progress=progress)
                    self.call_from_thread(self._take_counters, now, saved)
            except chats.Cancelled:
                if not work.stopped or worker.is_cancelled:
                    raise
                self._left_uncounted = self._seen  # until something changes: a look at another screen begins no count
                self.call_from_thread(self.say, SafeText(_("Counting was stopped: ≈ marks what is an estimate.")))

    @work(thread=True, exclusive=True, group="take in", name="take in runs", exit_on_error=False)
    def take_in_runs(self) -> None:
        """Take the events of runs under way into the store, on whatever screen one is."""
        from core.workspace import runs

        try:
            runs.take_in(self.workspace)
        except Problem as problem:
            self.call_from_thread(self.say_problem, problem)

    def _saved_counters(
        self, *, exactly: bool = False, progress: Callable[[int, int], None] | None = None
    ) -> Counters | None:
        try:
            if exactly and progress is not None:
                return self.counting.exact_saved_counters(progress)
            return self.counting.saved_counters()
        except Problem:
            return None  # the persona of then is not there any more: there is nothing to compare with

    def _take_counters(self, counters: Counters, saved: Counters | None = None) -> None:
        self.counters = counters
        self.saved_counters = saved or self.saved_counters
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST, self._give_back)
        # One that is not there yet takes them when it is.
        if (place := self.place) is not None and place.is_mounted:
            place.take_counters(counters)

    def _give_back(self) -> None:
        from core.workspace import memory

        memory.give_back(self.workspace)

    def show_work(self, work: Work | None) -> None:
        """Show how far long work is, on whatever screen one is."""
        if (place := self.place) is not None and place.is_mounted:
            place.show_work(work)

    # Acts

    def action_stop_work(self) -> None:
        self.works.stop()

    def action_go(self, name: str) -> None:
        if self.current_mode != name:
            self.switch_mode(name)
        elif self.place is not self.screen_stack[0]:
            self.screen.dismiss()  # a screen that stands on its place, as the people on the chats, leads back to it

    def action_keys(self) -> None:
        from tui.keyboard import rows

        self.push_screen(KeysDialog(rows(self.screen)))

    def on_key(self, event: events.Key) -> None:
        """Explain the keys of a dialog too: our own bindings end at it. A field takes the sign, and it never comes here."""
        wanted = self.settings.keys.get("app.keys", "question_mark").split(",")
        pressed = event.key in wanted or event.character in wanted
        if pressed and self.screen.is_modal and not isinstance(self.screen, KeysDialog):
            event.prevent_default()  # or the dialog that is there by then would be left by the same key
            self.action_keys()

    def action_palette(self) -> None:
        from tui.screens.palette import PaletteDialog

        self.push_screen(PaletteDialog(list(self.commands())), self._run_command)

    async def _run_command(self, command: Command | None) -> None:
        if command is not None:
            await self.run_action(command.action, self.place)

    def action_how_to_quit(self) -> None:
        self.say(SafeText(_("q quits; nothing is lost.")))

    def action_suspend(self) -> None:
        """Give the terminal back to the shell until it says `fg`."""
        if has_shell():
            self.action_suspend_process()
        else:
            self.say(SafeText(_("No shell waits in this terminal that could bring Sinsonte back.")), "warning")

    async def action_quit(self) -> None:
        self.exit(0)

    def action_open_chat(self, chat: int) -> None:
        self.show_chat(chat)

    def action_colours(self, theme: str) -> None:
        from core.settings import change

        self.theme = theme
        try:
            change("theme", theme, self.settings.file)  # for the next start too
        except Problem as problem:
            self.say_problem(problem)

    def commands(self) -> Iterator[Command]:
        """What the palette offers here and now: the screen's acts first."""
        if (place := self.place) is not None:
            yield from place.commands()
        for place_ in PLACES:
            if place_.name != self.current_mode:
                yield Command(said(_("Go to: {place}"), place=_(place_.title)), f"app.go('{place_.name}')", place_.key)
        for theme in (SINSONTE.name, "ansi-dark", "ansi-light"):
            if theme != self.theme:
                yield Command(said(_("Colours: {theme}"), theme=theme), f"app.colours('{theme}')")
        if (under_way := self.works.first) is not None:
            yield Command(said(_("Stop: {work}"), work=name_of(under_way.name)), "app.stop_work")
        yield Command(SafeText(_("Show the keys")), "app.keys", "?")
        yield Command(SafeText(_("Quit")), "app.quit", "q")

    # Trouble

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What a worker did not foresee is logged and said; whoever works here goes on."""
        if event.state is not WorkerState.ERROR or event.worker.error is None:
            return
        from core.crash import report

        line = report(event.worker.error, self.workspace.folder / "logs")
        self.works.lost(event.worker)
        self.say(said(_("{work} ended: {line} All else goes on."), work=name_of(event.worker.name), line=line), "error")

    def _handle_exception(self, error: Exception) -> None:
        """End without a traceback: Textual's shows every local, so chats and keys, in the scrollback."""
        from core.crash import report

        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
            self.crashed = report(error, self.workspace.folder / "logs")
        self._close_messages_no_wait()

    def _fatal_error(self) -> None:
        error = sys.exc_info()[1]
        self._handle_exception(error if isinstance(error, Exception) else RuntimeError("unknown"))


def has_shell() -> bool:
    """Whether somebody waits who could continue what is stopped: a shell in our session that made us a job of its own.

    What `ssh host sinsonte` runs, or a multiplexer's window, would be stopped for ever.
    """
    if os.getpgrp() != os.getpid():
        return False  # others are in our job, and would not be stopped with us
    shell = os.getppid()
    try:
        return os.getsid(shell) == os.getsid(0) and os.getpgid(shell) != os.getpgrp()
    except OSError:
        return False


def run(workspace: Workspace, settings: Settings) -> int:
    """Open the workbench; returns when the person leaves it."""
    from core.workspace import memory

    sys.setswitchinterval(GIVE_WAY)
    memory.share()
    app = Workbench(workspace, settings)
    try:
        app.run()
    finally:
        app.counting.close()
    if app.crashed:
        sys.stderr.write(f"sinsonte: {shown_in_line(app.crashed)}\n")
    return app.return_code or 0
