"""Who calls, and whether they still may."""
