"""The RabbitMQ transport: connection, frames, publisher, consumer, topology."""
