"""`inversion demo`: a simulated machine wears out behind a Modbus TCP wire, and the gateway finds it."""

from inversion.app.demo.run import DemoResult, run_demo

__all__ = ["DemoResult", "run_demo"]
