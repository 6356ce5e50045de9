"""`python -m edge_daemon`: the same as the `edge-daemon` command."""

from edge_daemon.cli import main

if __name__ == "__main__":
    main()
