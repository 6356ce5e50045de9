"""Rooms of the live daemon, which `edge_daemon.daemon` joins: listening, scoring, announcing, keeping, condition."""
