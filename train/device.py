"""Where a network is computed: `cpu`, or `cuda` where there is such a device."""

from __future__ import annotations

import torch
from torch import nn

from edge_daemon.errors import UsageError

CPU = torch.device("cpu")


def chosen_device(name: str) -> torch.device:
    """The device of that name; products there are of whole float32 numbers, as here.

    Args:
        name: `cpu`, `cuda` or `cuda:N`.

    Raises:
        UsageError: torch does not know it, or finds none.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"There is no device called {name!r}.", "Choose cpu or cuda.") from error
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"Training on {name!r} was never tried.", "Choose cpu or cuda.")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise UsageError(
                f"torch finds {count} CUDA devices here: {name!r} is none of them.",
                "Install torch for CUDA (https://pytorch.org), or leave --device out.",
            )
        torch.backends.cuda.matmul.allow_tf32 = False  # 10 bits of a product are not the CPU's numbers
        torch.backends.cudnn.allow_tf32 = False
    return device


def device_of(network: nn.Module) -> torch.device:
    """Where a network's numbers are; the CPU where it has none."""
    return next((parameter.device for parameter in network.parameters()), CPU)
