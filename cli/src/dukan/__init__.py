"""The `dukan` command: it composes the services and runs them."""
