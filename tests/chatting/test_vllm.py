"""What vLLM would be started with, where it is installed and there is a GPU: plain data, never run here."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from core.chatting import vllm


def test_it_serves_base_and_adapters_on_our_socket(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 100}))
    words = vllm.command("/models/base", "mini", {"nico": str(tmp_path)}, Path("/run/s.sock"))
    told = dict(itertools.pairwise(words))
    assert words[words.index("serve") + 1] == "/models/base"
    assert (told["--uds"], told["--served-model-name"]) == ("/run/s.sock", "mini")
    assert json.loads(told["--lora-modules"]) == {"name": "nico", "path": str(tmp_path)}
    assert told["--max-lora-rank"] == "128", "the smallest that it takes and that holds them"
    assert "--enable-lora" in words
    assert "--port" not in words, "nothing is opened to the network"
    bare = vllm.command("base", "base", {}, Path("s"))
    assert "--lora-modules" not in bare
    assert dict(itertools.pairwise(bare))["--max-lora-rank"] == "64", "adapters may come later"


def test_it_sees_no_keys_and_may_take_adapters_while_it_runs() -> None:
    around = vllm.environment({"OPENAI_API_KEY": "sk-1", "PATH": "/bin"})
    assert "OPENAI_API_KEY" not in around
    assert around["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "True"
