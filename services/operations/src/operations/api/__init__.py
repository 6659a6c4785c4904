"""HTTP: parse, call, render. For staff."""
