"""Section `backend`: what computes the network, and what takes over when it fails."""

from __future__ import annotations

from typing import Any, Self

from pydantic import field_validator, model_validator

from edge_daemon.config.section import ConfigPath, Section, key, refusal


class BackendSection(Section):
    """The chosen backend, its fallback, and its own options."""

    name: str | None = key(
        None,
        "Backend that runs the network (see `edge-daemon backends`). Empty: compiled where that is built, else onnx",
        min_length=1,
        max_length=64,
    )
    fallback: str | None = key(
        "onnx", "Backend that takes over when all retries have failed. Empty: none", min_length=1, max_length=64
    )
    retries: int = key(3, "Restarts of a failing backend before the fallback takes over", ge=0, le=100)
    worker: bool = key(False, "Run the backend in its own process, for libraries that crash or leak memory")
    python: ConfigPath | None = key(
        None, "Python interpreter that runs the worker, for libraries that need another one. Empty: the daemon's"
    )
    worker_module: str | None = key(
        None, "Python module of the worker, if edge-daemon cannot be installed. Empty: edge-daemon's", max_length=200
    )
    timeout_s: float = key(10.0, "Restart a worker that has been silent for this long", unit="s", ge=0.1, le=600)
    threads: int = key(1, "Threads the backend may use", ge=1, le=64)
    options: dict[str, Any] = key(
        None, "The backend's own options; the backend checks them", factory=dict, max_length=100
    )

    @field_validator("name", "fallback")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        if value is not None and not value.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise refusal("", f"must be the plain name of a backend, not {value!r}", "See `edge-daemon backends`.")
        return value

    @field_validator("worker_module")
    @classmethod
    def _module(cls, value: str | None) -> str | None:
        if value is not None and not all(part.isidentifier() for part in value.split(".")):
            raise refusal("", f"must be a module's name as Python imports it, not {value!r}", "Write package.module.")
        return value

    @model_validator(mode="after")
    def _only_a_worker_has_its_own(self) -> Self:
        for name, value in (("python", self.python), ("worker_module", self.worker_module)):
            if value is not None and not self.worker:
                raise refusal(name, "is for workers only; backend.worker is false", "Set backend.worker to true.")
        return self
