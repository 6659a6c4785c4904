"""What the gateway knows about HTTP: requests in, responses out, and the log of both."""
