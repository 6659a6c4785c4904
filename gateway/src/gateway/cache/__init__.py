"""Public responses stored in memory."""
