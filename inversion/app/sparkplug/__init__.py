"""Sparkplug B: what an edge node says over MQTT, and how it is written."""
