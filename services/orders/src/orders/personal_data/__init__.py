"""Personal data: what orders stores about a person is exported and erased."""
