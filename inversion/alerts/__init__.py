"""Alert rules: pure functions from estimates to alarm states."""
