"""The one door: events come in over HTTP, identities become pseudonyms, the directory adds dimensions, Kafka has it."""
