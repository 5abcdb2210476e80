"""Other parsers of WhatsApp's exports, each in a process of its own: for timing them, and as oracles for what is read.

Out: `peers()`, a command for each. They print one line of JSON: `{"messages": n, "wall": s, "cpu": s, "MB": n}` when timed,
else the messages themselves, `[[author or null, "YYYY-MM-DD HH:MM:SS", text], ...]`. They are fetched by
tests/third_party.py, in fixed versions, and never meet our environment.
"""

from __future__ import annotations

from collections.abc import Callable

from tests import third_party

WHATSAPP_CHAT_PARSER = "4.0.2"
WHATSTK = "0.9.1"
CHAT_MINER = "0.6.0"

Peer = Callable[..., list[str]]

_NODE = """
const fs = require("fs"), { performance } = require("perf_hooks");
const parser = require(process.argv[2] + "/whatsapp-chat-parser");
const started = performance.now(), used = process.cpuUsage();
const messages = parser.parseString(fs.readFileSync(process.argv[1], "utf8"));
const now = process.cpuUsage(used);
const two = n => String(n).padStart(2, "0");
const day = d => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
const clock = d => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
const all = () => messages.map(m => [m.author, `${day(m.date)} ${clock(m.date)}`, m.message]);
console.log(JSON.stringify(process.argv[3] === "timed" ? {
  messages: messages.length, wall: (performance.now() - started) / 1000, cpu: (now.user + now.system) / 1e6,
  MB: process.resourceUsage().maxRSS / 1024 } : all()));
"""
_TIMED = """
    print(json.dumps({"messages": len(rows), "wall": time.perf_counter() - started[0],
        "cpu": time.process_time() - started[1],
        "MB": int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024}))
"""
_WHATSTK = f"""
import json, sys, time
from whatstk import WhatsAppChat
started = time.perf_counter(), time.process_time()
rows = WhatsAppChat.from_source(sys.argv[1]).df
if sys.argv[2] == "timed":{_TIMED}
else:
    print(json.dumps([[r.username, str(r.date), r.message] for r in rows.itertuples()]))
"""
_MINER = f"""
import json, logging, sys, time
from chatminer.chatparsers import WhatsAppParser
logging.disable(logging.CRITICAL)
started = time.perf_counter(), time.process_time()
parser = WhatsAppParser(sys.argv[1])
parser.parse_file()
rows = parser.parsed_messages.get_df(as_pandas=True)
if sys.argv[2] == "timed":{_TIMED}
else:
    print(json.dumps([[r.author, str(r.timestamp), r.message] for r in rows.itertuples()]))
"""


def whatsapp_chat_parser() -> Peer:
    """The one that comes by npm, three kilobytes of it."""
    modules = third_party.npm("whatsapp-chat-parser", WHATSAPP_CHAT_PARSER)
    node = str(third_party.node())
    return lambda path, timed=False: [node, "-e", _NODE, str(path), str(modules), _how(timed)]


def peers() -> dict[str, Peer]:
    """By name, what starts each on an export."""
    python = str(third_party.pypi("whatstk", f"whatstk=={WHATSTK}", f"chat-miner=={CHAT_MINER}"))
    return {
        "whatsapp-chat-parser (npm)": whatsapp_chat_parser(),
        "whatstk": lambda path, timed=False: [python, "-c", _WHATSTK, str(path), _how(timed)],
        "chat-miner": lambda path, timed=False: [python, "-c", _MINER, str(path), _how(timed)],
    }


def _how(timed: bool) -> str:
    return "timed" if timed else "messages"
