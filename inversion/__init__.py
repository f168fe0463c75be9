"""What a measurement means: signal, physics, forward models, engines, tracking, alerts, and the gateway."""
