"""Load against a running platform: `./dukan bench`."""
