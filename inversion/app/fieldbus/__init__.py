"""The verbs of field-bus people: plan, read, probe, doctor, record."""
