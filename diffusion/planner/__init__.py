"""The planner: a small autoregressive model that completes a lead sheet."""
