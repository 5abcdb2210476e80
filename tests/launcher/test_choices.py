"""What the launcher decides before it installs: which sets, which torch, at what price, and how it says what failed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from core.installing import environment, later, pip_run, sets, starting, torch_choice
from core.installing.pip_run import Pip
from core.problem import Misuse, Problem, Refused
from tests.launcher.conftest import ROOT

REQUIREMENT = "torch>=2.9,<3"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("", []),
        ("chats", []),
        ("--json import chat.txt", []),
        ("demo", ["local"]),
        ("--workspace demo chats", []),
        ("--workspace here --json demo", ["local"]),
        ("demo --help", []),
        ("train start mine --on local --model mini", ["local"]),
        ("train start mine --model mini", ["local"]),
        ("train start mine --on=slurm", ["local"]),
        ("train start mine --on nebius --model m", []),
        ("train list", []),
        ("train resume 3", ["local"]),
        ("chat mini", ["local"]),
        ("ask openai:ft-1 hello", []),
        ("ask ./folder/with:colon hello", ["local"]),
        ("compare openai:ft-1 openai:gpt hello", []),
        ("compare openai:ft-1 mini hello", ["local"]),
        ("models list", []),
        ("models merge mine", ["local"]),
        ("bot telegram mine", ["local", "telegram"]),
        ("bot telegram openai:ft-1", ["telegram"]),
        ("test -k reading", ["local", "test"]),
        ("check", ["local", "test"]),
    ],
)
def test_a_command_line_says_which_sets_it_needs(line: str, wanted: list[str]) -> None:
    assert starting.sets_for(line.split()) == wanted


def test_the_launchers_own_options_stand_first_and_the_rest_is_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    wish = starting.read_wish(["--torch", "cpu", "demo", "--torch", "mine", "--json"])
    assert (wish.torch, wish.rest) == ("cpu", ["demo", "--torch", "mine", "--json"])
    assert starting.read_wish(["--torch=cu126", "demo"]).torch == "cu126"
    monkeypatch.setenv("SINSONTE_TORCH", "skip")
    assert starting.read_wish(["demo"]).torch == "skip"
    install = starting.read_wish(["--install", "local", "--yes"])
    assert (install.sets, install.install_only, install.yes) == (("light", "local"), True, True)


class Shelf(Pip):
    """A pip that finds these versions: `index -> versions`, "" for what pip is set to by itself."""

    def __init__(self, **versions: list[str]) -> None:
        super().__init__([])
        self.found = versions

    def versions(self, name: str, *options: str, patience: int = 20) -> list[str]:
        return self.found.get(options[-1].rpartition("/")[2] if options else "own", [])


def choose(asked: str, shelf: Shelf, *, yes: bool = False, answer: bool = False) -> torch_choice.Choice:
    return torch_choice.choose(
        asked, requirement=REQUIREMENT, pip=shelf, yes=yes, command=["demo"], ask=lambda _question: answer
    )


@pytest.fixture(autouse=True)
def _a_bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_choice, "find_outside", lambda: None)
    monkeypatch.setattr(torch_choice, "driver_version", lambda: None)
    monkeypatch.setattr(torch_choice, "python_with_cpu_build", lambda: "")
    monkeypatch.setattr(sys, "platform", "linux")


def driver(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    monkeypatch.setattr(torch_choice, "driver_version", lambda: version)


def test_without_a_gpu_a_cpu_build_that_pip_finds_is_taken() -> None:
    shelf = Shelf(own=["2.15.0", "2.14.0+cpu", "2.13.0+cpu", "2.13.0"], cpu=["2.14.0+cpu"])
    choice = choose("", shelf)
    assert (choice.name, choice.requirements, choice.options) == ("cpu", ("torch==2.13.0+cpu",), ())
    assert choice.download_mb < 300


def test_else_the_one_of_pytorchs_own_index() -> None:
    choice = choose("", Shelf(own=["2.15.0", "2.13.0"], cpu=["2.15.1+cpu", "2.9.0+cpu", "3.0.0+cpu"]))
    assert choice.requirements == ("torch==2.15.1+cpu",)
    assert choice.options == ("--extra-index-url", "https://download.pytorch.org/whl/cpu")


def test_three_gigabytes_for_nothing_are_never_a_surprise() -> None:
    shelf = Shelf(own=["2.15.0", "2.13.0"])
    with pytest.raises(Refused) as refused:
        choose("", shelf)
    assert refused.value.exit_code == 3
    assert "about 3 GB" in str(refused.value)
    assert "./sinsonte --install local --yes" in str(refused.value)
    assert choose("", shelf, yes=True).requirements == (REQUIREMENT,)
    assert choose("", shelf, answer=True).requirements == (REQUIREMENT,)


def test_another_python_that_has_a_small_build_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_choice, "python_with_cpu_build", lambda: "python3.11")
    with pytest.raises(Refused, match=re.escape("python3.11 ./sinsonte demo")):
        choose("", Shelf(own=["2.15.0"]))


@pytest.mark.parametrize(
    ("version", "name", "requirement"),
    [
        (615, "cu130", REQUIREMENT),
        (580, "cu130", REQUIREMENT),
        (579, "cu128", "torch==2.13.0+cu128"),
        (570, "cu128", "torch==2.13.0+cu128"),
        (569, "cu126", "torch==2.13.0+cu126"),
        (525, "cu126", "torch==2.13.0+cu126"),
        (470, "cpu", "torch==2.13.0+cpu"),
    ],
)
def test_the_driver_says_which_cuda(monkeypatch: pytest.MonkeyPatch, version: int, name: str, requirement: str) -> None:
    driver(monkeypatch, version)
    shelf = Shelf(own=["2.15.0"], cpu=["2.13.0+cpu"], cu126=["2.13.0+cu126"], cu128=["2.13.0+cu128", "2.12.0+cu128"])
    choice = choose("", shelf)
    assert (choice.name, choice.requirements) == (name, (requirement,))
    assert str(version) in choice.note


def test_an_older_cuda_stands_in_for_one_that_the_index_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    driver(monkeypatch, 575)
    assert choose("", Shelf(cu126=["2.14.0+cu126"])).requirements == ("torch==2.14.0+cu126",)
    with pytest.raises(Problem, match="--torch cpu"):
        choose("", Shelf())


def test_what_the_user_says_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    driver(monkeypatch, 600)
    assert choose("cpu", Shelf(own=["2.13.0+cpu"])).requirements == ("torch==2.13.0+cpu",)
    assert choose("cu126", Shelf(cu126=["2.13.0+cu126"])).name == "cu126"
    assert choose("skip", Shelf()).requirements == ()
    with pytest.raises(Misuse, match="cu130, skip, existing"):
        choose("cuda", Shelf())
    with pytest.raises(Problem, match="has no torch"):
        choose("existing", Shelf())


def test_a_torch_that_is_there_is_used_if_it_is_in_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_choice, "find_outside", lambda: torch_choice.Outside("2.14.1+cu128", ("/modules/torch",)))
    choice = choose("", Shelf())
    assert (choice.name, choice.requirements, choice.outside) == ("existing", (), ("/modules/torch",))
    monkeypatch.setattr(torch_choice, "find_outside", lambda: torch_choice.Outside("2.4.0", ("/modules/torch",)))
    assert choose("", Shelf(own=["2.13.0+cpu"])).name == "cpu"
    assert choose("existing", Shelf()).name == "existing"


def test_the_torch_of_the_launching_python_is_found_without_importing_it(tmp_path: Path) -> None:
    folder = tmp_path / "site-packages"
    (folder / "torch").mkdir(parents=True)
    (folder / "torch/__init__.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    (folder / "torch-2.14.0.dist-info").mkdir()
    (folder / "torch-2.14.0.dist-info/METADATA").write_text("Name: torch\nVersion: 2.14.0\n", encoding="utf-8")
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]; from core.installing import torch_choice as t; o = t.find_outside();"
        "print(o.version, *o.folders, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(folder), str(ROOT)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[:2] == ["2.14.0", str(folder)]


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.08  Tue Mar 5\nGCC version: gcc 11.4.0", 535),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build", 580),
        ("NVRM version: NVIDIA UNIX aarch64 Kernel Module  1050.01  Release Build", 1050),
        ("something else 535.1", None),
    ],
)
def test_the_drivers_version_is_read_from_its_own_words(text: str, major: int | None) -> None:
    assert torch_choice.driver_in(text) == major


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "The disk is full.",
        ),
        (
            "WARNING: Retrying (...): NewConnectionError(...: Name or service not known)\nERROR: No match",
            "The package index cannot be reached",
        ),
        ("ERROR: Could not install packages: [Errno 13] Permission denied: '/x'", "not allowed to write"),
        ("WARNING: Location 'x' is ignored: it is\nERROR: ResolutionImpossible", "\n  ERROR: ResolutionImpossible"),
    ],
)
def test_a_failure_of_pips_becomes_words_that_help(said: str, words: str) -> None:
    text = str(pip_run.failure(said.splitlines(), 1))
    assert words in text
    assert "is ignored" not in text


def test_a_disk_without_room_is_found_out_before_the_download(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    require_room = environment.__dict__["_require_room"]
    require_room(tmp_path, [], None)
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: type("usage", (), {"free": 100_000_000}))
    with pytest.raises(Problem, match="about 210 MB are needed and 100 MB are free"):
        require_room(tmp_path, ["light"], None)


def test_without_pip_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.setattr(environment, "_has_ensurepip", lambda: False)
    with pytest.raises(Problem, match="apt install python3-pip"):
        environment.__dict__["_find_pip"](tmp_path, True)


def test_a_stamp_that_did_not_reach_the_disk_whole_is_none(tmp_path: Path) -> None:
    lines = ["1", "/usr/bin/python3.11", "/here", "files", "light local", "cpu", "signature", "end"]
    for count in range(len(lines)):
        (tmp_path / starting.STAMP).write_text("\n".join(lines[:count]), encoding="utf-8")
        assert starting.read_stamp(str(tmp_path)) is None
    (tmp_path / starting.STAMP).write_text("\n".join(lines), encoding="utf-8")
    stamp = starting.read_stamp(str(tmp_path))
    assert stamp is not None
    assert (stamp.sets, stamp.torch) == (("light", "local"), "cpu")


def test_a_set_that_is_here_is_not_installed_again_and_one_that_is_not_says_how(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(later.MODULES, "telegram", ("json",))
    later.install("telegram")
    monkeypatch.setitem(later.MODULES, "telegram", ("no_such_module",))
    monkeypatch.setenv("SINSONTE_VENV", str(tmp_path))
    with pytest.raises(Problem, match=re.escape("Start with ./sinsonte")):
        later.install("telegram")
    assert later.command("local", yes=True)[1:] == [str(ROOT / "sinsonte"), "--install", "local", "--yes"]


def pins() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            found.setdefault(sets.name_of(line), []).append(Requirement(line))
    return found


def test_every_requirement_but_torch_is_pinned_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for each in project["optional-dependencies"].values() for one in each)]
    pinned = pins()
    for requirement in map(Requirement, wanted):
        name = sets.name_of(requirement.name)
        if name == "torch":
            continue
        versions = [spec.version for pin in pinned[name] for spec in pin.specifier]
        assert versions
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_torch_is_never_pinned_for_everybody() -> None:
    unwelcome = [name for name in pins() if re.match(r"torch$|triton|cuda-|nvidia-(?!ml-py)", name)]
    assert unwelcome == []


def test_every_set_of_the_project_has_its_size_said() -> None:
    assert set(sets.read(ROOT)) == set(sets.SIZES)
