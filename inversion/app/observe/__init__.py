"""What a running gateway shows of itself: metrics for Prometheus, and whether it is alive and ready."""
