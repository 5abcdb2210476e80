"""The settings file: defaults, faults named by place, changes that keep the user's own words."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.problem import Misuse, Problem
from core.settings import change, load, workspace_folder


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path / "none.toml")
    assert settings.language == ""
    assert settings.endpoints["openai"].api_key_env == "OPENAI_API_KEY"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("languaje = 'es'", "languaje"),
        ("language = 'fr'", "fr"),
        ("language = 3", "language"),
        ("language = 'es", "TOML"),
        ("endpoints = 3", "endpoints"),
        ("[endpoints.lab]\nkind = 'custom'", "base_url"),
        ("[endpoints.lab]\nbase_url = 'http://127.0.0.1:1'\nkind = 'magic'", "magic"),
        ("[endpoints.lab]\nbase_url = 'http://127.0.0.1:1'\napi_key = 'sk-secret'", "api_key"),
        ("[keys]\nquit = 3", "keys.quit"),
    ],
)
def test_a_fault_is_named_with_the_file(tmp_path: Path, text: str, named: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(Misuse) as caught:
        load(file)
    assert named in str(caught.value)
    assert str(file) in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def test_a_file_that_may_not_be_read_is_a_problem_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(Problem):
        load(tmp_path)  # a folder where a file is meant


def test_a_change_keeps_comments_and_order(tmp_path: Path) -> None:
    file = written(
        tmp_path, '# mine\ntheme = "dark" # nice\n\n[endpoints.lab] # the lab\nbase_url = "http://127.0.0.1:9"\n'
    )
    change("language", "es", file)
    change("endpoints.lab.api_key_env", "LAB_KEY", file)
    change("keys.quit", "ctrl+x", file)
    text = file.read_text(encoding="utf-8")
    assert text.startswith('language = "es"\n# mine\ntheme = "dark" # nice\n') or "# mine" in text
    settings = load(file)
    assert (settings.language, settings.theme) == ("es", "dark")
    assert settings.endpoints["lab"].api_key_env == "LAB_KEY"
    assert settings.keys == {"quit": "ctrl+x"}
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_refused_change_changes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, 'theme = "dark"\n')
    with pytest.raises(Misuse):
        change("language", "klingon", file)
    assert file.read_text(encoding="utf-8") == 'theme = "dark"\n'


@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=40))
def test_any_text_can_be_a_value(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    file = tmp_path_factory.mktemp("c") / "config.toml"
    change("prices", value, file)
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {"prices": value}


def test_the_workspace_is_the_one_named_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(written(tmp_path, f'workspace = "{tmp_path}/from-settings"'))
    assert workspace_folder(None, settings) == tmp_path / "from-settings"
    monkeypatch.setenv("SINSONTE_WORKSPACE", str(tmp_path / "from-environment"))
    assert workspace_folder(None, settings) == tmp_path / "from-environment"
    assert workspace_folder(str(tmp_path / "given"), settings) == tmp_path / "given"
