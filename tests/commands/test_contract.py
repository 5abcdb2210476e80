"""The command line's contract: exit codes, what goes where, JSON anywhere, and no traceback ever."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core import commands
from core.commands.printing import cells_wide, json_text, table
from tests.hostile import HOSTILE

ROOT = Path(__file__).parent.parent.parent


def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, as a shell would start it."""
    import os

    return subprocess.run(
        [sys.executable, "-m", "core.commands", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["doctor", "--help"], 0),
        (["nonsense"], 2),
        (["import"], 2),
        (["chats", "--unheard-of"], 2),
        (["import", "no-such-file.txt"], 1),
        (["recipe", "set", "burst_window=-1"], 2),
        (["recipe", "set", "burst_widow=1h"], 2),
        (["backup", "restore", "none.db"], 1),
        (["config", "key", "openai"], 3),
    ],
)
def test_exit_codes(arguments: list[str], code: int, workspace_folder: Path) -> None:
    result = run(*arguments)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    if code:
        assert result.stdout == ""
        assert result.stderr.startswith("sinsonte: ")
        assert result.stderr.count("\n") == 1


def test_without_a_terminal_the_workbench_says_so(workspace_folder: Path) -> None:
    result = run()
    assert result.returncode == 1
    assert "terminal" in result.stderr


def test_a_mistyped_command_gets_the_near_one(workspace_folder: Path) -> None:
    assert "import" in run("imprt").stderr


def test_version_names_everything_without_importing_torch() -> None:
    code = "import sys; from core.commands import main; main(['--version']); sys.exit('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    for word in ("sinsonte", "Python", "SQLite", "schema", "torch"):
        assert word in result.stdout


@pytest.mark.parametrize("arguments", [["--json", "doctor"], ["doctor", "--json"]])
def test_json_may_stand_anywhere(arguments: list[str], workspace_folder: Path) -> None:
    lines = run(*arguments).stdout.splitlines()
    assert {"python", "sqlite"} <= {json.loads(line)["check"] for line in lines}


def test_after_a_double_dash_json_is_a_word() -> None:
    assert commands.with_json_first(["ask", "m", "--", "--json"]) == ["ask", "m", "--", "--json"]
    assert commands.with_json_first(["ask", "--json", "m"]) == ["--json", "ask", "m"]


@pytest.mark.parametrize("text", HOSTILE)
def test_json_is_exact_and_harmless(text: str) -> None:
    out = json_text({"text": text})
    assert json.loads(out)["text"] == text
    assert all(0x20 <= ord(one) < 0x7F or ord(one) > 0x9F for one in out)
    assert "\u202e" not in out
    out.encode("utf-8")  # a lone surrogate could not be written


@pytest.mark.parametrize("text", HOSTILE)
def test_tables_and_talk_never_show_raw_text(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    from core.commands.printing import data, talk

    table(["a", "b"], [(text, text)])
    data(text)
    talk(text)
    captured = capsys.readouterr()
    for out in (captured.out, captured.err):
        assert not any((ord(one) < 0x20 and one != "\n") or 0x7F <= ord(one) <= 0x9F for one in out)
        assert "\u202e" not in out


def test_columns_are_aligned_over_wide_characters() -> None:
    assert cells_wide("año") == 3
    assert cells_wide("日本") == 4
    assert cells_wide("👍") == 2


def test_a_reader_that_goes_away_is_no_error(workspace_folder: Path) -> None:
    import os

    command = f"{sys.executable} -m core.commands doctor | head -1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_a_reader_that_goes_away_in_the_middle_is_no_error_either(workspace_folder: Path, tmp_path: Path) -> None:
    import os

    from tests.workspace.conftest import export_with

    chat = tmp_path / "Chat de WhatsApp con Lía.txt"
    chat.write_text(export_with(2000), encoding="utf-8")
    assert run("import", str(chat)).returncode == 0
    command = f"{sys.executable} -m core.commands messages | head -1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["doctor"], ["recipe", "show"], ["--json", "config"]])
def test_output_to_a_full_disk_is_one_line_and_a_1(arguments: list[str], workspace_folder: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("third party: /dev/full: only Linux has it")
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [sys.executable, "-m", "core.commands", *arguments],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "No space left on device" in result.stderr


def test_what_nobody_foresaw_is_one_line_and_a_log_without_contents(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    secret = "mi secreto más hondo"

    def broken(_self: object) -> None:
        raise KeyError(secret)

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(commands.Context, "settings", property(broken))
    assert commands.main(["config"]) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "KeyError" in captured.err
    logs = list(tmp_path.rglob("errors.log"))
    assert len(logs) == 1
    assert "test_contract.py" in logs[0].read_text()
    assert logs[0].stat().st_mode & 0o077 == 0
    assert secret not in captured.err + captured.out + logs[0].read_text()


def test_help_comes_in_spanish(workspace_folder: Path) -> None:
    out = run("--help", SINSONTE_LANG="es").stdout
    assert "Comandos" in out
    assert "leer chats exportados" in out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    assert "_SINSONTE_COMPLETE" in run("completion", shell).stdout


def test_completion_completes(workspace_folder: Path) -> None:
    out = run(_SINSONTE_COMPLETE="bash_complete", COMP_WORDS="sinsonte rec", COMP_CWORD="1").stdout
    assert "recipe" in out


def test_light_commands_import_nothing_heavy(workspace_folder: Path) -> None:
    code = (
        "import sys; from core.commands import main; main(['doctor'])\n"
        "heavy = {'torch', 'transformers', 'textual', 'openai', 'numpy', 'genai_prices'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
