"""`cnn`: the conventional network of the same size as `conv`, so that a comparison compares neurons and nothing else.

The same layers, pools, normalisation and read-out; rectified currents in place of spikes, one pass in place of T.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from edge_daemon.model.network import Stem
from train.networks import conv
from train.networks.lif import INPUT_UNIT, apply_synapses, pool_spikes, synapses
from train.networks.plan import LayerPlan
from train.networks.stem import prepare


class ConventionalNetwork(nn.Module):
    """Layers of rectified linear units, from features to logits.

    Args:
        plans: the layers; the last one is dense, a unit a label.
        input_shape: (bands, frames) of the features.
        stem: preparation of the features.
    """

    def __init__(self, plans: tuple[LayerPlan, ...], input_shape: tuple[int, int], stem: Stem) -> None:
        super().__init__()
        self.plans, self.input_shape, self.stem, self.time_steps = plans, input_shape, stem, 1
        modules, norms, shape = [], [], (1, *input_shape)
        for plan in plans[:-1]:
            modules.append(synapses(plan, shape, bias=False))
            norms.append(nn.BatchNorm2d(plan.channels))
            shape = plan.output_shape(shape)
        modules.append(synapses(plans[-1], shape, bias=True))
        self.synapses, self.norms = nn.ModuleList(modules), nn.ModuleList(norms)
        self.pooled = shape[2] if plans[-1].pool == "global_sum" else 1

    def forward(self, features: Tensor) -> Tensor:
        """Logits float [N, labels] of features float [N, bands, frames], 0…255."""
        x = prepare(features, self.stem) / INPUT_UNIT
        for plan, module, norm in zip(self.plans[:-1], self.synapses, self.norms, strict=False):
            x = norm(apply_synapses(plan, module, pool_spikes(plan, x)))
            x = functional.relu(functional.max_pool2d(x, plan.max_pool) if plan.max_pool != (1, 1) else x)
        last = self.plans[-1]
        # the mean over frames, not the sum: activations have no ceiling as spikes have
        return apply_synapses(last, self.synapses[-1], pool_spikes(last, x) / self.pooled).flatten(1)


def build(
    input_shape: tuple[int, int],
    *,
    channels: Sequence[int] = (16, 24, 48, 48),
    stem: Stem = "band_median",
    labels: int = 2,
) -> ConventionalNetwork:
    """The network, untrained; layers as in `conv.build`."""
    return ConventionalNetwork(conv.plans(channels, labels=labels), input_shape, stem)
