"""Pure rules: what people are told, and how often a mail is tried."""
