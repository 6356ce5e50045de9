"""Edge daemon: listens to a hydrophone, runs a spiking network on each two seconds, reports the whales it hears."""

__version__ = "0.1.0"
