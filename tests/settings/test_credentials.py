"""Keys: found in order, refused when others can read them, shown nowhere."""

from __future__ import annotations

import copy
import pickle
import traceback
from pathlib import Path

import pytest

from core.credentials import credentials_file, key_for, needed_key, store_key
from core.problem import Problem, Refused
from core.settings import Endpoint

LAB = Endpoint("lab", "http://127.0.0.1:9", api_key_env="LAB_API_KEY")
SENTINEL = "sk-clave-centinela-0001"


def found() -> tuple[str, str]:
    key = key_for(LAB)
    assert key is not None
    return key.reveal(), key.source


def test_the_environment_comes_before_the_key_file_and_that_before_the_stored_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert key_for(LAB) is None
    store_key("lab", "stored")
    assert found() == ("stored", str(credentials_file()))
    file = tmp_path / "key"
    file.write_text("from-file\n")
    file.chmod(0o600)
    monkeypatch.setenv("LAB_API_KEY_FILE", str(file))
    assert found() == ("from-file", str(file))
    monkeypatch.setenv("LAB_API_KEY", "from-environment")
    assert found() == ("from-environment", "$LAB_API_KEY")


def test_without_a_key_the_ways_to_give_one_are_told() -> None:
    with pytest.raises(Problem, match="LAB_API_KEY"):
        needed_key(LAB)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text(SENTINEL)
    file.chmod(mode)
    with pytest.raises(Refused, match="chmod 600") as caught:
        key_for(Endpoint("lab", "http://127.0.0.1:9", api_key_file=str(file)))
    assert SENTINEL not in str(caught.value)


def test_the_stored_file_is_private_and_keeps_the_other_keys() -> None:
    store_key("lab", "one")
    store_key("otro", "two")
    store_key("lab", 'thr"ee')
    assert credentials_file().stat().st_mode & 0o777 == 0o600
    assert found()[0] == 'thr"ee'
    other = key_for(Endpoint("otro", "http://127.0.0.1:9"))
    assert other is not None
    assert other.reveal() == "two"


def test_a_broken_credentials_file_is_told_without_its_contents() -> None:
    file = credentials_file()
    file.parent.mkdir(parents=True)
    file.write_text(f'[lab]\napi_key = "{SENTINEL}\n')
    file.chmod(0o600)
    with pytest.raises(Problem) as caught:
        key_for(LAB)
    assert "line 2" in str(caught.value)
    assert SENTINEL not in "".join(traceback.format_exception(caught.value))


def test_a_key_does_not_show_itself() -> None:
    store_key("lab", SENTINEL)
    key = key_for(LAB)
    assert key is not None
    assert SENTINEL not in f"{key} {key!r} {[key]}"
    for leak in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError):
            leak(key)
