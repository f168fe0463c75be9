"""Modbus: our own thin port over pymodbus, a source that reads devices by profile, a simulator that serves them."""
