"""Tests of the gateway between real sockets."""
