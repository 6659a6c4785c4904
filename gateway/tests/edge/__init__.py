"""A gateway between real sockets."""
