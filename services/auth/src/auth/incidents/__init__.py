"""Incident response, when sessions may have been stolen."""
