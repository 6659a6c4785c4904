"""HTTP: parse, call, render. One module per resource, its schemas beside its routes."""
