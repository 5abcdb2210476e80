"""What goes wrong in the engine, with a cause that programs can test. Knows no model."""

# pyright: basic

from __future__ import annotations

from core.problem import Problem


class ModelProblem(Problem):
    """A problem with a cause that programs can test."""

    def __init__(self, cause: str, what: str, *, where: str = "", advice: str = "") -> None:
        super().__init__(what, where=where, advice=advice)
        self.cause = cause


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on a device or here."""
    import torch  # here: who only downloads has no need of it

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and ("not enough memory" in said or "can't allocate memory" in said)


def cuda_trouble(error: BaseException) -> bool:
    """Whether an error is the driver's or the card's own."""
    said = str(error)
    return isinstance(error, RuntimeError) and any(
        word in said for word in ("CUDA error", "CUDA driver", "NVIDIA driver", "cuDNN", "CUBLAS_STATUS", "NCCL error")
    )


def peer_lost(error: BaseException) -> bool:
    """Whether an error means that another process no longer answers."""
    said = str(error).lower()
    return any(
        word in said for word in ("closed by peer", "connection reset", "remote process exited", "gloo", "timed out")
    )
