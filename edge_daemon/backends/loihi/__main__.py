"""What a network takes of a Loihi chip: `python -m edge_daemon.backends.loihi FILE`."""

from __future__ import annotations

import sys

from edge_daemon.backends import EdgeDaemonError, ModelFile, model_path, unmet_requirements
from edge_daemon.backends.loihi.backend import LoihiBackend
from edge_daemon.backends.loihi.mapping import map_network


def main() -> int:
    """Print the mapping of a model file, or why there is none."""
    try:
        model = ModelFile.read(model_path(sys.argv[1] if len(sys.argv) > 1 else "right_whale_portable"))
    except EdgeDaemonError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    network = model.network()
    reasons = unmet_requirements(network, LoihiBackend.capabilities)
    sys.stdout.write("\n".join(reasons or map_network(network).lines()) + "\n")
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
