"""Measuring programs and upstreams in processes of their own, so that their CPU time can be told apart."""
