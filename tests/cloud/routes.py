"""The addresses of the tests' own provider, and what each answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tests.cloud import dialects
from tests.cloud.world import Refusal

if TYPE_CHECKING:
    from tests.cloud.server import Handler


def _page(one: Handler, entries: Sequence[dict[str, Any]], usual: int, *, ends: bool = False) -> dict[str, Any]:
    """A page of a list that is in its order already."""
    try:
        limit = int(one.query.get("limit", usual))
    except ValueError:
        raise Refusal(400, "limit is no number", "invalid_type", "limit") from None
    start = 0
    after = one.query.get("after")
    if after:
        places = [n for n, entry in enumerate(entries) if entry["id"] == after]
        if not places:
            raise Refusal(400, f"Could not find after: {after}", "invalid_after", "after")
        start = places[0] + 1
    data = list(entries[start : start + limit])
    told: dict[str, Any] = {"object": "list", "data": data, "has_more": start + limit < len(entries)}
    if ends:
        told |= {"first_id": data[0]["id"] if data else "", "last_id": data[-1]["id"] if data else ""}
    return told


def create_file(one: Handler) -> Any:
    parts = one.body.get("parts") or {}
    if "file" not in parts or "purpose" not in parts:
        raise Refusal(400, "A file and a purpose are needed.", "missing_required_parameter")
    name, content = parts["file"]
    dialects.check_file(one.dialect, content, parts["purpose"][1].decode())
    return one.provider.world.add_file(name, content, parts["purpose"][1].decode())


def list_files(one: Handler) -> Any:
    files = [
        file
        for file in one.provider.world.files.values()
        if one.query.get("purpose", file["purpose"]) == file["purpose"]
    ]
    return _page(one, sorted(files, key=lambda file: -file["created_at"]), 10_000, ends=True)


def get_file(one: Handler, file_id: str) -> Any:
    return one.provider.world.file(file_id)


def content(one: Handler, file_id: str) -> Any:
    one.provider.world.file(file_id)
    return one.provider.world.contents[file_id]


def delete_file(one: Handler, file_id: str) -> Any:
    one.provider.world.file(file_id)
    del one.provider.world.files[file_id]
    return {"id": file_id, "object": "file", "deleted": True}


def create_upload(one: Handler) -> Any:
    world, told = one.provider.world, one.body["json"]
    upload_id = f"upload_{len(world.uploads) + 1}"
    now = world.moment()
    made = {
        "id": upload_id, "object": "upload", "bytes": told["bytes"], "created_at": now, "expires_at": now + 3600,
        "filename": told["filename"], "purpose": told["purpose"], "status": "pending",
    }  # fmt: skip
    world.uploads[upload_id] = {"upload": made, "parts": {}}
    return made


def add_part(one: Handler, upload_id: str) -> Any:
    world = one.provider.world
    parts = world.uploads[upload_id]["parts"]
    part_id = f"part_{upload_id}_{len(parts) + 1}"
    parts[part_id] = one.body["parts"]["data"][1]
    return {"id": part_id, "object": "upload.part", "created_at": world.moment(), "upload_id": upload_id}


def complete(one: Handler, upload_id: str) -> Any:
    world = one.provider.world
    kept = world.uploads[upload_id]
    data = b"".join(kept["parts"][part] for part in one.body["json"]["part_ids"])
    if len(data) != kept["upload"]["bytes"]:
        raise Refusal(400, "The parts do not add up to the promised bytes.", "invalid_size")
    file = world.add_file(kept["upload"]["filename"], data, kept["upload"]["purpose"])
    kept["upload"] |= {"status": "completed", "file": file}
    return kept["upload"]


def cancel_upload(one: Handler, upload_id: str) -> Any:
    one.provider.world.uploads[upload_id]["upload"]["status"] = "cancelled"
    return one.provider.world.uploads[upload_id]["upload"]


def create_job(one: Handler) -> Any:
    told = one.body["json"] or {}
    dialects.check_job(one.dialect, told)
    return one.provider.world.create_job(told, one.dialect)


def list_jobs(one: Handler) -> Any:
    wanted = {key[9:-1]: value for key, value in one.query.items() if key.startswith("metadata[")}
    jobs = [
        job
        for job in one.provider.world.jobs.values()
        if all((job["metadata"] or {}).get(key) == value for key, value in wanted.items())
    ]
    return _page(one, sorted(jobs, key=lambda job: -job["created_at"]), 20)


def get_job(one: Handler, job_id: str) -> Any:
    return one.provider.world.advance(job_id)


def stop_job(one: Handler, job_id: str, act: str) -> Any:
    if one.dialect == dialects.NEBIUS and act != "cancel":
        raise Refusal(404, f"Invalid URL (POST {one.route})", "unknown_url")
    return one.provider.world.stop_job(job_id, act)


def events(one: Handler, job_id: str) -> Any:
    one.provider.world.job(job_id)
    return _page(one, one.provider.world.events[job_id][::-1], 20)


def checkpoints(one: Handler, job_id: str) -> Any:
    one.provider.world.job(job_id)
    return _page(one, one.provider.world.checkpoints[job_id][::-1], 10, ends=True)


def limits(one: Handler) -> Any:
    return {
        "object": "list",
        "data": [{"model": "lab-base", "max_tokens_per_example": 65536, "max_concurrent_jobs": 3}],
    }


def list_models(one: Handler) -> Any:
    return {"object": "list", "data": list(one.provider.world.models.values())}


def get_model(one: Handler, model: str) -> Any:
    if model not in one.provider.world.models:
        raise Refusal(404, f"The model '{model}' does not exist", "model_not_found", "model")
    return one.provider.world.models[model]


def delete_model(one: Handler, model: str) -> Any:
    if one.dialect in (dialects.AZURE, dialects.NEBIUS):
        raise Refusal(404, f"Invalid URL (DELETE {one.route})", "unknown_url")
    get_model(one, model)
    del one.provider.world.models[model]
    return {"id": model, "object": "model", "deleted": True}


def chat(one: Handler) -> Any:
    told = one.body["json"]
    dialects.check_talk(one.dialect, told["model"])
    get_model(one, told["model"])
    head: dict[str, Any] = {"id": "chatcmpl-1", "created": one.provider.world.moment(), "model": told["model"]}
    usage = one.provider.usage
    if not told.get("stream"):
        said = {"role": "assistant", "content": one.provider.reply, "refusal": None}
        choice = {"index": 0, "message": said, "finish_reason": "stop", "logprobs": None}
        return {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    head["object"] = "chat.completion.chunk"
    pieces = [
        {"index": 0, "delta": {"content": word + " "}, "finish_reason": None} for word in one.provider.reply.split()
    ]
    chunks = [{**head, "choices": [piece]} for piece in pieces]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
    return [*(json.dumps(chunk) for chunk in chunks), "[DONE]"]


def completion(one: Handler) -> Any:
    told = one.body["json"]
    get_model(one, told["model"])
    text = " " + one.provider.reply + "\nMore that nobody asked for"
    for stop in told.get("stop") or []:
        text = text.partition(stop)[0]
    head = {"id": "cmpl-1", "object": "text_completion", "created": one.provider.world.moment(), "model": told["model"]}
    usage = one.provider.usage
    if not told.get("stream"):
        choice = {"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}
        return {**head, "choices": [choice], "usage": usage}
    chunks = [
        {**head, "choices": [{"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}], "usage": usage}
    ]
    return [*(json.dumps(chunk) for chunk in chunks), "[DONE]"]


ROUTES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("POST", "/files", create_file),
    ("GET", "/files", list_files),
    ("GET", "/files/([^/]+)", get_file),
    ("GET", "/files/([^/]+)/content", content),
    ("DELETE", "/files/([^/]+)", delete_file),
    ("POST", "/uploads", create_upload),
    ("POST", "/uploads/([^/]+)/parts", add_part),
    ("POST", "/uploads/([^/]+)/complete", complete),
    ("POST", "/uploads/([^/]+)/cancel", cancel_upload),
    ("POST", "/fine_tuning/jobs", create_job),
    ("GET", "/fine_tuning/jobs", list_jobs),
    ("GET", "/fine_tuning/jobs/([^/]+)", get_job),
    ("POST", "/fine_tuning/jobs/([^/]+)/(cancel|pause|resume)", stop_job),
    ("GET", "/fine_tuning/jobs/([^/]+)/events", events),
    ("GET", "/fine_tuning/jobs/([^/]+)/checkpoints", checkpoints),
    ("GET", "/fine_tuning/model_limits", limits),
    ("GET", "/models", list_models),
    ("GET", "/models/([^/]+)", get_model),
    ("DELETE", "/models/([^/]+)", delete_model),
    ("POST", "/chat/completions", chat),
    ("POST", "/completions", completion),
)
