"""What orders have set: values over those of the configuration file, and a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class OrderedValue:
    """A value that an order has set.

    Attributes:
        value: as JSON has it.
        counter: of the order.
    """

    value: Any
    counter: int


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that orders have set and that is in force together.

    Attributes:
        values: by path of the key, as `detection.threshold`.
        model: digest of the model file that was sent; None for the configured one.
        model_counter: of the order that took it.
    """

    values: Mapping[str, OrderedValue] = field(default_factory=dict)
    model: str | None = None
    model_counter: int = 0

    def with_values(self, values: Mapping[str, Any], unset: Sequence[str], counter: int) -> Setup:
        """The same with other values, and without some."""
        kept = {key: value for key, value in self.values.items() if key not in unset}
        return replace(self, values=kept | {key: OrderedValue(value, counter) for key, value in values.items()})

    def with_model(self, digest: str, counter: int) -> Setup:
        """The same with another model."""
        return replace(self, model=digest, model_counter=counter)

    @property
    def empty(self) -> bool:
        """Whether the configuration file is in force as it stands."""
        return not self.values and self.model is None
