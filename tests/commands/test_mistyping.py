"""What a newcomer types wrong: each gets one line that says what, where and what to do next, in the chosen language."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import commands, language
from core.commands.printing import Progress
from core.workspace.opening import open_workspace
from tests.hostile import HOSTILE
from tests.workspace.conftest import export_with

Said = Callable[..., tuple[int, str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], workspace_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Said]:
    """Run a command in Spanish: its exit code and what it said on standard error, which is one line at most."""
    monkeypatch.setenv("SINSONTE_LANG", "es")

    def running(*words: str) -> tuple[int, str]:
        code = commands.main(list(words))
        told = capsys.readouterr().err
        assert told.count("\n") <= 1, told
        return code, told

    yield running
    language.choose("en")


@pytest.fixture
def dataset(said: Said, tmp_path: Path) -> str:
    """A dataset of a small chat."""
    file = tmp_path / "Chat de WhatsApp con Lía.txt"
    file.write_text(export_with(40), encoding="utf-8")
    assert said("import", str(file), "--me", "Nico")[0] == 0
    assert said("dataset", "build", "uno")[0] == 0
    return "uno"


@pytest.mark.parametrize(
    ("words", "where"),
    [
        ("evaluate", "`sinsonte evaluate --help`"),
        ("dataset export x", "`sinsonte dataset export --help`"),
        ("participants join Ana", "`sinsonte participants join --help`"),
        ("chats --nope", "`sinsonte chats --help`"),
    ],
)
def test_a_line_that_lacks_something_is_told_where_its_form_stands(said: Said, words: str, where: str) -> None:
    code, told = said(*words.split())
    assert (code, where in told) == (2, True), told


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("messages --limit x", "número entero"),
        ("messages --longer 1,5", "número entero"),
        ("ask mini hola --temperature x", "número"),
    ],
)
def test_a_number_that_is_none_is_asked_for_in_the_users_language(said: Said, words: str, what: str) -> None:
    code, told = said(*words.split())
    assert code == 2
    assert what in told
    assert "integer" not in told


@pytest.mark.parametrize(
    "name", ["", " ", "..", ".oculto", "-x", "a/b", "a\\b", "a\nb", "a\x1b[2Jb", "ñ" * 81, "corrections", "x.jsonl"]
)
def test_what_cannot_be_the_name_of_a_dataset_is_refused(said: Said, dataset: str, name: str) -> None:
    code, told = said("dataset", "build", "--", name)
    assert code == 2, told
    assert "\x1b" not in told


@pytest.mark.parametrize("name", ["Mi conjunto", "🐦", "日本", "ñ" * 80])
def test_what_people_call_things_is_a_name(said: Said, dataset: str, name: str) -> None:
    assert said("dataset", "build", name)[0] == 0
    assert said("dataset", "show", name)[0] == 0


@pytest.mark.parametrize(
    ("setting", "what"), [("epochs=x", "un número"), ("steps=x", "un número entero"), ("allow_download=x", "yes o no")]
)
def test_a_setting_of_a_run_says_what_it_takes(said: Said, dataset: str, setting: str, what: str) -> None:
    code, told = said("train", "start", dataset, setting)
    assert code == 2
    assert setting.partition("=")[0] in told
    assert what in told


def test_a_decimal_comma_is_a_decimal_point() -> None:
    from core.commands.click_words import DECIMAL
    from core.training import job

    assert DECIMAL.convert("0,5", None, None) == 0.5
    assert job.from_values({"base": "x", "learning_rate": "0,001"}).learning_rate == 0.001


def test_a_base_that_is_not_here_is_told_before_a_run_is_made_of_it(
    said: Said, dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    for base, what in [("no/such-model", "allow_download=yes"), (str(tmp_path), "config.json")]:
        code, told = said("train", "start", dataset, "--model", base)
        assert (code, what in told) == (2, True), told
    with open_workspace(tmp_path / "workspace") as workspace:
        assert not (workspace.folder / "runs").exists()


def test_a_base_in_the_hubs_cache_is_taken_for_one_that_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.workspace import models

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    (tmp_path / "models--org--name").mkdir()
    with open_workspace(tmp_path / "workspace") as workspace:
        models.must_be_here(workspace, "org/name", allow_download=False)
        models.must_be_here(workspace, "org/other", allow_download=True)


def test_more_processes_than_cores_are_refused(said: Said, dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    code, told = said("train", "start", dataset, "processes=3")
    assert (code, "2 núcleos" in told) == (2, True), told


def test_the_toy_is_not_said_to_be_missing_and_there_in_one_breath(said: Said) -> None:
    code, told = said("models", "show", "mini")
    assert (code, "juguete" in told) == (2, True), told


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("dataset check /no/hay.jsonl", "no existe el archivo o la carpeta"),
        ("backup --to /no/hay/copia.db", "/no/hay/copia.db"),
        ("transcripts import /no/hay.jsonl", "no existe el archivo o la carpeta"),
    ],
)
def test_the_systems_words_are_in_the_users_language(said: Said, words: str, what: str) -> None:
    code, told = said(*words.split())
    assert (code, what in told) == (1, True), told
    assert "No such file" not in told


@pytest.mark.parametrize("words", ["chats", "participants", "dataset list", "train list", "models list",
                                   "transcripts list", "corrections list", "backup list"])  # fmt: skip
def test_an_empty_list_says_how_it_is_filled(said: Said, words: str) -> None:
    code, told = said(*words.split())
    assert code == 0
    assert told.strip()


def test_a_workspace_in_the_settings_is_read_alike_from_anywhere(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINSONTE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)
    assert said("config", "set", "workspace", "aquí")[0] == 0
    assert f'workspace = "{tmp_path / "aquí"}"' in (tmp_path / "config.toml").read_text(encoding="utf-8")
    (tmp_path / "archivo").touch()
    code, told = said("config", "set", "workspace", "archivo")
    assert (code, "archivo" in told) == (2, True), told


def test_a_hole_without_a_template_is_no_silent_loss(said: Said, dataset: str) -> None:
    code, told = said("ask", "mini", "hola", "--set", "animal=gato")
    assert (code, "--template" in told) == (2, True), told


@pytest.mark.parametrize("name", HOSTILE)
def test_the_name_of_a_file_that_is_being_read_cannot_steer_the_terminal(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    Progress(name).at(1, 2)
    told = capsys.readouterr().err.removeprefix("\r\x1b[K")
    assert not any(ord(one) < 0x20 or 0x7F <= ord(one) <= 0x9F for one in told)
