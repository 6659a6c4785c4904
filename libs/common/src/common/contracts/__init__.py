"""The platform's events: one module per publishing context.

Wire types are written by hand and never change; fields are only ever added, and optional. A breaking change is a
`.v2` published beside `.v1`. Golden JSON Schemas in `tests/contracts/golden` hold this.
"""
