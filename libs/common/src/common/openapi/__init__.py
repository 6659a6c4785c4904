"""The OpenAPI document of a service: errors, credentials, examples."""
