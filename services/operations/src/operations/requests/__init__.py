"""The request log: requests as the gateway answered them."""
