"""Request methods: which are known, which a path allows, HEAD and OPTIONS for every path. Sources: RFC 9110, 9."""

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
STANDARD_METHODS = frozenset((*METHODS, "CONNECT", "TRACE"))
"""Methods that no path has, but that are known: 405 and not 501."""
