"""Command line, configuration, gateway, worker, journal, sinks, batch, simulation."""
